//! Items at the hand-out: the profile is made, signed and encrypted at the moment it leaves, and is stored nowhere.

use catalog::DeviceFacts;
use pki::Certificate;
use plist::{Dictionary, Value};
use protocol_mdm::guard::write_xml;
use protocol_profile::{Template, Values};
use secrecy::SecretString;
use store::{Command, DeviceItem, Enrollment, ItemId, ItemSecret, ItemState, ItemVersionId};

use super::known::{Known, Versions};
use super::resolve::Reason;
use crate::handout::FILL_KEY;
use crate::lifecycle::Speaker;
use crate::own_commands::AUTHOR;
use crate::work::Work;
use crate::{Error, network};

/// The value of [`FILL_KEY`] in the commands that bring or take an item.
pub(crate) const FILL_ITEM: &str = "item";
/// In such a command: the id of the item.
const ITEM_KEY: &str = "WardItem";

/// Marks a command as one for an item.
pub(super) fn mark(dictionary: &mut Dictionary, item: ItemId) {
    dictionary.insert(FILL_KEY.to_owned(), FILL_ITEM.into());
    dictionary.insert(ITEM_KEY.to_owned(), item.to_string().into());
}

/// Fills such a command. The mark [`FILL_KEY`] has been taken out already. Returns the profile in clear where what leaves is
/// encrypted, so that the gate can class it. The inner error says why the command can never leave.
pub(crate) fn fill(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    command: &Command,
    dictionary: &mut Dictionary,
) -> Result<Result<Option<Dictionary>, String>, Error> {
    let item = dictionary.remove(ITEM_KEY);
    let item: Option<ItemId> = item.as_ref().and_then(Value::as_string).and_then(|text| text.parse().ok());
    let Some(item) = item.filter(|_| command.created_by == AUTHOR) else {
        return Ok(Err(format!("{FILL_KEY} is for the server's own commands")));
    };
    let row = DeviceItem::find(work.tx, speaker.enrollment.id, item)?;
    let Some(mut row) = row.filter(|row| row.command_id == Some(command.id)) else {
        return Ok(Err("the desired state has changed".to_owned()));
    };
    if command.request_type == "RemoveProfile" {
        let is_wanted = row.desired_version_id.is_some();
        return Ok(if is_wanted { Err("the profile is wanted again".to_owned()) } else { Ok(None) });
    }
    let Some(version) = row.desired_version_id else {
        return Ok(Err("the profile is not wanted any more".to_owned()));
    };
    match make(work, speaker, version)? {
        Ok(made) => {
            dictionary.insert("Payload".to_owned(), Value::Data(made.payload));
            if row.desired_uuid.as_ref() != Some(&made.uuid) {
                row.desired_uuid = Some(made.uuid);
                row.save(work.tx)?;
            }
            Ok(Ok(made.clear))
        }
        Err(reasons) => {
            let words: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
            let words = words.join("; ");
            row.state = ItemState::Blocked;
            row.command_id = None;
            row.why = serde_json::to_string(&reasons).unwrap_or_else(|_| "[]".to_owned());
            row.changed_at = work.now;
            row.save(work.tx)?;
            Ok(Err(words))
        }
    }
}

/// Notes that the command has been handed out.
pub(crate) fn note_sent(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    command: &Command,
) -> Result<(), Error> {
    let Some(mut row) = DeviceItem::find_by_command(work.tx, enrollment.id, command.id)? else {
        return Ok(());
    };
    row.sent_at = Some(work.now);
    if command.request_type == "InstallProfile" {
        row.state = ItemState::Sent;
        row.sent_version_id = row.desired_version_id;
        row.sent_uuid.clone_from(&row.desired_uuid);
    }
    row.changed_at = work.now;
    Ok(row.save(work.tx)?)
}

/// A profile, ready to leave.
struct Made {
    payload: Vec<u8>,
    uuid: String,
    clear: Option<Dictionary>,
}

fn make(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    version: ItemVersionId,
) -> Result<Result<Made, Vec<Reason>>, Error> {
    let enrollment = &speaker.enrollment;
    let version = Versions::default().open(work.tx, &work.context.sealer, version)?;
    let template = &version.template;
    let known = Known::of(work.tx, enrollment)?;
    let mut values = known.values(work.tx, work.context, template)?;
    for (name, secret) in &mut values.secrets {
        let Some(stored) = ItemSecret::find(work.tx, name)? else { continue };
        let plain = stored.open(&work.context.sealer)?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_| Error::Internal(format!("the secret '{name}' is not text")))?;
        secret.value = Some(SecretString::from(text));
    }
    if let Some(identity) = &mut values.network_identity {
        match network::scep_payload(work.tx, work.context, enrollment)? {
            Ok(payload) => identity.payload = Some(payload),
            Err(why) => return Ok(Err(vec![Reason::new("network_identity", why)])),
        }
    }
    let rendered = match fitting(template, &values, &known.subject.facts) {
        Ok(rendered) => rendered,
        Err(reasons) => return Ok(Err(reasons)),
    };
    let internal = |error: protocol_profile::Error| Error::Internal(error.to_string());
    let (xml, clear) = if template.is_encrypted() {
        let recipient = Certificate::from_der(&speaker.identity.der)?;
        let sealed = protocol_profile::encrypt(&rendered, &[&recipient]).map_err(internal)?;
        (write_xml(&sealed), Some(rendered.dictionary.clone()))
    } else {
        (rendered.to_xml(), None)
    };
    let signer = &work.authorities.signer;
    let chain = [work.authorities.active.authority.certificate().clone()];
    let payload = protocol_profile::sign(&xml, &signer.certificate, &signer.key, &chain).map_err(internal)?;
    Ok(Ok(Made { payload, uuid: rendered.uuid_text(), clear }))
}

/// The profile of one device, or why there is none: what is not set, and what the device does not take.
pub(super) fn fitting(
    template: &Template,
    values: &Values,
    facts: &DeviceFacts,
) -> Result<protocol_profile::Rendered, Vec<Reason>> {
    let rendered = protocol_profile::render(template, values).map_err(|unset| {
        unset
            .into_iter()
            .map(|unset| Reason::new("unset", unset.to_string()).at(unset.variable))
            .collect::<Vec<_>>()
    })?;
    let verdict = catalog::check(catalog::What::Profile(&rendered.dictionary), facts);
    if verdict.is_accepted() {
        return Ok(rendered);
    }
    let refused = |refusal: &catalog::Refusal| {
        Reason::new("refused", refusal.advice.clone()).at(refusal.key_path.clone())
    };
    Err(verdict.refusals.iter().map(refused).collect())
}
