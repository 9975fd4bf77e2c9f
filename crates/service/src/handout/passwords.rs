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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Bench;

    /// The password whose hash stands in `data`, if it is `password`.
    fn is_hash_of(data: &[u8], password: &str) -> bool {
        let whole = protocol_mdm::guard::parse_dictionary(data).unwrap();
        let parts = whole.get("SALTED-SHA512-PBKDF2").and_then(Value::as_dictionary).unwrap();
        let bytes = |key: &str| parts.get(key).and_then(Value::as_data).unwrap().to_vec();
        let rounds = parts.get("iterations").and_then(Value::as_unsigned_integer).unwrap();
        let again = SaltedHash::with_salt(
            &SecretString::from(password),
            bytes("salt"),
            u32::try_from(rounds).unwrap(),
        );
        *again.unwrap().entropy == bytes("entropy")
    }

    #[tokio::test]
    async fn the_administrators_password_leaves_as_a_hash_and_is_kept_for_people() {
        let bench = Bench::new().await;
        let mac = bench.enroll("A").await;
        bench.make_mac(&mac).await;
        let mut epoch = bench.epoch("A").await;
        epoch.kind = catalog::EnrollmentType::Automated;
        bench.tx(move |tx| Ok(epoch.save(tx)?)).await;
        bench.change_device(&mac, |device| device.supervised = Some(true)).await;
        let operator = bench.operator().await;
        for command in [
            json!({"RequestType": "AccountConfiguration", "AutoSetupAdminAccounts": [{"shortName": "admin"}]}),
            json!({"RequestType": "SetAutoAdminPassword", "GUID": "9C6E7C66-5D4F-4F3C-9F0A-6C8C6E7C665D"}),
        ] {
            let answer = bench.send(&["A"], command).await;
            let id = answer.queued.first().unwrap().secret_id.unwrap();
            let asked = crate::views::RevealRequest { reason: "the test compares".to_owned() };
            let shown = bench.services.escrow.reveal(&operator, id, asked).await.unwrap();
            assert_eq!(shown.kind, "admin_password");
            let (uuid, sent) = bench.next(&mac).await.unwrap();
            let account = sent.get("AutoSetupAdminAccounts").and_then(Value::as_array);
            let place = account.map_or(&sent, |accounts| accounts.first().unwrap().as_dictionary().unwrap());
            let hash = place.get("passwordHash").and_then(Value::as_data).unwrap();
            assert!(is_hash_of(hash, &shown.value) && !is_hash_of(hash, "another"));
            bench.answer(&mac, &uuid, protocol_mdm::Status::Acknowledged, Dictionary::new()).await.unwrap();
            let listed = bench.services.escrow.list("A".to_owned()).await.unwrap();
            assert!(listed.iter().any(|secret| secret.id == id && secret.confirmed_at.is_some()));
        }
    }
}
