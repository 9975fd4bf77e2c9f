//! How each sealed column is read and written.

use diesel::prelude::*;
use uuid::Uuid;

use super::{SealedColumn, SealedRow};
use crate::models::SEALED_SETTING;
use crate::schema::{
    authorities, channels, commands, idempotency_keys, item_secrets, item_versions, push_certificates,
    secrets, settings,
};
use crate::{AuthorityId, ChannelId, CommandId, Error, ItemVersionId, PushCertificateId, SecretId, TokenId};

/// A column of a table whose key is a UUID.
macro_rules! by_uuid {
    ($name:ident, $table:ident, $column:ident, $id:ident) => {
        const $name: SealedColumn = SealedColumn {
            table: stringify!($table),
            column: stringify!($column),
            page: |connection, after, limit| {
                let mut query = $table::table
                    .filter($table::$column.is_not_null())
                    .select(($table::id, $table::$column.nullable()))
                    .order($table::id)
                    .limit(limit)
                    .into_boxed();
                if let Some(after) = after {
                    query = query.filter($table::id.gt($id(uuid(after)?)));
                }
                let rows: Vec<($id, Option<Vec<u8>>)> = query.load(connection)?;
                let row = |(id, sealed): ($id, Option<Vec<u8>>)| SealedRow {
                    row: id.as_bytes().to_vec(),
                    sealed: sealed.unwrap_or_default(),
                };
                Ok(rows.into_iter().map(row).collect())
            },
            replace: |connection, before, sealed| {
                let as_read =
                    $table::table.find($id(uuid(&before.row)?)).filter($table::$column.eq(&before.sealed));
                Ok(diesel::update(as_read).set($table::$column.eq(sealed)).execute(connection)? > 0)
            },
        };
    };
}

by_uuid!(AUTHORITY_KEYS, authorities, sealed_key, AuthorityId);
by_uuid!(RA_KEYS, authorities, sealed_ra_key, AuthorityId);
by_uuid!(PUSH_KEYS, push_certificates, sealed_key, PushCertificateId);
by_uuid!(SECRETS, secrets, sealed, SecretId);
by_uuid!(PUSH_TOKENS, channels, push_token, ChannelId);
by_uuid!(PUSH_MAGICS, channels, push_magic, ChannelId);
by_uuid!(SOURCES, item_versions, sealed_source, ItemVersionId);
by_uuid!(TEMPLATES, item_versions, sealed_template, ItemVersionId);
by_uuid!(BODIES, commands, sealed_body, CommandId);

/// Named secrets, by name.
const NAMED: SealedColumn = SealedColumn {
    table: "item_secrets",
    column: "sealed",
    page: |connection, after, limit| {
        let mut query = item_secrets::table
            .select((item_secrets::name, item_secrets::sealed))
            .order(item_secrets::name)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(item_secrets::name.gt(text(after)?));
        }
        let rows: Vec<(String, Vec<u8>)> = query.load(connection)?;
        Ok(rows.into_iter().map(|(name, sealed)| SealedRow { row: name.into_bytes(), sealed }).collect())
    },
    replace: |connection, before, sealed| {
        let as_read =
            item_secrets::table.find(text(&before.row)?).filter(item_secrets::sealed.eq(&before.sealed));
        Ok(diesel::update(as_read).set(item_secrets::sealed.eq(sealed)).execute(connection)? > 0)
    },
};

/// Kept answers, by token and key.
const ANSWERS: SealedColumn = SealedColumn {
    table: "idempotency_keys",
    column: "body",
    page: |connection, after, limit| {
        let mut query = idempotency_keys::table
            .select((idempotency_keys::token_id, idempotency_keys::key, idempotency_keys::body))
            .order((idempotency_keys::token_id, idempotency_keys::key))
            .limit(limit)
            .into_boxed();
        if let Some((token, key)) = after.map(token_and_key).transpose()? {
            let later = idempotency_keys::token_id.eq(token).and(idempotency_keys::key.gt(key));
            query = query.filter(idempotency_keys::token_id.gt(token).or(later));
        }
        let rows: Vec<(TokenId, String, Vec<u8>)> = query.load(connection)?;
        let row = |(token, key, sealed): (TokenId, String, Vec<u8>)| SealedRow {
            row: [token.as_bytes().as_slice(), key.as_bytes()].concat(),
            sealed,
        };
        Ok(rows.into_iter().map(row).collect())
    },
    replace: |connection, before, sealed| {
        let key = token_and_key(&before.row)?;
        let as_read = idempotency_keys::table.find(key).filter(idempotency_keys::body.eq(&before.sealed));
        Ok(diesel::update(as_read).set(idempotency_keys::body.eq(sealed)).execute(connection)? > 0)
    },
};

/// Sealed settings, by name.
const SETTINGS: SealedColumn = SealedColumn {
    table: "settings",
    column: "value",
    page: |connection, after, limit| {
        let mut query = settings::table
            .filter(settings::name.like(format!("{SEALED_SETTING}%")))
            .select((settings::name, settings::value))
            .order(settings::name)
            .limit(limit)
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(settings::name.gt(text(after)?));
        }
        let rows: Vec<(String, String)> = query.load(connection)?;
        let row = |(name, value): (String, String)| {
            let sealed = hex::decode(&value).map_err(|_| Error::unreadable("a sealed setting"))?;
            Ok(SealedRow { row: name.into_bytes(), sealed })
        };
        rows.into_iter().map(row).collect()
    },
    replace: |connection, before, sealed| {
        let as_read =
            settings::table.find(text(&before.row)?).filter(settings::value.eq(hex::encode(&before.sealed)));
        Ok(diesel::update(as_read).set(settings::value.eq(hex::encode(sealed))).execute(connection)? > 0)
    },
};

pub(super) const ALL: &[SealedColumn] = &[
    AUTHORITY_KEYS,
    RA_KEYS,
    PUSH_KEYS,
    SETTINGS,
    NAMED,
    SECRETS,
    PUSH_TOKENS,
    PUSH_MAGICS,
    SOURCES,
    TEMPLATES,
    BODIES,
    ANSWERS,
];

fn uuid(bytes: &[u8]) -> Result<Uuid, Error> {
    Uuid::from_slice(bytes).map_err(|_| Error::unreadable("the row of a sealed value"))
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::unreadable("the row of a sealed value"))
}

fn token_and_key(row: &[u8]) -> Result<(TokenId, &str), Error> {
    let (token, key) =
        row.split_at_checked(16).ok_or_else(|| Error::unreadable("the row of a sealed value"))?;
    Ok((TokenId(uuid(token)?), text(key)?))
}
