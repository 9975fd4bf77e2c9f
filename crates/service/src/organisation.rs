//! The organisation: a tree of places, the people to whom devices belong, and where each device is.
//!
//! Every device is in one place (the root, until somebody says another) and belongs to at most one person. Rules, variables and
//! assignments stand on this, so that each change tells the desired state of the devices that it touches.

mod attributes;
mod export;
mod import;
mod names;
mod people;
mod placements;
mod places;
mod seam;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use attributes::of as labels_of;
pub(crate) use names::find_place;
pub(crate) use placements::{Link, of_link, on_link, place_enrolled};
pub(crate) use places::ensure_root;
pub(crate) use view::{Whereabouts, person_ref, place_ref};

use crate::Context;
use crate::desired::Desired;
use crate::events::Event;

/// The service.
pub struct Organisation {
    context: Context,
    desired: Desired,
}

impl Organisation {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context, desired: Desired) -> Self {
        Self { context, desired }
    }

    fn tell(&self, event: Event) {
        self.context.events.publish(event);
    }
}
