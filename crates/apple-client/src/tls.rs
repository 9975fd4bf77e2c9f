//! TLS towards APNs: the push certificate as client certificate, HTTP/2 by ALPN, TCP without delay.

use std::error::Error;
use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;
use pki::PushCertificate;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::{ApnsSettings, PushError};

/// HTTP/2 alone, in the form of the ALPN extension.
const ALPN: &[u8] = b"\x02h2";

/// Builds the TLS settings for one push certificate.
pub(crate) fn connector(
    settings: &ApnsSettings,
    certificate: &PushCertificate,
) -> Result<SslConnector, PushError> {
    build(settings, certificate)
        .map_err(|error| PushError::Rejected(format!("the push certificate cannot be used for TLS: {error}")))
}

fn build(settings: &ApnsSettings, certificate: &PushCertificate) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_alpn_protos(ALPN)?;
    let x509 = X509::from_der(certificate.certificate().der())?;
    builder.set_certificate(&x509)?;
    builder.set_private_key(certificate.key().as_openssl())?;
    builder.check_private_key()?;
    if let Some(pem) = &settings.roots_pem {
        for root in X509::stack_from_pem(pem)? {
            builder.cert_store_mut().add_cert(root)?;
        }
    }
    Ok(builder.build())
}

/// Opens a connection; the caller bounds the time.
pub(crate) async fn connect(
    settings: &ApnsSettings,
    connector: &SslConnector,
) -> Result<SslStream<TcpStream>, PushError> {
    let place = format!("{}:{}", settings.host, settings.port);
    let unavailable = |error: &dyn Error| PushError::unavailable(format!("{place}: {error}"));
    let tcp = TcpStream::connect((settings.host.as_str(), settings.port))
        .await
        .map_err(|error| unavailable(&error))?;
    // Headers and body leave in two writes: with Nagle's algorithm each push would wait for an acknowledgement.
    tcp.set_nodelay(true).map_err(|error| unavailable(&error))?;
    let ssl = connector
        .configure()
        .and_then(|configuration| configuration.into_ssl(&settings.host))
        .map_err(|error| unavailable(&error))?;
    let mut stream = SslStream::new(ssl, tcp).map_err(|error| unavailable(&error))?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        let text = error.to_string();
        return Err(refusal(&text).unwrap_or_else(|| PushError::unavailable(format!("{place}: {text}"))));
    }
    if stream.ssl().selected_alpn_protocol() != Some(b"h2") {
        return Err(PushError::unavailable(format!("{place} does not speak HTTP/2: is it APNs?")));
    }
    Ok(stream)
}

/// Recognises, in the text of an error, a TLS alert by which the other side refuses our certificate. With TLS 1.3 it
/// comes after the handshake, inside an I/O error, and only as text.
pub(crate) fn refusal(text: &str) -> Option<PushError> {
    const ALERTS: [&str; 7] = [
        "certificate required",
        "certificate expired",
        "certificate revoked",
        "certificate unknown",
        "bad certificate",
        "unknown ca",
        "access denied",
    ];
    let name = ALERTS.iter().find(|name| text.contains(&format!(" alert {name}")))?;
    Some(PushError::Rejected(format!("APNs closed the TLS connection: {name}")))
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_alerts_about_the_certificate_are_refusals_and_other_trouble_is_not() {
        let library = "error:0A000415:SSL routines:ssl3_read_bytes:";
        for (text, refused) in [
            (
                format!(
                    "{library}sslv3 alert certificate expired:ssl/record/rec_layer_s3.c:1605:SSL alert number 45"
                ),
                true,
            ),
            (
                format!(
                    "{library}tlsv13 alert certificate required:ssl/record/rec_layer_s3.c:1605:SSL alert number 116"
                ),
                true,
            ),
            (
                format!(
                    "{library}tlsv1 alert internal error:ssl/record/rec_layer_s3.c:1605:SSL alert number 80"
                ),
                false,
            ),
            ("certificate verify failed: unable to get local issuer certificate".to_owned(), false),
            ("connection reset by peer".to_owned(), false),
        ] {
            assert_eq!(refusal(&text).is_some(), refused, "{text}");
        }
    }
}
