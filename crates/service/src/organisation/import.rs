//! Files with many places, people or placements: shown first, then carried out. The same file twice changes nothing the second time.

mod plan;
mod table;

use serde_json::json;
use store::{Connection, Device, Page, Person, Place, Placement, Tx};

use super::placements::{self, placed_event};
use super::seam::Change;
use super::{Organisation, people, places, seam, view};
use crate::audit::{self, Act};
use crate::desired::AT_ONCE;
use crate::events::Event;
use crate::operators::Operator;
use crate::views::{Consent, ImportChangeView, ImportRequest, ImportView};
use crate::{Context, Error};
use plan::{Known, Making, Plan, Planned, Step};
use table::Table;

pub(super) use plan::Kind;
pub(super) use table::disarmed;

/// Lines that are carried out in one transaction: other writers wait for it.
const BATCH: usize = 500;
/// Lines of a kind that are shown at most.
const SHOWN: usize = 500;
/// People that are looked at at most.
const MOST_PEOPLE: i64 = 1_000_000;

impl Organisation {
    /// Shows what a file would do, or carries it out. Every line is read; a wrong one is named with what is wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file that is no such table, is too large, or is to be carried out although lines are wrong;
    /// [`Error::Conflict`] when somebody changes the same things meanwhile: the same file again goes on where it stopped.
    pub async fn import(&self, operator: &Operator, request: ImportRequest) -> Result<ImportView, Error> {
        let table = Table::read(&request.csv)?;
        let kind = match request.kind.as_deref() {
            Some(word) => Kind::read(word)?,
            None => Kind::of(&table)?,
        };
        let (context, by) = (self.context.clone(), operator.name.clone());
        let (plan, lines) = self
            .context
            .store
            .read("plan_import", move |c| {
                let known = known(c, &table, kind)?;
                let making = Making { now: context.now(), by: &by, clock: context.clock.as_ref() };
                let lines = table.lines.len().saturating_add(table.broken.len());
                Ok::<_, Error>((Plan::make(&table, kind, &known, &making)?, lines))
            })
            .await?;
        let mut shown = shown(&plan, kind, lines);
        if !request.apply {
            return Ok(shown);
        }
        if let Some(first) = plan.errors.first().filter(|_| !request.skip_errors) {
            let (count, line, why) = (plan.errors.len(), first.line, &first.message);
            return Err(Error::invalid(
                "csv",
                format!(
                    "{count} lines are wrong, and nothing was changed; the first is line {line}: {why}. 'skip_errors' carries out the others"
                ),
            ));
        }
        self.agreed(operator, &plan.steps, request.confirm_devices).await?;
        self.carry_out(operator, plan.steps).await?;
        shown.applied = true;
        Ok(shown)
    }

    /// Whether as many devices are confirmed as should have something else afterwards: found by doing it all and undoing it.
    async fn agreed(
        &self,
        operator: &Operator,
        steps: &[Planned],
        confirmed: Option<i64>,
    ) -> Result<(), Error> {
        let (steps, context, by) = (steps.to_vec(), self.context.clone(), operator.clone());
        let only_shown = Consent { dry_run: true, confirm_devices: None };
        let outcome = self
            .desired
            .guarded("check_import", operator, only_shown, move |tx, guard| {
                guard.before_all(tx)?;
                for planned in &steps {
                    step(tx, &context, &by, &planned.step).map_err(|error| at_line(error, planned.line))?;
                }
                Ok(())
            })
            .await;
        match outcome {
            Err(Error::Shown(preview)) if preview.devices > AT_ONCE && confirmed != Some(preview.devices) => {
                Err(Error::Unconfirmed(preview))
            }
            Ok(()) | Err(Error::Shown(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn carry_out(&self, operator: &Operator, steps: Vec<Planned>) -> Result<(), Error> {
        let now = self.context.now();
        let mut events = Vec::new();
        for batch in steps.chunks(BATCH) {
            let (batch, context, operator) = (batch.to_vec(), self.context.clone(), operator.clone());
            events.extend(batch.iter().filter_map(|planned| match &planned.step {
                Step::Move(order) => Some(placed_event(order.device, now)),
                _ => None,
            }));
            self.context
                .store
                .tx("import", move |tx| {
                    for planned in &batch {
                        step(tx, &context, &operator, &planned.step)
                            .map_err(|error| at_line(error, planned.line))?;
                    }
                    Ok::<_, Error>(())
                })
                .await?;
        }
        self.tell(Event::new("organisation.imported", now).with(json!({ "steps": steps.len() })));
        events.into_iter().for_each(|event| self.tell(event));
        Ok(())
    }
}

/// What the file speaks of, as it is now.
fn known(connection: &mut Connection, table: &Table, kind: Kind) -> Result<Known, Error> {
    let mut known = Known { places: Place::list(connection, true)?, ..Known::default() };
    if kind == Kind::Places {
        return Ok(known);
    }
    known.people = Person::list(connection, &store::PersonFilter::default(), Page::first(MOST_PEOPLE))?;
    if kind == Kind::People {
        return Ok(known);
    }
    let (at, _) = table.find(kind.columns())?;
    let mut ids = Vec::new();
    for line in &table.lines {
        if let table::Cell::Text(serial) = line.cell(at.get("serial")) {
            let claimed: Vec<_> = Device::find_by_serial_number(connection, serial)?
                .into_iter()
                .map(|device| device.id)
                .collect();
            ids.extend(claimed.iter().copied());
            known.devices.insert(serial.to_owned(), claimed);
        }
    }
    for part in ids.chunks(10_000) {
        let placements = Placement::of_many(connection, part)?;
        known.placements.extend(placements.into_iter().map(|placement| (placement.device_id, placement)));
    }
    Ok(known)
}

fn step(tx: &mut Tx<'_>, context: &Context, operator: &Operator, step: &Step) -> Result<(), Error> {
    let now = context.now();
    match step {
        Step::CreatePlace(place) => {
            let parent = match place.parent_id {
                Some(id) => Place::find(tx, id)?,
                None => Place::root(tx)?,
            };
            places::insert(tx, place, &parent)?;
            let told = json!({ "import": true, "place": view::summary(place) });
            audit::record(tx, now, &Act::new(operator, "place.create").on(place.id.to_string()).with(told))
        }
        Step::ChangePlace(place) => {
            let before = Place::find(tx, place.id)?;
            places::save(tx, place)?;
            let told =
                json!({ "import": true, "before": view::summary(&before), "after": view::summary(place) });
            audit::record(tx, now, &Act::new(operator, "place.change").on(place.id.to_string()).with(told))?;
            seam::devices_below_changed(tx, context, place.id)
        }
        Step::CreatePerson(person) => {
            people::is_free(tx, person)?;
            person.insert(tx)?;
            let told = json!({ "import": true, "person": view::person_summary(person) });
            audit::record(tx, now, &Act::new(operator, "person.create").on(person.id.to_string()).with(told))
        }
        Step::ChangePerson(person) => {
            people::is_free(tx, person)?;
            let before = Person::find(tx, person.id)?;
            // Somebody may have recorded meanwhile that the person has left: a file never undoes that.
            let after = Person { left_at: before.left_at, ..person.clone() };
            after.save(tx)?;
            let told = json!({ "import": true, "before": view::person_summary(&before), "after": view::person_summary(&after) });
            audit::record(
                tx,
                now,
                &Act::new(operator, "person.change").on(person.id.to_string()).with(told),
            )?;
            for device in Placement::devices_of(tx, person.id)? {
                seam::device_changed(tx, context, device, Change::Placement)?;
            }
            Ok(())
        }
        Step::Move(order) => placements::apply(tx, context, now, order).map(drop),
    }
}

fn at_line(error: Error, line: u64) -> Error {
    match error {
        Error::Invalid { .. } | Error::Conflict(_) | Error::NotFound { .. } => Error::Conflict(format!(
            "line {line}: {error}; the lines before it may have been carried out: look at the same file again"
        )),
        other => other,
    }
}

fn shown(plan: &Plan, kind: Kind, lines: usize) -> ImportView {
    let created = plan.steps.iter().filter(|planned| planned.is_new()).count();
    let mut steps: Vec<&Planned> = plan.steps.iter().collect();
    steps.sort_by_key(|planned| planned.line);
    let mut notes = plan.notes.clone();
    for (what, count) in [("changes", steps.len()), ("errors", plan.errors.len())] {
        if count > SHOWN {
            notes.push(format!("The first {SHOWN} of {count} {what} are shown."));
        }
    }
    ImportView {
        kind: kind.as_str().to_owned(),
        applied: false,
        lines,
        created,
        changed: steps.len().saturating_sub(created),
        unchanged: plan.unchanged,
        wrong: plan.errors.len(),
        changes: steps.iter().take(SHOWN).map(|planned| change(planned)).collect(),
        errors: plan.errors.iter().take(SHOWN).cloned().collect(),
        notes,
    }
}

fn change(planned: &Planned) -> ImportChangeView {
    ImportChangeView {
        line: planned.line,
        what: if planned.is_new() { "create" } else { "change" }.to_owned(),
        subject: planned.subject.clone(),
        detail: planned.detail.clone(),
    }
}
