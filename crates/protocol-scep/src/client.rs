//! The client's side, for simulated devices: builds requests in the forms that real clients use, reads replies.

use clock::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pki::cms::{self, Cipher, SignOptions, SignedMessage};
use pki::{Any, Certificate, Digest, KeyKind, PrivateKey, random_bytes};
use std::time::Duration;

use crate::attributes::{
    self, CERT_REP, FAIL_INFO, MESSAGE_TYPE, PKI_STATUS, RECIPIENT_NONCE, SENDER_NONCE, TRANSACTION_ID,
};
use crate::{Error, FailInfo, MessageType, Result};

/// How a client builds its request.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How to encrypt.
    pub cipher: Cipher,
    /// What to sign with.
    pub digest: Digest,
    /// Whether to write indefinite lengths.
    pub ber: bool,
    /// A present identity, to sign a RenewalReq with; none for a PKCSReq.
    pub renew: Option<(Certificate, PrivateKey)>,
    /// The client's clock, for the certificate that it signs with.
    pub now: Timestamp,
}

/// A request that was built, and what is needed to read its reply.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// The body of the POST.
    pub message: Vec<u8>,
    /// The transaction id.
    pub transaction_id: String,
    /// The certificate that signed the request, and to which the reply is encrypted.
    pub signer: Certificate,
    /// The key to be certified.
    key: PrivateKey,
    /// The key that signed: the same one, or that of the identity to be renewed.
    signing_key: PrivateKey,
    nonce: Vec<u8>,
    authority: Vec<Certificate>,
}

/// What a server replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The certificate for the requested key.
    Success(Certificate),
    /// The server said no.
    Failure(FailInfo),
    /// The server said later.
    Pending,
}

impl ClientRequest {
    /// Builds a request. `ca_certificates` are what GetCACert gave, `key` the new key, `csr` the request for it with the
    /// challenge inside.
    ///
    /// # Errors
    /// [`Error::Malformed`] if no certificate can be encrypted to, [`Error::Pki`].
    pub fn build(
        ca_certificates: &[Certificate],
        key: &PrivateKey,
        csr: &[u8],
        options: &ClientOptions,
    ) -> Result<Self> {
        let recipient = recipient(ca_certificates)?;
        let envelope = cms::encrypt(csr, &[recipient], options.cipher)?;
        let digest = pki::sha256(&key.public_key_der()?);
        let transaction_id = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}"));
        let (signer, signing_key, message_type) = match &options.renew {
            Some((certificate, key)) => (certificate.clone(), key.clone(), MessageType::RenewalReq),
            None => (self_signed(key, options.now)?, key.clone(), MessageType::PkcsReq),
        };
        let nonce = random_bytes::<16>().to_vec();
        let attributes = vec![
            (MESSAGE_TYPE, attributes::printable(message_type.number())?),
            (TRANSACTION_ID, attributes::printable(&transaction_id)?),
            (SENDER_NONCE, attributes::octets(&nonce)?),
        ];
        let form = SignOptions { digest: options.digest, signed_attributes: true, ber: options.ber };
        let message = cms::sign_with_attributes(&signer, &signing_key, &envelope, attributes, form, &[])?;
        let authority = ca_certificates.to_vec();
        let key = key.clone();
        Ok(Self { message, transaction_id, signer, key, signing_key, nonce, authority })
    }

    /// The query of a PKIOperation by GET, without the `?`.
    #[must_use]
    pub fn query(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.message);
        format!("operation=PKIOperation&message={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
    }

    /// Reads the reply: verifies that the authority signed it, that it belongs to this request, and decrypts it.
    ///
    /// # Errors
    /// [`Error::WrongReply`], [`Error::MissingAttribute`], [`Error::Pki`].
    pub fn parse_reply(&self, message: &[u8]) -> Result<Reply> {
        let reply = SignedMessage::parse(message)?;
        reply.verify()?;
        if !self.authority.contains(reply.signer()) {
            return Err(Error::WrongReply("is not signed by the authority"));
        }
        let found = reply.attributes();
        if attributes::text(found, &MESSAGE_TYPE, "messageType")? != CERT_REP {
            return Err(Error::WrongReply("is not a CertRep"));
        }
        if attributes::text(found, &TRANSACTION_ID, "transactionID")? != self.transaction_id {
            return Err(Error::WrongReply("belongs to another transaction"));
        }
        if found.get(&RECIPIENT_NONCE).map(Any::value) != Some(&self.nonce) {
            return Err(Error::WrongReply("does not repeat the nonce"));
        }
        match attributes::text(found, &PKI_STATUS, "pkiStatus")? {
            "0" => self.certificate(&reply).map(Reply::Success),
            "2" => {
                let number = attributes::text(found, &FAIL_INFO, "failInfo")?;
                FailInfo::from_number(number)
                    .map(Reply::Failure)
                    .ok_or(Error::WrongReply("has an unknown failInfo"))
            }
            "3" => Ok(Reply::Pending),
            _ => Err(Error::WrongReply("has an unknown status")),
        }
    }

    fn certificate(&self, reply: &SignedMessage) -> Result<Certificate> {
        let (certificates, _) =
            cms::decrypt(reply.content().unwrap_or_default(), &self.signer, &self.signing_key, true)?;
        let mut certificates = cms::certificates_of(&certificates)?.into_iter();
        let issued = certificates.find(|certificate| certificate.matches_key(&self.key));
        issued.ok_or(Error::WrongReply("has no certificate for the requested key"))
    }
}

/// The certificates that GetCACert gave, by its content type.
///
/// # Errors
/// [`Error::WrongReply`] for another content type, [`Error::Pki`].
pub fn parse_ca_certificates(content_type: &str, body: &[u8]) -> Result<Vec<Certificate>> {
    match content_type {
        "application/x-x509-ca-cert" => Ok(vec![Certificate::from_der(body)?]),
        "application/x-x509-ca-ra-cert" => Ok(cms::certificates_of(body)?),
        _ => Err(Error::WrongReply("to GetCACert has a content type that is not SCEP's")),
    }
}

/// Whether the capabilities name `word`, without regard to case.
#[must_use]
pub fn offers(capabilities: &str, word: &str) -> bool {
    capabilities.lines().any(|line| line.trim().eq_ignore_ascii_case(word))
}

/// The first RSA certificate that is not an authority, else the first that is.
fn recipient(certificates: &[Certificate]) -> Result<&Certificate> {
    let rsa = |certificate: &&Certificate| {
        certificate.public_key().is_ok_and(|key| matches!(key.kind(), KeyKind::Rsa(_)))
    };
    let mut candidates: Vec<_> = certificates.iter().filter(rsa).collect();
    candidates.sort_by_key(|certificate| certificate.is_authority());
    candidates.first().copied().ok_or(Error::Malformed("the authority has no RSA certificate to encrypt to"))
}

fn self_signed(key: &PrivateKey, now: Timestamp) -> Result<Certificate> {
    let subject = vec![("CN".to_owned(), "SCEP client".to_owned())];
    let day = Duration::from_secs(24 * 60 * 60);
    Ok(Certificate::self_signed(key, &subject, now - day, now + day)?)
}
