#![doc = include_str!("../README.md")]

mod column;
mod connection;
mod engine;
mod error;
#[cfg(test)]
mod fixture;
mod ids;
mod models;
mod open_error;
mod page;
mod queue;
mod reader;
mod savepoint;
mod schema;
mod sealed;
mod seen;
mod sort;
mod store;
mod tx;
mod words;
mod writer;

pub use column::SealedBytes;
pub use connection::AnyConnection as Connection;
pub use engine::Durability;
pub use error::Error;
pub use ids::{
    ActionId, AllowanceId, AssignmentId, AuthorityId, ChannelId, CommandId, DeliverySeq, DeviceId,
    EnrollmentId, GroupId, IdentityId, IncidentId, IssuanceId, ItemId, ItemVersionId, JobId, LinkId,
    NetworkIdentityId, OutboxId, PersonId, PlaceId, PushCertificateId, QuarantinedId, ReportId, RevealId,
    RolloutId, SecretId, TokenId,
};
pub use models::*;
pub use open_error::OpenError;
pub use page::Page;
pub use queue::{NewDelivery, NewEvent, NextOptions, Pending, Progress, Recorded, Waiting};
pub use sealed::{SEALED, SealedColumn, SealedRow};
pub use sort::{FactKind, SortKey};
pub use store::{Store, StoreOptions};
pub use tx::Tx;
pub use words::{
    ActionState, AssignmentState, DeliveryState, EnrollmentState, GroupKind, IssuancePurpose, ItemState,
    JobState, NetworkReason, ParseWordError, PlaceKind, RolloutState, RotationState, SecretKind,
};
