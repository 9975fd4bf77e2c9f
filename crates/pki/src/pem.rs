//! PEM (RFC 7468) as people paste it: several blocks glued together, CRLF, text around them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// A PEM text longer than this is not read.
const LIMIT: usize = 1024 * 1024;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block, decoded. An old encrypted key keeps its mark and has no bytes.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
    encrypted: bool,
}

impl Block {
    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
    }

    pub(crate) fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted || self.label.starts_with("ENCRYPTED")
    }
}

/// Every block of the text, in order.
pub(crate) fn blocks(text: &[u8]) -> Result<Vec<Block>> {
    if text.len() > LIMIT {
        return Err(Error::TooLarge { what: "the PEM text", size: text.len(), limit: LIMIT });
    }
    let text = Zeroizing::new(String::from_utf8_lossy(text).into_owned());
    let mut rest = text.as_str();
    let mut blocks = Vec::new();
    while let Some((_, from_label)) = rest.split_once(BEGIN) {
        let (label, body) =
            from_label.split_once(DASHES).ok_or_else(|| malformed("a BEGIN line without an end"))?;
        let (body, after) = body.split_once(END).ok_or_else(|| malformed("a block without an END line"))?;
        let after = after
            .strip_prefix(label)
            .and_then(|after| after.strip_prefix(DASHES))
            .ok_or_else(|| malformed("an END line that does not match its BEGIN line"))?;
        blocks.push(block(label, body)?);
        rest = after;
    }
    Ok(blocks)
}

fn block(label: &str, body: &str) -> Result<Block> {
    let label = label.trim().to_owned();
    if body.contains("Proc-Type:") && body.contains("ENCRYPTED") {
        return Ok(Block { label, der: Zeroizing::default(), encrypted: true });
    }
    let digits = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let der = STANDARD.decode(digits.as_bytes()).map_err(|_| malformed("a block that is not base64"))?;
    Ok(Block { label, der: Zeroizing::new(der), encrypted: false })
}

/// One PEM block with lines of 64 characters.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let mut out = format!("{BEGIN}{label}{DASHES}\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out + END + label + DASHES + "\n"
}

fn malformed(detail: &str) -> Error {
    Error::malformed("the PEM text", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn glued_blocks_with_text_around_them_are_told_apart() {
        let (one, two) = (encode("CERTIFICATE", &[1; 70]), encode("PRIVATE KEY", &[2; 3]));
        let glued = format!("subject=x\r\n{}{}tail", one.trim_end().replace('\n', "\r\n"), two);
        let blocks = blocks(glued.as_bytes()).unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks[0].is_certificate() && blocks[0].der.as_slice() == [1; 70]);
        assert!(blocks[1].is_private_key() && blocks[1].der.as_slice() == [2; 3]);
    }

    #[test]
    fn broken_blocks_are_refused() {
        for text in [
            "-----BEGIN X",
            "-----BEGIN X-----\nAA==",
            "-----BEGIN X-----\nAA==\n-----END Y-----",
            "-----BEGIN X-----\n?\n-----END X-----",
        ] {
            assert!(blocks(text.as_bytes()).is_err(), "{text}");
        }
        assert!(matches!(blocks(&vec![b' '; LIMIT + 1]), Err(Error::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_again(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let blocks = blocks(encode("X", &der).as_bytes()).unwrap();
            prop_assert_eq!(blocks[0].der.as_slice(), der.as_slice());
        }

        #[test]
        fn no_text_makes_it_panic(text in "(-----(BEGIN|END) [A-Z]{0,3}-----|[ -~\n]){0,8}") {
            let _ = blocks(text.as_bytes());
        }
    }
}
