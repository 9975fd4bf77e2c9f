//! Items: what devices should have, each in numbered versions that never change.

use clock::Timestamp;
use diesel::prelude::*;
use pki::seal::{Place, Sealer};
use zeroize::Zeroizing;

use super::by_id;
use crate::column::{Millis, OptionalMillis};
use crate::schema::{item_versions, items};
use crate::{Connection, Error, ItemId, ItemVersionId, SealedBytes};

/// Something that a device should have.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = items, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// The name that people use.
    pub name: String,
    /// What it is: `profile`.
    pub kind: String,
    /// When it was made.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was put away. Its name stays taken.
    #[diesel(serialize_as = OptionalMillis, deserialize_as = OptionalMillis)]
    pub archived_at: Option<Timestamp>,
}

by_id!(Item, items, ItemId);

/// One version of an item. Source and template are sealed: an uploaded profile may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = item_versions, treat_none_as_default_value = false)]
pub struct ItemVersion {
    /// Its id.
    pub id: ItemVersionId,
    /// Of which item.
    pub item_id: ItemId,
    /// 1, 2, 3, …
    pub version: i32,
    /// In which form it came: `toml` or `mobileconfig`.
    pub source: String,
    /// What came, sealed.
    pub sealed_source: SealedBytes,
    /// The template, as JSON, sealed.
    pub sealed_template: SealedBytes,
    /// SHA-256 of what came.
    pub digest: Vec<u8>,
    /// The profile's `PayloadIdentifier`.
    pub identifier: String,
    /// The types of its payloads, as a JSON array.
    pub payload_types: String,
    /// Whether a faulty version can cut devices off from Ward.
    pub carries_network: bool,
    /// The worst that it can do, as a class.
    pub class: String,
    /// Why that class.
    pub class_reason: String,
    /// What the linter found, as a JSON array.
    pub lint: String,
    /// Why it was taken although the linter found errors.
    pub override_reason: Option<String>,
    /// When it came.
    #[diesel(serialize_as = Millis, deserialize_as = Millis)]
    pub created_at: Timestamp,
    /// From whom.
    pub created_by: String,
}

impl Item {
    /// The item with this name.
    ///
    /// # Errors
    /// The database's.
    pub fn find_by_name(connection: &mut Connection, name: &str) -> Result<Option<Self>, Error> {
        let found = items::table.filter(items::name.eq(name)).select(Self::as_select());
        Ok(found.first(connection).optional()?)
    }

    /// All items that are not put away, by name.
    ///
    /// # Errors
    /// The database's.
    pub fn list(connection: &mut Connection) -> Result<Vec<Self>, Error> {
        let live = items::table.filter(items::archived_at.is_null()).order(items::name);
        Ok(live.select(Self::as_select()).load(connection)?)
    }
}

impl ItemVersion {
    /// Inserts the row.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the number is taken.
    pub fn insert(&self, connection: &mut Connection) -> Result<(), Error> {
        diesel::insert_into(item_versions::table).values(self.clone()).execute(connection)?;
        Ok(())
    }

    /// The version with this id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find(connection: &mut Connection, id: ItemVersionId) -> Result<Self, Error> {
        Ok(item_versions::table.find(id).select(Self::as_select()).first(connection)?)
    }

    /// The versions of an item, newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn list_of(connection: &mut Connection, item: ItemId) -> Result<Vec<Self>, Error> {
        let of = item_versions::table.filter(item_versions::item_id.eq(item));
        Ok(of.order(item_versions::version.desc()).select(Self::as_select()).load(connection)?)
    }

    /// The newest version of an item.
    ///
    /// # Errors
    /// The database's.
    pub fn newest(connection: &mut Connection, item: ItemId) -> Result<Option<Self>, Error> {
        let of = item_versions::table.filter(item_versions::item_id.eq(item));
        let newest = of.order(item_versions::version.desc()).select(Self::as_select());
        Ok(newest.first(connection).optional()?)
    }

    /// Whether another item has a profile with this identifier: two of them would replace each other on a device.
    ///
    /// # Errors
    /// The database's.
    pub fn identifier_owner(
        connection: &mut Connection,
        identifier: &str,
        except: Option<ItemId>,
    ) -> Result<Option<ItemId>, Error> {
        let owners: Vec<ItemId> = item_versions::table
            .inner_join(items::table.on(items::id.eq(item_versions::item_id)))
            .filter(item_versions::identifier.eq(identifier))
            .filter(items::archived_at.is_null())
            .select(item_versions::item_id)
            .distinct()
            .load(connection)?;
        Ok(owners.into_iter().find(|owner| Some(*owner) != except))
    }

    /// Seals the source of a version.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal_source(sealer: &Sealer, id: ItemVersionId, plain: &[u8]) -> Result<SealedBytes, Error> {
        seal(sealer, &id, "sealed_source", plain)
    }

    /// Seals the template of a version.
    ///
    /// # Errors
    /// [`Error::Internal`] when sealing fails.
    pub fn seal_template(sealer: &Sealer, id: ItemVersionId, plain: &[u8]) -> Result<SealedBytes, Error> {
        seal(sealer, &id, "sealed_template", plain)
    }

    /// What came, in clear.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn source_body(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        open(sealer, &self.id, "sealed_source", &self.sealed_source)
    }

    /// The template as JSON, in clear.
    ///
    /// # Errors
    /// [`Error::Internal`] when the seal does not open.
    pub fn template(&self, sealer: &Sealer) -> Result<Zeroizing<Vec<u8>>, Error> {
        open(sealer, &self.id, "sealed_template", &self.sealed_template)
    }
}

fn seal(
    sealer: &Sealer,
    id: &ItemVersionId,
    column: &'static str,
    plain: &[u8],
) -> Result<SealedBytes, Error> {
    let sealed = sealer.seal(&place(id, column), plain);
    sealed.map(SealedBytes).map_err(|_| Error::unreadable("a version of an item"))
}

fn open(
    sealer: &Sealer,
    id: &ItemVersionId,
    column: &'static str,
    sealed: &SealedBytes,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    sealer.open(&place(id, column), &sealed.0).map_err(|_| Error::unreadable("a version of an item"))
}

const fn place<'a>(id: &'a ItemVersionId, column: &'static str) -> Place<'a> {
    Place { table: "item_versions", column, row: id.as_bytes(), version: 1 }
}
