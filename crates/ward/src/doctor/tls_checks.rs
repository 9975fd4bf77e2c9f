//! TLS as Apple's devices demand it from OS 27 on: TLS 1.2 or newer, ECDHE with AES-GCM, a certificate that the system
//! trusts for the name, and extended master secret.

use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;

use super::{Finding, Outcome};
use crate::config::PushConfig;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Suites of App Transport Security for TLS 1.2.
const SUITES: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256";
/// Days before its end at which a certificate is worth a warning.
const SOON_DAYS: i32 = 30;

pub(super) fn public_name(url: &str, roots: Option<&[u8]>) -> Vec<Finding> {
    let (host, port) = host_and_port(url);
    let mut findings = vec![trusted(&host, port, roots)];
    if findings.iter().any(|finding| finding.detail.contains("cannot connect")) {
        return findings;
    }
    let refused = |name: &str, shake: Result<()>, advice: &str| match shake {
        Err(_) => Finding::new(name, Outcome::Ok, "refused, as it should be", ""),
        Ok(()) => Finding::new(name, Outcome::Error, "accepted", advice),
    };
    let old = |builder: &mut openssl::ssl::SslConnectorBuilder| {
        builder.set_cipher_list("ALL:@SECLEVEL=0")?;
        builder.set_min_proto_version(Some(SslVersion::TLS1))?;
        Ok(builder.set_max_proto_version(Some(SslVersion::TLS1_1))?)
    };
    let static_rsa = |builder: &mut openssl::ssl::SslConnectorBuilder| {
        builder.set_cipher_list("AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA")?;
        Ok(builder.set_max_proto_version(Some(SslVersion::TLS1_2))?)
    };
    let advice = "Turn it off at whatever ends TLS for this name; devices from OS 27 on refuse such servers.";
    findings.push(refused("TLS 1.1", shake(&host, port, None, &old).map(drop), advice));
    findings.push(refused("key exchange by RSA", shake(&host, port, None, &static_rsa).map(drop), advice));
    findings.push(extended_master_secret(&host, port));
    findings
}

/// Whether this machine gets through to Apple's push service.
pub(super) fn push_service(push: &PushConfig) -> Finding {
    let roots = push.roots.as_ref().and_then(|path| std::fs::read(path).ok());
    match shake(&push.host, push.port, Some(roots.as_deref()), &|_| Ok(())) {
        Ok(_) => {
            Finding::new("push service", Outcome::Ok, format!("{}:{} answers", push.host, push.port), "")
        }
        Err(error) => {
            let advice = "Open the firewall for TCP 443 or 2197 to 17.0.0.0/8 without an inspecting proxy; devices are not woken otherwise.";
            Finding::new("push service", Outcome::Error, format!("{error:#}"), advice)
        }
    }
}

fn trusted(host: &str, port: u16, roots: Option<&[u8]>) -> Finding {
    let modern = |builder: &mut openssl::ssl::SslConnectorBuilder| {
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        Ok(builder.set_cipher_list(SUITES)?)
    };
    match shake(host, port, Some(roots), &modern) {
        Ok(days) if days < SOON_DAYS => {
            let advice = "Renew it now; Ward reads the files again by itself.";
            Finding::new("certificate", Outcome::Warning, format!("ends in {days} days"), advice)
        }
        Ok(days) => {
            Finding::new("certificate", Outcome::Ok, format!("trusted for {host}, {days} days left"), "")
        }
        Err(error) => {
            let advice = "Install a chain that Safari trusts without any profile, with all intermediates, and check name and firewall.";
            Finding::new("certificate", Outcome::Error, format!("{error:#}"), advice)
        }
    }
}

/// Connects and returns the days that the certificate is still valid. `roots`: `None` checks no certificate at all.
fn shake(
    host: &str,
    port: u16,
    roots: Option<Option<&[u8]>>,
    prepare: &dyn Fn(&mut openssl::ssl::SslConnectorBuilder) -> Result<()>,
) -> Result<i32> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    for root in roots.flatten().map(X509::stack_from_pem).transpose()?.into_iter().flatten() {
        builder.cert_store_mut().add_cert(root)?;
    }
    prepare(&mut builder)?;
    let mut settings = builder.build().configure()?;
    if roots.is_none() {
        settings.set_verify(openssl::ssl::SslVerifyMode::NONE);
        settings = settings.verify_hostname(false);
    }
    let address = (host, port)
        .to_socket_addrs()
        .with_context(|| format!("cannot connect: the name {host} does not resolve"))?
        .next()
        .ok_or_else(|| anyhow!("cannot connect: the name {host} has no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("cannot connect to {host} at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let stream =
        settings.connect(host, stream).map_err(|error| anyhow!("the TLS handshake failed: {error}"))?;
    let certificate = stream.ssl().peer_certificate().context("the server has no certificate")?;
    let left = openssl::asn1::Asn1Time::days_from_now(0)?.diff(certificate.not_after())?;
    Ok(left.days)
}

fn extended_master_secret(host: &str, port: u16) -> Finding {
    let name = "extended master secret";
    let run = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-servername", host, "-connect", &format!("{host}:{port}")])
        .stdin(Stdio::null())
        .output();
    let Ok(output) = run else {
        return Finding::new(name, Outcome::Unknown, "the program openssl is not here to look", "");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Extended master secret: yes") {
        Finding::new(name, Outcome::Ok, "offered with TLS 1.2", "")
    } else if text.contains("Extended master secret: no") {
        let advice =
            "Update whatever ends TLS for this name; devices from OS 27 on refuse TLS 1.2 without it.";
        Finding::new(name, Outcome::Error, "not offered with TLS 1.2", advice)
    } else if output.status.code().is_some() && text.contains("Cipher is (NONE)") {
        Finding::new(name, Outcome::Ok, "TLS 1.2 is not offered, TLS 1.3 needs none", "")
    } else {
        Finding::new(name, Outcome::Unknown, "no handshake to look at", "")
    }
}

fn host_and_port(url: &str) -> (String, u16) {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().unwrap_or(443)),
        None => (authority.to_owned(), 443),
    }
}
