//! The network as operators see it: its authorities, the identities of devices, withdrawing and restoring.

use std::sync::Arc;

use catalog::Class;
use clock::Timestamp;
use serde_json::json;
use store::{
    Connection, Device, NetworkHold, NetworkIdentity, NetworkIdentityFilter, NetworkIdentityId, Page as Rows,
};
use uuid::Uuid;

use super::{Reason, Withdrawal};
use crate::audit::{self, Act};
use crate::authorities::{self, Authorities, Realm};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{
    NetworkAccessView, NetworkHoldView, NetworkIdentityView, NetworkQuery, NetworkView, Page, RevokeRequest,
    RollRequest,
};
use crate::{Context, Error, targets};

/// How many identities of one device are shown.
const SHOWN: i64 = 100;

/// The service.
pub struct Network {
    context: Context,
    authorities: Arc<Authorities>,
}

impl Network {
    /// With these authorities.
    #[must_use]
    pub const fn new(context: Context, authorities: Arc<Authorities>) -> Self {
        Self { context, authorities }
    }

    /// How devices get into the network.
    ///
    /// # Errors
    /// The database's.
    pub async fn show(&self) -> Result<NetworkView, Error> {
        let now = self.context.now();
        let counted = self.context.store.read("show_network", move |c| {
            Ok::<_, Error>((NetworkIdentity::count_valid(c, now)?, NetworkHold::count(c)?))
        });
        let (valid, withdrawn) = counted.await?;
        let settings = &self.context.settings;
        let url = &settings.public_url;
        let current = self.authorities.current();
        let list_url = match current.network.first() {
            Some(issuing) => authorities::list_url(url, issuing.id),
            None => format!("{url}/crl/network"),
        };
        let certificates = current.network.iter().map(|issuer| issuer.authority.certificate().to_pem());
        Ok(NetworkView {
            authorities: self.authorities.list_of(Realm::Network),
            certificates_pem: certificates.collect(),
            scep_url: super::scep_url(url),
            list_url,
            lists_url: format!("{url}/crl/network.pem"),
            revocation: "crl".to_owned(),
            identity_days: settings.network_identity_days,
            valid,
            withdrawn,
        })
    }

    /// Makes the network authority if there is none yet, so that RADIUS can be told before the first device asks.
    ///
    /// # Errors
    /// When the keys cannot be made or the row cannot be written.
    pub async fn prepare(&self) -> Result<NetworkView, Error> {
        self.authorities.with_network().await?;
        self.show().await
    }

    /// Makes a new authority that issues from now on.
    ///
    /// # Errors
    /// As [`Authorities::roll_network`].
    pub async fn roll(&self, operator: &Operator, request: RollRequest) -> Result<NetworkView, Error> {
        self.authorities.roll_network(operator, request).await?;
        self.show().await
    }

    /// The identities, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong filter, cursor or limit; [`Error::NotFound`] for an unknown device.
    pub async fn list(&self, query: NetworkQuery) -> Result<Page<NetworkIdentityView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let now = self.context.now();
        let rows = self.context.store.read("list_network_identities", move |c| {
            let device_id = match &query.device {
                Some(name) => Some(find(c, name)?.id),
                None => None,
            };
            let filter = NetworkIdentityFilter { device_id, revoked: query.revoked };
            Ok::<_, Error>(NetworkIdentity::list(c, &filter, page.of(NetworkIdentityId))?)
        });
        Ok(page.page(rows.await?, |row| row.id.0, |row| view(&row, now)))
    }

    /// What a device has.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a serial number that several devices claim.
    pub async fn of_device(&self, name: String) -> Result<NetworkAccessView, Error> {
        let now = self.context.now();
        let read = move |c: &mut Connection| {
            let device = find(c, &name)?;
            access(c, device, now)
        };
        self.context.store.read("show_network_access", read).await
    }

    /// Withdraws a device's access.
    ///
    /// # Errors
    /// As [`Network::of_device`]; [`Error::Invalid`] without a reason.
    pub async fn revoke(
        &self,
        operator: &Operator,
        name: String,
        request: RevokeRequest,
    ) -> Result<NetworkAccessView, Error> {
        let note = audit::reason(&request.reason)?.to_owned();
        let (ground, actor) = (self.context.clone(), operator.name.clone());
        let done = self.context.store.tx("revoke_network", move |tx| {
            let device = find(tx, &name)?;
            let why = Withdrawal { reason: Reason::Operator, note: Some(&note), actor: &actor };
            let revoked = super::withdraw(tx, &ground, device.id, &why)?;
            Ok::<_, Error>((access(tx, device, ground.now())?, revoked))
        });
        let (view, revoked) = done.await?;
        let detail = json!({ "identities": revoked, "reason": Reason::Operator });
        self.tell("network.revoked", &view, detail);
        Ok(view)
    }

    /// Gives access back: the device gets a new identity with a new key when its profile is sent again.
    ///
    /// # Errors
    /// As [`Network::of_device`]; [`Error::Invalid`] without a reason.
    pub async fn restore(
        &self,
        operator: &Operator,
        name: String,
        request: RevokeRequest,
    ) -> Result<NetworkAccessView, Error> {
        let note = audit::reason(&request.reason)?.to_owned();
        let (now, operator, ground) = (self.context.now(), operator.clone(), self.context.clone());
        let done = self.context.store.tx("restore_network", move |tx| {
            let device = find(tx, &name)?;
            if NetworkHold::lift(tx, device.id)? {
                super::again(tx, &ground, device.id)?;
                let act = Act::new(&operator, "network.restore").on(format!("device:{}", device.id));
                audit::record(tx, now, &act.of_class(Class::D2).with(json!({ "reason": note })))?;
            }
            access(tx, device, now)
        });
        let view = done.await?;
        self.tell("network.restored", &view, serde_json::Value::Null);
        Ok(view)
    }

    fn tell(&self, kind: &'static str, view: &NetworkAccessView, detail: serde_json::Value) {
        let event =
            Event { device: Some(store::DeviceId(view.device_id)), ..Event::new(kind, self.context.now()) };
        self.context.events.publish(event.with(detail));
    }
}

fn find(connection: &mut Connection, name: &str) -> Result<Device, Error> {
    targets::find_device(connection, name).map_err(|miss| miss.into_error(name))
}

fn access(connection: &mut Connection, device: Device, now: Timestamp) -> Result<NetworkAccessView, Error> {
    let filter = NetworkIdentityFilter { device_id: Some(device.id), revoked: None };
    let identities = NetworkIdentity::list(connection, &filter, Rows::first(SHOWN))?;
    let hold = NetworkHold::of(connection, device.id)?;
    Ok(NetworkAccessView {
        device_id: device.id.0,
        serial_number: device.serial_number,
        name: device.name,
        withdrawn: hold.map(|hold| NetworkHoldView {
            reason: hold.reason.to_string(),
            note: hold.note,
            since: hold.since,
            by: hold.held_by,
        }),
        identities: identities.iter().map(|row| view(row, now)).collect(),
    })
}

fn view(row: &NetworkIdentity, now: Timestamp) -> NetworkIdentityView {
    let state = match row.revoked_at {
        Some(_) => "revoked",
        None if row.not_after <= now => "expired",
        None => "valid",
    };
    NetworkIdentityView {
        id: row.id.0,
        device_id: row.device_id.0,
        enrollment_id: row.enrollment_id.0,
        serial: row.serial_hex.clone(),
        fingerprint: hex::encode(&row.fingerprint),
        subject: row.subject.clone(),
        not_before: row.not_before,
        not_after: row.not_after,
        issued_at: row.issued_at,
        revoked_at: row.revoked_at,
        revoked_reason: row.revoked_reason.map(|reason| reason.to_string()),
        revoked_by: row.revoked_by.clone(),
        state: state.to_owned(),
    }
}
