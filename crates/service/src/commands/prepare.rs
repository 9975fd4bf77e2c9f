//! Whether one target can take a command, and what Ward has to make for it.

use std::collections::BTreeMap;

use catalog::{DeviceFacts, What};
use plist::{Dictionary, Value};
use serde_json::Value as Json;
use store::{Connection, DeviceFact, DeviceId, Secret, SecretKind};

use super::own_secret::{self, OwnSecret};
use super::personal;
use super::request::Wanted;
use crate::targets::{self, Target};
use crate::views::{RefusalView, TargetRefusalView};
use crate::{Error, handout};

/// The facts beyond its row that decide whether a device can take a command, and what Ward has to make for it.
const FACTS: &[&str] = &[
    "DeviceInformation.IsAppleSilicon",
    "DeviceInformation.IsMultiUser",
    "DeviceInformation.PINRequiredForEraseDevice",
    "SecurityInfo.PasscodePresent",
];

/// What is known of a device beyond its row.
pub(super) type Known = BTreeMap<String, Json>;

/// What is known of some devices, read at once.
pub(super) fn known(
    connection: &mut Connection,
    devices: &[DeviceId],
) -> Result<BTreeMap<DeviceId, Known>, Error> {
    let mut known: BTreeMap<DeviceId, Known> = BTreeMap::new();
    for (device, key, value) in DeviceFact::of_many(connection, devices, FACTS)? {
        known.entry(device).or_default().insert(key, value);
    }
    Ok(known)
}

/// A target that can take the command.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// The secret that is put in when it leaves.
    pub(crate) secret: OwnSecret,
    /// What the operator should know.
    pub(crate) advice: Vec<String>,
}

/// Checks `wanted` for `target`. The inner error is for the operator.
pub(super) fn check(
    connection: &mut Connection,
    wanted: &Wanted,
    target: &Target,
    facts: &Known,
) -> Result<Result<Ready, TargetRefusalView>, Error> {
    let verdict =
        catalog::check(What::Request(&without_marks(&wanted.dictionary)), &device_facts(target, facts));
    let mut refusals = Vec::new();
    if target.enrollment.ownership == catalog::Ownership::Personal {
        refusals.extend(personal::refusals(&wanted.dictionary));
    }
    refusals.extend(verdict.refusals);
    if !refusals.is_empty() {
        let detail =
            refusals.iter().map(|refusal| refusal.advice.as_str()).next().unwrap_or_default().to_owned();
        let views = refusals.iter().map(|refusal| RefusalView::of(Some(&target.name), refusal)).collect();
        return Ok(Err(targets::refusal(&target.name, "refused", detail, views)));
    }
    let secret = match own_secret::needed(connection, wanted, target, facts)? {
        Ok(secret) => secret,
        Err(why) => return Ok(Err(targets::refusal(&target.name, "refused", why, Vec::new()))),
    };
    let mut advice: Vec<String> = verdict.notes.iter().map(ToString::to_string).collect();
    advice.extend(erase_advice(connection, wanted, target)?);
    Ok(Ok(Ready { secret, advice }))
}

/// The dictionary without Ward's own marks, which the catalogue does not know.
fn without_marks(dictionary: &Dictionary) -> Dictionary {
    let mut clean = dictionary.clone();
    clean.remove(handout::FILL_KEY);
    if let Some(service) = clean.get_mut("ReturnToService").and_then(Value::as_dictionary_mut) {
        service.remove(handout::PLAIN_RETURN);
    }
    clean
}

/// What the catalogue asks about.
pub(super) fn device_facts(target: &Target, facts: &Known) -> DeviceFacts {
    DeviceFacts {
        platform: target.device.platform,
        os_version: target.device.os_version.as_deref().and_then(|text| text.parse().ok()),
        supervised: target.device.supervised,
        enrollment: target.enrollment.kind,
        channel: target.channel.kind,
        shared_ipad: flag(facts, "DeviceInformation.IsMultiUser"),
        access_rights: u32::try_from(target.enrollment.access_rights).ok(),
        ownership: target.enrollment.ownership,
        has_passcode: flag(facts, "SecurityInfo.PasscodePresent"),
    }
}

pub(super) fn flag(facts: &Known, key: &str) -> Option<bool> {
    facts.get(key).and_then(Json::as_bool)
}

fn erase_advice(connection: &mut Connection, wanted: &Wanted, target: &Target) -> Result<Vec<String>, Error> {
    let mut advice = Vec::new();
    if wanted.request_type != "EraseDevice" {
        return Ok(advice);
    }
    let automated = target.enrollment.kind == catalog::EnrollmentType::Automated;
    let service = wanted.dictionary.get("ReturnToService").and_then(Value::as_dictionary);
    let comes_back = service.is_some_and(|service| !service.contains_key(handout::PLAIN_RETURN));
    if !automated && !comes_back {
        advice.push(
            "Not enrolled automatically: after this erase the device does not come back to management by itself. ReturnToService with \
             with_enrollment_profile brings it back."
                .to_owned(),
        );
    }
    let code = Secret::latest(connection, target.enrollment.id, SecretKind::ActivationLockBypassCode)?;
    if target.device.supervised == Some(true) && code.is_none() {
        advice.push("No Activation Lock bypass code is escrowed: if Activation Lock is on, the erased device cannot be set up without it.".to_owned());
    }
    Ok(advice)
}
