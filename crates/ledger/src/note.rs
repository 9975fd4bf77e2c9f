//! Signed notes (C2SP `signed-note`): a text, a blank line, a line for each signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// The algorithm byte of Ed25519.
pub(crate) const ED25519: u8 = 1;
/// A note longer than this is not read.
const LIMIT: usize = 16 << 10;
/// Notes with more signatures are not read.
const SIGNATURES: usize = 32;

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) key_id: [u8; 4],
    pub(crate) bytes: Vec<u8>,
}

/// The first four bytes of SHA-256 over the name, a newline, the algorithm and the public key.
pub(crate) fn key_id(name: &str, public: &[u8]) -> [u8; 4] {
    let mut bytes = Vec::with_capacity(name.len().saturating_add(public.len()).saturating_add(2));
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(b'\n');
    bytes.push(ED25519);
    bytes.extend_from_slice(public);
    let [a, b, c, d, ..] = pki::sha256(&bytes);
    [a, b, c, d]
}

/// A name may not be empty nor hold white space or a plus sign.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c == '+' || c.is_control())
}

/// The line of a signature.
pub(crate) fn line(signature: &Signature) -> String {
    let mut bytes = signature.key_id.to_vec();
    bytes.extend_from_slice(&signature.bytes);
    format!("\u{2014} {} {}\n", signature.name, STANDARD.encode(bytes))
}

/// Takes a note apart: the text that is signed, with its last newline, and the signatures.
pub(crate) fn parse(note: &str) -> Result<(&str, Vec<Signature>), Error> {
    if note.len() > LIMIT {
        return Err(Error::Malformed("it is longer than 16 KiB"));
    }
    let at = note.rfind("\n\n").ok_or(Error::Malformed("no blank line stands before the signatures"))?;
    let (text, rest) = note.split_at(at.saturating_add(1));
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
    let lines = lines.ok_or(Error::Malformed("the last line does not end"))?;
    let signatures: Vec<_> =
        lines.split('\n').take(SIGNATURES.saturating_add(1)).map(signature).collect::<Result<_, _>>()?;
    if signatures.len() > SIGNATURES {
        return Err(Error::Malformed("it has more than 32 signatures"));
    }
    Ok((text, signatures))
}

fn signature(line: &str) -> Result<Signature, Error> {
    const WRONG: Error = Error::Malformed("a signature line is not '\u{2014} name base64'");
    let (name, encoded) =
        line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or(WRONG)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| WRONG)?;
    let (key_id, bytes) = bytes.split_first_chunk::<4>().ok_or(WRONG)?;
    if !is_name(name) || bytes.is_empty() {
        return Err(WRONG);
    }
    Ok(Signature { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
}
