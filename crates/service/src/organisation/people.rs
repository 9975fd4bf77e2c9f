//! The people to whom devices belong: known, renamed, gone.

use serde_json::json;
use store::{Connection, Person, PersonFilter, PersonId, Placement, Tx};
use uuid::Uuid;

use super::names::{self, find_person};
use super::seam::Change;
use super::{Organisation, seam, view};
use crate::Error;
use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{
    LeaveRequest, LeaveView, Page, PersonChange, PersonDetailView, PersonQuery, PersonRequest, PersonView,
};

impl Organisation {
    /// The people, in the order in which Ward heard of them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn people(&self, query: PersonQuery) -> Result<Page<PersonView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let filter = PersonFilter { query: query.q, left: query.left };
        let (rows, counts) = self
            .context
            .store
            .read("list_people", move |c| {
                let rows = Person::list(c, &filter, page.of(PersonId))?;
                let ids: Vec<PersonId> = rows.iter().map(|person| person.id).collect();
                Ok::<_, Error>((rows, Placement::count_by_owner(c, &ids)?))
            })
            .await?;
        let view = |person: Person| {
            let devices = counts.get(&person.id).copied().unwrap_or(0);
            view::person(person, devices)
        };
        Ok(page.page(rows, |person| person.id.0, view))
    }

    /// One person by id, e-mail address or external id, with their devices.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn person(&self, person: String) -> Result<PersonDetailView, Error> {
        self.context
            .store
            .read("show_person", move |c| {
                let found = find_person(c, &person)?;
                detail(c, found)
            })
            .await
    }

    /// Makes a person known.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong field, [`Error::Conflict`] for an address or external id that another has.
    pub async fn create_person(
        &self,
        operator: &Operator,
        request: PersonRequest,
    ) -> Result<PersonDetailView, Error> {
        let now = self.context.now();
        let person = Person {
            id: PersonId::new(self.context.clock.as_ref()),
            external_id: request
                .external_id
                .as_deref()
                .map(|id| names::external_id("external_id", id))
                .transpose()?,
            name: names::name("name", &request.name)?,
            email: request.email.as_deref().map(|email| names::email("email", email)).transpose()?,
            created_at: now,
            left_at: None,
        };
        let act =
            Act::new(operator, "person.create").on(person.id.to_string()).with(view::person_summary(&person));
        let made = self
            .context
            .store
            .tx("create_person", move |tx| {
                is_free(tx, &person)?;
                person.insert(tx)?;
                audit::record(tx, now, &act)?;
                detail(tx, person.clone())
            })
            .await?;
        self.tell(Event::new("person.created", now).with(json!({ "person": made.person.id })));
        Ok(made)
    }

    /// Changes what is known of a person, or records that they are back.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a wrong field; [`Error::Conflict`] for what another person has.
    pub async fn change_person(
        &self,
        operator: &Operator,
        person: String,
        change: PersonChange,
    ) -> Result<PersonDetailView, Error> {
        let now = self.context.now();
        let (context, act) = (self.context.clone(), Act::new(operator, "person.change"));
        let shown = self
            .context
            .store
            .tx("change_person", move |tx| {
                let before = find_person(tx, &person)?;
                let after = changed(&before, &change)?;
                if after != before {
                    is_free(tx, &after)?;
                    after.save(tx)?;
                    let told = json!({ "before": view::person_summary(&before), "after": view::person_summary(&after) });
                    audit::record(tx, now, &act.clone().on(after.id.to_string()).with(told))?;
                    // The address and the name of an owner stand in profiles.
                    for device in Placement::devices_of(tx, after.id)? {
                        seam::device_changed(tx, &context, device, Change::Placement)?;
                    }
                }
                detail(tx, after)
            })
            .await?;
        self.tell(Event::new("person.changed", now).with(json!({ "person": shown.person.id })));
        Ok(shown)
    }

    /// Records that a person has left. Their devices stay theirs until they are handed over, and lose the network in the same
    /// transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a reason that is too long.
    pub async fn leave(
        &self,
        operator: &Operator,
        person: String,
        request: LeaveRequest,
    ) -> Result<LeaveView, Error> {
        let now = self.context.now();
        let reason = request.reason.as_deref().map(|reason| names::name("reason", reason)).transpose()?;
        let (context, by, act) =
            (self.context.clone(), operator.name.clone(), Act::new(operator, "person.leave"));
        let (left, first) = self
            .context
            .store
            .tx("leave", move |tx| {
                let mut person = find_person(tx, &person)?;
                let first = person.left_at.is_none();
                let devices = Placement::devices_of(tx, person.id)?;
                let mut revoked = 0_usize;
                if first {
                    person.left_at = Some(now);
                    person.save(tx)?;
                    audit::record(
                        tx,
                        now,
                        &act.clone()
                            .on(person.id.to_string())
                            .with(json!({ "reason": reason, "devices": devices })),
                    )?;
                }
                for device in devices {
                    revoked = revoked.saturating_add(seam::cut_off(tx, &context, device, &by)?);
                    seam::device_changed(tx, &context, device, Change::Placement)?;
                }
                let revoked = i64::try_from(revoked).unwrap_or(i64::MAX);
                Ok::<_, Error>((LeaveView { person: detail(tx, person)?, revoked }, first))
            })
            .await?;
        if first {
            let devices: Vec<Uuid> = left.person.devices.iter().map(|device| device.id).collect();
            self.tell(
                Event::new("person.left", now)
                    .with(json!({ "person": left.person.person.id, "devices": devices })),
            );
        }
        Ok(left)
    }
}

/// Whether nobody else has the address or the external id of a person.
pub(super) fn is_free(tx: &mut Tx<'_>, person: &Person) -> Result<(), Error> {
    if let Some(email) = &person.email
        && let Some(other) = Person::find_by_email(tx, email)?
        && other.id != person.id
    {
        return Err(Error::Conflict(format!("{} has the address {email} already", other.name)));
    }
    if let Some(id) = &person.external_id
        && let Some(other) = Person::find_by_external_id(tx, id)?
        && other.id != person.id
    {
        return Err(Error::Conflict(format!("{} has the external id '{id}' already", other.name)));
    }
    Ok(())
}

fn changed(before: &Person, change: &PersonChange) -> Result<Person, Error> {
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name = names::name("name", name)?;
    }
    if let Some(email) = &change.email {
        after.email = if email.is_empty() { None } else { Some(names::email("email", email)?) };
    }
    if let Some(id) = &change.external_id {
        after.external_id = if id.is_empty() { None } else { Some(names::external_id("external_id", id)?) };
    }
    match change.left {
        Some(true) => return Err(Error::invalid("left", "that somebody has left is said with POST …/leave")),
        Some(false) => after.left_at = None,
        None => {}
    }
    Ok(after)
}

fn detail(connection: &mut Connection, person: Person) -> Result<PersonDetailView, Error> {
    let devices = view::devices_of(connection, person.id)?;
    let count = i64::try_from(devices.len()).unwrap_or(i64::MAX);
    Ok(PersonDetailView { person: view::person(person, count), devices })
}
