//! Commands that Ward sends on its own account: DeviceConfigured, renewals, and the questions of its schedule.

use clock::Timestamp;
use plist::Dictionary;
use protocol_mdm::guard::write_xml;
use store::{ChannelId, Command, CommandId, DeliverySeq, Enrollment, NewDelivery, SecretKind, Tx};

use crate::{Context, Error, commands};

/// Who asked, in the record of such a command.
pub const AUTHOR: &str = "ward";

/// A command of Ward's own for one channel.
#[derive(Debug)]
pub struct OwnCommand<'a> {
    /// For which epoch.
    pub enrollment: &'a Enrollment,
    /// For which of its channels.
    pub channel: ChannelId,
    /// The inner dictionary, with `RequestType`.
    pub dictionary: Dictionary,
    /// The lane; 0 goes first.
    pub lane: i16,
    /// From when it is pointless.
    pub expires_at: Option<Timestamp>,
    /// Why, for people.
    pub reason: &'a str,
}

/// Puts the command into the queue of its channel. Who wants the device woken asks for the push as well.
///
/// # Errors
/// [`Error::Internal`] for a dictionary without `RequestType`; the database's.
pub fn enqueue(tx: &mut Tx<'_>, context: &Context, own: OwnCommand<'_>) -> Result<DeliverySeq, Error> {
    enqueue_with(tx, context, own, None).map(|(_, seq)| seq)
}

/// The same for a command for which a secret is made, sealed and stored before it.
///
/// # Errors
/// As [`enqueue`].
pub(crate) fn enqueue_with(
    tx: &mut Tx<'_>,
    context: &Context,
    own: OwnCommand<'_>,
    makes: Option<SecretKind>,
) -> Result<(CommandId, DeliverySeq), Error> {
    let OwnCommand { enrollment, channel, dictionary, lane, expires_at, reason } = own;
    let now = context.now();
    let request_type = dictionary.get("RequestType").and_then(plist::Value::as_string).map(str::to_owned);
    let request_type =
        request_type.ok_or_else(|| Error::Internal("a command without RequestType".to_owned()))?;
    let class = catalog::class_of_command(&request_type, &dictionary).class;
    let secret_id = makes.map(|kind| commands::make_secret(tx, context, enrollment.id, kind)).transpose()?;
    let body = write_xml(&dictionary);
    let id = CommandId::new(&*context.clock);
    let command = Command {
        id,
        uuid: clock::new_id(&*context.clock).to_string().to_ascii_uppercase(),
        request_type,
        class: class.to_string(),
        secret_id,
        digest: pki::sha256(&body).to_vec(),
        created_at: now,
        created_by: AUTHOR.to_owned(),
        reason: Some(reason.to_owned()),
        body,
        sealed_body: None,
    };
    command.insert(tx)?;
    let delivery = NewDelivery {
        command_id: id,
        channel_id: channel,
        enrollment_id: enrollment.id,
        lane,
        enqueued_at: now,
        expires_at,
    };
    Ok((id, tx.enqueue(delivery)?))
}
