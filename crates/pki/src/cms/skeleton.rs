//! The few fields of a certificate by which a CMS names its signer, read in a microsecond.

use der::asn1::ObjectIdentifier;
use der::{Tag, Tagged as _};

use crate::Result;
use crate::asn1::{Fields, context};

const WHAT: &str = "a certificate in the message";

/// What names a certificate in a CMS, read without decoding the rest.
pub(crate) struct Skeleton<'a> {
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    /// The content of the subjectKeyIdentifier extension, if it is where RFC 5280 puts it.
    pub(crate) subject_key_id: Option<&'a [u8]>,
}

impl<'a> Skeleton<'a> {
    pub(crate) fn of(der: &'a [u8]) -> Result<Self> {
        let mut certificate = Fields::of_sequence(WHAT, der)?;
        let mut fields = certificate.sequence()?;
        fields.optional(context(0, true))?;
        let serial = fields.expect(Tag::Integer)?;
        fields.raw()?;
        let issuer = fields.raw()?;
        let mut subject_key_id = None;
        for _ in 0..3 {
            fields.raw()?;
        }
        while !fields.is_empty() {
            let field = fields.any()?;
            if field.tag() == context(3, true) {
                subject_key_id = Self::find_key_id(field.value())?;
            }
        }
        Ok(Self { serial, issuer, subject_key_id })
    }

    fn find_key_id(extensions: &'a [u8]) -> Result<Option<&'a [u8]>> {
        const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
        let mut extensions = Fields::of_sequence(WHAT, extensions)?;
        while !extensions.is_empty() {
            let mut extension = extensions.sequence()?;
            if extension.oid()? == SUBJECT_KEY_ID {
                extension.optional(Tag::Boolean)?;
                let value = extension.expect(Tag::OctetString)?;
                return Fields::new(WHAT, value)?.expect(Tag::OctetString).map(Some);
            }
        }
        Ok(None)
    }
}
