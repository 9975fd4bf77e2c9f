//! Reads what an operator asks for, and refuses what no target may be sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{Refusal, Rule};
use plist::{Dictionary, Value};
use protocol_mdm::{Command, Limits, secrets};
use uuid::Uuid;

use crate::operators::Operator;
use crate::views::CommandRequest;
use crate::{Error, handout};

/// The most targets of one request.
const MAX_TARGETS: usize = 10_000;
/// The longest `reason`, in characters.
const MAX_REASON: usize = 1_000;

/// Keys that are secret in answers but harmless or unavoidable in requests.
const ALLOWED: &[&str] = &["OrganizationMagic", "RedemptionCode", "AppleCareToken"];

/// A request that has been read: Apple's dictionary, and the UUID that the operator gave.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The inner dictionary, `RequestType` included.
    pub(crate) dictionary: Dictionary,
    /// `RequestType`.
    pub(crate) request_type: String,
    /// The operator's UUID.
    pub(crate) uuid: Option<String>,
    /// It came as a property list.
    pub(crate) raw: bool,
}

/// Reads `request`.
///
/// # Errors
/// [`Error::Invalid`] for what cannot be read, [`Error::Refused`] for what no device may be sent in this way.
pub(crate) fn read(request: &CommandRequest) -> Result<Wanted, Error> {
    if request.targets.is_empty() || request.targets.len() > MAX_TARGETS {
        return Err(Error::invalid("targets", format!("must name 1 to {MAX_TARGETS} targets")));
    }
    if request.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return Err(Error::invalid("reason", format!("may have at most {MAX_REASON} characters")));
    }
    let mut wanted = match (&request.command, &request.raw_plist) {
        (Some(json), None) => from_json(json)?,
        (None, Some(text)) => from_plist(text)?,
        _ => return Err(Error::invalid("command", "give either 'command' or 'raw_plist'")),
    };
    if let Some(uuid) = &request.command_uuid {
        if wanted.uuid.as_ref().is_some_and(|inner| inner != uuid) {
            return Err(Error::invalid("command_uuid", "differs from the CommandUUID in the property list"));
        }
        wanted.uuid = Some(uuid.clone());
    }
    let refusals = refusals(&wanted.dictionary);
    if !refusals.is_empty() {
        return Err(Error::Refused(refusals));
    }
    return_to_service(request, &mut wanted)?;
    profiles(&wanted)?;
    // Checks the UUID and the type with the rules that the device's side has.
    let uuid = wanted.uuid.clone().unwrap_or_else(|| "made-later".to_owned());
    Command::new(uuid, wanted.dictionary.clone())
        .map_err(|error| Error::invalid("command", error.to_string()))?;
    Ok(wanted)
}

/// The CommandUUID of a request with an idempotency key.
///
/// # Errors
/// [`Error::Internal`] when the request cannot be written as JSON.
pub(crate) fn uuid_of_key(operator: &Operator, key: &str, request: &CommandRequest) -> Result<String, Error> {
    let request = serde_json::to_vec(request).map_err(|error| Error::Internal(error.to_string()))?;
    let parts =
        [operator.token_id.as_bytes().as_slice(), &pki::sha256(key.as_bytes()), &pki::sha256(&request)];
    Ok(Uuid::new_v5(&Uuid::NAMESPACE_OID, &parts.concat()).to_string().to_ascii_uppercase())
}

fn from_json(json: &serde_json::Map<String, serde_json::Value>) -> Result<Wanted, Error> {
    let dictionary =
        catalog::command_from_json(&serde_json::Value::Object(json.clone())).map_err(Error::Refused)?;
    let request_type =
        dictionary.get("RequestType").and_then(Value::as_string).unwrap_or_default().to_owned();
    if request_type.is_empty() {
        return Err(Error::invalid("command.RequestType", "must name one of Apple's commands"));
    }
    Ok(Wanted { dictionary, request_type, uuid: None, raw: false })
}

fn from_plist(text: &str) -> Result<Wanted, Error> {
    let dense: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(dense).map_err(|_| Error::invalid("raw_plist", "is not base64"))?;
    let wrong = |error: &dyn std::fmt::Display| Error::invalid("raw_plist", error.to_string());
    let whole = protocol_mdm::guard::parse_any_dictionary(&bytes, &Limits::OPERATOR)
        .map_err(|error| wrong(&error))?;
    if whole.contains_key("RequestType") {
        let command = Command::new("made-later".to_owned(), whole).map_err(|error| wrong(&error))?;
        return Ok(Wanted {
            dictionary: command.dictionary,
            request_type: command.request_type,
            uuid: None,
            raw: true,
        });
    }
    let given = whole.get("CommandUUID").is_some();
    let command = Command::parse_or(&bytes, &Limits::OPERATOR, || Ok("made-later".to_owned()))
        .map_err(|error| wrong(&error))?;
    let uuid = given.then(|| command.uuid.clone());
    Ok(Wanted { dictionary: command.dictionary, request_type: command.request_type, uuid, raw: true })
}

/// What no operator may send, whatever the target: secrets that Ward makes or keeps, and Ward's own marks.
fn refusals(dictionary: &Dictionary) -> Vec<Refusal> {
    let mut found = Vec::new();
    secrets_in(dictionary, "", &mut found);
    found
}

fn secrets_in(dictionary: &Dictionary, path: &str, found: &mut Vec<Refusal>) {
    for (key, value) in dictionary {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let secret =
            key == "MDMProfileData" || secrets::kind_of(key).is_some() && !ALLOWED.contains(&key.as_str());
        if [handout::FILL_KEY, handout::PLAIN_RETURN].contains(&key.as_str()) {
            found.push(Refusal::new(path, Rule::UnknownKey, "This key is not Apple's."));
            continue;
        }
        match value {
            Value::Boolean(_) => {}
            // An empty password takes a lock away.
            Value::String(text) if text.is_empty() => {}
            _ if secret => found.push(Refusal::new(path, Rule::SecretInRequest, advice(key))),
            Value::Dictionary(inner) => secrets_in(inner, &path, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Dictionary(inner) = item {
                        secrets_in(inner, &format!("{path}[{index}]"), found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn advice(key: &str) -> &'static str {
    match key {
        "PIN" => {
            "Leave the PIN out: Ward makes one, keeps it sealed before the device gets it, and shows it on request."
        }
        "UnlockToken" => "Leave the token out: Ward fills in the one that the device gave.",
        "MDMProfileData" => {
            "Leave the profile out and set with_enrollment_profile: only Ward makes enrolment profiles."
        }
        "BootstrapToken" => "Leave the token out: Ward keeps the one that the device gave.",
        _ => {
            "Commands that carry a secret of the operator's are not taken: it would stand unsealed in the queue."
        }
    }
}

/// Puts the options of the request into `ReturnToService`.
fn return_to_service(request: &CommandRequest, wanted: &mut Wanted) -> Result<(), Error> {
    let asked = request.with_enrollment_profile || request.wifi_profile.is_some();
    if wanted.request_type != "EraseDevice" {
        let field = if request.with_enrollment_profile { "with_enrollment_profile" } else { "wifi_profile" };
        return if asked { Err(Error::invalid(field, "is for EraseDevice only")) } else { Ok(()) };
    }
    let service = wanted.dictionary.get_mut("ReturnToService").and_then(Value::as_dictionary_mut);
    let Some(service) =
        service.filter(|service| service.get("Enabled").and_then(Value::as_boolean) == Some(true))
    else {
        let reason = "needs ReturnToService with Enabled true in the command";
        return if asked { Err(Error::invalid("with_enrollment_profile", reason)) } else { Ok(()) };
    };
    if let Some(text) = &request.wifi_profile {
        let dense: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(dense).map_err(|_| Error::invalid("wifi_profile", "is not base64"))?;
        service.insert("WiFiProfileData".to_owned(), Value::Data(bytes));
    }
    if !request.with_enrollment_profile {
        service.insert(handout::PLAIN_RETURN.to_owned(), Value::Boolean(true));
    }
    Ok(())
}

/// Only Ward makes profiles with an MDM payload; whatever an operator sends is looked through for one.
fn profiles(wanted: &Wanted) -> Result<(), Error> {
    let mut carried = Vec::new();
    if wanted.request_type == "InstallProfile" {
        carried.push(("command.Payload", wanted.dictionary.get("Payload")));
    }
    let service = wanted.dictionary.get("ReturnToService").and_then(Value::as_dictionary);
    carried.push((
        "command.ReturnToService.WiFiProfileData",
        service.and_then(|service| service.get("WiFiProfileData")),
    ));
    for (field, value) in carried {
        if let Some(bytes) = value.and_then(Value::as_data) {
            protocol_profile::check_uploadable(bytes)
                .map_err(|error| Error::invalid(field, error.to_string()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
