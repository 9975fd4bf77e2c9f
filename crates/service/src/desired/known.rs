//! What is read for a decision: the assignments that count with the versions they give, and what is known of one device.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::{ChannelKind, DeviceFacts};
use parking_lot::Mutex;
use pki::seal::Sealer;
use protocol_profile::{NetworkIdentity, SecretValue, Template, Values};
use store::{
    Assignment, AssignmentState, Connection, Device, DeviceAttribute, DeviceFact, Enrollment, Group,
    GroupMember, GroupTrouble, ItemSecret, ItemVersion, ItemVersionId, Person, Place, PlaceVariable,
    Placement,
};

use super::resolve::{AssignmentView, Subject};
use crate::escrow::key;
use crate::{Context, Error, network};

/// A version of an item with its template.
#[derive(Debug)]
pub(crate) struct Version {
    /// The row.
    pub(crate) row: ItemVersion,
    /// The template.
    pub(crate) template: Template,
}

/// Versions that were opened before. They never change, so nothing here grows old.
#[derive(Debug, Default, Clone)]
pub(crate) struct Versions {
    opened: Arc<Mutex<HashMap<ItemVersionId, Arc<Version>>>>,
}

impl Versions {
    /// The version with its template.
    pub(crate) fn open(
        &self,
        connection: &mut Connection,
        sealer: &Sealer,
        id: ItemVersionId,
    ) -> Result<Arc<Version>, Error> {
        if let Some(known) = self.opened.lock().get(&id) {
            return Ok(Arc::clone(known));
        }
        let row = ItemVersion::find(connection, id)?;
        let template = serde_json::from_slice(&row.template(sealer)?).map_err(|error| {
            Error::Internal(format!("the template of version {id} cannot be read: {error}"))
        })?;
        let version = Arc::new(Version { row, template });
        self.opened.lock().insert(id, Arc::clone(&version));
        Ok(version)
    }
}

/// Everything that is assigned.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// The assignments that count.
    pub(crate) views: Vec<AssignmentView>,
    /// The versions that they give.
    pub(crate) versions: HashMap<ItemVersionId, Arc<Version>>,
}

impl Assigned {
    /// Reads all assignments that count.
    pub(crate) fn load(
        connection: &mut Connection,
        sealer: &Sealer,
        versions: &Versions,
    ) -> Result<Self, Error> {
        let rows = Assignment::list_active(connection)?;
        let mut assigned = Self { views: Vec::with_capacity(rows.len()), versions: HashMap::new() };
        for row in rows {
            let version = versions.open(connection, sealer, row.item_version_id)?;
            assigned.views.push(view(connection, &row, &version)?);
            assigned.versions.insert(row.item_version_id, version);
        }
        Ok(assigned)
    }
}

fn view(connection: &mut Connection, row: &Assignment, version: &Version) -> Result<AssignmentView, Error> {
    debug_assert_eq!(row.state, AssignmentState::Active);
    let excluded = row.excluded_groups();
    let mut names = BTreeMap::new();
    for group in excluded.iter().chain(&row.group_id) {
        if let Some(found) = super::optional(Group::find(connection, *group))? {
            names.insert(group.0, found.name);
        }
    }
    if let Some(place) = row.place_id
        && let Some(found) = super::optional(Place::find(connection, place))?
    {
        names.insert(place.0, found.name);
    }
    Ok(AssignmentView {
        id: row.id,
        version: row.version,
        item: row.item_id,
        item_version: row.item_version_id,
        number: version.row.version,
        platforms: version.template.platforms().to_vec(),
        group: row.group_id,
        place: row.place_id,
        excluded,
        names,
    })
}

/// What is known of the device of an enrolment.
#[derive(Debug)]
pub(crate) struct Known {
    /// The device.
    pub(crate) device: Device,
    /// What the resolver asks about.
    pub(crate) subject: Subject,
    place: Option<Place>,
    owner: Option<Person>,
}

impl Known {
    /// Reads it.
    pub(crate) fn of(connection: &mut Connection, enrollment: &Enrollment) -> Result<Self, Error> {
        let device = Device::find(connection, enrollment.device_id)?;
        let placement = Placement::of(connection, device.id)?;
        let place = match &placement {
            Some(placement) => super::optional(Place::find(connection, placement.place_id))?,
            None => super::optional(Place::root(connection))?,
        };
        let places = match &place {
            Some(place) => Place::chain(connection, place.id)?.into_iter().map(|place| place.id).collect(),
            None => Vec::new(),
        };
        let owner = match placement.and_then(|placement| placement.owner_id) {
            Some(owner) => super::optional(Person::find(connection, owner))?,
            None => None,
        };
        let flag = |connection: &mut Connection, key| {
            Ok::<_, Error>(DeviceFact::value(connection, device.id, key)?.and_then(|value| value.as_bool()))
        };
        let facts = DeviceFacts {
            platform: device.platform,
            os_version: device.os_version.as_deref().and_then(|text| text.parse().ok()),
            supervised: device.supervised,
            enrollment: enrollment.kind,
            channel: ChannelKind::Device,
            shared_ipad: flag(connection, "DeviceInformation.IsMultiUser")?,
            access_rights: u32::try_from(enrollment.access_rights).ok(),
            ownership: enrollment.ownership,
            has_passcode: flag(connection, "SecurityInfo.PasscodePresent")?,
        };
        let groups = GroupMember::of_device(connection, device.id)?.into_iter().collect();
        let troubled =
            GroupTrouble::of_device(connection, device.id)?.into_iter().map(|trouble| trouble.group_id);
        let subject = Subject { facts, groups, troubled: troubled.collect(), places };
        Ok(Self { device, subject, place, owner })
    }

    /// The values that a template needs, secrets by their version only.
    pub(crate) fn values(
        &self,
        connection: &mut Connection,
        context: &Context,
        template: &Template,
    ) -> Result<Values, Error> {
        let mut values = Values::default();
        let (mut labels, mut at_place) = (None, None);
        for variable in template.variables() {
            let source = variable.source.trim_start_matches('$');
            let value = if let Some(name) = source.strip_prefix("device.attribute.") {
                let labels = match &mut labels {
                    Some(labels) => labels,
                    none => none.insert(DeviceAttribute::values(connection, self.device.id)?),
                };
                labels.get(name).cloned()
            } else if let Some(name) = source.strip_prefix("site.") {
                let at_place = match &mut at_place {
                    Some(known) => known,
                    none => none.insert(match &self.place {
                        Some(place) => PlaceVariable::resolved(connection, place.id)?,
                        None => BTreeMap::new(),
                    }),
                };
                at_place.get(name).map(|variable| variable.value.clone())
            } else if source == "ward.escrow_certificate" {
                key::certificate(connection)?.map(|certificate| STANDARD.encode(certificate.der()))
            } else {
                self.known(context, source)
            };
            if let Some(value) = value {
                values.variables.insert(variable.source.clone(), value);
            }
        }
        for name in template.secrets() {
            if let Some(secret) = ItemSecret::find(connection, name)? {
                let value = SecretValue { version: i64::from(secret.version), value: None };
                values.secrets.insert(name.to_owned(), value);
            }
        }
        if template.needs_network_identity() {
            let version = network::version(connection, self.device.id)?;
            values.network_identity = Some(NetworkIdentity { version, payload: None });
        }
        Ok(values)
    }

    fn known(&self, context: &Context, source: &str) -> Option<String> {
        let device = &self.device;
        match source {
            "device.id" => Some(device.id.to_string()),
            "device.serial" => device.serial_number.clone(),
            "device.udid" => device.udid.clone(),
            "device.name" => device.name.clone(),
            "device.model" => device.model_name.clone().or_else(|| device.model.clone()),
            "device.product" => device.product_name.clone(),
            "device.platform" => device.platform.map(|platform| platform.as_str().to_owned()),
            "device.os" => device.os_version.clone(),
            "owner.name" => self.owner.as_ref().map(|owner| owner.name.clone()),
            "owner.email" => self.owner.as_ref()?.email.clone(),
            "owner.external_id" => self.owner.as_ref()?.external_id.clone(),
            "place.name" => self.place.as_ref().map(|place| place.name.clone()),
            "place.code" => self.place.as_ref()?.code.clone(),
            "organization.name" => Some(context.settings.organization.clone()),
            _ => None,
        }
    }
}
