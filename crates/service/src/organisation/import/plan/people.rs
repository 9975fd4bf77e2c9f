//! Lines `external_id, name, email`: matched by external id, then by address.

use std::collections::HashMap;

use store::{Person, PersonId};

use super::super::super::names;
use super::{Cell, Known, Making, Plan, Row, Step, first_time};
use crate::Error;

/// Who is there, and how they are found.
struct Register {
    all: HashMap<PersonId, Person>,
    by_external_id: HashMap<String, PersonId>,
    by_email: HashMap<String, PersonId>,
}

impl Register {
    fn take(&mut self, person: &Person) {
        if let Some(before) = self.all.insert(person.id, person.clone()) {
            before.external_id.and_then(|id| self.by_external_id.remove(&id));
            before.email.and_then(|email| self.by_email.remove(&email));
        }
        self.by_external_id.extend(person.external_id.clone().map(|id| (id, person.id)));
        self.by_email.extend(person.email.clone().map(|email| (email, person.id)));
    }

    fn of<K: std::hash::Hash + Eq>(&self, index: &HashMap<K, PersonId>, key: Option<&K>) -> Option<&Person> {
        self.all.get(index.get(key?)?)
    }
}

pub(super) fn plan(plan: &mut Plan, rows: &[Row<'_>], known: &Known, making: &Making<'_>) {
    let mut register =
        Register { all: HashMap::new(), by_external_id: HashMap::new(), by_email: HashMap::new() };
    for person in &known.people {
        register.take(person);
    }
    let mut seen = HashMap::new();
    for row in rows {
        let outcome = step(row, &register, &mut seen, making);
        if let Ok(Some((_, _, Step::CreatePerson(person) | Step::ChangePerson(person)))) = &outcome {
            register.take(person);
        }
        plan.take(row.line.number, outcome);
    }
}

fn step(
    row: &Row<'_>,
    register: &Register,
    seen: &mut HashMap<PersonId, u64>,
    making: &Making<'_>,
) -> Result<Option<(String, String, Step)>, Error> {
    let external_id = row.text("external_id").map(|id| names::external_id("external_id", id)).transpose()?;
    let email = row.text("email").map(|email| names::email("email", email)).transpose()?;
    let name = row.text("name").map(|name| names::name("name", name)).transpose()?;
    if external_id.is_none() && email.is_none() {
        return Err(Error::invalid(
            "email",
            "a person needs an external id or an address, to be found again",
        ));
    }
    let (numbered, addressed) = (
        register.of(&register.by_external_id, external_id.as_ref()),
        register.of(&register.by_email, email.as_ref()),
    );
    let before = match (numbered, addressed) {
        (Some(numbered), Some(addressed)) if numbered.id != addressed.id => {
            return Err(Error::invalid("email", format!("is the address of {} already", addressed.name)));
        }
        (Some(numbered), _) => Some(numbered),
        (None, Some(addressed)) if external_id.is_some() && addressed.external_id.is_some() => {
            return Err(Error::invalid(
                "email",
                format!("is the address of {}, who has another external id", addressed.name),
            ));
        }
        (None, addressed) => addressed,
    };
    let person = match before {
        Some(before) => {
            let mut after = before.clone();
            after.name = name.unwrap_or(after.name);
            after.external_id =
                if row.cell("external_id") == Cell::Clear { None } else { external_id.or(after.external_id) };
            after.email = if row.cell("email") == Cell::Clear { None } else { email.or(after.email) };
            after
        }
        None => {
            let name = name.ok_or_else(|| Error::invalid("name", "must not be empty"))?;
            let id = PersonId::new(making.clock);
            Person { id, external_id, name, email, created_at: making.now, left_at: None }
        }
    };
    first_time(seen, person.id, row.line.number, "external_id")?;
    let subject = person.name.clone();
    match before {
        Some(before) if *before == person => Ok(None),
        Some(before) => Ok(Some((subject, told(before, &person), Step::ChangePerson(person)))),
        None => {
            let words = person.email.clone().or_else(|| person.external_id.clone()).unwrap_or_default();
            Ok(Some((subject, words, Step::CreatePerson(person))))
        }
    }
}

fn told(before: &Person, after: &Person) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut said = Vec::new();
    if before.name != after.name {
        said.push(format!("was {}", before.name));
    }
    if before.email != after.email {
        said.push(format!("address {} becomes {}", text(&before.email), text(&after.email)));
    }
    if before.external_id != after.external_id {
        said.push(format!("external id {} becomes {}", text(&before.external_id), text(&after.external_id)));
    }
    said.join(", ")
}
