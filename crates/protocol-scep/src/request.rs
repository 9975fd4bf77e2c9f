//! What a client sends in a PKIOperation (RFC 8894, section 3).

use pki::cms::{self, Cipher, SignedMessage};
use pki::{Any, Authority, Certificate, CertificateRequest, Digest};

use crate::attributes::{self, MESSAGE_TYPE, SENDER_NONCE, TRANSACTION_ID};
use crate::operation::MESSAGE_LIMIT;
use crate::{Error, FailInfo, MessageType};

/// The longest transaction id and nonce, in bytes.
const ATTRIBUTE_LIMIT: usize = 1024;

/// A request whose signature, envelope and inner request are in order. Whether its challenge or signer entitles it to
/// a certificate is not decided here.
#[derive(Debug, Clone)]
pub struct Request {
    /// What a reply needs, and who signed.
    pub header: Header,
    /// The inner request, its own signature verified.
    pub csr: CertificateRequest,
    /// How it was encrypted; the reply will be, too.
    pub cipher: Cipher,
}

/// The outside of a request: what a reply has to repeat.
#[derive(Debug, Clone)]
pub struct Header {
    /// First certificate or renewal.
    pub message_type: MessageType,
    /// As received, type and bytes: clients put characters into it that its type does not allow.
    pub transaction_id: Any,
    /// As received; some clients send none.
    pub sender_nonce: Option<Any>,
    /// The certificate that signed. For a PKCSReq of any shape and any issuer; for a RenewalReq the service has to find
    /// it among the identities that it issued.
    pub signer: Certificate,
    /// What the client signed with; the reply will be, too.
    pub digest: Digest,
}

/// A request that gets no certificate.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Rejection {
    /// Not a SCEP request: there is nobody to answer but with an HTTP error.
    #[error("the SCEP request cannot be read: {0}")]
    Unreadable(#[source] Error),
    /// The client gets a CertRep with this failure, see [`failure`](crate::failure).
    #[error("the SCEP request is refused: {error}")]
    Failed {
        /// What the reply repeats.
        header: Box<Header>,
        /// What the client is told.
        fail_info: FailInfo,
        /// What the log is told.
        #[source]
        error: Error,
    },
}

impl Request {
    /// Reads a message of at most 64 KiB, BER or DER: verifies its signature, decrypts it with the key of the
    /// authority (or its registration authority), and verifies the request inside. Single DES is refused unless it is
    /// allowed.
    ///
    /// # Errors
    /// [`Rejection::Unreadable`] before the signer and transaction are known, [`Rejection::Failed`] after.
    pub fn parse(message: &[u8], authority: &Authority, allow_single_des: bool) -> Result<Self, Rejection> {
        if message.is_empty() {
            // Some proxies drop the body of a POST.
            return Err(Rejection::Unreadable(Error::Malformed("it is empty")));
        }
        if message.len() > MESSAGE_LIMIT {
            let error = Error::TooLarge { size: message.len(), limit: MESSAGE_LIMIT };
            return Err(Rejection::Unreadable(error));
        }
        let message = SignedMessage::parse(message).map_err(|error| Rejection::Unreadable(error.into()))?;
        let (header, served) = Header::of(&message).map_err(Rejection::Unreadable)?;
        let fail = |fail_info: FailInfo, error: Error| Rejection::Failed {
            header: Box::new(header.clone()),
            fail_info,
            error,
        };
        message.verify().map_err(|error| fail(fail_info_of(&error), error.into()))?;
        served.map_err(|error| fail(FailInfo::BadRequest, error))?;
        let (csr, cipher) = open(&message, authority, allow_single_des)
            .map_err(|error| fail(fail_info_of(&error), error.into()))?;
        Ok(Self { header, csr, cipher })
    }
}

impl Header {
    /// The header, and whether the message type is served.
    fn of(message: &SignedMessage) -> Result<(Self, Result<(), Error>), Error> {
        let found = message.attributes();
        let transaction_id = found.get(&TRANSACTION_ID).ok_or(Error::MissingAttribute("transactionID"))?;
        let sender_nonce = found.get(&SENDER_NONCE);
        let longest = sender_nonce.into_iter().chain([transaction_id]).map(|any| any.value().len()).max();
        if longest > Some(ATTRIBUTE_LIMIT) {
            return Err(Error::Malformed("its transaction id or nonce is too long"));
        }
        let number = attributes::text(found, &MESSAGE_TYPE, "messageType")?;
        let message_type = MessageType::from_number(number);
        let header = Self {
            message_type: message_type.unwrap_or(MessageType::PkcsReq),
            transaction_id: transaction_id.clone(),
            sender_nonce: sender_nonce.cloned(),
            signer: message.signer().clone(),
            digest: message.digest(),
        };
        let shown = || number.chars().filter(|letter| !letter.is_control()).take(20).collect();
        let served = message_type.map(|_| ()).ok_or_else(|| Error::UnsupportedMessageType(shown()));
        Ok((header, served))
    }

    /// The bytes of the transaction id, the same for every retry of a transaction.
    #[must_use]
    pub fn transaction(&self) -> &[u8] {
        self.transaction_id.value()
    }
}

fn open(
    message: &SignedMessage,
    authority: &Authority,
    allow_single_des: bool,
) -> Result<(CertificateRequest, Cipher), pki::Error> {
    let envelope = message.content().unwrap_or_default();
    let (certificate, key) = authority.scep_recipient();
    let (csr, cipher) = cms::decrypt(envelope, certificate, key, allow_single_des)?;
    Ok((CertificateRequest::from_der(&csr)?, cipher))
}

fn fail_info_of(error: &pki::Error) -> FailInfo {
    match error {
        pki::Error::Unsupported(_) | pki::Error::KeyPolicy(_) => FailInfo::BadAlg,
        pki::Error::WrongSignature(_) => FailInfo::BadMessageCheck,
        _ => FailInfo::BadRequest,
    }
}

#[cfg(test)]
mod tests;
