//! The passwords of Macs, put in when the command leaves: the one that is set, the one that is there, the recovery key.

use pki::SaltedHash;
use plist::{Dictionary, Value};
use protocol_mdm::guard::write_xml;
use secrecy::SecretString;
use store::{Command, Enrollment, Secret, SecretKind};

use crate::work::Work;
use crate::{Error, escrow};

/// Puts in the passwords that the command needs. The inner error says, for people, why they cannot be had.
pub(super) fn fill(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    command: &Command,
    dictionary: &mut Dictionary,
) -> Result<Result<(), String>, Error> {
    match command.request_type.as_str() {
        "SetRecoveryLock" => change(work, enrollment, (command, SecretKind::RecoveryLock), dictionary)?,
        "SetFirmwarePassword" => {
            change(work, enrollment, (command, SecretKind::FirmwarePassword), dictionary)?;
        }
        "VerifyRecoveryLock" | "VerifyFirmwarePassword" => {
            let Some(password) = own(work, command)? else {
                return Ok(Err("the password to verify is not kept any more".to_owned()));
            };
            dictionary.insert("Password".to_owned(), text(&password)?);
        }
        "SetAutoAdminPassword" => {
            let Some(password) = own(work, command)? else {
                return Ok(Err("the password to set is not kept any more".to_owned()));
            };
            dictionary.insert("passwordHash".to_owned(), hash(&password)?);
        }
        "AccountConfiguration" => accounts(work, command, dictionary)?,
        "RotateFileVaultKey" => return rotation(work, enrollment, dictionary),
        _ => {}
    }
    Ok(Ok(()))
}

type Opened = zeroize::Zeroizing<Vec<u8>>;

/// The secret that was made for the command.
fn own(work: &mut Work<'_, '_>, command: &Command) -> Result<Option<Opened>, Error> {
    let Some(id) = command.secret_id else { return Ok(None) };
    Ok(Some(Secret::find(work.tx, id)?.open(&work.context.sealer)?))
}

/// The new password, and beside it the one that the Mac has shown to have.
fn change(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    (command, kind): (&Command, SecretKind),
    dictionary: &mut Dictionary,
) -> Result<(), Error> {
    if let Some(password) = own(work, command)? {
        dictionary.insert("NewPassword".to_owned(), text(&password)?);
    }
    if let Some(present) = Secret::latest_confirmed(work.tx, enrollment.id, kind)? {
        dictionary.insert("CurrentPassword".to_owned(), text(&present.open(&work.context.sealer)?)?);
    }
    Ok(())
}

/// The hash for every administrator that the command makes; Apple uses the first only.
fn accounts(work: &mut Work<'_, '_>, command: &Command, dictionary: &mut Dictionary) -> Result<(), Error> {
    let Some(password) = own(work, command)? else { return Ok(()) };
    let hash = hash(&password)?;
    let accounts = dictionary.get_mut("AutoSetupAdminAccounts").and_then(Value::as_array_mut);
    for account in accounts.into_iter().flatten().filter_map(Value::as_dictionary_mut) {
        account.insert("passwordHash".to_owned(), hash.clone());
    }
    Ok(())
}

/// The present recovery key unlocks the disk, and the new one comes back encrypted to Ward.
fn rotation(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    dictionary: &mut Dictionary,
) -> Result<Result<(), String>, Error> {
    let present = Secret::latest_confirmed(work.tx, enrollment.id, SecretKind::RecoveryKey)?;
    let (Some(present), Some(certificate)) = (present, escrow::key::certificate(work.tx)?) else {
        return Ok(Err("Ward has no recovery key of this Mac".to_owned()));
    };
    let mut unlock = Dictionary::new();
    unlock.insert("Password".to_owned(), text(&present.open(&work.context.sealer)?)?);
    dictionary.insert("FileVaultUnlock".to_owned(), Value::Dictionary(unlock));
    dictionary.insert("ReplyEncryptionCertificate".to_owned(), Value::Data(certificate.der().to_vec()));
    Ok(Ok(()))
}

fn text(plain: &[u8]) -> Result<Value, Error> {
    let text =
        std::str::from_utf8(plain).map_err(|_| Error::Internal("a password is not text".to_owned()))?;
    Ok(Value::String(text.to_owned()))
}

/// `passwordHash`: a property list as data (Apple: "SetAutoAdminPassword").
fn hash(plain: &[u8]) -> Result<Value, Error> {
    let text =
        std::str::from_utf8(plain).map_err(|_| Error::Internal("a password is not text".to_owned()))?;
    let hash = SaltedHash::of(&SecretString::from(text))?;
    let mut parts = Dictionary::new();
    parts.insert("entropy".to_owned(), Value::Data(hash.entropy.to_vec()));
    parts.insert("salt".to_owned(), Value::Data(hash.salt.clone()));
    parts.insert("iterations".to_owned(), Value::Integer(hash.iterations.into()));
    let mut whole = Dictionary::new();
    whole.insert("SALTED-SHA512-PBKDF2".to_owned(), Value::Dictionary(parts));
    Ok(Value::Data(write_xml(&whole)))
}
