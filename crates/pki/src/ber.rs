//! A limit on size, depth and number of elements for every ASN.1 message, and BER made into DER.
//!
//! Apple devices and SCEP clients send CMS with indefinite lengths and with strings in pieces. Only those parts are
//! rewritten; a value of definite length with nothing indefinite in it, such as a certificate, keeps every byte.

use std::borrow::Cow;

use crate::asn1::value;
use crate::{Error, Result};

/// How much of a stranger's message is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of the whole message.
    pub(crate) bytes: usize,
    /// Of constructed values in one another.
    pub(crate) depth: usize,
    /// Of values, counted with everything inside them.
    pub(crate) elements: usize,
}

impl Limits {
    /// For a message of at most so many bytes.
    pub(crate) const fn bytes(bytes: usize) -> Self {
        Self { bytes, depth: 32, elements: 20_000 }
    }
}

/// Checks `input`, which has to be exactly one value, and gives it with definite lengths and whole octet strings.
pub(crate) fn normalize<'a>(what: &'static str, input: &'a [u8], limits: Limits) -> Result<Cow<'a, [u8]>> {
    if input.len() > limits.bytes {
        return Err(Error::TooLarge { what, size: input.len(), limit: limits.bytes });
    }
    let mut walk = Walk { what, input, limits, elements: 0 };
    let mut out = Vec::new();
    let (end, changed) = walk.copy(0, input.len(), 0, &mut out)?;
    if end != input.len() {
        return Err(walk.error(end, "bytes follow the message"));
    }
    Ok(if changed { Cow::Owned(out) } else { Cow::Borrowed(input) })
}

const CONSTRUCTED: u8 = 0x20;
const CONSTRUCTED_OCTET_STRING: u8 = 0x24;

struct Walk<'a> {
    what: &'static str,
    input: &'a [u8],
    limits: Limits,
    elements: usize,
}

/// The header of one value.
struct Header {
    /// The first identifier octet.
    tag: u8,
    /// Where the identifier octets end.
    identifier_end: usize,
    /// Where the content begins.
    start: usize,
    /// Where the content ends; none for an indefinite length.
    end: Option<usize>,
}

impl Walk<'_> {
    /// Appends the value at `at` to `out`. Gives where it ends, and whether it had to be rewritten.
    fn copy(&mut self, at: usize, limit: usize, depth: usize, out: &mut Vec<u8>) -> Result<(usize, bool)> {
        let header = self.header(at, limit)?;
        if header.tag & CONSTRUCTED == 0 {
            let end = header.end.ok_or_else(|| self.error(at, "a primitive value without a length"))?;
            out.extend_from_slice(self.slice(at, end)?);
            return Ok((end, false));
        }
        if depth >= self.limits.depth {
            return Err(self.error(at, "nested too deeply"));
        }
        if header.tag == CONSTRUCTED_OCTET_STRING {
            let mut whole = Vec::new();
            let end = self.join(&header, limit, depth, &mut whole)?;
            out.extend_from_slice(&value(0x04, &whole));
            return Ok((end, true));
        }
        let mut inside = Vec::new();
        let mut changed = header.end.is_none();
        let end = self.children(&header, limit, |walk, child, limit| {
            let (end, child_changed) = walk.copy(child, limit, depth + 1, &mut inside)?;
            changed |= child_changed;
            Ok(end)
        })?;
        if changed {
            let identifier = self.slice(at, header.identifier_end)?;
            out.extend_from_slice(identifier);
            // The length and the content of the rewritten value, behind the identifier that is already there.
            out.extend_from_slice(value(0, &inside).get(1..).unwrap_or_default());
        } else {
            out.extend_from_slice(self.slice(at, end)?);
        }
        Ok((end, changed))
    }

    /// Puts the pieces of a constructed OCTET STRING together. Gives where it ends.
    fn join(&mut self, header: &Header, limit: usize, depth: usize, whole: &mut Vec<u8>) -> Result<usize> {
        if depth >= self.limits.depth {
            return Err(self.error(header.start, "nested too deeply"));
        }
        self.children(header, limit, |walk, child, limit| {
            let piece = walk.header(child, limit)?;
            match (piece.tag, piece.end) {
                (0x04, Some(end)) => {
                    whole.extend_from_slice(walk.slice(piece.start, end)?);
                    Ok(end)
                }
                (CONSTRUCTED_OCTET_STRING, _) => walk.join(&piece, limit, depth + 1, whole),
                _ => Err(walk.error(child, "a piece of an octet string that is none")),
            }
        })
    }

    /// Calls `each` with the position of every child. Gives where the value ends, its end mark included.
    fn children(
        &mut self,
        header: &Header,
        limit: usize,
        mut each: impl FnMut(&mut Self, usize, usize) -> Result<usize>,
    ) -> Result<usize> {
        let mut at = header.start;
        if let Some(end) = header.end {
            while at < end {
                at = each(self, at, end)?;
            }
            return Ok(end);
        }
        loop {
            match self.input.get(at..limit) {
                Some([0, 0, ..]) => return Ok(at + 2),
                Some([_, ..]) => at = each(self, at, limit)?,
                _ => return Err(self.error(at, "an indefinite length without an end")),
            }
        }
    }

    fn header(&mut self, at: usize, limit: usize) -> Result<Header> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(self.error(at, "too many values"));
        }
        let tag = self.byte(at, limit)?;
        let mut next = at + 1;
        if tag & 0x1f == 0x1f {
            while self.byte(next, limit)? & 0x80 != 0 {
                next += 1;
            }
            next += 1;
        }
        let identifier_end = next;
        let first = self.byte(next, limit)?;
        next += 1;
        let end = match first {
            0x80 => None,
            0..=0x7f => Some(usize::from(first)),
            _ => {
                let mut length = 0_usize;
                for _ in 0..first & 0x7f {
                    let byte = usize::from(self.byte(next, limit)?);
                    length = length.checked_mul(256).map_or(usize::MAX, |length| length.saturating_add(byte));
                    next += 1;
                }
                Some(length)
            }
        };
        let end = match end.map(|length| next.saturating_add(length)) {
            Some(end) if end > limit => return Err(self.error(at, "a length beyond the end")),
            end => end,
        };
        Ok(Header { tag, identifier_end, start: next, end })
    }

    fn byte(&self, at: usize, limit: usize) -> Result<u8> {
        let byte = if at < limit { self.input.get(at) } else { None };
        byte.copied().ok_or_else(|| self.error(at, "it ends too early"))
    }

    fn slice(&self, from: usize, to: usize) -> Result<&[u8]> {
        self.input.get(from..to).ok_or_else(|| self.error(from, "it ends too early"))
    }

    fn error(&self, at: usize, why: &str) -> Error {
        Error::malformed(self.what, format!("{why} (at byte {at})"))
    }
}

#[cfg(test)]
mod tests;
