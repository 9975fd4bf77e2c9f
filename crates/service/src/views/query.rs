//! What lists can be asked: filters and the place to read on from.

use clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

/// Declares a query with its filters, and the two fields that every list has.
macro_rules! query {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            $($(#[$field_meta])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
            /// How many rows, 1 to 200; 50 when left out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub limit: Option<u32>,
            /// The `next_cursor` of the page before.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cursor: Option<String>,
        }
    };
}

query! {
    /// A list without filters.
    PageQuery {}
}

query! {
    /// Which work between requests.
    JobQuery {
        /// `ready`, `leased` or `dead`; all when left out.
        state: String,
    }
}

query! {
    /// Which devices.
    DeviceQuery {
        /// Part of a name, serial number, UDID, product name or owner.
        q: String,
        /// The platform.
        platform: String,
        /// A state in which one of its enrolments is.
        state: String,
        /// The person it belongs to, exactly.
        owner: String,
        /// Whether it is supervised.
        supervised: bool,
        /// Whether it is in Lost Mode.
        lost_mode: bool,
        /// What must be so, as `KEY OP VALUE` with `=`, `!=`, `<`, `<=`, `>`, `>=` or `~` (contains), or `KEY exists`, `KEY missing`.
        /// May be repeated: all of it must be so. Keys: facts, `place`, `group`, `owner`, `label.NAME`, `last_seen`, and the fields of
        /// the list.
        filter: Vec<String>,
        /// The key by whose value the list is ordered; with `-` before it, the greatest first. Devices without it come last.
        sort: String,
        /// Further keys whose values are wanted, separated by commas.
        columns: String,
    }
}

query! {
    /// Which enrolments.
    EnrollmentQuery {
        /// The state.
        state: String,
        /// A device, by any of its names.
        device: String,
    }
}

query! {
    /// Which commands.
    CommandQuery {
        /// Apple's name of the command.
        request_type: String,
        /// The effect class.
        class: String,
        /// Who asked for them.
        created_by: String,
        /// Part of the UUID, the type or the reason.
        q: String,
    }
}

query! {
    /// Which deliveries.
    DeliveryQuery {
        /// A device, by any of its names.
        device: String,
        /// A CommandUUID.
        command: String,
        /// The state that it is in.
        state: String,
        /// `true`: only what is not finished.
        pending: bool,
    }
}

query! {
    /// Which identities.
    IdentityQuery {
        /// An enrolment.
        enrollment: Uuid,
        /// Only those that expire within so many days.
        expiring_days: u32,
    }
}

query! {
    /// Which network identities.
    NetworkQuery {
        /// A device, by any of its names.
        device: String,
        /// Only revoked ones, or only those that are not.
        revoked: bool,
    }
}

query! {
    /// Which people.
    PersonQuery {
        /// Part of a name, an e-mail address or an external id.
        q: String,
        /// Whether they have left.
        left: bool,
    }
}

query! {
    /// Which audit events.
    AuditQuery {
        /// The action, for example `command.enqueue`.
        action: String,
        /// Who acted.
        actor: String,
    }
}

/// In which form the list of devices is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` (the default) or `json`: an array of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// At which time facts are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FactQuery {
    /// What was known then; now when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// Which events to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// The types, separated by commas; a type that ends in `.` stands for all that begin so. All when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
}
