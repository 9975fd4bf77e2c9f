//! Puts a command into the queues of its targets: stored once, unless each target needs a secret of its own.

use std::collections::BTreeMap;

use catalog::{ClassContext, Classification};
use clock::Timestamp;
use protocol_mdm::guard::write_xml;
use secrecy::ExposeSecret as _;
use serde_json::json;
use store::{
    ChannelId, Command, CommandId, Delivery, DeliverySeq, DeviceId, Directory, EnrollmentId, NewDelivery,
    Secret, SecretId, SecretKind, Tx,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::blank;
use super::own_secret::OwnSecret;
use super::prepare::{self, Known, Ready};
use super::request::Wanted;
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::targets::{self, Miss, Target};
use crate::views::{CommandAnswer, CommandRequest, QueuedView};
use crate::{Context, Error, network, push};

/// What can take a device out of a thief's hands goes first (apple.md 2.4, rule 8).
const URGENT: &[&str] = &[
    "EraseDevice",
    "DeviceLock",
    "EnableLostMode",
    "DisableLostMode",
    "DeviceLocation",
    "PlayLostModeSound",
];
const URGENT_LANE: i16 = 0;
/// The lane of what operators ask for.
const USUAL_LANE: i16 = 100;
/// Digits of a Mac's PIN (Apple: "DeviceLockCommand").
const PIN_DIGITS: usize = 6;

/// A request that is ready to be queued.
#[derive(Debug)]
pub(super) struct Order {
    wanted: Wanted,
    uuid: String,
    classification: Classification,
    digest: Vec<u8>,
    /// What is shown and stored in clear.
    body: Vec<u8>,
    /// The whole, where something is blanked out of `body`.
    secret_body: Option<Zeroizing<Vec<u8>>>,
    operator: Operator,
    reason: Option<String>,
    expires_at: Option<Timestamp>,
    wake: bool,
    alone: bool,
}

impl Order {
    pub(super) fn new(
        context: &Context,
        operator: &Operator,
        request: &CommandRequest,
        wanted: Wanted,
    ) -> Self {
        let whole = Zeroizing::new(write_xml(&wanted.dictionary));
        let shown = blank::blanked(&wanted.dictionary);
        let digest = pki::sha256(&whole).to_vec();
        let (body, secret_body) = match shown {
            Some(shown) => (write_xml(&shown), Some(whole)),
            None => (whole.to_vec(), None),
        };
        let made = || clock::new_id(context.clock.as_ref()).to_string().to_ascii_uppercase();
        Self {
            uuid: wanted.uuid.clone().unwrap_or_else(made),
            classification: class_of(&wanted, context.now()),
            digest,
            body,
            secret_body,
            // In several transactions; the CommandUUID that follows from the key keeps a repetition harmless.
            operator: operator.without_key(),
            reason: request.reason.clone(),
            expires_at: request.expires_at,
            wake: request.push,
            alone: request.targets.len() == 1,
            wanted,
        }
    }

    pub(super) fn empty_answer(&self) -> CommandAnswer {
        CommandAnswer {
            request_type: self.wanted.request_type.clone(),
            class: self.classification.class.to_string(),
            class_reason: self.classification.reason.to_string(),
            queued: Vec::new(),
            refused: Vec::new(),
            advice: Vec::new(),
            raw: self.wanted.raw,
        }
    }

    /// A command with the order's UUID, which must be the same command.
    fn same(&self, found: Option<Command>) -> Result<Option<Command>, Error> {
        match found {
            Some(command) if command.digest != self.digest => {
                let uuid = command.uuid;
                Err(Error::Conflict(format!("the CommandUUID {uuid} stands for another command")))
            }
            found => Ok(found),
        }
    }

    fn lane(&self) -> i16 {
        if URGENT.contains(&self.wanted.request_type.as_str()) { URGENT_LANE } else { USUAL_LANE }
    }

    /// The CommandUUID for a target that needs a command of its own. The same request gives the same, so repeating it is harmless.
    fn own_uuid(&self, target: &Target) -> String {
        if self.alone {
            return self.uuid.clone();
        }
        let name = format!("{}/{}", self.uuid, target.channel.id);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string().to_ascii_uppercase()
    }
}

/// The class of a request, whatever the target: the gate classes what leaves once more, for the device that gets it.
fn class_of(wanted: &Wanted, now: Timestamp) -> Classification {
    let context = ClassContext { now: Some(now), ..ClassContext::default() };
    gate::class_of_bytes(&wanted.request_type, &wanted.dictionary, &context)
}

/// What some targets have in common while the order is queued for them, read at once.
struct Batch {
    known: BTreeMap<DeviceId, Known>,
    /// The command that all targets share, once it is stored.
    shared: Option<Command>,
    /// The channels that have had it.
    had: BTreeMap<ChannelId, DeliverySeq>,
    /// The channels that are to be woken.
    wake: Vec<ChannelId>,
}

impl Batch {
    fn read(tx: &mut Tx<'_>, order: &Order, targets: &[Target]) -> Result<Self, Error> {
        let devices: Vec<DeviceId> = targets.iter().map(|target| target.device.id).collect();
        let shared = order.same(Command::find_by_uuid(tx, &order.uuid)?)?;
        let had = match &shared {
            Some(command) => {
                let channels: Vec<ChannelId> = targets.iter().map(|target| target.channel.id).collect();
                Delivery::of_command(tx, command.id, &channels)?
            }
            None => BTreeMap::new(),
        };
        Ok(Self { known: prepare::known(tx, &devices)?, shared, had, wake: Vec::new() })
    }
}

/// Queues the order for some targets, in one transaction.
pub(super) fn send(
    tx: &mut Tx<'_>,
    context: &Context,
    order: &Order,
    names: &[String],
) -> Result<CommandAnswer, Error> {
    let now = context.now();
    let mut answer = order.empty_answer();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let directory = Directory::load(tx, &all)?;
    let mut targets = Vec::new();
    for name in names {
        match targets::find_in(&directory, name) {
            Ok(target) => targets.push(target),
            Err(Miss::Failed(error)) => return Err(error),
            Err(miss) => answer.refused.push(miss.view(name)),
        }
    }
    let mut batch = Batch::read(tx, order, &targets)?;
    let nothing = Known::new();
    for target in &targets {
        let known = batch.known.get(&target.device.id).unwrap_or(&nothing);
        match prepare::check(tx, &order.wanted, target, known)? {
            Err(refused) => answer.refused.push(refused),
            Ok(ready) => {
                answer.queued.push(enqueue(tx, context, (order, &mut batch), target, &ready)?);
                answer.advice.extend(ready.advice);
            }
        }
    }
    // Unknown names were refused first: the answer keeps the order in which the targets were given.
    answer.refused.sort_by_key(|refused| all.iter().position(|name| *name == refused.target));
    push::request_all(tx, &batch.wake, now)?;
    let fresh: Vec<i64> =
        answer.queued.iter().filter(|queued| !queued.already).map(|queued| queued.delivery).collect();
    let detail = json!({
        "request_type": order.wanted.request_type, "raw": order.wanted.raw, "deliveries": fresh, "reason": order.reason,
        "refused": answer.refused.iter().map(|refused| &refused.target).collect::<Vec<_>>(),
    });
    let act =
        Act::new(&order.operator, "command.send").on(order.uuid.clone()).of_class(order.classification.class);
    audit::record(tx, now, &act.with(detail))?;
    Ok(answer)
}

fn enqueue(
    tx: &mut Tx<'_>,
    context: &Context,
    (order, batch): (&Order, &mut Batch),
    target: &Target,
    ready: &Ready,
) -> Result<QueuedView, Error> {
    let now = context.now();
    let channel = target.channel.id;
    let (command, before) = command_for(tx, context, (order, batch), target, ready)?;
    let mut view = QueuedView {
        target: target.name.clone(),
        command_uuid: command.uuid.clone(),
        delivery: 0,
        device_id: target.device.id.0,
        enrollment_id: target.enrollment.id.0,
        channel: target.channel.key.clone(),
        already: false,
        secret_id: command.secret_id.map(|id| id.0),
    };
    if let Some(before) = before {
        (view.delivery, view.already) = (before.0, true);
        return Ok(view);
    }
    let new = NewDelivery {
        command_id: command.id,
        channel_id: channel,
        enrollment_id: target.enrollment.id,
        lane: order.lane(),
        enqueued_at: now,
        expires_at: order.expires_at,
    };
    let seq = tx.enqueue(new)?;
    view.delivery = seq.0;
    if ready.secret == OwnSecret::None {
        batch.had.insert(channel, seq);
    }
    if command.request_type == "EnableLostMode" {
        // The network is withdrawn now: a device without reception never comes to be told anything.
        let (device, actor) = (target.device.id, &order.operator.name);
        network::revoke_for_device(tx, context, device, network::Reason::Lost, actor)?;
    }
    if order.wake {
        batch.wake.push(channel);
    }
    Ok(view)
}

/// The command for a target, stored if it is new, and its delivery if the target has had it: one for all, unless it needs a secret of
/// the target's own.
fn command_for(
    tx: &mut Tx<'_>,
    context: &Context,
    (order, batch): (&Order, &mut Batch),
    target: &Target,
    ready: &Ready,
) -> Result<(Command, Option<DeliverySeq>), Error> {
    let channel = target.channel.id;
    if ready.secret == OwnSecret::None {
        let command = match batch.shared.take() {
            Some(command) => command,
            None => store_command(tx, context, order, target, (order.uuid.clone(), ready.secret))?,
        };
        batch.shared = Some(command.clone());
        return Ok((command, batch.had.get(&channel).copied()));
    }
    let uuid = order.own_uuid(target);
    match order.same(Command::find_by_uuid(tx, &uuid)?)? {
        Some(command) => {
            let before = tx.find_delivery(channel, &uuid)?.map(|delivery| delivery.seq);
            Ok((command, before))
        }
        None => Ok((store_command(tx, context, order, target, (uuid, ready.secret))?, None)),
    }
}

/// Stores the command. Its secret, if it needs one of its own, is made, sealed and stored before it.
fn store_command(
    tx: &mut Tx<'_>,
    context: &Context,
    order: &Order,
    target: &Target,
    (uuid, secret): (String, OwnSecret),
) -> Result<Command, Error> {
    let now = context.now();
    let secret_id = match secret {
        OwnSecret::Make(kind) => Some(make_secret(tx, context, target.enrollment.id, kind)?),
        OwnSecret::Kept(id) => Some(id),
        OwnSecret::None => None,
    };
    let id = CommandId::new(context.clock.as_ref());
    let sealed = order.secret_body.as_ref().map(|body| Command::seal_body(&context.sealer, id, body));
    let command = Command {
        id,
        uuid,
        request_type: order.wanted.request_type.clone(),
        class: order.classification.class.to_string(),
        secret_id,
        digest: order.digest.clone(),
        created_at: now,
        created_by: order.operator.name.clone(),
        reason: order.reason.clone(),
        body: order.body.clone(),
        sealed_body: sealed.transpose()?,
    };
    command.insert(tx)?;
    Ok(command)
}

/// Makes, seals and stores the secret of a command.
pub(crate) fn make_secret(
    tx: &mut Tx<'_>,
    context: &Context,
    enrollment: EnrollmentId,
    kind: SecretKind,
) -> Result<SecretId, Error> {
    let made = match kind {
        SecretKind::LockPin | SecretKind::ErasePin => pki::random_pin(PIN_DIGITS),
        _ => pki::random_password(),
    };
    let id = SecretId::new(context.clock.as_ref());
    let place = (id, enrollment);
    let secret =
        Secret::seal(&context.sealer, place, kind, made.expose_secret().as_bytes(), "ward", context.now())?;
    secret.insert(tx)?;
    Ok(id)
}
