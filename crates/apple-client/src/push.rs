//! The seam between the server and APNs: what is sent, what comes back, and what each failure means.

use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use clock::Timestamp;
use pki::PushCertificate;
use secrecy::SecretString;
use thiserror::Error;
use zeroize::Zeroizing;

/// Sends the wake-up that makes a device ask the server for its commands.
#[async_trait]
pub trait Push: Debug + Send + Sync + 'static {
    /// Sends one push. `Ok` means that APNs took it, not that the device saw it.
    ///
    /// # Errors
    /// See [`PushError`]; [`PushError::may_retry`] tells which of them are worth another attempt.
    async fn send(&self, message: PushMessage) -> Result<PushReceipt, PushError>;

    /// Adds the certificate of a topic, or replaces the one that the topic has. Pushes under way are not disturbed.
    ///
    /// # Errors
    /// [`PushError::Rejected`] if the certificate and its key cannot be used for TLS.
    fn install(&self, certificate: PushCertificate) -> Result<(), PushError>;

    /// Takes the certificate of `topic` out of use. Returns whether there was one.
    fn remove(&self, topic: &str) -> bool;

    /// The topics that can be pushed to, in alphabetical order.
    fn topics(&self) -> Vec<String>;
}

/// One push to one channel of one device.
#[derive(Clone)]
pub struct PushMessage {
    /// The topic that the device named in `TokenUpdate`: the UID of the push certificate.
    pub topic: String,
    /// The device's push token, as the bytes that `TokenUpdate` carried.
    pub token: Zeroizing<Vec<u8>>,
    /// The `PushMagic` of the channel.
    pub magic: SecretString,
    /// Until when APNs keeps the push for a device that is not connected. `None`: it tries once.
    pub expiration: Option<Timestamp>,
}

impl Debug for PushMessage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PushMessage")
            .field("topic", &self.topic)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

/// What APNs says about a push that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReceipt {
    /// The `apns-id` that APNs gave the push, for questions to Apple.
    pub apns_id: Option<String>,
}

/// Why a push was not taken, by what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PushError {
    /// 410: the token is dead. Do not use it again until a `TokenUpdate` brings one; the device stays enrolled.
    #[error("the push token is no longer in use")]
    Unregistered {
        /// The moment since when APNs knows this. Ignore the error if the stored token is newer.
        since: Option<Timestamp>,
    },
    /// 400, 403 or a TLS refusal: something is configured wrongly, usually the certificate or its topic. Somebody
    /// has to act; no token is to be retired because of it.
    #[error("APNs refuses the push: {0}")]
    Rejected(String),
    /// 429: too many pushes to this token.
    #[error("APNs asks for fewer pushes")]
    Throttled(Option<Duration>),
    /// 5xx, no connection, or no answer in time.
    #[error("APNs is not available: {reason}")]
    Unavailable {
        /// What happened, in words.
        reason: String,
        /// How long APNs asked to wait, if it did.
        after: Option<Duration>,
    },
    /// No push certificate is installed for the topic.
    #[error("no push certificate is installed for the topic {0}")]
    NoCertificate(String),
    /// An answer that APNs does not document, or a message that cannot be sent at all.
    #[error("the push failed in an unexpected way: {0}")]
    Unexpected(String),
}

impl PushError {
    /// Whether the same push may succeed later without anybody changing anything.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable { .. })
    }

    /// How long APNs asked to wait before the next attempt.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(after) | Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }

    /// Whether a person has to repair the configuration before any push of this topic can succeed.
    #[must_use]
    pub const fn is_configuration_fault(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::NoCertificate(_))
    }

    /// A short stable word for logs and figures.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unregistered { .. } => "unregistered",
            Self::Rejected(_) => "rejected",
            Self::Throttled(_) => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::NoCertificate(_) => "no_certificate",
            Self::Unexpected(_) => "unexpected",
        }
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_neither_token_nor_magic() {
        let message = PushMessage {
            topic: "com.apple.mgmt.External.1".to_owned(),
            token: Zeroizing::new(vec![0xab; 32]),
            magic: SecretString::from("magic-word"),
            expiration: None,
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("com.apple.mgmt.External.1"));
        assert!(
            !shown.contains("171") && !shown.contains("abab") && !shown.contains("magic-word"),
            "{shown}"
        );
    }

    #[test]
    fn only_a_throttled_or_unavailable_push_is_worth_another_attempt() {
        let table = [
            (PushError::Unregistered { since: None }, false, false),
            (PushError::Rejected("BadTopic".to_owned()), false, true),
            (PushError::Throttled(None), true, false),
            (PushError::unavailable("503"), true, false),
            (PushError::NoCertificate("t".to_owned()), false, true),
            (PushError::Unexpected("x".to_owned()), false, false),
        ];
        for (error, retry, fault) in table {
            assert_eq!((error.may_retry(), error.is_configuration_fault()), (retry, fault), "{error:?}");
        }
    }
}
