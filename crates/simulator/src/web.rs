//! The devices' HTTP: one connection at a time, TLS with or without a client certificate, nothing else.

use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use openssl::x509::X509;
use pki::{Certificate, Fingerprint, PrivateKey};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_openssl::SslStream;

use crate::network::Network;

/// Longest answer that a device reads.
const ANSWER_BYTES: usize = 64 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A certificate and its key, as they lie in a device's keychain.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The media type, in lower case and without parameters.
    pub(crate) fn content_type(&self) -> String {
        let value =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }
}

/// A client with at most one open connection.
pub(crate) struct Web {
    network: Arc<Network>,
    open: Mutex<Option<Open>>,
}

struct Open {
    origin: Origin,
    sender: SendRequest<Full<Bytes>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Origin {
    tls: bool,
    host: String,
    port: u16,
    identity: Option<Fingerprint>,
    anchors: Vec<Fingerprint>,
}

impl Call {
    pub(crate) fn get(url: &str) -> Self {
        Self { method: Method::GET, url: url.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn with_body(method: Method, url: &str, content_type: &'static str, body: Vec<u8>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { method, url: url.to_owned(), headers, body: Bytes::from(body) }
    }
}

impl Web {
    pub(crate) fn new(network: Arc<Network>) -> Self {
        Self { network, open: Mutex::new(None) }
    }

    /// Closes the connection, if one is open.
    pub(crate) async fn close(&self) {
        *self.open.lock().await = None;
    }

    /// Sends `call`, follows redirects, reads the answer.
    pub(crate) async fn send(
        &self,
        mut call: Call,
        identity: Option<&Identity>,
        anchors: &[Certificate],
    ) -> Result<Answer> {
        for _ in 0..=REDIRECTS {
            let url = call.url.clone();
            let answer = tokio::time::timeout(self.network.timeout, self.exchange(&call, identity, anchors))
                .await
                .with_context(|| format!("{url}: no answer in time"))??;
            if !answer.status.is_redirection() {
                return Ok(answer);
            }
            let Some(location) = answer.headers.get(header::LOCATION) else { return Ok(answer) };
            call.url = follow(&call.url, location.to_str()?)?;
        }
        bail!("{}: too many redirects", call.url)
    }

    async fn exchange(
        &self,
        call: &Call,
        identity: Option<&Identity>,
        anchors: &[Certificate],
    ) -> Result<Answer> {
        let uri: Uri = call.url.parse().with_context(|| format!("{} is not a URL", call.url))?;
        let origin = origin(&uri, identity, anchors)?;
        let mut open = self.open.lock().await;
        let reused = open.as_ref().is_some_and(|open| open.origin == origin && !open.sender.is_closed());
        if !reused {
            *open = Some(self.connect(&origin, identity, anchors).await?);
        }
        let mut outcome = match open.as_mut() {
            Some(open) => exchange_on(&mut open.sender, call, &uri).await,
            None => bail!("no connection"),
        };
        if reused && outcome.is_err() {
            // The server may have closed an idle connection in the same moment: once more, on a new one.
            let mut fresh = self.connect(&origin, identity, anchors).await?;
            outcome = exchange_on(&mut fresh.sender, call, &uri).await;
            *open = Some(fresh);
        }
        if outcome.is_err() {
            *open = None;
        }
        outcome.with_context(|| call.url.clone())
    }

    async fn connect(
        &self,
        origin: &Origin,
        identity: Option<&Identity>,
        anchors: &[Certificate],
    ) -> Result<Open> {
        let _permit = self.network.handshakes.acquire().await?;
        let host = origin.host.trim_matches(['[', ']']);
        let tcp = match self.network.address(host) {
            Some(address) => TcpStream::connect(address).await,
            None => TcpStream::connect((host, origin.port)).await,
        };
        let tcp = tcp.with_context(|| format!("cannot connect to {host}:{}", origin.port))?;
        tcp.set_nodelay(true)?;
        let sender = if origin.tls {
            let mut ssl = self.network.connector(anchors)?.configure()?.into_ssl(host)?;
            if let Some(identity) = identity {
                ssl.set_certificate(X509::from_der(identity.certificate.der())?.as_ref())?;
                ssl.set_private_key(identity.key.as_openssl())?;
            }
            let mut stream = SslStream::new(ssl, tcp)?;
            Pin::new(&mut stream).connect().await.with_context(|| format!("TLS with {host} failed"))?;
            handshake(TokioIo::new(stream)).await?
        } else {
            handshake(TokioIo::new(tcp)).await?
        };
        Ok(Open { origin: origin.clone(), sender })
    }
}

async fn handshake<T>(io: T) -> Result<SendRequest<Full<Bytes>>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, driver) = http1::handshake(io).await?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::trace!(%error, "a device's connection ended");
        }
    });
    Ok(sender)
}

async fn exchange_on(sender: &mut SendRequest<Full<Bytes>>, call: &Call, uri: &Uri) -> Result<Answer> {
    sender.ready().await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(call.method.clone()).uri(path);
    if let Some(authority) = uri.authority() {
        request = request.header(header::HOST, authority.as_str());
    }
    request = request.header(header::USER_AGENT, "MDM/1.0");
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let response = sender.send_request(request.body(Full::new(call.body.clone()))?).await?;
    let (head, body) = response.into_parts();
    let body = match Limited::new(body, ANSWER_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => bail!("the answer cannot be read: {error}"),
    };
    Ok(Answer { status: head.status, headers: head.headers, body })
}

fn origin(uri: &Uri, identity: Option<&Identity>, anchors: &[Certificate]) -> Result<Origin> {
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => bail!("{uri} is neither http nor https"),
    };
    let host = uri.host().unwrap_or_default().to_owned();
    ensure!(!host.is_empty(), "{uri} has no host");
    Ok(Origin {
        tls,
        host,
        port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        identity: identity.filter(|_| tls).map(|identity| identity.certificate.fingerprint()),
        anchors: anchors.iter().map(Certificate::fingerprint).collect(),
    })
}

/// The URL that a `Location` names: absolute, or a path on the same host.
fn follow(from: &str, location: &str) -> Result<String> {
    if location.starts_with("https://") || location.starts_with("http://") {
        return Ok(location.to_owned());
    }
    let from: Uri = from.parse()?;
    let (Some(scheme), Some(authority)) = (from.scheme_str(), from.authority()) else {
        bail!("{from} has no host")
    };
    ensure!(location.starts_with('/'), "the redirect to {location} is not followed");
    Ok(format!("{scheme}://{authority}{location}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_another_host_or_to_a_path_of_the_same() {
        assert_eq!(follow("https://a:8443/x", "/y?z=1").unwrap(), "https://a:8443/y?z=1");
        assert_eq!(follow("https://a/x", "https://b/y").unwrap(), "https://b/y");
        assert!(follow("https://a/x", "ftp://b").is_err());
    }
}
