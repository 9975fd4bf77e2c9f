//! A push without any client library: one HTTP/2 request over TLS.

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use openssl::ssl::{SslConnector, SslMethod};
use openssl::x509::X509;
use pki::PushCertificate;
use simulator::{SimulatedApns, SimulatedApple};
use tokio_openssl::SslStream;

/// Pushes as a server would, by HTTP/2 with the certificate of a topic.
pub(crate) struct Pusher {
    connector: SslConnector,
    port: u16,
}

impl Pusher {
    pub(crate) fn new(apple: &SimulatedApple, apns: &SimulatedApns, pem: &[u8]) -> Self {
        let certificate = PushCertificate::from_pem(pem).unwrap();
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.cert_store_mut().add_cert(X509::from_pem(&apple.ca_pem()).unwrap()).unwrap();
        builder.set_certificate(&certificate.certificate().to_openssl().unwrap()).unwrap();
        builder.set_private_key(certificate.key().as_openssl()).unwrap();
        builder.set_alpn_protos(b"\x02h2").unwrap();
        Self { connector: builder.build(), port: apns.port() }
    }

    pub(crate) async fn push(&self, token: &[u8], magic: &str) -> StatusCode {
        let tcp = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let ssl = self.connector.configure().unwrap().into_ssl("localhost").unwrap();
        let mut stream = SslStream::new(ssl, tcp).unwrap();
        Pin::new(&mut stream).connect().await.unwrap();
        let (mut sender, driver) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driver);
        let url = format!("https://localhost:{}/3/device/{}", self.port, hex::encode(token));
        let body = Full::new(Bytes::from(format!("{{\"mdm\":\"{magic}\"}}")));
        sender.send_request(Request::post(url).body(body).unwrap()).await.unwrap().status()
    }
}
