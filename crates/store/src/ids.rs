//! One type per kind of id, so that no two can be confused. All are UUIDs, stored as 16 bytes.

use std::fmt;
use std::str::FromStr;

use clock::Clock;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Binary};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident,)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow)]
        #[serde(transparent)]
        #[diesel(sql_type = Binary)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, which sorts by the time of `clock` to the millisecond.
            #[must_use]
            pub fn new(clock: &dyn Clock) -> Self {
                Self(clock::new_id(clock))
            }

            /// The 16 bytes that stand in the database and bind a sealed column to its row.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl<DB: Backend> ToSql<Binary, DB> for $name
        where
            [u8]: ToSql<Binary, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <[u8] as ToSql<Binary, DB>>::to_sql(self.0.as_bytes().as_slice(), out)
            }
        }

        impl<DB: Backend> FromSql<Binary, DB> for $name
        where
            Vec<u8>: FromSql<Binary, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let bytes = <Vec<u8> as FromSql<Binary, DB>>::from_sql(bytes)?;
                Ok(Self(Uuid::from_slice(&bytes)?))
            }
        }
    )+};
}

id! {
    /// An event that is told to other systems.
    OutboxId,
    /// A piece of hardware, or a personal enrolment that hides which.
    DeviceId,
    /// One epoch of a device under management.
    EnrollmentId,
    /// Where a queue lives: a device, or one user on it.
    ChannelId,
    /// A certificate that was issued to a device.
    IdentityId,
    /// A certificate with which a device joins the network.
    NetworkIdentityId,
    /// One permission to be issued a certificate.
    IssuanceId,
    /// An enrolment link.
    LinkId,
    /// A certificate authority.
    AuthorityId,
    /// A command, however many devices it goes to.
    CommandId,
    /// A sealed secret.
    SecretId,
    /// The showing of a secret to a person.
    RevealId,
    /// A set of facts that a device told at one time.
    ReportId,
    /// A job.
    JobId,
    /// A push certificate.
    PushCertificateId,
    /// An operator's token for the API.
    TokenId,
    /// A certificate that came with a name that no enrolment has.
    QuarantinedId,
    /// A group of devices.
    GroupId,
    /// One version of an assignment on its way through the fleet.
    RolloutId,
    /// A place: the organisation, a site, a building, a ward.
    PlaceId,
    /// A person to whom devices belong.
    PersonId,
    /// Something that a device should have, in all its versions.
    ItemId,
    /// One version of an item.
    ItemVersionId,
    /// Which devices get which version of an item.
    AssignmentId,
    /// Something that a person must look at.
    IncidentId,
    /// A change that somebody asks for, with its preview.
    ActionId,
    /// A person's leave to remove an item from many devices.
    AllowanceId,
}

/// The place of a delivery in the order of all deliveries. Grows; gaps mean nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[serde(transparent)]
#[diesel(sql_type = BigInt)]
pub struct DeliverySeq(pub i64);

impl fmt::Display for DeliverySeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for DeliverySeq
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <i64 as ToSql<BigInt, DB>>::to_sql(&self.0, out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for DeliverySeq
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, DB>>::from_sql(bytes).map(Self)
    }
}
