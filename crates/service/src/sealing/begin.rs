//! At the start: the first data key, and what earlier versions of Ward sealed without one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;
use pki::seal::{Place, Sealer};
use serde::Deserialize;
use store::{Authority, DataKey, Setting, Store, Tx};
use uuid::Uuid;

use super::{ask, load};
use crate::push::WaitingKey;
use crate::{Context, Error, escrow, push};

/// Makes the first data key of an empty store, so that nothing is ever sealed without one.
pub(crate) async fn prepare(
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    sealer: &Arc<Sealer>,
) -> Result<(), Error> {
    let (now, new) = (clock.now(), sealer.new_data_key()?);
    let keys = store
        .tx("first_data_key", move |tx| {
            if Authority::active(tx, "device")?.is_none() && DataKey::current(tx)?.is_none() {
                DataKey::install(tx, &new, now)?;
                if let Some(key) = DataKey::current(tx)? {
                    DataKey { resealed_at: Some(now), ..key }.save(tx)?;
                }
            }
            Ok::<_, Error>(DataKey::wrapped(tx)?)
        })
        .await?;
    Ok(sealer.load(&keys)?)
}

/// Sees to it that there is a data key and that everything moves to it. A store of an earlier version has none: its values stand under
/// the key-encrypting key itself.
///
/// # Errors
/// [`Error::Conflict`] when the key-encrypting key is not the store's: then nothing is changed.
pub(crate) async fn begin(context: &Context) -> Result<(), Error> {
    let ground = context.clone();
    let current = context.store.read("current_data_key", |c| Ok::<_, Error>(DataKey::current(c)?)).await?;
    if current.is_none() {
        let (now, new) = (context.now(), context.sealer.new_data_key()?);
        context
            .store
            .tx("install_data_key", move |tx| {
                prove(tx, &ground)?;
                Ok::<_, Error>(DataKey::install(tx, &new, now)?)
            })
            .await?;
        load(context).await?;
    }
    let ground = context.clone();
    if current.is_none_or(|key| key.resealed_at.is_none()) {
        context
            .store
            .tx("begin_resealing", move |tx| {
                bring_over(tx, &ground.sealer)?;
                ask(tx, &ground)
            })
            .await?;
    }
    Ok(())
}

/// Opens something that the store has, before anything is sealed beside it.
fn prove(tx: &mut Tx<'_>, context: &Context) -> Result<(), Error> {
    let Some(authority) = Authority::list(tx)?.into_iter().next() else { return Ok(()) };
    authority.key(&context.sealer).map(|_| ()).map_err(|_| {
        Error::Conflict(
            "the key-encrypting key is not this database's: put the right key back from where it is kept safe and start again; \
             nothing was changed, and no new key can open what is sealed"
                .to_owned(),
        )
    })
}

#[derive(Deserialize)]
struct OldWaitingKey {
    id: Uuid,
    sealed: String,
    created_at: clock::Timestamp,
}

/// Settings in which earlier versions kept something sealed in a form of their own.
fn bring_over(tx: &mut Tx<'_>, sealer: &Sealer) -> Result<(), Error> {
    let unreadable = || Error::Internal("a sealed setting cannot be read".to_owned());
    if let Some(value) = Setting::read(tx, escrow::key::KEY)? {
        let place =
            Place { table: "settings", column: "value", row: escrow::key::KEY.as_bytes(), version: 1 };
        let key = sealer.open(&place, &STANDARD.decode(value).map_err(|_| unreadable())?)?;
        Setting::seal(tx, sealer, escrow::key::KEY, &key)?;
        Setting::delete(tx, escrow::key::KEY)?;
    }
    if let Some(value) = Setting::read(tx, push::REQUESTS)? {
        let old: Vec<OldWaitingKey> = serde_json::from_str(&value).map_err(|_| unreadable())?;
        let mut waiting = Vec::new();
        for OldWaitingKey { id, sealed, created_at } in old {
            let place = Place { table: "settings", column: push::REQUESTS, row: id.as_bytes(), version: 1 };
            let key = sealer.open(&place, &STANDARD.decode(sealed).map_err(|_| unreadable())?)?;
            waiting.push(WaitingKey { id, key: STANDARD.encode(&*key), created_at });
        }
        push::keep_waiting(tx, sealer, &waiting)?;
        Setting::delete(tx, push::REQUESTS)?;
    }
    Ok(())
}
