//! The whole door of the devices: any path, query, header and body, with the identity of an enrolled device, through a trusted
//! proxy, signed, or without any. Whatever comes, the answer is one that a device survives.
#![no_main]

mod world;

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use http::{Method, Request, header};
use http_layers::{PeerAddress, PeerCertificate};
use libfuzzer_sys::fuzz_target;
use tower::ServiceExt as _;
use world::{PROXY, WORLD};

/// What a device can be told without harm. A 401 would make it remove its profile, and a 500 means that nobody thought of it.
const HARMLESS: [u16; 8] = [200, 400, 403, 404, 405, 410, 413, 503];

fuzz_target!(|data: &[u8]| {
    let [choice, flags, rest @ ..] = data else { return };
    let Some(request) = request(*choice, *flags, rest) else { return };
    let shown = format!("{} {}", request.method(), request.uri());
    let response = WORLD.runtime.block_on(WORLD.router.clone().oneshot(request));
    let status = response.expect("the router always answers").status().as_u16();
    assert!(HARMLESS.contains(&status), "{shown}: {status}");
});

fn request(choice: u8, flags: u8, rest: &[u8]) -> Option<Request<Body>> {
    let (line, body) = split_line(rest);
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (method, uri, body): (_, _, &[u8]) = match choice % 9 {
        0..=3 => (Method::PUT, "/mdm".to_owned(), body),
        4 => (Method::PUT, "/checkin".to_owned(), body),
        5 => (Method::GET, format!("/enroll/{}", text(rest)?), &[]),
        6 => (Method::GET, format!("/scep?{}", text(rest)?), &[]),
        7 => (Method::POST, format!("/scep?{}", text(line)?), body),
        _ => (Method::GET, text(rest)?.to_owned(), &[]),
    };
    let mut builder = Request::builder().method(method).uri(uri);
    builder = match choice % 9 {
        1 | 4 => builder.header(header::CONTENT_TYPE, "application/x-apple-aspen-mdm-checkin"),
        2 => builder.header(header::CONTENT_TYPE, "application/x-apple-aspen-mdm; charset=UTF-8"),
        3 => builder.header(header::CONTENT_TYPE, "text/plain"),
        _ => builder,
    };
    let address = if flags & 2 == 0 { IpAddr::from([203, 0, 113, 9]) } else { PROXY };
    if flags & 2 != 0 {
        builder = builder.header("client-cert", line);
    }
    if flags & 1 != 0 {
        builder = builder.header("mdm-signature", line);
    }
    let certificate = (flags & 4 == 0).then(|| WORLD.device.clone());
    let mut request = builder.body(Body::from(body.to_vec())).ok()?;
    request.extensions_mut().insert(PeerAddress(SocketAddr::new(address, 4_000)));
    request.extensions_mut().insert(PeerCertificate(certificate));
    Some(request)
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}
