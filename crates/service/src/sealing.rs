//! The keys that seal: which there are, another one while everything runs, another key-encrypting key.

mod begin;
mod rekey;
mod reseal;

use std::sync::{Arc, OnceLock};

use serde_json::json;
use store::{DataKey, Job, NewJob, Reveal, Tx};
use zeroize::Zeroizing;

use crate::audit::{self, Act};
use crate::operators::Operator;
use crate::views::{DataKeyView, KeyEncryptingKeyView, ReasonRequest, ResealingView, SealingView};
use crate::{Context, Error};

pub(crate) use begin::{begin, prepare};
pub use reseal::Resealer;

/// The kind of the job that seals everything anew.
pub const RESEAL: &str = "ResealSecrets";
/// Its key: there is one.
const ALL: &str = "all";

/// Where the key-encrypting key is kept. The services know of no files and run no programs.
pub trait KeySource: Send + Sync {
    /// The place, for people: "the file /srv/ward/data/keys/sealing.key".
    fn describe(&self) -> String;

    /// The key that is to be used from now on: one that is made and kept beside the present one, or what the place holds now.
    ///
    /// # Errors
    /// A sentence for a person.
    fn next(&self) -> Result<Zeroizing<[u8; 32]>, String>;

    /// The database needs the key of [`KeySource::next`] from now on: it becomes the present one.
    ///
    /// # Errors
    /// A sentence for a person.
    fn commit(&self) -> Result<(), String>;
}

/// The service.
pub struct Sealing {
    context: Context,
    source: OnceLock<Arc<dyn KeySource>>,
}

impl Sealing {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context, source: OnceLock::new() }
    }

    /// The keys, and how far a rotation has come. Never a key itself.
    ///
    /// # Errors
    /// The database's.
    pub async fn show(&self) -> Result<SealingView, Error> {
        let now = self.context.now();
        let (keys, job, overdue) = self
            .context
            .store
            .read("show_sealing", move |c| {
                let job = Job::find_open(c, RESEAL, ALL)?;
                Ok::<_, Error>((DataKey::list(c)?, job, Reveal::count_overdue(c, now)?))
            })
            .await?;
        let source = self.source.get().map_or_else(|| "unknown".to_owned(), |source| source.describe());
        Ok(SealingView {
            key_encrypting_key: KeyEncryptingKeyView {
                id: self.context.sealer.wrapping_key().to_string(),
                source,
            },
            data_keys: keys.into_iter().map(view).collect(),
            resealing: job.map(|job| resealing(&job)),
            overdue_rotations: u64::try_from(overdue).unwrap_or_default(),
        })
    }

    /// Puts a new data key in force and has everything that others sealed moved to it, while the server goes on.
    ///
    /// # Errors
    /// [`Error::Conflict`] while an earlier rotation is not done; [`Error::Invalid`] without a reason.
    pub async fn rotate(&self, operator: &Operator, request: ReasonRequest) -> Result<SealingView, Error> {
        let (context, now) = (self.context.clone(), self.context.now());
        let new = context.sealer.new_data_key()?;
        let detail = json!({ "data_key": new.id.to_string(), "reason": audit::reason(&request.reason)? });
        let act = Act::new(operator, "sealing.rotate").of_class(catalog::Class::D3).with(detail);
        self.context
            .store
            .tx("rotate_data_key", move |tx| {
                if Job::find_open(tx, RESEAL, ALL)?.is_some() {
                    let why = "an earlier rotation is not done: 'ward secrets status' shows how far it is";
                    return Err(Error::Conflict(why.to_owned()));
                }
                DataKey::install(tx, &new, now)?;
                ask(tx, &context)?;
                audit::record(tx, now, &act)
            })
            .await?;
        load(&self.context).await?;
        self.show().await
    }

    /// The worker that moves values from key to key.
    #[must_use]
    pub fn resealer(&self) -> Resealer {
        Resealer::new(self.context.clone())
    }
}

/// Takes in the data keys as they are stored.
pub(crate) async fn load(context: &Context) -> Result<(), Error> {
    let keys = context.store.read("load_data_keys", |c| Ok::<_, Error>(DataKey::wrapped(c)?)).await?;
    Ok(context.sealer.load(&keys)?)
}

/// Asks that everything be sealed under the key in force.
fn ask(tx: &mut Tx<'_>, context: &Context) -> Result<(), Error> {
    let job = NewJob { kind: RESEAL, key: ALL.to_owned(), payload: "{}".to_owned(), run_at: context.now() };
    Job::enqueue(tx, context.clock.as_ref(), &job)?;
    Ok(())
}

fn view(key: DataKey) -> DataKeyView {
    DataKeyView {
        current: key.replaced_at.is_none(),
        id: key.id,
        created_at: key.created_at,
        replaced_at: key.replaced_at,
        resealed_at: key.resealed_at,
        resealed: u64::try_from(key.resealed).unwrap_or_default(),
        retired_at: key.retired_at,
        destroyed_at: key.destroyed_at,
    }
}

fn resealing(job: &Job) -> ResealingView {
    let progress = reseal::Progress::read(&job.payload);
    let column = store::SEALED.get(progress.column);
    ResealingView {
        started_at: job.created_at,
        pass: progress.pass + 1,
        table: column.map_or_else(String::new, |column| column.table.to_owned()),
        column: column.map_or_else(String::new, |column| column.column.to_owned()),
        columns_done: u64::try_from(progress.column).unwrap_or_default(),
        columns: u64::try_from(store::SEALED.len()).unwrap_or_default(),
        looked_at: progress.seen,
        resealed: progress.moved,
        unreadable: progress.unreadable,
        last_error: job.last_error.clone(),
    }
}

#[cfg(test)]
mod tests;
