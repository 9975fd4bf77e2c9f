//! Another key-encrypting key: only the data keys are wrapped anew, no value is touched.

use std::sync::Arc;

use pki::seal::{Sealer, WrappedKey};
use serde_json::json;
use store::DataKey;
use zeroize::Zeroizing;

use super::{KeySource, Sealing, load};
use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{ReasonRequest, SealingView};
use crate::{Context, Error};

impl Sealing {
    /// Tells where the key-encrypting key is kept. `present` is the key of that place: data keys that stand under a previous one are
    /// wrapped anew.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_key_at(
        &self,
        source: Arc<dyn KeySource>,
        present: Zeroizing<[u8; 32]>,
    ) -> Result<(), Error> {
        let keys =
            self.context.store.read("wrapped_data_keys", |c| Ok::<_, Error>(DataKey::wrapped(c)?)).await?;
        let wrapped = self.context.sealer.rewrap(&keys, &present)?;
        if !wrapped.is_empty() {
            tracing::warn!(
                "The data keys stood under a previous key-encrypting key; they are wrapped under the present one now"
            );
            let act = Act::by_ward("sealing.rekey").of_class(catalog::Class::D3);
            store_wrapped(&self.context, (keys.len(), wrapped), &act, &present).await?;
        }
        drop(self.source.set(source));
        Ok(())
    }

    /// Goes over to the next key-encrypting key of its place: a new file, or what the credential or the command gives now.
    ///
    /// # Errors
    /// [`Error::Conflict`] while values from before data keys wait to be moved, or when the place still gives the same key;
    /// [`Error::Unavailable`] when the place gives none.
    pub async fn rekey(&self, operator: &Operator, request: ReasonRequest) -> Result<SealingView, Error> {
        let reason = audit::reason(&request.reason)?.to_owned();
        let Some(source) = self.source.get().cloned() else {
            return Err(Error::Conflict("this process does not know where its key is kept".to_owned()));
        };
        let (keys, current) = self
            .context
            .store
            .read("wrapped_data_keys", |c| Ok::<_, Error>((DataKey::wrapped(c)?, DataKey::current(c)?)))
            .await?;
        if current.is_none_or(|key| key.resealed_at.is_none()) {
            return Err(Error::Conflict(
                "values are still being moved to the present data key: 'ward secrets status' shows how far that is".to_owned(),
            ));
        }
        let next = {
            let source = Arc::clone(&source);
            run(move || source.next()).await?
        };
        if Sealer::id_of(&next) == self.context.sealer.wrapping_key() {
            return Err(Error::Conflict(format!(
                "{} still gives the key that is in use: put a new one there first ('ward secrets new-key' makes one)",
                source.describe()
            )));
        }
        let wrapped = self.context.sealer.rewrap(&keys, &next)?;
        let act = Act::new(operator, "sealing.rekey").of_class(catalog::Class::D3);
        let detail = json!({
            "reason": reason, "before": self.context.sealer.wrapping_key().to_string(), "key": Sealer::id_of(&next).to_string(),
        });
        store_wrapped(&self.context, (keys.len(), wrapped), &act.with(detail), &next).await?;
        run(move || source.commit()).await?;
        self.show().await
    }
}

/// Stores the keys and goes on with the key under which they stand. Everything that was wrapped before is still opened by this process.
async fn store_wrapped(
    context: &Context,
    (count, wrapped): (usize, Vec<WrappedKey>),
    act: &Act,
    master: &Zeroizing<[u8; 32]>,
) -> Result<(), Error> {
    let (now, act) = (context.now(), act.clone());
    context
        .store
        .tx("rewrap_data_keys", move |tx| {
            // A key that came meanwhile would stay under the key before.
            if DataKey::wrapped(tx)?.len() != count {
                return Err(Error::Conflict("a data key was made meanwhile: try again".to_owned()));
            }
            for key in &wrapped {
                DataKey::rewrap(tx, key)?;
            }
            audit::record(tx, now, &act)
        })
        .await?;
    context.sealer.replace_wrapping(master);
    load(context).await
}

/// Files and programs away from the threads that serve.
async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?;
    done.map_err(Error::Conflict)
}
