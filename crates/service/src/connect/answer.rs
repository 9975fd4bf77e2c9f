//! What is worked out about a report before its transaction: parsing, redacting and writing megabytes must not hold up the writer.

use plist::Dictionary;
use protocol_mdm::guard::write_xml;
use protocol_mdm::secrets::SecretValue;
use protocol_mdm::{EnrollmentKey, ErrorChainItem, Report, Status};
use store::{Command, Connection, Delivery, Enrollment};

use crate::identity::Caller;
use crate::{Context, Error, results};

/// A body of this size is cleaned away from the threads that serve connections.
const LARGE: usize = 64 * 1024;
/// Longest text about an error that is kept.
const LONGEST: usize = 600;

/// A report, ready to be recorded. Nothing secret is left in it but `secrets`, which are to be sealed.
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) command_uuid: Option<String>,
    /// The body without secrets.
    pub(super) body: Dictionary,
    /// The same as XML; empty when nothing is to be recorded.
    pub(super) xml: Vec<u8>,
    pub(super) secrets: Vec<SecretValue>,
    /// SHA-256 of the body as it came.
    pub(super) digest: [u8; 32],
    /// What the error chain says, outermost first.
    pub(super) error: Option<String>,
    /// The command, if it is known.
    pub(super) command: Option<Dictionary>,
}

/// Prepares a report. Reads the command that it answers, because what is secret depends on what was asked.
pub(super) async fn prepare(
    context: &Context,
    caller: &Caller,
    key: &EnrollmentKey,
    report: Report,
    (digest, size): ([u8; 32], usize),
) -> Result<Answer, Error> {
    let Report { status, command_uuid, request_type, error_chain, body, .. } = report;
    if matches!(status, Status::Idle | Status::NotNow) {
        let (body, xml, secrets) = (Dictionary::new(), Vec::new(), Vec::new());
        let error = describe(&error_chain, catalog::Ownership::Personal);
        return Ok(Answer { status, command_uuid, body, xml, secrets, digest, error, command: None });
    }
    let channel = caller.channel(&key.to_string());
    let enrollment = caller.enrollment_id();
    let uuid = command_uuid.clone();
    let read = move |connection: &mut Connection| {
        let mut found = None;
        if let (Some(channel), Some(uuid)) = (channel, &uuid)
            && let Some(delivery) = Delivery::find_by_uuid(connection, channel, uuid)?
        {
            found = Some(delivery.command(connection)?);
        }
        let enrollment = enrollment.map(|id| Enrollment::find(connection, id)).transpose()?;
        Ok::<(Option<Command>, Option<Enrollment>), Error>((found, enrollment))
    };
    let (command, enrollment) = context.store.read("answered_command", read).await?;
    let ownership = enrollment.map_or(catalog::Ownership::Personal, |enrollment| enrollment.ownership);
    let error = describe(&error_chain, ownership);
    let asked = command.as_ref().map(|command| command.request_type.clone()).or(request_type);
    let command = command.and_then(|command| {
        protocol_mdm::guard::parse_dictionary_within(&command.body, &protocol_mdm::Limits::OPERATOR).ok()
    });
    let clean = move || {
        let mut body = body;
        let secrets = results::clean(ownership, command.as_ref(), asked.as_deref(), &mut body);
        let xml = write_xml(&body);
        (body, xml, secrets, command)
    };
    let (body, xml, secrets, command) = if size > LARGE {
        tokio::task::spawn_blocking(clean).await.map_err(|error| Error::Internal(error.to_string()))?
    } else {
        clean()
    };
    Ok(Answer { status, command_uuid, body, xml, secrets, digest, error, command })
}

/// Apple's own words for an error. Those in the user's language may hold what a person wrote, and are not kept of a personal device.
fn describe(chain: &[ErrorChainItem], ownership: catalog::Ownership) -> Option<String> {
    if chain.is_empty() {
        return None;
    }
    let one = |item: &ErrorChainItem| {
        let text = item
            .us_english_description
            .as_deref()
            .or(item.localized_description.as_deref().filter(|_| ownership != catalog::Ownership::Personal))
            .unwrap_or("no text");
        let domain = item.domain.as_deref().unwrap_or("unknown domain");
        item.code.map_or_else(|| format!("{text} ({domain})"), |code| format!("{text} ({domain} {code})"))
    };
    let all: Vec<String> = chain.iter().take(8).map(one).collect();
    Some(all.join("; ").chars().take(LONGEST).collect())
}
