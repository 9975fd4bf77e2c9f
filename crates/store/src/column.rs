//! How types of other crates stand in columns: times as milliseconds, words as text.
//!
//! A public row has the plain type; its derive names the wrapper of this module.

use catalog::{ChannelKind, EnrollmentType, Ownership, Platform};
use clock::Timestamp;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time that is always there.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Millis(i64);

impl From<Timestamp> for Millis {
    fn from(time: Timestamp) -> Self {
        Self(time.as_millis())
    }
}

impl From<Millis> for Timestamp {
    fn from(millis: Millis) -> Self {
        Self::from_millis(millis.0)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Millis
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <i64 as ToSql<BigInt, DB>>::to_sql(&self.0, out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Millis
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, DB>>::from_sql(bytes).map(Self)
    }
}

/// A time that may be unknown.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = Nullable<BigInt>)]
pub struct OptionalMillis(Option<i64>);

impl From<Option<Timestamp>> for OptionalMillis {
    fn from(time: Option<Timestamp>) -> Self {
        Self(time.map(Timestamp::as_millis))
    }
}

impl From<OptionalMillis> for Option<Timestamp> {
    fn from(millis: OptionalMillis) -> Self {
        millis.0.map(Timestamp::from_millis)
    }
}

impl<DB: Backend> ToSql<Nullable<BigInt>, DB> for OptionalMillis
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match &self.0 {
            Some(millis) => <i64 as ToSql<BigInt, DB>>::to_sql(millis, out),
            None => Ok(IsNull::Yes),
        }
    }
}

impl<DB: Backend> FromSql<Nullable<BigInt>, DB> for OptionalMillis
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, DB>>::from_sql(bytes).map(|millis| Self(Some(millis)))
    }

    fn from_nullable_sql(bytes: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        bytes.map_or(Ok(Self(None)), <Self as FromSql<Nullable<BigInt>, DB>>::from_sql)
    }
}

macro_rules! text_column {
    ($column:ident, $type:ty) => {
        #[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
        #[diesel(sql_type = Text)]
        pub struct $column(pub $type);

        impl From<$type> for $column {
            fn from(value: $type) -> Self {
                Self(value)
            }
        }

        impl From<$column> for $type {
            fn from(column: $column) -> Self {
                column.0
            }
        }

        impl<DB: Backend> ToSql<Text, DB> for $column
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.0.as_str(), out)
            }
        }

        impl<DB: Backend> FromSql<Text, DB> for $column
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                Ok(Self(<String as FromSql<Text, DB>>::from_sql(bytes)?.parse()?))
            }
        }
    };
}

text_column!(OwnershipText, Ownership);
text_column!(EnrollmentTypeText, EnrollmentType);
text_column!(ChannelKindText, ChannelKind);

/// A platform that may be unknown.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = Nullable<Text>)]
pub struct OptionalPlatform(pub Option<Platform>);

impl From<Option<Platform>> for OptionalPlatform {
    fn from(platform: Option<Platform>) -> Self {
        Self(platform)
    }
}

impl From<OptionalPlatform> for Option<Platform> {
    fn from(column: OptionalPlatform) -> Self {
        column.0
    }
}

impl<DB: Backend> ToSql<Nullable<Text>, DB> for OptionalPlatform
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        match &self.0 {
            Some(platform) => <str as ToSql<Text, DB>>::to_sql(platform.as_str(), out),
            None => Ok(IsNull::Yes),
        }
    }
}

impl<DB: Backend> FromSql<Nullable<Text>, DB> for OptionalPlatform
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Some(<String as FromSql<Text, DB>>::from_sql(bytes)?.parse()?)))
    }

    fn from_nullable_sql(bytes: Option<DB::RawValue<'_>>) -> deserialize::Result<Self> {
        bytes.map_or(Ok(Self(None)), <Self as FromSql<Nullable<Text>, DB>>::from_sql)
    }
}

/// What `pki::Sealer` made: ciphertext. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[serde(transparent)]
#[diesel(sql_type = Binary)]
pub struct SealedBytes(pub Vec<u8>);

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBytes({} bytes)", self.0.len())
    }
}

impl<DB: Backend> ToSql<Binary, DB> for SealedBytes
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <[u8] as ToSql<Binary, DB>>::to_sql(self.0.as_slice(), out)
    }
}

impl<DB: Backend> FromSql<Binary, DB> for SealedBytes
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        <Vec<u8> as FromSql<Binary, DB>>::from_sql(bytes).map(Self)
    }
}
