//! Channels: the device of an epoch, and each user on it. A queue and a push address belong to each.

use catalog::ChannelKind;
use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::by_id;
use crate::column::{ChannelKindText, Millis, OptionalMillis};
use crate::schema::channels;
use crate::{ChannelId, Connection, EnrollmentId, Error, SealedBytes};

/// A push token (bytes as the device sent them) and a push magic.
pub type PushAddress = (Zeroizing<Vec<u8>>, SecretString);

/// A channel. Its push address is sealed; [`Channel::push_address`] opens it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = channels, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Of which epoch.
    pub enrollment_id: EnrollmentId,
    /// The device's own, or a user's.
    #[diesel(serialize_as = ChannelKindText, deserialize_as = ChannelKindText)]
    pub kind: ChannelKind,
    /// The composite id: `UDID`, `UDID:UserID`, `UDID:UserShortName`, `EnrollmentID:EnrollmentUserID`.
    pub key: String,
    /// The user's id.
    pub user_id: Option<String>,
    /// The user's short name.
    pub user_short_name: Option<String>,
    /// The user's name.
    pub user_long_name: Option<String>,
    /// The push token, sealed.
    pub push_token: Option<SealedBytes>,
    /// The push magic, sealed.
    pub push_magic: Option<SealedBytes>,
    /// The topic that pushes must have.
    pub topic: String,
    /// When the last TokenUpdate came.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub token_updated_at: Option<Timestamp>,
    /// How many came in this epoch.
    pub token_update_tally: i32,
    /// Whether it may be pushed and given commands.
    pub enabled: bool,
    /// When APNs said that the token is no longer one.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub push_dead_at: Option<Timestamp>,
    /// When it was last pushed.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub last_pushed_at: Option<Timestamp>,
    /// When it was last heard. Written in batches: see [`crate::Store::touch`].
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub last_seen_at: Option<Timestamp>,
}

by_id!(Channel, channels, ChannelId);

impl Channel {
    /// Seals a push address into the row (not yet into the database).
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn set_push_address(&mut self, sealer: &Sealer, token: &[u8], magic: &str) -> Result<(), Error> {
        let seal = |column, plain: &[u8]| {
            sealer
                .seal(&self.place(column), plain)
                .map(SealedBytes)
                .map_err(|_| Error::unreadable("a push address"))
        };
        let (token, magic) = (seal("push_token", token)?, seal("push_magic", magic.as_bytes())?);
        (self.push_token, self.push_magic) = (Some(token), Some(magic));
        Ok(())
    }

    /// The push token (bytes as the device sent them) and magic; none when no TokenUpdate has come.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open: another key, or a value from another row.
    pub fn push_address(&self, sealer: &Sealer) -> Result<Option<PushAddress>, Error> {
        let (Some(token), Some(magic)) = (&self.push_token, &self.push_magic) else { return Ok(None) };
        let open = |column, sealed: &SealedBytes| {
            sealer.open(&self.place(column), &sealed.0).map_err(|_| Error::unreadable("a push address"))
        };
        let (token, magic) = (open("push_token", token)?, open("push_magic", magic)?);
        let magic = std::str::from_utf8(&magic).map_err(|_| Error::unreadable("a push magic"))?;
        Ok(Some((token, SecretString::from(magic))))
    }

    const fn place(&self, column: &'static str) -> Place<'_> {
        Place { table: "channels", column, row: self.id.as_bytes(), version: 1 }
    }

    /// The channel of an epoch with this composite id.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_key(
        connection: &mut Connection,
        enrollment: EnrollmentId,
        key: &str,
    ) -> Result<Option<Self>, Error> {
        Ok(channels::table
            .filter(channels::enrollment_id.eq(enrollment))
            .filter(channels::key.eq(key))
            .select(Self::as_select())
            .first(connection)
            .optional()?)
    }

    /// The device's own channel of an epoch.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the epoch has none.
    pub fn find_device_channel(connection: &mut Connection, enrollment: EnrollmentId) -> Result<Self, Error> {
        Ok(channels::table
            .filter(channels::enrollment_id.eq(enrollment))
            .filter(channels::kind.eq(ChannelKindText(ChannelKind::Device)))
            .select(Self::as_select())
            .first(connection)?)
    }

    /// All channels with this composite id, of the newest epoch first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_by_key(connection: &mut Connection, key: &str) -> Result<Vec<Self>, Error> {
        Ok(channels::table
            .filter(channels::key.eq(key))
            .order(channels::id.desc())
            .select(Self::as_select())
            .load(connection)?)
    }

    /// All channels of an epoch, the device's own first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_for_enrollment(
        connection: &mut Connection,
        enrollment: EnrollmentId,
    ) -> Result<Vec<Self>, Error> {
        Ok(channels::table
            .filter(channels::enrollment_id.eq(enrollment))
            .order((channels::kind, channels::id))
            .select(Self::as_select())
            .load(connection)?)
    }

    /// Notes that the channel was pushed.
    ///
    /// # Errors
    /// The database's.
    pub fn set_pushed(connection: &mut Connection, id: ChannelId, at: Timestamp) -> Result<(), Error> {
        diesel::update(channels::table.find(id))
            .set(channels::last_pushed_at.eq(OptionalMillis::from(Some(at))))
            .execute(connection)?;
        Ok(())
    }

    /// Notes that APNs calls the token dead since `since`, unless a newer one has come. Returns whether it did.
    ///
    /// # Errors
    /// The database's.
    pub fn set_push_dead(
        connection: &mut Connection,
        id: ChannelId,
        since: Timestamp,
    ) -> Result<bool, Error> {
        let changed = diesel::update(
            channels::table.find(id).filter(channels::token_updated_at.lt(Millis::from(since))),
        )
        .set(channels::push_dead_at.eq(OptionalMillis::from(Some(since))))
        .execute(connection)?;
        Ok(changed > 0)
    }

    /// Disables all channels of an epoch that is over.
    ///
    /// # Errors
    /// The database's.
    pub fn disable_all(connection: &mut Connection, enrollment: EnrollmentId) -> Result<(), Error> {
        diesel::update(channels::table.filter(channels::enrollment_id.eq(enrollment)))
            .set(channels::enabled.eq(false))
            .execute(connection)?;
        Ok(())
    }
}
