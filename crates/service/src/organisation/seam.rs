//! What a change of the organisation tells the rest of the server.

use store::{DeviceId, PlaceId, Placement, Tx};

use crate::desired::trigger::{self, Changed};
use crate::{Context, Error, network};

/// What about a device has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Its place, its owner, or something that holds at its place.
    Placement,
    /// Its labels.
    Attributes,
}

/// A device may want something else now.
pub(super) fn device_changed(
    tx: &mut Tx<'_>,
    context: &Context,
    device: DeviceId,
    what: Change,
) -> Result<(), Error> {
    let what = match what {
        Change::Placement => Changed::Placement,
        Change::Attributes => Changed::Attributes,
    };
    trigger::device_changed(tx, context, device, what)
}

/// The devices in a place and its parts may want something else now.
pub(super) fn devices_below_changed(tx: &mut Tx<'_>, context: &Context, place: PlaceId) -> Result<(), Error> {
    for device in Placement::devices_below(tx, place)? {
        device_changed(tx, context, device, Change::Placement)?;
    }
    Ok(())
}

/// The owner of a device has left: it loses the network. Answers how many certificates were revoked.
pub(super) fn cut_off(
    tx: &mut Tx<'_>,
    context: &Context,
    device: DeviceId,
    by: &str,
) -> Result<usize, Error> {
    network::revoke_for_device(tx, context, device, network::Reason::Leaver, by)
}
