//! What a rule sees of a device, read from the database.

use serde_json::{Value as Json, json};
use store::{
    Connection, Device, DeviceAttribute, DeviceFact, DeviceId, Enrollment, Person, Place, Placement,
};

use super::rule::Subject;
use crate::Error;

/// What is known of a device now.
///
/// # Errors
/// [`Error::NotFound`] when there is no such device; the database's.
pub(super) fn load(connection: &mut Connection, id: DeviceId) -> Result<Subject, Error> {
    let device = Device::find(connection, id)?;
    let epoch = Enrollment::current(connection, id)?;
    let mut subject = Subject {
        labels: DeviceAttribute::values(connection, id)?,
        facts: DeviceFact::values(connection, id)?,
        ..Subject::default()
    };
    describe(&mut subject, &device, epoch.as_ref());
    locate(connection, &mut subject, id)?;
    Ok(subject)
}

fn describe(subject: &mut Subject, device: &Device, epoch: Option<&Enrollment>) {
    let text = |value: &Option<String>| value.as_deref().filter(|text| !text.is_empty()).map(Json::from);
    let fields = [
        ("serial", text(&device.serial_number)),
        ("udid", text(&device.udid)),
        ("name", text(&device.name)),
        ("platform", device.platform.map(|platform| json!(platform.as_str()))),
        ("model", text(&device.model_name)),
        ("product", text(&device.product_name)),
        ("os", text(&device.os_version)),
        ("supervised", device.supervised.map(Json::Bool)),
        ("lost_mode", device.lost_mode.map(Json::Bool)),
        ("ownership", epoch.map(|epoch| json!(epoch.ownership.as_str()))),
        ("enrollment", epoch.map(|epoch| json!(epoch.kind.as_str()))),
        (
            "shared_ipad",
            subject.facts.get("DeviceInformation.IsMultiUser").filter(|flag| flag.is_boolean()).cloned(),
        ),
    ];
    subject.device = fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
}

fn locate(connection: &mut Connection, subject: &mut Subject, id: DeviceId) -> Result<(), Error> {
    let placement = Placement::of(connection, id)?;
    let place = Placement::place_of(connection, id)?;
    let path: Vec<String> = Place::chain(connection, place.id)?.into_iter().map(|place| place.name).collect();
    subject.place =
        [("name", json!(place.name)), ("kind", json!(place.kind.as_str())), ("path", json!(path))].into();
    if let Some(code) = place.code {
        subject.place.insert("code", json!(code));
    }
    let Some(owner) = placement.and_then(|placement| placement.owner_id) else { return Ok(()) };
    let person = Person::find(connection, owner)?;
    let fields = [("name", Some(person.name)), ("email", person.email), ("external_id", person.external_id)];
    subject.owner = fields.into_iter().filter_map(|(name, value)| Some((name, json!(value?)))).collect();
    Ok(())
}
