//! What a file would do, as a pure function of the file and what is there: the preview shows it, carrying it out follows it.

mod devices;
mod people;
mod places;

use std::collections::HashMap;

use clock::Timestamp;
use store::{DeviceId, Person, PersonId, Place, PlaceId, Placement};

use super::super::placements::Move;
use super::table::{Cell, Columns, Line, Table};
use crate::Error;
use crate::views::ImportErrorView;

/// What files there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// `code, name, kind, parent`.
    Places,
    /// `external_id, name, email`.
    People,
    /// `serial, place, owner`.
    Devices,
}

/// What is there before the file.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// All places, those that were given up too.
    pub(super) places: Vec<Place>,
    /// All people.
    pub(super) people: Vec<Person>,
    /// Who claims each serial number of the file.
    pub(super) devices: HashMap<String, Vec<DeviceId>>,
    /// Where these devices are.
    pub(super) placements: HashMap<DeviceId, Placement>,
}

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    CreatePlace(Place),
    ChangePlace(Place),
    CreatePerson(Person),
    ChangePerson(Person),
    Move(Move),
}

/// A step, the line that it comes from, and what a person reads about it.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) line: u64,
    pub(super) subject: String,
    pub(super) detail: String,
    pub(super) step: Step,
}

/// All steps, in the order in which they can be carried out.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Planned>,
    pub(super) unchanged: usize,
    pub(super) errors: Vec<ImportErrorView>,
    pub(super) notes: Vec<String>,
}

/// What is new in the planned rows.
pub(super) struct Making<'a> {
    pub(super) now: Timestamp,
    pub(super) by: &'a str,
    pub(super) clock: &'a dyn clock::Clock,
}

/// The columns of a line, found.
struct Row<'a> {
    line: &'a Line,
    at: &'a HashMap<&'static str, usize>,
}

impl Kind {
    /// By its word.
    pub(in super::super) fn read(word: &str) -> Result<Self, Error> {
        match word {
            "places" => Ok(Self::Places),
            "people" => Ok(Self::People),
            "devices" => Ok(Self::Devices),
            _ => Err(Error::invalid("kind", "must be places, people or devices")),
        }
    }

    /// By the header of a file.
    pub(super) fn of(table: &Table) -> Result<Self, Error> {
        let has = |kind: Self, name: &str| {
            kind.columns().iter().any(|column| column.0 == name && table.has(*column))
        };
        if has(Self::Devices, "serial") {
            Ok(Self::Devices)
        } else if has(Self::Places, "code") {
            Ok(Self::Places)
        } else if has(Self::People, "name") {
            Ok(Self::People)
        } else {
            Err(super::table::wrong(
                "needs a header: 'code,name,kind,parent' for places, 'external_id,name,email' for people, 'serial,place,owner' for devices",
            ))
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::People => "people",
            Self::Devices => "devices",
        }
    }

    pub(in super::super) const fn columns(self) -> Columns {
        match self {
            Self::Places => {
                &[("code", &[]), ("name", &[]), ("kind", &["type"]), ("parent", &["parent_code"])]
            }
            Self::People => {
                &[("external_id", &["id", "staff_id"]), ("name", &[]), ("email", &["e_mail", "mail"])]
            }
            Self::Devices => &[
                ("serial", &["serial_number"]),
                ("place", &["place_code"]),
                ("owner", &["owner_email", "owner_e_mail"]),
            ],
        }
    }
}

impl Row<'_> {
    fn cell(&self, column: &'static str) -> Cell<'_> {
        self.line.cell(self.at.get(column))
    }

    fn text(&self, column: &'static str) -> Option<&str> {
        match self.cell(column) {
            Cell::Text(text) => Some(text),
            Cell::Silent | Cell::Clear => None,
        }
    }
}

impl Plan {
    /// What a file of a kind would do to what is known.
    pub(super) fn make(table: &Table, kind: Kind, known: &Known, making: &Making<'_>) -> Result<Self, Error> {
        let (at, unknown) = table.find(kind.columns())?;
        let mut plan = Self::default();
        if !unknown.is_empty() {
            plan.notes.push(format!("Columns that are passed over: {}.", unknown.join(", ")));
        }
        for (line, message) in &table.broken {
            plan.errors.push(ImportErrorView { line: *line, column: None, message: message.clone() });
        }
        let rows: Vec<Row<'_>> = table.lines.iter().map(|line| Row { line, at: &at }).collect();
        match kind {
            Kind::Places => places::plan(&mut plan, &rows, known, making),
            Kind::People => people::plan(&mut plan, &rows, known, making),
            Kind::Devices => devices::plan(&mut plan, &rows, known, making),
        }
        plan.errors.sort_by_key(|error| error.line);
        Ok(plan)
    }

    /// Takes in what became of a line: a step, nothing, or what is wrong with it.
    fn take(&mut self, line: u64, outcome: Result<Option<(String, String, Step)>, Error>) {
        match outcome {
            Ok(Some((subject, detail, step))) => self.steps.push(Planned { line, subject, detail, step }),
            Ok(None) => self.unchanged = self.unchanged.saturating_add(1),
            Err(Error::Invalid { field, reason }) => {
                let column = (field != "csv").then_some(field);
                self.errors.push(ImportErrorView { line, column, message: reason });
            }
            Err(other) => {
                self.errors.push(ImportErrorView { line, column: None, message: other.to_string() })
            }
        }
    }
}

impl Planned {
    /// Whether the step makes something new.
    pub(super) const fn is_new(&self) -> bool {
        matches!(self.step, Step::CreatePlace(_) | Step::CreatePerson(_))
    }
}

/// What a line says twice is wrong the second time: which one would count?
fn first_time<K: Eq + std::hash::Hash>(
    seen: &mut HashMap<K, u64>,
    key: K,
    line: u64,
    column: &str,
) -> Result<(), Error> {
    match seen.insert(key, line) {
        None => Ok(()),
        Some(earlier) => Err(Error::invalid(column, format!("is in line {earlier} already"))),
    }
}

/// The place that a cell means: by code, or by a name that only one place has.
fn place_in<'a>(
    places: impl Iterator<Item = &'a Place> + Clone,
    column: &str,
    text: &str,
) -> Result<&'a Place, Error> {
    let lower = text.to_lowercase();
    let coded = |place: &&Place| place.code.as_ref().is_some_and(|code| code.to_lowercase() == lower);
    if let Some(found) = places.clone().find(coded) {
        return Ok(found);
    }
    let mut named = places.filter(|place| place.archived_at.is_none() && place.name.to_lowercase() == lower);
    match (named.next(), named.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => {
            Err(Error::invalid(column, format!("several places are called '{text}': use a code")))
        }
        (None, _) => Err(Error::invalid(column, format!("there is no place '{text}'"))),
    }
}

/// The person whom a cell means.
fn person_in<'a>(
    by_word: &HashMap<String, &'a Person>,
    column: &str,
    text: &str,
) -> Result<&'a Person, Error> {
    let found = by_word.get(&text.to_lowercase()).or_else(|| by_word.get(text)).copied();
    found.ok_or_else(|| Error::invalid(column, format!("there is no person '{text}': import people first")))
}

/// The id of an owner, in words.
fn owner_words(people: &HashMap<PersonId, &Person>, id: Option<PersonId>) -> String {
    id.and_then(|id| people.get(&id)).map_or_else(|| "nobody".to_owned(), |person| person.name.clone())
}

fn place_words(places: &HashMap<PlaceId, &Place>, id: PlaceId) -> String {
    places.get(&id).map_or_else(String::new, |place| place.name.clone())
}
