//! What an answer brings or means for secrets: what a device told is sealed, and what Ward made for it is confirmed or given up.

use plist::Value;
use protocol_mdm::secrets::SecretKind as Found;
use protocol_mdm::secrets::SecretValue;
use store::{Command, DeliverySeq, DeliveryState, Secret, SecretId, SecretKind};
use zeroize::Zeroizing;

use super::Answer;
use crate::lifecycle::Speaker;
use crate::work::Work;
use crate::{Error, escrow};

/// Keys whose value is a recovery key, encrypted to the escrow certificate.
const ENCRYPTED: [&str; 2] = ["FDE_PersonalRecoveryKeyCMS", "EncryptedNewRecoveryKey"];

/// Seals what the device told. What is known already is not kept twice: a Mac repeats its recovery key in every SecurityInfo.
pub(super) fn keep(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    secret: &SecretValue,
    source: &str,
) -> Result<(), Error> {
    let (context, epoch) = (work.context, speaker.enrollment.id);
    let kind = kind_of(secret.kind);
    let told = secret.value.expose_secret();
    let is_encrypted = ENCRYPTED.iter().any(|key| secret.key_path.ends_with(key));
    let opened = if is_encrypted { escrow::key::open(work.tx, &context.sealer, told)? } else { None };
    if is_encrypted && opened.is_none() {
        tracing::info!(enrollment.id = %epoch, "A Mac's recovery key is encrypted to another certificate than Ward's; it is kept as it came");
    }
    let known = match (&opened, kind) {
        (Some(_), _) => Secret::latest_confirmed(work.tx, epoch, kind)?,
        (None, SecretKind::Location) => None,
        (None, _) => Secret::latest(work.tx, epoch, kind)?,
    };
    let plain = opened.clone().unwrap_or_else(|| Zeroizing::new(told.to_vec()));
    if let Some(known) = known
        && known.open(&context.sealer)? == plain
    {
        return Ok(());
    }
    let id = SecretId::new(&*context.clock);
    let mut row = Secret::seal(&context.sealer, (id, epoch), kind, &plain, source, work.now)?;
    row.confirmed_at = opened.is_some().then_some(work.now);
    row.insert(work.tx)?;
    if opened.is_some() {
        escrow::note_new(work, epoch, (kind, id))?;
    }
    Ok(())
}

/// What the answer says of a password that Ward made: the Mac has it, or it has not.
pub(super) fn settle(
    work: &mut Work<'_, '_>,
    speaker: &Speaker,
    (seq, command, state): (DeliverySeq, &Command, DeliveryState),
    answer: &Answer,
) -> Result<(), Error> {
    let request_type = command.request_type.as_str();
    let done = state == DeliveryState::Acknowledged;
    let flag = |path: &[&str]| {
        let (last, way) = path.split_last()?;
        let inner = way.iter().try_fold(&answer.body, |at, key| at.get(key)?.as_dictionary())?;
        inner.get(last).and_then(Value::as_boolean)
    };
    let has_it = match request_type {
        "SetRecoveryLock" | "SetAutoAdminPassword" | "AccountConfiguration" => Some(done),
        "SetFirmwarePassword" => Some(done && flag(&[request_type, "PasswordChanged"]).unwrap_or(true)),
        "VerifyRecoveryLock" if done => flag(&["PasswordVerified"]),
        "VerifyFirmwarePassword" if done => flag(&[request_type, "PasswordVerified"]),
        _ => None,
    };
    let (Some(has_it), now) = (has_it, work.now) else { return Ok(()) };
    let kind = match request_type {
        "SetRecoveryLock" => SecretKind::RecoveryLock,
        _ => SecretKind::FirmwarePassword,
    };
    match command.secret_id {
        Some(id) if has_it => {
            Secret::confirm(work.tx, id, now)?;
            let kind = Secret::find(work.tx, id)?.kind;
            escrow::note_new(work, speaker.enrollment.id, (kind, id))?;
        }
        // A command that was handed out twice may have been obeyed the first time: the second then fails for that very reason.
        Some(id) if request_type.starts_with("Verify") || hand_outs(work, seq) < 2 => {
            Secret::remove_unconfirmed(work.tx, id, now)?;
        }
        Some(_) => {
            tracing::warn!(enrollment.id = %speaker.enrollment.id, "A Mac refused a password that it may have taken from an earlier hand-out: the Verify command tells")
        }
        None if has_it && request_type.starts_with("Set") => {
            Secret::remove_all(work.tx, speaker.enrollment.id, kind, now)?;
        }
        None => {}
    }
    Ok(())
}

fn hand_outs(work: &Work<'_, '_>, seq: DeliverySeq) -> u32 {
    work.tx.pending_by_seq(seq).map_or(2, |pending| pending.hand_outs.saturating_sub(pending.not_nows))
}

const fn kind_of(found: Found) -> SecretKind {
    match found {
        Found::ActivationLockBypassCode => SecretKind::ActivationLockBypassCode,
        Found::RecoveryKey => SecretKind::RecoveryKey,
        Found::UnlockToken => SecretKind::UnlockToken,
        Found::BootstrapToken => SecretKind::BootstrapToken,
        Found::Location => SecretKind::Location,
        Found::PushToken | Found::Other => SecretKind::Token,
    }
}
