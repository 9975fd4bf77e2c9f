//! Searching devices by everything that is known of them. The engine has the statements; here stands what can be asked.

use clock::Timestamp;

use super::{Device, DeviceFact};
use crate::{Connection, DeviceId, EnrollmentState, Error, FactKind, GroupId, PlaceId, SortKey, engine};

/// A part of the order of values: `(bound, whether the bound itself belongs to it)` on each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub from: (String, bool),
    /// Where it ends.
    pub to: (String, bool),
}

/// What is asked of the value of a fact. Several keys or ranges are alternatives: one text may stand for values of several kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is known.
    Exists,
    /// It is not known.
    Missing,
    /// It is one of these.
    Is(Vec<SortKey>),
    /// It is known and none of these.
    IsNot(Vec<SortKey>),
    /// It lies in one of these.
    Within(Vec<Range>),
    /// Its text contains this.
    Contains(String),
}

/// What is asked of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelTest {
    /// The device has it.
    Exists,
    /// Its value, without case.
    Is(String),
    /// Its value contains this.
    Contains(String),
}

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The value of a fact.
    Fact(String, Test),
    /// The value of a label.
    Label(String, LabelTest),
    /// Part of its name, serial number, UDID, product or model name, or of its owner.
    Words(String),
    /// One of its epochs is in this state.
    AnyState(EnrollmentState),
    /// It belongs to a person of this e-mail address, external id or name, or its newest enrolment names this owner.
    Owner(String),
    /// It stands in one of these places.
    In(Vec<PlaceId>),
    /// It is a member of this group.
    Group(GroupId),
    /// It was heard at this time or later.
    SeenSince(Timestamp),
    /// Not so.
    Not(Box<Self>),
}

/// Where a page ends: the next one begins behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The key of the value by which devices are ordered; none among those of which it is not known, and in the order of ids.
    pub sort: Option<String>,
    /// The device.
    pub id: DeviceId,
}

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// All of these.
    pub wanted: Vec<Wanted>,
    /// The fact by whose value they are ordered, those without it last; none: in the order in which they were first seen.
    pub order: Option<String>,
    /// The greatest value first.
    pub descending: bool,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: i64,
}

/// A device that was found, and where it stands in the order.
pub type Hit = Cursor;

impl Device {
    /// A page of the devices that are all that is wanted.
    ///
    /// # Errors
    /// The database's.
    pub fn search(connection: &mut Connection, search: &Search) -> Result<Vec<Hit>, Error> {
        engine::search(connection, search)
    }
}

impl DeviceFact {
    /// Which kinds of values a fact has; none if no device has told it.
    ///
    /// # Errors
    /// The database's.
    pub fn kinds(connection: &mut Connection, key: &str) -> Result<Vec<FactKind>, Error> {
        engine::fact_kinds(connection, key)
    }

    /// The keys of all facts that any device has told, in order.
    ///
    /// # Errors
    /// The database's.
    pub fn keys(connection: &mut Connection) -> Result<Vec<String>, Error> {
        engine::fact_keys(connection)
    }
}

#[cfg(test)]
mod tests;
