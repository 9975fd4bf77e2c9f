//! Getting an identity by SCEP as Apple devices do: capabilities, CA certificate, `PKCSReq` (RFC 8894).

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pki::cms::{Cipher, certificates_of};
use pki::{Certificate, CertificateRequest, Digest, PrivateKey};
use protocol_scep::client::{ClientOptions, ClientRequest, Reply};

use super::Device;
use super::profile::ScepPayload;
use crate::web::{Answer, Call, Identity};

/// How often a request whose answer is lost is sent again, with the same transaction and key.
const ATTEMPTS: u32 = 3;

impl Device {
    /// Makes a key and has it certified. `anchors` are trusted for TLS besides the roots of the network.
    pub(crate) async fn identity_by_scep(
        &self,
        payload: &ScepPayload,
        anchors: &[Certificate],
    ) -> Result<Identity> {
        let caps = self.scep_get(&self.operation(payload, "GetCACaps"), anchors).await?;
        let caps = Capabilities::read(&String::from_utf8_lossy(&caps.body));
        let authorities = self.scep_get(&self.operation(payload, "GetCACert"), anchors).await?;
        let authorities = read_authorities(&authorities)?;
        check_fingerprint(payload, &authorities)?;
        let key = self.key_for(payload.challenge.as_ref()).await?;
        let options = ClientOptions {
            cipher: if caps.aes { self.spec.scep.cipher } else { Cipher::DesEde3 },
            digest: if caps.sha256 { self.spec.scep.digest } else { Digest::Sha1 },
            ber: self.spec.scep.ber,
            renew: None,
            now: self.now(),
        };
        let request = {
            let (key, payload) = (key.clone(), payload.clone());
            let issuers = authorities.clone();
            tokio::task::spawn_blocking(move || -> Result<ClientRequest> {
                let csr = CertificateRequest::create(&key, &payload.subject, payload.challenge.as_deref())?;
                Ok(ClientRequest::build(&issuers, &key, &csr, &options)?)
            })
            .await??
        };
        let answer =
            self.pki_operation(payload, &request, caps.post && !self.spec.scep.by_get, anchors).await?;
        ensure!(answer.status.is_success(), "SCEP: the server answered {}", answer.status);
        ensure!(
            answer.content_type() == "application/x-pki-message",
            "SCEP: the reply has the type {:?}",
            answer.content_type()
        );
        let certificate = match request.parse_reply(&answer.body).context("the SCEP reply cannot be read")? {
            Reply::Success(certificate) => certificate,
            Reply::Failure(reason) => bail!("SCEP: the server refuses the request ({reason:?})"),
            Reply::Pending => bail!("SCEP: the server wants the device to wait"),
        };
        ensure!(certificate.matches_key(&key), "SCEP: the certificate is for another key");
        let now = self.now();
        ensure!(
            certificate.not_before() <= now && now <= certificate.not_after(),
            "SCEP: by the device's clock ({now}) the certificate is not valid"
        );
        Ok(Identity { certificate, key })
    }

    /// The key of the attempt that failed with this challenge, or a new one.
    async fn key_for(&self, challenge: Option<&String>) -> Result<PrivateKey> {
        if let Some((failed, key)) = self.attempt.lock().as_ref()
            && failed.as_ref() == challenge
        {
            return Ok(key.clone());
        }
        let key = self.network.rsa_key().await?;
        *self.attempt.lock() = Some((challenge.cloned(), key.clone()));
        Ok(key)
    }

    async fn pki_operation(
        &self,
        payload: &ScepPayload,
        request: &ClientRequest,
        post: bool,
        anchors: &[Certificate],
    ) -> Result<Answer> {
        let call = if post {
            let url = with_query(&payload.url, "operation=PKIOperation");
            Call::with_body(Method::POST, &url, "application/x-pki-message", request.message.clone())
        } else {
            Call::get(&with_query(&payload.url, &request.query()))
        };
        let mut attempt = 1;
        loop {
            match self.web.send(call.clone(), None, anchors).await {
                Err(error) if attempt < ATTEMPTS => {
                    tracing::debug!(error = format!("{error:#}"), "SCEP goes on with the same transaction");
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn scep_get(&self, url: &str, anchors: &[Certificate]) -> Result<Answer> {
        let answer = self.web.send(Call::get(url), None, anchors).await?;
        ensure!(answer.status.is_success(), "{url}: the server answered {}", answer.status);
        Ok(answer)
    }

    fn operation(&self, payload: &ScepPayload, operation: &str) -> String {
        let name = payload.name.as_deref().map_or_else(String::new, |name| {
            format!("&message={}", utf8_percent_encode(name, NON_ALPHANUMERIC))
        });
        with_query(&payload.url, &format!("operation={operation}{name}"))
    }
}

/// What a server says it can do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Capabilities {
    post: bool,
    aes: bool,
    sha256: bool,
}

impl Capabilities {
    fn read(text: &str) -> Self {
        let has = |name: &str| text.lines().any(|line| line.trim().eq_ignore_ascii_case(name));
        let standard = has("SCEPStandard");
        Self {
            post: standard || has("POSTPKIOperation"),
            aes: standard || has("AES"),
            sha256: standard || has("SHA-256"),
        }
    }
}

/// The CA's certificates; the media type says whether it is one or several.
fn read_authorities(answer: &Answer) -> Result<Vec<Certificate>> {
    match answer.content_type().as_str() {
        "application/x-x509-ca-cert" => {
            Ok(vec![Certificate::from_der(&answer.body).context("GetCACert is no certificate")?])
        }
        "application/x-x509-ca-ra-cert" => {
            let list = certificates_of(&answer.body).context("GetCACert is no list of certificates")?;
            ensure!(list.len() > 1, "GetCACert says that there is an RA, but names one certificate only");
            Ok(list)
        }
        other => bail!("GetCACert has the type {other:?}"),
    }
}

/// `CAFingerprint`: the digest of the CA certificate, its kind told by its length.
fn check_fingerprint(payload: &ScepPayload, authorities: &[Certificate]) -> Result<()> {
    let Some(expected) = &payload.fingerprint else { return Ok(()) };
    let digest = match expected.len() {
        20 => Digest::Sha1,
        32 => Digest::Sha256,
        64 => Digest::Sha512,
        other => bail!("CAFingerprint has {other} bytes"),
    };
    for authority in authorities {
        if digest.of(authority.der())? == *expected {
            return Ok(());
        }
    }
    bail!("no certificate of the CA has the fingerprint of the profile")
}

/// Adds to the query of a URL that may have one.
fn with_query(url: &str, query: &str) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_in_any_case_and_the_standard_implies_the_rest() {
        let caps = Capabilities::read("POSTPKIOperation\r\nSHA-256\r\naes\r\n");
        assert_eq!(caps, Capabilities { post: true, aes: true, sha256: true });
        assert_eq!(Capabilities::read("SCEPStandard"), caps);
        assert_eq!(Capabilities::read("Renewal\nDES3\nSHA-1"), Capabilities::default());
    }

    #[test]
    fn a_url_that_has_a_query_keeps_it() {
        assert_eq!(with_query("https://a/scep", "operation=GetCACaps"), "https://a/scep?operation=GetCACaps");
        assert_eq!(
            with_query("https://a/scep?t=1", "operation=GetCACaps"),
            "https://a/scep?t=1&operation=GetCACaps"
        );
    }
}
