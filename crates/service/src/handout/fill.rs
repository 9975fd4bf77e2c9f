//! What is put into a command at the moment it leaves, because it is in no stored command: PINs, unlock tokens, and the profiles with a
//! challenge.

use std::time::Duration;

use plist::{Dictionary, Value};
use store::{Command, DeliverySeq, Enrollment, Issuance, IssuanceId, IssuancePurpose, Secret, SecretKind};

use super::{FILL_KEY, FILL_RENEWAL, PLAIN_RETURN, passwords};
use crate::enrollment::profile::{self, ProfileOrder};
use crate::lifecycle::Speaker;
use crate::work::Work;
use crate::{Error, enrollment};

/// How long the challenge of a renewal waits: a device may have to be unlocked first.
const RENEWAL_WAITS: Duration = Duration::from_secs(7 * 86_400);
/// How long the challenge of an erase waits: the device may be erased in a cupboard.
const RETURN_WAITS: Duration = Duration::from_secs(30 * 86_400);

/// Puts in what is missing. The inner error says, for people, why the command can never leave as it is.
pub(super) fn fill(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    (seq, command): (DeliverySeq, &Command),
    dictionary: &mut Dictionary,
) -> Result<Result<(), String>, Error> {
    let enrollment = &speaker.enrollment;
    if let Some(fill) = dictionary.remove(FILL_KEY) {
        if fill.as_string() != Some(FILL_RENEWAL) || command.created_by != crate::own_commands::AUTHOR {
            return Ok(Err(format!("{FILL_KEY} is for the server's own commands")));
        }
        let profile = make_profile(work, enrollment, (seq, IssuancePurpose::Renew))?;
        dictionary.insert("Payload".to_owned(), Value::Data(profile));
    }
    match command.request_type.as_str() {
        "DeviceLock" | "EraseDevice" => {
            if let Some(id) = command.secret_id {
                let pin = Secret::find(work.tx, id)?.open(&work.context.sealer)?;
                let pin =
                    std::str::from_utf8(&pin).map_err(|_| Error::Internal("a PIN is not text".to_owned()))?;
                dictionary.insert("PIN".to_owned(), pin.into());
            }
            return return_to_service(work, enrollment, seq, dictionary);
        }
        "ClearPasscode" if !dictionary.contains_key("UnlockToken") => {
            let Some(secret) = Secret::latest(work.tx, enrollment.id, SecretKind::UnlockToken)? else {
                return Ok(Err("the device has given no unlock token in this enrolment".to_owned()));
            };
            let token = secret.open(&work.context.sealer)?;
            dictionary.insert("UnlockToken".to_owned(), Value::Data(token.to_vec()));
        }
        _ => return passwords::fill(work, enrollment, command, dictionary),
    }
    Ok(Ok(()))
}

/// An erase with Return to Service brings the device back by a profile of its own, whose challenge proves the erase.
fn return_to_service(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    seq: DeliverySeq,
    dictionary: &mut Dictionary,
) -> Result<Result<(), String>, Error> {
    let Some(Value::Dictionary(back)) = dictionary.get_mut("ReturnToService") else { return Ok(Ok(())) };
    let is_plain = back.remove(PLAIN_RETURN).is_some();
    let enabled = back.get("Enabled").and_then(Value::as_boolean) == Some(true);
    if is_plain || !enabled || back.contains_key("MDMProfileData") {
        return Ok(Ok(()));
    }
    let profile = make_profile(work, enrollment, (seq, IssuancePurpose::ReturnToService))?;
    back.insert("MDMProfileData".to_owned(), Value::Data(profile));
    Ok(Ok(()))
}

/// The profile of an enrolment with a new challenge. Topic and rights are those that the enrolment has: a device refuses a profile that
/// changes the one or adds to the other.
fn make_profile(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    (seq, purpose): (DeliverySeq, IssuancePurpose),
) -> Result<Vec<u8>, Error> {
    let challenge = enrollment::new_challenge();
    let rights = profile::rights_of(enrollment);
    let digest = profile::digest(work.context, work.authorities, &enrollment.topic, rights)?;
    let waits = if purpose == IssuancePurpose::Renew { RENEWAL_WAITS } else { RETURN_WAITS };
    let issuance = Issuance {
        id: IssuanceId::new(&*work.context.clock),
        purpose,
        challenge_hash: enrollment::challenge_hash(&challenge).to_vec(),
        link_id: None,
        enrollment_id: Some(enrollment.id),
        delivery_seq: Some(seq),
        ownership: enrollment.ownership,
        owner: enrollment.owner.clone(),
        subject: enrollment::common_name(),
        created_at: work.now,
        expires_at: work.now + waits,
        transaction_id: None,
        key_digest: None,
        first_used_at: None,
        identity_id: None,
        topic: Some(enrollment.topic.clone()),
        profile_digest: Some(digest.to_vec()),
        revoked_at: None,
    };
    issuance.insert(work.tx)?;
    let order = ProfileOrder {
        topic: &enrollment.topic,
        access_rights: rights,
        challenge,
        common_name: &issuance.subject,
    };
    profile::sign(work.authorities, &profile::build(work.context, work.authorities, order)?)
}
