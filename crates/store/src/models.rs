//! One file per table: the row, its queries as methods. Every method takes a connection, so that a caller puts
//! several into one transaction.
//!
//! Rows that only grow (deliveries, their events, reports, audit events) have no `save`. `deliveries`, `pending` and
//! `delivery_events` are written by [`crate::Tx`] alone, because the queue in memory follows them.

mod action;
mod api_token;
mod assignment;
mod audit;
mod authority;
mod channel;
mod command;
mod data_key;
mod delivery;
mod device;
mod device_attribute;
mod device_item;
mod directory;
mod enrollment;
mod fact;
mod group;
mod idempotency;
mod identity;
mod incident;
mod issuance;
mod item;
mod item_secret;
mod job;
mod link;
mod lists;
mod network_hold;
mod network_identity;
mod network_renewal;
mod outbox;
mod own_fact;
mod person;
mod place;
mod place_variable;
mod placement;
mod push_certificate;
mod quarantined;
mod report;
mod reveal;
mod rollout;
mod search;
mod secret;
mod setting;
mod sink;
#[cfg(test)]
mod tests;

pub use action::Action;
pub use api_token::ApiToken;
pub use assignment::{Assignment, AssignmentVersion};
pub use audit::{AuditEvent, AuditFilter, NewAuditEvent};
pub use authority::Authority;
pub use channel::{Channel, PushAddress};
pub use command::{Command, CommandFilter};
pub use data_key::DataKey;
pub use delivery::{Delivery, DeliveryEvent, DeliveryFilter};
pub use device::{Device, DeviceFilter, DeviceListing};
pub use device_attribute::DeviceAttribute;
pub use device_item::{DeviceItem, DeviceItemFilter};
pub use directory::Directory;
pub use enrollment::{Enrollment, ProfileInUse, RenewalDue};
pub use fact::DeviceFact;
pub use group::{Group, GroupMember, GroupTrouble};
pub use idempotency::IdempotencyKey;
pub use identity::Identity;
pub use incident::{Allowance, Incident};
pub use issuance::Issuance;
pub use item::{Item, ItemVersion};
pub use item_secret::ItemSecret;
pub use job::{Job, NewJob};
pub use link::EnrollmentLink;
pub use lists::{EnrollmentFilter, IdentityFilter};
pub use network_hold::NetworkHold;
pub use network_identity::{NetworkIdentity, NetworkIdentityFilter, NetworkRevocation};
pub use network_renewal::NetworkRenewal;
pub(crate) use outbox::Streaming;
pub use outbox::{NewOutboxEvent, Outbox};
pub use person::{Person, PersonFilter};
pub use place::Place;
pub use place_variable::PlaceVariable;
pub use placement::{LinkPlacement, NewPlacementEvent, Placement, PlacementEvent};
pub use push_certificate::PushCertificate;
pub use quarantined::Quarantined;
pub use report::{Fact, Report};
pub use reveal::{Reveal, RevealFilter};
pub use rollout::{Rollout, RolloutDevice};
pub use search::{Cursor, Hit, LabelTest, Range, Search, Test, Wanted};
pub use secret::Secret;
pub(crate) use setting::SEALED as SEALED_SETTING;
pub use setting::Setting;
pub use sink::Sink;

/// `insert`, `find` and `save` of a row whose key is `id`. `then` names a method that is called after each writing.
macro_rules! by_id {
    ($row:ident, $table:ident, $id:ty $(, then $follow:ident)?) => {
        impl $row {
            /// Inserts the row.
            ///
            /// # Errors
            /// [`crate::Error::Conflict`] when a unique column's value is taken or a referenced row is absent.
            pub fn insert(&self, connection: &mut crate::Connection) -> Result<(), crate::Error> {
                diesel::insert_into($table::table).values(self.clone()).execute(connection)?;
                $(self.$follow(connection)?;)?
                Ok(())
            }

            /// The row with this id.
            ///
            /// # Errors
            /// [`crate::Error::NotFound`].
            pub fn find(connection: &mut crate::Connection, id: $id) -> Result<Self, crate::Error> {
                Ok($table::table.find(id).select(Self::as_select()).first(connection)?)
            }

            /// Writes all columns of the row.
            ///
            /// # Errors
            /// [`crate::Error::NotFound`] when there is no such row; [`crate::Error::Conflict`].
            pub fn save(&self, connection: &mut crate::Connection) -> Result<(), crate::Error> {
                match diesel::update($table::table.find(self.id)).set(self.clone()).execute(connection)? {
                    0 => Err(crate::Error::NotFound),
                    _ => {
                        $(self.$follow(connection)?;)?
                        Ok(())
                    }
                }
            }
        }
    };
}
pub(crate) use by_id;
