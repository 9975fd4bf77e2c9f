//! What an Authenticate carries over: everything but freshness within an epoch, nothing from one epoch to the next.

use catalog::{ChannelKind, EnrollmentType, Ownership, Platform};
use protocol_mdm::{Authenticate, EnrollmentKey};
use protocol_profile::AccessRights;
use serde_json::{Map, Value, json};
use store::{
    Channel, ChannelId, Delivery, DeliveryEvent, DeliveryState, Device, DeviceId, Enrollment, EnrollmentId,
    EnrollmentState, Identity, Issuance, Report, ReportId, Secret,
};

use crate::connect::MAY_HAVE_ERASED;
use crate::enrollment::profile;
use crate::lifecycle::{self, Speaker};
use crate::work::Work;
use crate::{Error, Reply, inventory, organisation, push};

/// How many erases of an epoch are looked at.
const ERASES: i64 = 200;

/// A new epoch in the making.
pub(super) struct Epoch<'a> {
    pub(super) identity: Identity,
    pub(super) issuance: &'a Issuance,
    /// The epochs under the same name, newest first.
    pub(super) before: Vec<Enrollment>,
    /// Whether an earlier one is still in contact.
    pub(super) disputed: bool,
    pub(super) kind: EnrollmentType,
}

/// Authenticate with a certificate that is pinned to a living epoch: its profile was installed again, or its certificate renewed, or
/// an answer was lost. Nothing is lost: a Mac does not send its bootstrap token again. What is escrowed counts as being from before
/// until the device sends something newer.
pub(super) fn resume(
    work: &mut Work<'_, '_>,
    speaker: Speaker,
    message: &Authenticate,
) -> Result<Reply, Error> {
    let mut enrollment = speaker.enrollment;
    Secret::mark_from_before(work.tx, enrollment.id)?;
    enrollment.authenticated_at = work.now;
    work.save(&enrollment)?;
    if enrollment.state != EnrollmentState::Quarantined {
        learn(work, &enrollment, message)?;
    }
    work.audit("enrollment.resumed", &enrollment, &json!({ "serial": speaker.identity.serial_hex }))?;
    work.tell("enrollment.resumed", &enrollment, Value::Null);
    Ok(Reply::Nothing)
}

/// All epochs under a UDID or EnrollmentID, newest first. Devices write their UDID in one form for life, but nobody else has to.
pub(super) fn epochs_of(work: &mut Work<'_, '_>, name: &str) -> Result<Vec<Enrollment>, Error> {
    let mut forms = vec![name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase()];
    forms.sort();
    forms.dedup();
    let mut all = Vec::new();
    for form in forms {
        all.extend(Enrollment::list_by_apple_id(work.tx, &form)?);
    }
    all.sort_by_key(|epoch| std::cmp::Reverse((epoch.epoch, epoch.id)));
    Ok(all)
}

/// Whether a device that enrols is enrolled already, as far as anybody can tell: an earlier epoch has been in contact lately and has
/// not acknowledged an erase.
pub(super) fn is_disputed(work: &mut Work<'_, '_>, before: &[Enrollment]) -> Result<bool, Error> {
    for epoch in before.iter().filter(|epoch| epoch.state == EnrollmentState::Enrolled) {
        let silent = work.now.since(lifecycle::last_contact(work, epoch)?);
        if silent < work.context.settings.collision_silence && !acknowledged_erase(work, epoch)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a device with another UDID that is enrolled, as far as anybody can tell, has the serial number that this one claims.
pub(super) fn claims_serial_of_another(
    work: &mut Work<'_, '_>,
    udid: &str,
    serial: &str,
) -> Result<bool, Error> {
    for device in Device::find_by_serial_number(work.tx, serial)? {
        if device.udid.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(udid)) {
            continue;
        }
        let epochs = Enrollment::list_for_device(work.tx, device.id)?;
        if is_disputed(work, &epochs)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the device of an epoch has acknowledged an erase and was not heard again. One that goes on speaking is still there.
fn acknowledged_erase(work: &mut Work<'_, '_>, epoch: &Enrollment) -> Result<bool, Error> {
    for erase in erases(work, epoch.id)? {
        if erase.progress.state == DeliveryState::Acknowledged && is_last_heard_of(work, epoch, &erase)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The newest erase that the device of an epoch can have carried out: it got it, did not refuse it, and was not heard since.
pub(super) fn plausible_erase(
    work: &mut Work<'_, '_>,
    epoch: &Enrollment,
) -> Result<Option<Delivery>, Error> {
    for erase in erases(work, epoch.id)? {
        let possible = match erase.progress.state {
            DeliveryState::HandedOut | DeliveryState::NoReply | DeliveryState::Acknowledged => true,
            DeliveryState::Error => {
                let events = DeliveryEvent::list(work.tx, erase.seq)?;
                let said = events.iter().filter_map(|event| event.detail.as_deref());
                said.into_iter().any(|detail| detail.starts_with(MAY_HAVE_ERASED))
            }
            _ => false,
        };
        if possible && is_last_heard_of(work, epoch, &erase)? {
            return Ok(Some(erase));
        }
    }
    Ok(None)
}

/// Whether the device of an epoch has not been heard since it fetched an erase, but for its answer. Not a second is given: a device
/// that has taken the command and speaks again has not erased itself.
fn is_last_heard_of(work: &mut Work<'_, '_>, epoch: &Enrollment, erase: &Delivery) -> Result<bool, Error> {
    let progress = &erase.progress;
    let answered = progress.state.is_answer().then_some(progress.changed_at);
    let Some(last) = progress.last_handed_out_at.max(answered) else { return Ok(false) };
    Ok(lifecycle::last_contact(work, epoch)? <= last)
}

/// The erases of an epoch that left the server, newest first.
fn erases(work: &mut Work<'_, '_>, epoch: EnrollmentId) -> Result<Vec<Delivery>, Error> {
    let mut erases = Delivery::list_of_type(work.tx, epoch, "EraseDevice", ERASES)?;
    erases.retain(|erase| erase.progress.hand_outs > 0);
    Ok(erases)
}

/// Opens a new epoch. The earlier ones are not evicted: they are told apart by their certificates, and the one that speaks is believed.
pub(super) fn open(
    work: &mut Work<'_, '_>,
    new: &Epoch<'_>,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<(), Error> {
    let device = find_or_make_device(work, new, key, message)?;
    if new.issuance.ownership == Ownership::Personal {
        // It may have been the hospital's before: what was known then is history, and not what it is known by now.
        store::DeviceFact::forget(work.tx, device, |key| key.starts_with("device."))?;
    }
    let clock = std::sync::Arc::clone(&work.context.clock);
    let previous = new.before.first();
    let rights = AccessRights::for_ownership(new.issuance.ownership);
    let topic = new.issuance.topic.clone().or_else(|| message.topic.clone()).unwrap_or_default();
    let digest = match &new.issuance.profile_digest {
        Some(digest) => digest.clone(),
        None => profile::digest(work.context, work.authorities, &topic, rights)?.to_vec(),
    };
    let enrollment = Enrollment {
        id: EnrollmentId::new(&*clock),
        device_id: device,
        apple_id: key.device.clone(),
        kind: new.kind,
        ownership: new.issuance.ownership,
        owner: new.issuance.owner.clone(),
        state: EnrollmentState::Pending,
        epoch: previous.map_or(1, |previous| previous.epoch.saturating_add(1)),
        previous_id: previous.map(|previous| previous.id),
        link_id: new.issuance.link_id,
        topic,
        access_rights: i32::try_from(rights.bits()).unwrap_or(0),
        identity_id: Some(new.identity.id),
        awaiting_configuration: false,
        quarantine_reason: None,
        profile_digest: Some(digest),
        authenticated_at: work.now,
        enrolled_at: None,
        ended_at: None,
        end_reason: None,
        superseded_by: None,
    };
    enrollment.insert(work.tx)?;
    device_channel(&*clock, &enrollment, key).insert(work.tx)?;
    if !Identity::pin(work.tx, new.identity.id, enrollment.id)? {
        return Err(Error::Conflict("the certificate was pinned at the same moment".to_owned()));
    }
    Identity::set_seen(work.tx, new.identity.id, work.now)?;
    work.stale.push(enrollment.id);
    for earlier in new.before.iter().filter(|epoch| lifecycle::is_live(epoch.state)) {
        set_in_doubt(work, earlier.clone(), enrollment.id)?;
    }
    if !new.disputed {
        learn(work, &enrollment, message)?;
        organisation::place_enrolled(work.tx, work.context, &enrollment, work.now)?;
    }
    let detail =
        json!({ "epoch": enrollment.epoch, "disputed": new.disputed, "serial": new.identity.serial_hex });
    work.audit("enrollment.authenticated", &enrollment, &detail)?;
    work.tell("enrollment.authenticated", &enrollment, detail);
    Ok(())
}

/// An earlier epoch of a device that enrols again. One that acknowledged an erase is over; any other keeps its rights, but the next time
/// that it speaks, the matter is decided.
fn set_in_doubt(work: &mut Work<'_, '_>, mut earlier: Enrollment, by: EnrollmentId) -> Result<(), Error> {
    earlier.superseded_by = Some(by);
    if acknowledged_erase(work, &earlier)? {
        return lifecycle::close(work, &mut earlier, EnrollmentState::Ended, "erased, and enrolled again");
    }
    let silent = work.now.since(lifecycle::last_contact(work, &earlier)?);
    if earlier.state != EnrollmentState::Enrolled || silent >= work.context.settings.collision_silence {
        return work.save(&earlier);
    }
    work.save(&earlier)?;
    // If its device is still there, it is to say so soon, before somebody trusts the newer epoch with anything.
    let channel = Channel::find_device_channel(work.tx, earlier.id)?;
    push::wake(work.tx, channel.id, work.now)?;
    work.tell("enrollment.disputed", &earlier, json!({ "by": by }));
    Ok(())
}

fn device_channel(clock: &dyn clock::Clock, enrollment: &Enrollment, key: &EnrollmentKey) -> Channel {
    Channel {
        id: ChannelId::new(clock),
        enrollment_id: enrollment.id,
        kind: ChannelKind::Device,
        key: key.to_string(),
        user_id: None,
        user_short_name: None,
        user_long_name: None,
        push_token: None,
        push_magic: None,
        topic: enrollment.topic.clone(),
        token_updated_at: None,
        token_update_tally: 0,
        enabled: false,
        push_dead_at: None,
        last_pushed_at: None,
        last_seen_at: None,
    }
}

fn find_or_make_device(
    work: &mut Work<'_, '_>,
    new: &Epoch<'_>,
    key: &EnrollmentKey,
    message: &Authenticate,
) -> Result<DeviceId, Error> {
    if let Some(previous) = new.before.first() {
        return Ok(previous.device_id);
    }
    let udid = (new.kind != EnrollmentType::User).then(|| key.device.clone());
    if let Some(udid) = &udid
        && let Some(device) = Device::find_by_udid(work.tx, udid)?
    {
        return Ok(device.id);
    }
    let mut device = Device {
        id: DeviceId::new(&*work.context.clock),
        udid,
        serial_number: None,
        name: None,
        platform: None,
        product_name: None,
        model: None,
        model_name: None,
        os_version: None,
        build_version: None,
        supervised: None,
        lost_mode: None,
        first_seen_at: work.now,
    };
    describe(&mut device, message, new.issuance.ownership);
    device.insert(work.tx)?;
    Ok(device.id)
}

/// Keeps what the message tells of the device: its newest state, and an observation.
fn learn(work: &mut Work<'_, '_>, enrollment: &Enrollment, message: &Authenticate) -> Result<(), Error> {
    if !lifecycle::is_disputed(work.tx, enrollment)? {
        let mut device = Device::find(work.tx, enrollment.device_id)?;
        describe(&mut device, message, enrollment.ownership);
        device.save(work.tx)?;
    }
    observe(work, enrollment, "Authenticate", &Value::Object(facts(message, enrollment.ownership)))
}

/// Keeps what a check-in tells as an observation. What a disputed enrolment says is history only.
pub(super) fn observe(
    work: &mut Work<'_, '_>,
    enrollment: &Enrollment,
    source: &str,
    facts: &Value,
) -> Result<(), Error> {
    if facts.as_object().is_none_or(Map::is_empty) {
        return Ok(());
    }
    let report = Report {
        id: ReportId::new(&*work.context.clock),
        device_id: enrollment.device_id,
        enrollment_id: enrollment.id,
        source: source.to_owned(),
        command_uuid: None,
        observed_at: work.now,
        recorded_at: work.now,
        facts: facts.to_string(),
    };
    if lifecycle::is_disputed(work.tx, enrollment)? {
        return Ok(report.insert(work.tx)?);
    }
    inventory::keep(work.tx, work.context, &report)
}

fn describe(device: &mut Device, message: &Authenticate, ownership: Ownership) {
    let newer = |told: &Option<String>, known: &mut Option<String>| {
        if told.is_some() {
            known.clone_from(told);
        }
    };
    newer(&message.product_name, &mut device.product_name);
    newer(&message.model, &mut device.model);
    newer(&message.model_name, &mut device.model_name);
    newer(&message.os_version, &mut device.os_version);
    newer(&message.build_version, &mut device.build_version);
    if ownership != Ownership::Personal {
        newer(&message.device_name, &mut device.name);
        newer(&message.serial_number, &mut device.serial_number);
    }
    device.platform =
        device.product_name.as_deref().and_then(Platform::from_product_name).or(device.platform);
}

fn facts(message: &Authenticate, ownership: Ownership) -> Map<String, Value> {
    let told = [
        ("DeviceName", &message.device_name),
        ("Model", &message.model),
        ("ModelName", &message.model_name),
        ("OSVersion", &message.os_version),
        ("BuildVersion", &message.build_version),
        ("ProductName", &message.product_name),
        ("SerialNumber", &message.serial_number),
        ("IMEI", &message.imei),
        ("MEID", &message.meid),
    ];
    let kept = |key: &str| {
        ownership != Ownership::Personal
            || !protocol_mdm::privacy::PERSONAL_AUTHENTICATE_FORBIDDEN.contains(&key)
    };
    told.into_iter()
        .filter(|(key, _)| kept(key))
        .filter_map(|(key, value)| Some((format!("Authenticate.{key}"), json!(value.as_ref()?))))
        .collect()
}
