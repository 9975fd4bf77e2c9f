//! What a command meets on a device, which decides its class: whose device it is, and what goes when a profile goes or is replaced.

use catalog::{ClassContext, Ownership, Platform};
use clock::Timestamp;
use plist::{Dictionary, Value};
use serde_json::Value as Json;
use store::{Connection, Device, Report};

use crate::Error;

/// What is known of the device that a command is for.
#[derive(Debug)]
pub(crate) struct Circumstances {
    platform: Option<Platform>,
    ownership: Ownership,
    now: Timestamp,
    /// The payload types that the command takes away; `None` when that is not known.
    going: Option<Vec<String>>,
}

impl Circumstances {
    /// Of a command for a device. The installed profiles are read only for commands that can take one away.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn of(
        connection: &mut Connection,
        device: &Device,
        ownership: Ownership,
        command: &Dictionary,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let going = match command.get("RequestType").and_then(Value::as_string) {
            Some("RemoveProfile") => {
                let identifier = command.get("Identifier").and_then(Value::as_string).unwrap_or_default();
                installed(connection, device, identifier)?
            }
            Some("InstallProfile") => {
                let payload = command.get("Payload").and_then(Value::as_data).unwrap_or_default();
                match protocol_profile::inspect(payload) {
                    Err(_) => None,
                    Ok(new) => installed(connection, device, &new.identifier)?.map(|old| {
                        let stays = |kind: &String| new.payloads.iter().any(|one| one.payload_type == *kind);
                        old.into_iter().filter(|kind| !stays(kind)).collect()
                    }),
                }
            }
            _ => None,
        };
        Ok(Self { platform: device.platform, ownership, now, going })
    }

    /// Asks something with these circumstances.
    pub(crate) fn with<R>(&self, ask: impl FnOnce(&ClassContext<'_>) -> R) -> R {
        let going: Option<Vec<&str>> =
            self.going.as_ref().map(|types| types.iter().map(String::as_str).collect());
        ask(&ClassContext {
            platform: self.platform,
            ownership: Some(self.ownership),
            removed_payload_types: going.as_deref(),
            now: Some(self.now),
            ..ClassContext::default()
        })
    }
}

/// The payload types of an installed profile, as the device listed them last. A list that names none says nothing.
fn installed(
    connection: &mut Connection,
    device: &Device,
    identifier: &str,
) -> Result<Option<Vec<String>>, Error> {
    let newest =
        Report::newest(connection, device.id, "ProfileList", Timestamp::from_millis(i64::MAX), 1)?.pop();
    let facts = newest.and_then(|report| serde_json::from_str::<Json>(&report.facts).ok());
    let profiles = facts.as_ref().and_then(|facts| facts.get("ProfileList")).and_then(Json::as_array);
    let profile = profiles.into_iter().flatten().find(|one| one["PayloadIdentifier"] == identifier);
    let content = profile.and_then(|profile| profile.get("PayloadContent")).and_then(Json::as_array);
    let types: Option<Vec<String>> = content
        .map(|all| all.iter().filter_map(|one| Some(one["PayloadType"].as_str()?.to_owned())).collect());
    Ok(types.filter(|types| !types.is_empty()))
}
