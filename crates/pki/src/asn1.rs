//! Reading DER field by field, and writing it, without changing a byte of what was signed.
//!
//! The typed structures of the `cms` crate decode certificates and signed attributes and encode them again, which
//! alters every one that is not strict DER; signatures and fingerprints need the bytes as they came.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use crate::{Error, Result};

/// The fields of one constructed value, read in order. Borrowed from the input.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    what: &'static str,
    reader: SliceReader<'a>,
}

impl<'a> Fields<'a> {
    /// Over the content octets of a constructed value.
    pub(crate) fn new(what: &'static str, content: &'a [u8]) -> Result<Self> {
        let reader = SliceReader::new(content).map_err(|error| Error::malformed(what, error))?;
        Ok(Self { what, reader })
    }

    /// Over the fields of a SEQUENCE that fills `bytes` entirely.
    pub(crate) fn of_sequence(what: &'static str, bytes: &'a [u8]) -> Result<Self> {
        let mut outer = Self::new(what, bytes)?;
        let content = outer.expect(Tag::Sequence)?;
        outer.finish()?;
        Self::new(what, content)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.is_finished()
    }

    /// The next field: tag and content.
    pub(crate) fn any(&mut self) -> Result<AnyRef<'a>> {
        AnyRef::decode(&mut self.reader).map_err(|error| Error::malformed(self.what, error))
    }

    /// The next field with its header.
    pub(crate) fn raw(&mut self) -> Result<&'a [u8]> {
        self.reader.tlv_bytes().map_err(|error| Error::malformed(self.what, error))
    }

    /// The content of the next field, which has to have this tag.
    pub(crate) fn expect(&mut self, tag: Tag) -> Result<&'a [u8]> {
        let field = self.any()?;
        if field.tag() != tag {
            return Err(Error::malformed(self.what, format!("expected {tag}, found {}", field.tag())));
        }
        Ok(field.value())
    }

    /// The content of the next field if it has this tag.
    pub(crate) fn optional(&mut self, tag: Tag) -> Result<Option<&'a [u8]>> {
        if self.is_empty() || Tag::peek(&self.reader).ok() != Some(tag) {
            return Ok(None);
        }
        self.expect(tag).map(Some)
    }

    /// The fields of the next field, a SEQUENCE.
    pub(crate) fn sequence(&mut self) -> Result<Self> {
        let content = self.expect(Tag::Sequence)?;
        Self::new(self.what, content)
    }

    /// The fields of the next field, a SET.
    pub(crate) fn set(&mut self) -> Result<Self> {
        let content = self.expect(Tag::Set)?;
        Self::new(self.what, content)
    }

    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier> {
        let content = self.expect(Tag::ObjectIdentifier)?;
        ObjectIdentifier::from_bytes(content).map_err(|error| Error::malformed(self.what, error))
    }

    /// The object identifier of an AlgorithmIdentifier; its parameters are skipped.
    pub(crate) fn algorithm(&mut self) -> Result<ObjectIdentifier> {
        self.sequence()?.oid()
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.reader.finish().map_err(|error| Error::malformed(self.what, error))
    }
}

/// The context-specific tag with this number.
pub(crate) const fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const UTF8_STRING: u8 = 0x0c;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// One value with a definite length.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len().to_be_bytes();
    let significant =
        length.iter().position(|byte| *byte != 0).and_then(|at| length.get(at..)).unwrap_or(&[0]);
    match significant {
        [short @ 0..=0x7f] => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// One constructed value made of these parts.
pub(crate) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A SET OF in the order that DER demands (X.690, section 11.6).
pub(crate) fn set_of(tag: u8, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    elements.sort();
    value(tag, &elements.concat())
}

/// A BIT STRING without unused bits.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    constructed(BIT_STRING, &[&[0], content])
}

pub(crate) fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    value(0x06, oid.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
        assert_eq!(value(4, &[]), [4, 0]);
        assert_eq!(value(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(value(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(value(4, &[7; 256])[..4], [4, 0x82, 1, 0]);
    }

    #[test]
    fn a_sequence_with_bytes_behind_it_is_refused() {
        assert!(Fields::of_sequence("test", &[0x30, 0]).is_ok());
        assert!(Fields::of_sequence("test", &[0x30, 0, 0]).is_err());
    }
}
