//! Signing a profile, and encrypting it to a device. Apple: "Signing and Encrypting Profiles" (Configuration Profile Reference).

use pki::cms::Cipher;
use pki::{Certificate, PrivateKey};
use plist::{Dictionary, Value};
use plist_guard::write_xml_value;

use crate::{Error, Rendered};

/// Signs a profile (CMS, attached, DER): what InstallProfile carries.
///
/// # Errors
/// [`Error::Signature`] where signing fails.
pub fn sign(
    xml: &[u8],
    certificate: &Certificate,
    key: &PrivateKey,
    chain: &[Certificate],
) -> Result<Vec<u8>, Error> {
    pki::cms::sign_attached(certificate, key, chain, xml).map_err(Error::Signature)
}

/// The profile with its payloads encrypted to these certificates: `EncryptedPayloadContent` holds a CMS envelope (DER, AES-256) around
/// the property list of the `PayloadContent` array. Identifier and UUID stay readable and the same.
///
/// # Errors
/// [`Error::Signature`] where encrypting fails, for example without a recipient.
pub fn encrypt(rendered: &Rendered, recipients: &[&Certificate]) -> Result<Dictionary, Error> {
    let mut profile = Dictionary::new();
    for (key, value) in &rendered.dictionary {
        if key == "PayloadContent" {
            let message = pki::cms::encrypt(&write_xml_value(value), recipients, Cipher::Aes256)
                .map_err(Error::Encryption)?;
            profile.insert("EncryptedPayloadContent".to_owned(), Value::Data(message));
        } else {
            profile.insert(key.clone(), value.clone());
        }
    }
    profile.insert("IsEncrypted".to_owned(), Value::Boolean(true));
    profile.sort_keys();
    Ok(profile)
}
