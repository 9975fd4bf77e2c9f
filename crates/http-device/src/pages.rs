//! The few pages for people: the enrolment page, notices, and what a browser sees at `/mdm`.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use service::enrollment::Offer;

/// The one style of all pages. It is in the page, so that a phone needs one request; the policy names its digest.
pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d1d1f;--paper:#fff;--accent:#0059b3}\
@media(prefers-color-scheme:dark){:root{--ink:#f2f2f4;--paper:#161618;--accent:#5aa9ff}}\
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.5 system-ui,-apple-system,sans-serif}\
main{max-width:38rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}\
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.15rem;margin-top:2rem}\
li{margin:.35rem 0}\
.button{display:block;text-align:center;background:var(--accent);color:var(--paper);padding:.9rem;border-radius:.7rem;\
text-decoration:none;font-weight:600;margin:2rem 0}\
.button:focus-visible{outline:3px solid var(--ink);outline-offset:3px}\
.small{font-size:.9rem}";

/// What the pages may load and do: their own style and following their own links, nothing else.
pub(crate) static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(pki::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    title: &'a str,
    text: &'a str,
}

#[derive(Template)]
#[template(path = "enroll.html")]
struct Enroll<'a> {
    offer: &'a Offer,
    profile_path: &'a str,
}

/// A page with a title and a sentence.
#[must_use]
pub(crate) fn notice(title: &str, text: &str) -> String {
    Notice { title, text }.render().unwrap_or_else(|_| "This page cannot be shown.".to_owned())
}

/// The page of an enrolment link.
///
/// # Errors
/// When the template fails, which would be a defect.
pub(crate) fn enroll(offer: &Offer, profile_path: &str) -> Result<String, askama::Error> {
    Enroll { offer, profile_path }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_says_cannot_become_markup() {
        let page = notice("<script>alert(1)</script>", "a & b");
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("a &#38; b") || page.contains("a &amp; b"), "{page}");
    }

    #[test]
    fn the_policy_allows_the_style_of_the_page_and_nothing_from_elsewhere() {
        let page = notice("Hello", "");
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let digest = STANDARD.encode(pki::sha256(style.as_bytes()));
        let policy = CONTENT_SECURITY_POLICY.to_str().unwrap();
        assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}
