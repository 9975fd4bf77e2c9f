//! What was wrong with a property list, and where.

/// Why a property list was not accepted. Offsets count bytes from the beginning of the body, after a byte order mark and white space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The body is longer than the limit.
    #[error("the property list has {bytes} bytes, {max} are allowed")]
    TooLarge {
        /// Length of the body, or for a binary list its length once unshared.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// More containers are open at once than the limit.
    #[error("the property list nests deeper than {max} levels at byte {at}")]
    TooDeep {
        /// Where the first level too many begins.
        at: usize,
        /// The limit.
        max: usize,
    },
    /// More elements than the limit.
    #[error("the property list has more than {max} elements")]
    TooManyElements {
        /// The limit.
        max: usize,
    },
    /// Neither XML nor, where it is allowed, binary.
    #[error("this is not a property list in XML")]
    NotAPropertyList,
    /// A binary property list where only XML is taken.
    #[error("this is a binary property list, only XML is accepted here")]
    Binary,
    /// A CDATA section, which the parser would silently drop.
    #[error("CDATA at byte {at}: property lists do not use it")]
    CData {
        /// Where it begins.
        at: usize,
    },
    /// A document type with an internal subset, or one of odd form.
    #[error("a document type at byte {at} that is more than a reference")]
    DocumentType {
        /// Where it begins.
        at: usize,
    },
    /// An entity other than the five of XML and numeric ones.
    #[error("an unknown or malformed entity at byte {at}")]
    Entity {
        /// Where it begins.
        at: usize,
    },
    /// The XML declaration names an encoding other than UTF-8.
    #[error("the encoding is not UTF-8")]
    Encoding,
    /// An element that property lists do not have.
    #[error("an element at byte {at} that property lists do not have")]
    UnknownElement {
        /// Where it begins.
        at: usize,
    },
    /// An attribute on an element that has none, or markup of odd form.
    #[error("malformed markup at byte {at}")]
    Markup {
        /// Where it begins.
        at: usize,
    },
    /// A date that is not in UTC, or outside the years 1 to 9999.
    #[error("a date at byte {at} that is not of the form 2026-01-31T23:59:59Z")]
    Date {
        /// Where its element begins.
        at: usize,
    },
    /// An object of a binary list that lies outside the file or is of an unknown kind.
    #[error("the binary property list is malformed at byte {at}")]
    MalformedBinary {
        /// Where it is.
        at: usize,
    },
    /// Two equal keys in one dictionary.
    #[error("a dictionary holds the same key twice")]
    DuplicateKey,
    /// The parser refused it.
    #[error("the property list is malformed: {0}")]
    Malformed(String),
    /// The root is something else than a dictionary.
    #[error("the property list is not a dictionary")]
    NotADictionary,
}
