//! A simulated Apple: its certificate authority, push certificates, and APNs.

mod answer;
mod apns;
mod faults;
mod registry;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clock::{Clock, Timestamp};
use pki::{Authority, AuthorityKind, NewCertificate, PrivateKey, Usage};
use zeroize::Zeroizing;

use crate::dice::Dice;

pub use apns::{ReceivedPush, SimulatedApns};
pub use faults::{PushFault, PushFaults};
pub use registry::Registry;
pub(crate) use registry::{Delivery, Mailbox, StoredPush};

/// The root of everything that Apple would have signed, and the list of push tokens it has given out.
pub struct SimulatedApple {
    authority: Authority,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
}

/// A push certificate with its key, as the portal's download and the customer's key glued together.
pub struct IssuedPushCertificate {
    /// The UID of the certificate: `com.apple.mgmt.External.<uuid>`.
    pub topic: String,
    /// Certificate and private key, PEM.
    pub pem: Zeroizing<Vec<u8>>,
}

impl SimulatedApple {
    /// A new authority with an empty registry of tokens.
    ///
    /// # Errors
    /// When OpenSSL cannot make a key or sign.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self> {
        let authority =
            Authority::create(AuthorityKind::P256, "Simulated Apple Integration CA", clock.now(), 3650)
                .context("the simulated Apple cannot make its authority")?;
        Ok(Self { authority, registry: Arc::new(Registry::default()), clock })
    }

    /// The same Apple as one that was saved: its certificates stay valid. The registry of tokens starts empty.
    ///
    /// # Errors
    /// When `saved` is not what [`save`](Self::save) gave.
    pub fn restore(saved: &[u8], clock: Arc<dyn Clock>) -> Result<Self> {
        let authority =
            Authority::from_pem(saved, saved, clock.now()).context("this is no saved simulated Apple")?;
        Ok(Self { authority, registry: Arc::default(), clock })
    }

    /// Certificate and private key of the authority (PEM), to [`restore`](Self::restore) it after a restart.
    ///
    /// # Errors
    /// When OpenSSL cannot write the key.
    pub fn save(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut pem = Zeroizing::new(self.ca_pem());
        pem.extend_from_slice(self.authority.key().to_pkcs8_pem()?.as_ref());
        Ok(pem)
    }

    /// The authority's certificate (PEM): what a client of the simulated APNs has to trust.
    #[must_use]
    pub fn ca_pem(&self) -> Vec<u8> {
        Vec::from(self.authority.certificate().to_pem())
    }

    /// The push tokens of all simulated devices: give it to [`Network`](crate::Network) as well.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Issues a push certificate for a topic made from `seed`; the same seed renews the same topic.
    ///
    /// # Errors
    /// When OpenSSL cannot make a key or sign.
    pub fn issue_push_certificate(&self, seed: u64, valid_days: u32) -> Result<IssuedPushCertificate> {
        let now = self.clock.now();
        let topic = format!("com.apple.mgmt.External.{}", Dice::new(!seed).uuid().to_lowercase());
        let until = now + std::time::Duration::from_secs(u64::from(valid_days) * 86_400);
        self.issue(&topic, now, until)
    }

    /// Issues a push certificate that is valid in the given time, past or future.
    ///
    /// # Errors
    /// When OpenSSL cannot make a key or sign.
    pub fn issue(&self, topic: &str, from: Timestamp, until: Timestamp) -> Result<IssuedPushCertificate> {
        let key = PrivateKey::generate_rsa_2048()?;
        let certificate = self.authority.issue(&NewCertificate {
            public_key_der: key.public_key_der()?,
            subject: vec![
                ("UID".to_owned(), topic.to_owned()),
                ("CN".to_owned(), "APSP:simulated".to_owned()),
                ("C".to_owned(), "US".to_owned()),
            ],
            not_before: from,
            not_after: until,
            usage: Usage::Client,
            serial: None,
        })?;
        let mut pem = Zeroizing::new(Vec::from(certificate.to_pem()));
        pem.extend_from_slice(key.to_pkcs8_pem()?.as_ref());
        Ok(IssuedPushCertificate { topic: topic.to_owned(), pem })
    }

    /// Starts the simulated APNs at `address` (port 0 for any). Its certificate is for `localhost`.
    ///
    /// # Errors
    /// When the address is taken, or OpenSSL fails.
    pub async fn start_apns(&self, address: SocketAddr) -> Result<SimulatedApns> {
        let key = PrivateKey::generate_p256()?;
        let now = self.clock.now();
        let certificate = self.authority.issue(&NewCertificate {
            public_key_der: key.public_key_der()?,
            subject: vec![("CN".to_owned(), "localhost".to_owned())],
            not_before: now,
            not_after: now + std::time::Duration::from_secs(3650 * 86_400),
            usage: Usage::Server {
                dns_names: vec!["localhost".to_owned()],
                ip: vec![std::net::Ipv4Addr::LOCALHOST.into()],
            },
            serial: None,
        })?;
        let tls = apns::acceptor(&certificate, &key, self.authority.certificate())?;
        SimulatedApns::start(address, tls, self.registry()).await
    }
}

#[cfg(test)]
mod tests {
    use clock::SystemClock;

    use super::*;

    #[test]
    fn a_restored_apple_is_the_same_authority_and_renews_the_same_topic() {
        let apple = SimulatedApple::new(Arc::new(SystemClock)).unwrap();
        let again = SimulatedApple::restore(&apple.save().unwrap(), Arc::new(SystemClock)).unwrap();
        assert_eq!(apple.ca_pem(), again.ca_pem());
        let (one, two) =
            (apple.issue_push_certificate(5, 1).unwrap(), again.issue_push_certificate(5, 1).unwrap());
        assert_eq!(one.topic, two.topic);
        let issued = pki::PushCertificate::from_pem(&two.pem).unwrap();
        assert_eq!(issued.topic(), one.topic);
        assert!(SimulatedApple::restore(b"nothing", Arc::new(SystemClock)).is_err());
    }
}
