//! What makes the desired state of a device be looked at again: jobs, enqueued in the transaction of the cause.

use store::{
    Assignment, DeviceId, DeviceItem, Enrollment, EnrollmentId, EnrollmentState, Group, Job, NewJob, Tx,
};

use crate::{Context, Error};

/// The kind of the jobs that evaluate the rules of all groups for one device; their key is the device's id.
pub const EVALUATE_GROUPS: &str = "EvaluateGroups";
/// The kind of the jobs that bring one enrolment to its desired state; their key is the enrolment's id.
pub const RECONCILE: &str = "Reconcile";

/// What has changed about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The value of a fact.
    Facts,
    /// Its place or its owner, or what is known of them.
    Placement,
    /// What operators have labelled it with.
    Attributes,
    /// It has enrolled.
    Enrolled,
    /// The groups that it is in.
    Membership,
    /// The list of its profiles has come.
    Profiles,
}

/// Sees to it that the rules and the desired state of a device are looked at. Without rules and assignments it costs three look-ups
/// and writes nothing.
///
/// # Errors
/// The database's.
pub fn device_changed(
    tx: &mut Tx<'_>,
    context: &Context,
    device: DeviceId,
    what: Changed,
) -> Result<(), Error> {
    let for_rules = !matches!(what, Changed::Membership | Changed::Profiles);
    if for_rules && Group::any_with_rule(tx)? {
        enqueue(tx, context, EVALUATE_GROUPS, device.to_string())?;
    }
    if !Assignment::any_active(tx)? && !DeviceItem::any_of_device(tx, device)? {
        return Ok(());
    }
    for enrollment in Enrollment::list_for_device(tx, device)? {
        if enrollment.state == EnrollmentState::Enrolled {
            reconcile(tx, context, enrollment.id)?;
        }
    }
    Ok(())
}

/// Asks for one enrolment to be brought to its desired state.
///
/// # Errors
/// The database's.
pub fn reconcile(tx: &mut Tx<'_>, context: &Context, enrollment: EnrollmentId) -> Result<(), Error> {
    enqueue(tx, context, RECONCILE, enrollment.to_string())
}

fn enqueue(tx: &mut Tx<'_>, context: &Context, kind: &'static str, key: String) -> Result<(), Error> {
    let job = NewJob { kind, key, payload: "{}".to_owned(), run_at: context.now() };
    Job::enqueue(tx, context.clock.as_ref(), &job)?;
    Ok(())
}
