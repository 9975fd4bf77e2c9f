//! `ProfileList` and `RemoveProfile`, and what an enrolment profile may change.

use plist::{Dictionary, Value};

use super::{After, Failure, Outcome};
use crate::device::messages::dictionary;
use crate::device::profile::{MdmPayload, Profile, flag, text};
use crate::device::state::State;

/// `ProfileList`.
pub(super) fn list(state: &State, keys: &Dictionary) -> Outcome {
    // A personal device tells of what came by MDM only.
    let managed_only = flag(keys, "ManagedOnly") || state.enrollment_id.is_some();
    let enrolment = state.enrolment.as_ref().map(|enrolment| enrolment.profile_identifier.as_str());
    let told = |profile: &&Profile| {
        profile.managed || !managed_only || enrolment == Some(profile.identifier.as_str())
    };
    let mac = state.hardware.model.is_mac();
    let list = state.profiles.iter().filter(told).map(|profile| describe(profile, mac)).collect();
    Outcome::Acknowledged(dictionary([("ProfileList", Value::Array(list))]))
}

fn describe(profile: &Profile, mac: bool) -> Value {
    let payloads = profile
        .payloads
        .iter()
        .map(|payload| {
            let mut entry = dictionary([
                ("PayloadType", payload.kind.clone().into()),
                ("PayloadVersion", 1.into()),
                ("PayloadIdentifier", payload.identifier.clone().into()),
                ("PayloadUUID", payload.uuid.clone().into()),
            ]);
            for key in ["PayloadDisplayName", "PayloadDescription", "PayloadOrganization"] {
                if let Some(value) = text(&payload.keys, key) {
                    entry.insert(key.to_owned(), value.into());
                }
            }
            Value::Dictionary(entry)
        })
        .collect();
    let mut entry = dictionary([
        ("PayloadIdentifier", profile.identifier.clone().into()),
        ("PayloadUUID", profile.uuid.clone().into()),
        ("PayloadVersion", 1.into()),
        ("PayloadRemovalDisallowed", profile.removal_disallowed.into()),
        ("HasRemovalPasscode", profile.has_removal_passcode().into()),
        ("IsEncrypted", profile.encrypted.into()),
        ("PayloadContent", Value::Array(payloads)),
    ]);
    for (key, value) in [
        ("PayloadDisplayName", &profile.display_name),
        ("PayloadOrganization", &profile.organization),
        ("PayloadDescription", &profile.description),
    ] {
        if let Some(value) = value {
            entry.insert(key.to_owned(), value.clone().into());
        }
    }
    if !mac {
        entry.insert("IsManaged".to_owned(), profile.managed.into());
    }
    if !profile.signers.is_empty() {
        let signers = profile.signers.iter().map(|one| Value::Data(one.der().to_vec())).collect();
        entry.insert("SignerCertificates".to_owned(), Value::Array(signers));
    }
    Value::Dictionary(entry)
}

/// `RemoveProfile`: of the enrolment profile it ends the enrolment, without an answer.
pub(super) fn remove(state: &mut State, keys: &Dictionary) -> (Outcome, After) {
    let Some(identifier) = text(keys, "Identifier") else {
        let failure = Failure::mdm(12008, "Identifier is missing.");
        return (Outcome::FormatError(failure), After::Nothing);
    };
    if state.enrolment.as_ref().is_some_and(|enrolment| enrolment.profile_identifier == identifier) {
        return (Outcome::done(), After::Unenrol);
    }
    let before = state.profiles.len();
    state.profiles.retain(|profile| profile.identifier != identifier || !profile.managed);
    if state.profiles.len() == before {
        let text = format!("The profile \u{201c}{identifier}\u{201d} is not installed.");
        return (Outcome::Failed(Failure::mdm(12013, text)), After::Nothing);
    }
    (Outcome::done(), After::Nothing)
}

/// Why an enrolment profile that comes by `InstallProfile` is refused: it must be an update of the present one, and
/// an update may change neither its place nor its topic, nor gain rights (Apple: MDM payload).
pub(crate) fn refusal_of_renewal(state: &State, profile: &Profile, new: &MdmPayload) -> Option<Failure> {
    let Some(enrolment) = &state.enrolment else {
        return Some(Failure::mdm(12010, "The device is not enrolled."));
    };
    if enrolment.profile_identifier != profile.identifier {
        return Some(Failure::install(4001, "Another MDM profile is installed already."));
    }
    let old = &enrolment.mdm;
    let per_user =
        |mdm: &MdmPayload| mdm.capabilities.iter().any(|name| name == "com.apple.mdm.per-user-connections");
    let more_rights = match (old.access_rights, new.access_rights) {
        (Some(old), Some(new)) => new & !old != 0,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let changed = [
        ("Topic", old.topic != new.topic),
        ("ServerURL", old.server_url != new.server_url),
        ("CheckInURL", old.check_in_url != new.check_in_url),
        ("AccessRights", more_rights),
        ("ServerCapabilities", per_user(old) != per_user(new)),
    ];
    let (key, _) = changed.into_iter().find(|(_, changed)| *changed)?;
    Some(Failure::mdm(12012, format!("The new MDM profile changes {key}.")))
}
