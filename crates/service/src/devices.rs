//! Devices and enrolments, as operators see them.

mod export;
mod filter;
mod history;
mod keys;
mod search;
mod view;

use clock::Timestamp;
use store::{
    Channel, Connection, Device, DeviceListing, Enrollment, EnrollmentFilter, EnrollmentId, EnrollmentState,
    Quarantined, QuarantinedId, Report,
};
use uuid::Uuid;

use crate::organisation::{Whereabouts, labels_of};
use crate::paging::PageOf;
use crate::views::{
    DeviceDetailView, DeviceQuery, DeviceView, EnrollmentQuery, EnrollmentView, FactView, Page, PageQuery,
    QuarantineView,
};
use crate::{Context, Error, deliveries, targets};

pub use export::{Export, Format};
pub(crate) use view::ChannelState;

/// How many unfinished deliveries the page of a device shows.
const SHOWN_PENDING: i64 = 100;

/// The service.
pub struct Devices {
    context: Context,
}

impl Devices {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The devices that are wanted, in the order in which Ward first heard of them or by the value of a fact.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong filter, cursor or limit.
    pub async fn list(&self, query: DeviceQuery) -> Result<Page<DeviceView>, Error> {
        let limit = search::limit(&query)?;
        let context = self.context.clone();
        self.context
            .store
            .read("list_devices", move |c| {
                let question = search::read(c, &query, limit)?;
                search::page(c, &context, question)
            })
            .await
    }

    /// Everything about one device.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] for a serial number that several devices claim.
    pub async fn show(&self, name: String) -> Result<DeviceDetailView, Error> {
        let context = self.context.clone();
        self.context
            .store
            .read("show_device", move |c| {
                let device = targets::find_device(c, &name).map_err(|miss| miss.into_error(&name))?;
                detail(c, &context, device)
            })
            .await
    }

    /// What was known of a device at a time, or is known now.
    ///
    /// # Errors
    /// As [`Devices::show`].
    pub async fn facts(&self, name: String, at: Option<Timestamp>) -> Result<Vec<FactView>, Error> {
        let now = self.context.now();
        self.context
            .store
            .read("list_facts", move |c| {
                let device = targets::find_device(c, &name).map_err(|miss| miss.into_error(&name))?;
                let at = at.unwrap_or(now);
                Ok(view::facts(Report::facts_at(c, device.id, at)?, at))
            })
            .await
    }

    /// The enrolments, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong filter, cursor or limit; [`Error::NotFound`] for an unknown device.
    pub async fn enrollments(&self, query: EnrollmentQuery) -> Result<Page<EnrollmentView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let state = word("state", query.state.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_enrollments", move |c| {
                let device_id = match &query.device {
                    Some(name) => {
                        Some(targets::find_device(c, name).map_err(|miss| miss.into_error(name))?.id)
                    }
                    None => None,
                };
                Ok::<_, Error>(Enrollment::list(
                    c,
                    &EnrollmentFilter { state, device_id },
                    page.of(EnrollmentId),
                )?)
            })
            .await?;
        Ok(page.page(rows, |row| row.id.0, |row| view::enrollment(&row)))
    }

    /// One enrolment.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn enrollment(&self, id: Uuid) -> Result<EnrollmentView, Error> {
        let found = self
            .context
            .store
            .read("show_enrollment", move |c| Ok::<_, Error>(Enrollment::find(c, EnrollmentId(id))))
            .await?;
        match found {
            Ok(row) => Ok(view::enrollment(&row)),
            Err(store::Error::NotFound) => Err(Error::not_found("enrolment", id)),
            Err(error) => Err(error.into()),
        }
    }

    /// Who is kept apart: the first page begins with all quarantined enrolments, then come unknown devices, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn quarantine(&self, query: PageQuery) -> Result<Page<QuarantineView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let first = page.after.is_none();
        let (apart, unknown) = self
            .context
            .store
            .read("list_quarantine", move |c| {
                let all = store::Page::first(1_000);
                let apart = if first {
                    Enrollment::list_by_state(c, EnrollmentState::Quarantined, all)?
                } else {
                    Vec::new()
                };
                Ok::<_, Error>((apart, Quarantined::list(c, page.of(QuarantinedId))?))
            })
            .await?;
        let mut views = page.page(unknown, |row| row.id.0, |row| view::unknown(&row));
        views.items.splice(0..0, apart.iter().map(view::apart));
        Ok(views)
    }
}

fn detail(connection: &mut Connection, context: &Context, device: Device) -> Result<DeviceDetailView, Error> {
    let now = context.now();
    let enrollments = Enrollment::list_for_device(connection, device.id)?;
    let enrollment = Enrollment::current(connection, device.id)?;
    let channels = match &enrollment {
        Some(enrollment) => Channel::list_for_enrollment(connection, enrollment.id)?,
        None => Vec::new(),
    };
    let pending = match &enrollment {
        Some(enrollment) => deliveries::open_of(connection, enrollment.id, SHOWN_PENDING)?,
        None => Vec::new(),
    };
    let facts = view::facts(Report::current_facts(connection, device.id)?, now);
    let mut notes = view::notes(context, enrollment.as_ref(), &channels);
    notes.extend(view::oddities(&facts));
    if targets::is_disputed(&enrollments) {
        let note = "Two enrolments claim this device: name one by its id when you send a command, and decide under quarantine.";
        notes.push(note.to_owned());
    }
    let whereabouts = Whereabouts::of(connection, &[device.id])?;
    let (place_path, labels) = (whereabouts.path(connection, device.id)?, labels_of(connection, device.id)?);
    let listing = DeviceListing { device, enrollment, channels };
    Ok(DeviceDetailView {
        device: view::device(context, &listing, &whereabouts),
        place_path,
        labels,
        enrollments: enrollments.iter().map(view::enrollment).collect(),
        channels: listing.channels.iter().map(|channel| view::channel(context, channel)).collect(),
        facts,
        pending,
        notes,
    })
}

/// Reads a word of a filter.
fn word<T: std::str::FromStr>(field: &str, text: Option<&str>) -> Result<Option<T>, Error>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| text.parse::<T>().map_err(|error| Error::invalid(field, error.to_string()))).transpose()
}
