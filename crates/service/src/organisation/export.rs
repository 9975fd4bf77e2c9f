//! Places, people and placements as files that [`Organisation::import`] reads again.

use csv::WriterBuilder;
use store::{Connection, Device, DeviceFilter, Page, Person, PersonFilter, Place};

use super::import::{Kind, disarmed};
use super::{Organisation, Whereabouts, view};
use crate::Error;
use crate::views::PlaceRefView;

/// Devices that are read at a time.
const BATCH: i64 = 1_000;
/// People at most.
const MOST_PEOPLE: i64 = 1_000_000;

impl Organisation {
    /// A file of a kind (`places`, `people`, `devices`) with all that is there. No cell is a formula.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another kind.
    pub async fn export(&self, kind: String) -> Result<String, Error> {
        let kind = Kind::read(&kind)?;
        self.context
            .store
            .read("export_organisation", move |c| {
                let rows = match kind {
                    Kind::Places => places(c)?,
                    Kind::People => people(c)?,
                    Kind::Devices => devices(c)?,
                };
                written(kind, rows)
            })
            .await
    }
}

fn written(kind: Kind, rows: Vec<Vec<String>>) -> Result<String, Error> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    let broken = |error: csv::Error| Error::Internal(format!("a table cannot be written: {error}"));
    writer.write_record(kind.columns().iter().map(|(name, _)| *name)).map_err(broken)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| disarmed(cell))).map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::Internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Error::Internal(error.to_string()))
}

/// Places without a code are left out: no file could name them.
fn places(connection: &mut Connection) -> Result<Vec<Vec<String>>, Error> {
    let all = Place::list(connection, false)?;
    let shown = view::tree(&all, &std::collections::HashMap::new());
    let rows = shown.iter().filter_map(|place| {
        let parent = shown.iter().find(|other| Some(other.id) == place.parent_id)?;
        let parent =
            if parent.parent_id.is_none() { String::new() } else { word(parent.code.as_ref(), &parent.name) };
        Some(vec![place.code.clone()?, place.name.clone(), place.kind.clone(), parent])
    });
    Ok(rows.collect())
}

fn people(connection: &mut Connection) -> Result<Vec<Vec<String>>, Error> {
    let here = PersonFilter { left: Some(false), ..PersonFilter::default() };
    let all = Person::list(connection, &here, Page::first(MOST_PEOPLE))?;
    let text = Option::unwrap_or_default;
    Ok(all
        .into_iter()
        .map(|person| vec![text(person.external_id), person.name, text(person.email)])
        .collect())
}

fn devices(connection: &mut Connection) -> Result<Vec<Vec<String>>, Error> {
    let (mut rows, mut page) = (Vec::new(), Page::first(BATCH));
    loop {
        let found = Device::list(connection, &DeviceFilter::default(), page)?;
        let Some(last) = found.last() else { return Ok(rows) };
        page.after = Some(last.device.id);
        let ids: Vec<_> = found.iter().map(|row| row.device.id).collect();
        let whereabouts = Whereabouts::of(connection, &ids)?;
        for listing in found {
            let Some(serial) = listing.device.serial_number else { continue };
            let place =
                whereabouts.place(listing.device.id).map(|place| place_word(&place)).unwrap_or_default();
            let owner = whereabouts.owner_word(listing.device.id).unwrap_or_default();
            rows.push(vec![serial, place, owner]);
        }
    }
}

fn place_word(place: &PlaceRefView) -> String {
    word(place.code.as_ref(), &place.name)
}

fn word(code: Option<&String>, name: &str) -> String {
    code.cloned().unwrap_or_else(|| name.to_owned())
}
