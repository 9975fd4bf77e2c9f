//! The renewal of identities for the network: what the profile is made of changes, so that it is sent again with a new challenge.

use store::{Connection, DeviceId, Enrollment, NetworkRenewal, Tx};

use super::due_for_renewal;
use crate::desired::trigger::{self, Changed};
use crate::{Context, Error};

/// How many enrolments one round takes up.
const AT_ONCE: i64 = 500;

/// What a profile with an identity for the network depends on: it changes when the device is to get a new one.
pub(crate) fn version(connection: &mut Connection, device: DeviceId) -> Result<String, Error> {
    Ok(NetworkRenewal::count_of(connection, device)?.to_string())
}

/// Has the device's profile sent again, and with it a new identity asked for.
pub(crate) fn again(tx: &mut Tx<'_>, context: &Context, device: DeviceId) -> Result<(), Error> {
    NetworkRenewal::ask(tx, device, context.now())?;
    trigger::device_changed(tx, context, device, Changed::Profiles)
}

/// Takes up the enrolments that are due. Returns how many.
///
/// # Errors
/// The database's.
pub(crate) async fn round(context: &Context) -> Result<usize, Error> {
    let ground = context.clone();
    let due =
        context.store.read("network_renewals_due", move |c| due_for_renewal(c, &ground, AT_ONCE)).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let (ground, count) = (context.clone(), due.len());
    context
        .store
        .tx("renew_network_identities", move |tx| {
            for enrollment in &due {
                let device = Enrollment::find(tx, *enrollment)?.device_id;
                again(tx, &ground, device)?;
            }
            Ok::<_, Error>(count)
        })
        .await
}
