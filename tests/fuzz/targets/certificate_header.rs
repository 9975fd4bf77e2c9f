//! The headers in which proxies hand over a certificate, and the networks that an administrator trusts.
#![no_main]

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use http_device::{CertificateHeader, HeaderFormat, Network};
use libfuzzer_sys::fuzz_target;

const FORMATS: [HeaderFormat; 5] =
    [HeaderFormat::Rfc9440, HeaderFormat::Nginx, HeaderFormat::Traefik, HeaderFormat::Alb, HeaderFormat::HaProxy];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let Some(format) = FORMATS.get(usize::from(choice % 6)) else { return network(bytes) };
    let name = HeaderName::from_static("client-cert");
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let header = CertificateHeader { name: name.clone(), format: *format };
    let mut headers = HeaderMap::new();
    assert!(matches!(header.read(&headers), Ok(None)));
    headers.append(&name, value.clone());
    let once = header.read(&headers);
    if let (Ok(Some(certificate)), Ok(text)) = (&once, value.to_str()) {
        let again = format.parse(text.trim()).expect("the value alone is the same certificate");
        assert_eq!(again.fingerprint(), certificate.fingerprint());
    }
    headers.append(&name, value);
    assert!(header.read(&headers).is_err(), "of two headers nobody knows which one the proxy wrote");
});

fn network(bytes: &[u8]) {
    let Ok(network) = std::str::from_utf8(bytes).unwrap_or_default().parse::<Network>() else { return };
    let four: [u8; 4] = bytes.iter().copied().chain([0; 4]).take(4).collect::<Vec<u8>>().try_into().expect("four");
    let six = IpAddr::from(std::net::Ipv4Addr::from(four).to_ipv6_mapped());
    assert_eq!(network.contains(IpAddr::from(four)), network.contains(six), "a mapped address is the same address");
}
