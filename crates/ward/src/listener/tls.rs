//! The server's side of TLS: certificates from PEM files, read again when they change; client certificates asked for.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use http_layers::PeerCertificate;
use openssl::ssl::{
    AlpnError, Ssl, SslAcceptor, SslFiletype, SslMethod, SslMode, SslOptions, SslVerifyMode,
    select_next_proto,
};
use openssl::stack::Stack;
use openssl::x509::{X509, X509Name};
use parking_lot::RwLock;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// `SSL_OP_CLEANSE_PLAINTEXT` (OpenSSL 3.0, ssl.h), for which the binding has no name.
const CLEANSE_PLAINTEXT: u64 = 1 << 1;
/// The offered protocols, most wanted first (RFC 7301).
const ALPN: &[u8] = b"\x02h2\x08http/1.1";

/// Where the certificate of a door comes from.
pub struct TlsFiles {
    /// PEM chain, leaf first.
    pub certificate: PathBuf,
    /// PEM key.
    pub key: PathBuf,
    /// Gives the certificates (DER) of the authorities whose client certificates are asked for; nobody is asked if there are
    /// none. Asked again whenever the files are looked at, because authorities are rolled while the server runs.
    pub client_authorities: Box<dyn Fn() -> Vec<Vec<u8>> + Send + Sync>,
}

/// The TLS side of a door.
pub struct ServerTls {
    files: TlsFiles,
    current: RwLock<Current>,
}

struct Current {
    acceptor: SslAcceptor,
    changed: Option<SystemTime>,
    authorities: Vec<Vec<u8>>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file is missing, not PEM, or certificate and key do not belong together.
    pub fn load(files: TlsFiles) -> Result<Self> {
        let current = read(&files)?;
        Ok(Self { files, current: RwLock::new(current) })
    }

    /// Reads the files again if the certificate or the list of authorities has changed since; whether it had.
    ///
    /// # Errors
    /// As [`ServerTls::load`]; the old certificate then stays in use.
    pub fn reload_if_changed(&self) -> Result<bool> {
        let (changed, authorities) = (changed_at(&self.files.certificate), (self.files.client_authorities)());
        let same = {
            let current = self.current.read();
            current.changed == changed && current.authorities == authorities
        };
        if same {
            return Ok(false);
        }
        let current = read(&self.files)?;
        *self.current.write() = current;
        Ok(true)
    }

    /// The certificate that is presented at present, DER.
    #[must_use]
    pub fn certificate_der(&self) -> Option<Vec<u8>> {
        self.current.read().acceptor.context().certificate().and_then(|certificate| certificate.to_der().ok())
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> Result<SslStream<TcpStream>> {
        let ssl = Ssl::new(self.current.read().acceptor.context())?;
        let mut stream = SslStream::new(ssl, stream)?;
        Pin::new(&mut stream).accept().await?;
        Ok(stream)
    }
}

/// The certificate that the other side proved to hold in the handshake.
pub(super) fn peer_certificate(stream: &SslStream<TcpStream>) -> PeerCertificate {
    let certificate = stream.ssl().peer_certificate();
    PeerCertificate(certificate.and_then(|certificate| certificate.to_der().ok()).map(Into::into))
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn read(files: &TlsFiles) -> Result<Current> {
    let (changed, authorities) = (changed_at(&files.certificate), (files.client_authorities)());
    Ok(Current { acceptor: acceptor(files, &authorities)?, changed, authorities })
}

fn acceptor(files: &TlsFiles, authorities: &[Vec<u8>]) -> Result<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    // What devices tell does not lie about in buffers of OpenSSL's after it was read.
    builder.set_options(SslOptions::from_bits_retain(CLEANSE_PLAINTEXT));
    builder.set_mode(SslMode::RELEASE_BUFFERS);
    let (certificate, key) = (files.certificate.display(), files.key.display());
    builder
        .set_certificate_chain_file(&files.certificate)
        .with_context(|| format!("cannot use {certificate} as a PEM certificate chain"))?;
    builder
        .set_private_key_file(&files.key, SslFiletype::PEM)
        .with_context(|| format!("cannot use {key} as a PEM private key"))?;
    builder
        .check_private_key()
        .map_err(|_| anyhow!("{key} is not the key of the certificate in {certificate}"))?;
    builder.set_alpn_select_callback(|_, offered| select_next_proto(ALPN, offered).ok_or(AlpnError::NOACK));
    if !authorities.is_empty() {
        // Asked for, never demanded: people open pages on the same host. Who it is and whether it is welcome is
        // decided later, with the enrolment at hand; a device with an expired identity must still get in.
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        // Without a context id every resumed session with a client certificate dies with an internal error.
        builder.set_session_id_context(b"ward-devices")?;
        let mut names = Stack::<X509Name>::new()?;
        for der in authorities {
            names.push(X509::from_der(der)?.subject_name().to_owned()?)?;
        }
        builder.set_client_ca_list(names);
    }
    Ok(builder.build())
}
