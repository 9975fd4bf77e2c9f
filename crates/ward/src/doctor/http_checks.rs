//! What stands between a device and Ward: answers of 401, headers that are cut or let through, bodies that are too large.

use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::blocking::{Client, RequestBuilder, Response};

use super::{Finding, Outcome};
use crate::config::DevicesConfig;

/// A header as large as a signature with a long chain.
const LARGE_HEADER: usize = 12 * 1024;
/// A query as long as that of a SCEP client that repeats its message in it.
const LONG_QUERY: usize = 12 * 1024;
/// A body nearly as large as Ward takes them: the list of apps of a full Mac, and more.
const LARGE_BODY: usize = 15 * 1024 * 1024;
/// Every answer of the devices' door carries this header; an answer without it comes from something in between.
const MARK: &str = crate::serve::DOOR_HEADER;

pub(super) fn public_name(devices: &DevicesConfig, roots: Option<&[u8]>) -> Vec<Finding> {
    let client = match client(roots) {
        Ok(client) => client,
        Err(error) => return vec![Finding::new("HTTP", Outcome::Error, format!("{error:#}"), "")],
    };
    let url = &devices.public_url;
    let poll = || client.put(format!("{url}/mdm")).header("Content-Type", "application/x-apple-aspen-mdm");
    let plain = match poll().body("").send() {
        Ok(response) => response,
        Err(error) => {
            let detail = format!("no answer from {url}: {error}");
            return vec![Finding::new("HTTP", Outcome::Error, detail, "See the TLS findings above.")];
        }
    };
    let mut findings = vec![unauthorized(&plain)];
    let plain_body = plain.text().unwrap_or_default();
    findings.push(signature_header(&poll, &plain_body));
    let long_query =
        client.get(format!("{url}/scep?operation=GetCACaps&message={}", "A".repeat(LONG_QUERY))).send();
    findings.push(reached("long queries", long_query, "Raise the proxy's limit for the request line."));
    // A signature is checked over the whole body, so Ward reads the body before it refuses.
    let signature = BASE64_STANDARD.encode([0x30, 0x80]);
    let large_body = poll().header("Mdm-Signature", signature).body(vec![b' '; LARGE_BODY]).send();
    findings.push(reached(
        "large bodies",
        large_body,
        "Raise the proxy's limit for bodies to 16 MB (nginx: client_max_body_size 16m).",
    ));
    // A proxy must not let a stranger name a certificate: with a forged header Ward must see what it saw without.
    let forged = format!(":{}:", BASE64_STANDARD.encode(b"not a certificate"));
    let sent = poll().header(&devices.certificate_header, forged).body("").send();
    let name = "forged certificate header";
    findings.push(match sent.and_then(Response::text) {
        Ok(body) if body == plain_body => Finding::new(name, Outcome::Ok, "does not get through", ""),
        Ok(_) => {
            let advice = "Strip this header from requests that come from outside, at the proxy.";
            let detail = format!("{} from outside reaches Ward", devices.certificate_header);
            Finding::new(name, Outcome::Error, detail, advice)
        }
        Err(error) => Finding::new(name, Outcome::Unknown, error.to_string(), ""),
    });
    findings
}

fn client(roots: Option<&[u8]>) -> Result<Client> {
    let mut builder =
        Client::builder().timeout(Duration::from_secs(20)).redirect(reqwest::redirect::Policy::none());
    for root in roots.map(reqwest::Certificate::from_pem_bundle).transpose()?.into_iter().flatten() {
        builder = builder.add_root_certificate(root);
    }
    Ok(builder.build()?)
}

fn unauthorized(response: &Response) -> Finding {
    let name = "no 401 to devices";
    match response.status().as_u16() {
        401 => {
            let advice = "Find what asks for a password on this path (proxy, firewall) and take it away: 401 makes devices leave management.";
            Finding::new(name, Outcome::Error, "a request without a certificate is answered with 401", advice)
        }
        status if response.headers().contains_key(MARK) => Finding::new(
            name,
            Outcome::Ok,
            format!("a request without a certificate is answered with {status}"),
            "",
        ),
        status => {
            let advice = "Something in front of Ward answers for it. It must pass /mdm, /checkin, /scep and /enroll on.";
            Finding::new(name, Outcome::Error, format!("{status}, and not by Ward"), advice)
        }
    }
}

/// A signature as large as one with a long chain must reach Ward: it answers otherwise than to a request without one.
fn signature_header(poll: &dyn Fn() -> RequestBuilder, plain_body: &str) -> Finding {
    let name = "Mdm-Signature header";
    let advice = "Let the proxy pass Mdm-Signature on and raise its limit for headers (nginx: large_client_header_buffers 4 64k).";
    let response = match poll().header("Mdm-Signature", "A".repeat(LARGE_HEADER)).body("").send() {
        Ok(response) => response,
        Err(error) => {
            return Finding::new(
                name,
                Outcome::Error,
                format!("a long one is cut on the way: {error}"),
                advice,
            );
        }
    };
    if !response.headers().contains_key(MARK) {
        let detail = format!("a long one is answered {} on the way", response.status());
        return Finding::new(name, Outcome::Error, detail, advice);
    }
    match response.text().unwrap_or_default() == plain_body {
        true => Finding::new(name, Outcome::Error, "is taken away on the way", advice),
        false => Finding::new(name, Outcome::Ok, "reaches Ward, also when it is long", ""),
    }
}

fn reached(name: &str, sent: reqwest::Result<Response>, advice: &str) -> Finding {
    match sent {
        Ok(response) if response.headers().contains_key(MARK) && response.status().as_u16() != 431 => {
            Finding::new(name, Outcome::Ok, "reach Ward", "")
        }
        Ok(response) => Finding::new(
            name,
            Outcome::Error,
            format!("are answered {} on the way", response.status()),
            advice,
        ),
        Err(error) => Finding::new(name, Outcome::Error, format!("are cut on the way: {error}"), advice),
    }
}
