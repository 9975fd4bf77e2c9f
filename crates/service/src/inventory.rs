//! What is known of devices: reports are kept, the newest facts can be searched, and what depends on facts hears of changes.

use store::{Device, DeviceFact, DeviceId, Page, Report, Setting, Tx};

use crate::desired::trigger::{self, Changed};
use crate::{Context, Error};

/// The setting that says that facts of earlier reports have been taken over.
const FILLED: &str = "device_facts_filled";
/// Devices whose earlier reports are taken over in one transaction.
const AT_ONCE: i64 = 200;

/// Keeps a report and takes over what it tells as the newest facts of the device.
///
/// # Errors
/// The database's.
pub(crate) fn keep(tx: &mut Tx<'_>, context: &Context, report: &Report) -> Result<(), Error> {
    let changed = report.keep(tx)?;
    if changed.is_empty() {
        return Ok(());
    }
    trigger::device_changed(tx, context, report.device_id, Changed::Facts)
}

/// Takes over the facts of reports that were kept before there was a table of facts. Does nothing after the first time.
///
/// # Errors
/// The database's.
pub(crate) async fn fill(context: &Context) -> Result<(), Error> {
    let store = &context.store;
    let filled = store.read("facts_filled", |c| Ok::<_, Error>(Setting::read(c, FILLED)?)).await?;
    if filled.is_some() {
        return Ok(());
    }
    let mut after: Option<DeviceId> = None;
    let mut count = 0_usize;
    loop {
        let page = Page { after, limit: AT_ONCE };
        let ids = store
            .tx("fill_facts", move |tx| {
                let ids = Device::ids(tx, page)?;
                ids.iter().try_for_each(|id| DeviceFact::fill(tx, *id))?;
                if ids.is_empty() {
                    Setting::write(tx, FILLED, "yes")?;
                }
                Ok::<_, Error>(ids)
            })
            .await?;
        let Some(last) = ids.last() else { break };
        (after, count) = (Some(*last), count.saturating_add(ids.len()));
        tracing::info!("The facts of {count} devices can be searched now");
    }
    Ok(())
}
