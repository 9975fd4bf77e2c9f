//! The organisation as operators, files and enrolling devices change it.

use catalog::Ownership;
use store::{Device, Place, PlaceVariable, Placement, PlacementEvent};

use crate::Error;
use crate::operators::Operator;
use crate::testing::Bench;
use crate::views::{
    Consent, ImportRequest, ImportView, LeaveRequest, LinkRequest, PersonRequest, PlaceChange, PlaceRequest,
    PlaceView, PlacementRequest, ValueRequest,
};

const TREE: &str = "code,name,kind,parent\nICU,Intensive care,ward,A\nA,House A,building,NORTH\nNORTH,North site,site,\nB,House B,building,NORTH\n";

struct Scene {
    bench: Bench,
    operator: Operator,
}

impl Scene {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let operator = bench.operator().await;
        let scene = Self { bench, operator };
        scene.import(TREE, true).await.unwrap();
        scene
    }

    async fn import(&self, csv: &str, apply: bool) -> Result<ImportView, Error> {
        let request = ImportRequest {
            csv: csv.to_owned(),
            kind: None,
            apply,
            skip_errors: false,
            confirm_devices: None,
        };
        self.bench.services.organisation.import(&self.operator, request).await
    }

    async fn person(&self, name: &str, email: &str) {
        let request =
            PersonRequest { name: name.to_owned(), email: Some(email.to_owned()), external_id: None };
        self.bench.services.organisation.create_person(&self.operator, request).await.unwrap();
    }

    async fn put(&self, serial: &str, place: Option<&str>, owner: Option<&str>) -> Result<(), Error> {
        let request = PlacementRequest { place: place.map(str::to_owned), owner: owner.map(str::to_owned) };
        let organisation = &self.bench.services.organisation;
        organisation
            .place_device(&self.operator, serial.to_owned(), request, Consent::default())
            .await
            .map(drop)
    }

    async fn tree(&self) -> Vec<PlaceView> {
        self.bench.services.organisation.places(false).await.unwrap()
    }

    async fn move_place(&self, place: &str, parent: &str) -> Result<(), Error> {
        let change = PlaceChange { parent: Some(parent.to_owned()), ..PlaceChange::default() };
        let organisation = &self.bench.services.organisation;
        organisation
            .change_place(&self.operator, place.to_owned(), change, Consent::default())
            .await
            .map(drop)
    }

    async fn set(&self, place: &str, name: &str, value: &str) {
        let which = (place.to_owned(), name.to_owned());
        let request = ValueRequest { value: value.to_owned() };
        self.bench
            .services
            .organisation
            .set_variable(&self.operator, which, request, Consent::default())
            .await
            .unwrap();
    }

    async fn variable(&self, place: &'static str, name: &'static str) -> Option<String> {
        self.bench
            .tx(move |tx| {
                let place = Place::find_by_code(tx, place)?.unwrap();
                Ok(PlaceVariable::resolved(tx, place.id)?.remove(name).map(|found| found.value))
            })
            .await
    }

    /// The names of place and owner of a device, and how often they were said.
    async fn whereabouts(&self, udid: &'static str) -> (String, Option<String>, usize) {
        let shown = self.bench.services.organisation.placement(format!("SERIAL{udid}")).await.unwrap();
        (shown.place.name, shown.owner.map(|owner| owner.name), shown.history.len())
    }
}

#[tokio::test]
async fn a_tree_keeps_its_order_and_nothing_in_it_is_orphaned() {
    let scene = Scene::new().await;
    let names: Vec<String> = scene.tree().await.iter().map(|place| place.path.join("/")).collect();
    let expected = [
        "Ward",
        "Ward/North site",
        "Ward/North site/House A",
        "Ward/North site/House A/Intensive care",
        "Ward/North site/House B",
    ];
    assert_eq!(names, expected);
    scene.move_place("ICU", "b").await.unwrap();
    for (place, parent) in [("NORTH", "ICU"), ("A", "A"), ("A", "B"), ("A", "ICU"), ("Ward", "NORTH")] {
        assert!(
            matches!(scene.move_place(place, parent).await, Err(Error::Invalid { .. })),
            "{place} {parent}"
        );
    }
    let archive =
        |place: &str| scene.bench.services.organisation.archive_place(&scene.operator, place.to_owned());
    for refused in ["NORTH", "Ward", "B"] {
        assert!(matches!(archive(refused).await, Err(Error::Conflict(_))), "{refused}");
    }
    assert!(archive("A").await.unwrap().place.archived_at.is_some());
    let again = PlaceRequest {
        kind: "ward".to_owned(),
        name: "X".to_owned(),
        code: Some("icu".to_owned()),
        parent: None,
    };
    let made = scene.bench.services.organisation.create_place(&scene.operator, again).await;
    assert!(matches!(made, Err(Error::Conflict(_))), "codes differ in more than case");
    assert_eq!(scene.bench.acts("place.archive").await.len(), 1);
}

#[tokio::test]
async fn the_nearest_place_that_sets_a_variable_decides() {
    let scene = Scene::new().await;
    scene.set("NORTH", "wifi_ssid", "North").await;
    assert_eq!(scene.variable("ICU", "wifi_ssid").await.as_deref(), Some("North"));
    scene.set("ICU", "wifi_ssid", "Intensive").await;
    assert_eq!(scene.variable("ICU", "wifi_ssid").await.as_deref(), Some("Intensive"));
    assert_eq!(scene.variable("B", "wifi_ssid").await.as_deref(), Some("North"));
    let which = ("ICU".to_owned(), "wifi_ssid".to_owned());
    scene
        .bench
        .services
        .organisation
        .unset_variable(&scene.operator, which, Consent::default())
        .await
        .unwrap();
    assert_eq!(scene.variable("ICU", "wifi_ssid").await.as_deref(), Some("North"));
}

#[tokio::test]
async fn a_device_has_one_place_and_at_most_one_owner_and_keeps_its_history() {
    let scene = Scene::new().await;
    let phone = scene.bench.enroll("U1").await;
    scene.person("Ann", "Ann@Example.org").await;
    let serial = format!("SERIAL{}", phone.udid);
    assert_eq!(scene.whereabouts("U1").await, ("Ward".to_owned(), None, 0));
    scene.put(&serial, Some("ICU"), Some("ann@example.org")).await.unwrap();
    scene.put(&serial, Some("icu"), None).await.unwrap();
    assert_eq!(scene.whereabouts("U1").await, ("Intensive care".to_owned(), Some("Ann".to_owned()), 1));
    let listed = scene.bench.services.devices.show(serial.clone()).await.unwrap();
    assert_eq!(listed.device.place.unwrap().code.as_deref(), Some("ICU"));
    assert_eq!(listed.device.owner.as_deref(), Some("ann@example.org"));
    let tree = scene.tree().await;
    let below: Vec<i64> = tree.iter().map(|place| place.devices_below).collect();
    assert_eq!(below, [1, 1, 1, 1, 0]);
    let gone = scene.bench.services.organisation.archive_place(&scene.operator, "ICU".to_owned()).await;
    assert!(matches!(gone, Err(Error::Conflict(_))), "a device is there");
    scene.put(&serial, None, Some("")).await.unwrap();
    assert_eq!(scene.whereabouts("U1").await, ("Intensive care".to_owned(), None, 2));
    let shown = scene.bench.services.devices.show(serial.clone()).await.unwrap();
    assert_eq!(shown.device.owner, None, "the free text of the link does not come back");
    for (place, owner) in [(Some("NOWHERE"), None), (None, Some("who@example.org")), (None, None)] {
        assert!(matches!(scene.put(&serial, place, owner).await, Err(Error::Invalid { .. })));
    }
    let first = scene.bench.tx(|tx| {
        let device = Device::find_by_serial_number(tx, "SERIALU1")?.remove(0).id;
        Ok(PlacementEvent::of(tx, device)?.pop().unwrap().owner_id.is_some())
    });
    assert!(first.await, "the history still says whose it was");
}

#[tokio::test]
async fn who_has_left_gets_no_device_and_the_address_stays_theirs() {
    let scene = Scene::new().await;
    let phone = scene.bench.enroll("U1").await;
    scene.person("Ann", "ann@example.org").await;
    let serial = format!("SERIAL{}", phone.udid);
    scene.put(&serial, None, Some("ann@example.org")).await.unwrap();
    let organisation = &scene.bench.services.organisation;
    let ann = "ann@example.org".to_owned();
    let left = organisation.leave(&scene.operator, ann.clone(), LeaveRequest::default()).await.unwrap();
    assert_eq!(left.person.devices.len(), 1, "the device is to be collected");
    organisation.leave(&scene.operator, ann, LeaveRequest::default()).await.unwrap();
    assert_eq!(scene.bench.acts("person.leave").await.len(), 1, "leaving twice is leaving once");
    let held = scene.bench.tx(|tx| {
        let device = Device::find_by_serial_number(tx, "SERIALU1")?.remove(0).id;
        Ok(store::NetworkHold::of(tx, device)?.is_some())
    });
    assert!(held.await, "the device is held from the network");
    scene.put(&serial, None, Some("")).await.unwrap();
    assert!(matches!(scene.put(&serial, None, Some("ann@example.org")).await, Err(Error::Invalid { .. })));
    let twin = PersonRequest {
        name: "Bea".to_owned(),
        email: Some("ANN@example.org".to_owned()),
        external_id: None,
    };
    assert!(matches!(organisation.create_person(&scene.operator, twin).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_file_is_shown_first_and_changes_nothing_the_second_time() {
    let scene = Scene::new().await;
    let again = scene.import(TREE, true).await.unwrap();
    assert_eq!((again.created, again.changed, again.unchanged), (0, 0, 4));
    let people = "\u{feff}External ID;Name;E-Mail\r\n7;Ann;Ann@example.org\r\n8;Bea;bea@example.org\r\n";
    assert_eq!(scene.import(people, false).await.unwrap().created, 2);
    assert_eq!(scene.import(people, false).await.unwrap().created, 2, "a preview makes nothing");
    assert!(scene.import(people, true).await.unwrap().applied);
    assert_eq!(scene.import(people, true).await.unwrap().unchanged, 2);
    let renamed = scene.import("external_id,name,email\n7,Ann Smith,\n", true).await.unwrap();
    assert_eq!((renamed.changed, renamed.created), (1, 0));
    let ann = scene.bench.services.organisation.person("7".to_owned()).await.unwrap().person;
    assert_eq!((ann.name.as_str(), ann.email.as_deref()), ("Ann Smith", Some("ann@example.org")));
    scene.bench.enroll("U1").await;
    let devices = "serial,place,owner\nSERIALU1,ICU,ann@example.org\n";
    scene.import(devices, true).await.unwrap();
    assert_eq!(scene.import(devices, true).await.unwrap().unchanged, 1);
    assert_eq!(scene.whereabouts("U1").await, ("Intensive care".to_owned(), Some("Ann Smith".to_owned()), 1));
    let exported = scene.bench.services.organisation.export("devices".to_owned()).await.unwrap();
    assert_eq!(exported, devices);
}

#[tokio::test]
async fn wrong_lines_are_named_and_a_file_with_some_changes_nothing() {
    let scene = Scene::new().await;
    let file = "code,name,kind,parent\nC1,Ward 1,ward,A\nC2,Site 2,site,A\nC3,Ward 3,room,A\nC1,Twice,ward,A\nC5,Ward 5,ward,NOWHERE\nICU,Intensive care,site,\n";
    let shown = scene.import(file, false).await.unwrap();
    let wrong: Vec<(u64, Option<&str>)> =
        shown.errors.iter().map(|error| (error.line, error.column.as_deref())).collect();
    let expected =
        [(3, Some("parent")), (4, Some("kind")), (5, Some("code")), (6, Some("parent")), (7, Some("kind"))];
    assert_eq!(wrong, expected);
    assert!(matches!(scene.import(file, true).await, Err(Error::Invalid { .. })));
    assert_eq!(scene.tree().await.len(), 5, "nothing was made");
    let request = ImportRequest {
        csv: file.to_owned(),
        kind: None,
        apply: true,
        skip_errors: true,
        confirm_devices: None,
    };
    let done = scene.bench.services.organisation.import(&scene.operator, request).await.unwrap();
    assert_eq!((done.created, done.wrong, scene.tree().await.len()), (1, 5, 6));
}

#[tokio::test]
async fn a_device_goes_where_its_link_says_and_an_operator_has_the_last_word() {
    let scene = Scene::new().await;
    scene.person("Ann", "ann@example.org").await;
    let request = LinkRequest {
        label: None,
        owner: Some("ann@example.org".to_owned()),
        place: Some("ICU".to_owned()),
        ownership: Ownership::Corporate.to_string(),
        uses_limit: None,
        expires_in_hours: None,
    };
    let wrong = LinkRequest { place: Some("NOWHERE".to_owned()), ..request.clone() };
    let links = &scene.bench.services.links;
    assert!(matches!(links.create(&scene.operator, wrong).await, Err(Error::Invalid { .. })));
    let made = links.create(&scene.operator, request).await.unwrap();
    assert_eq!(made.link.place.unwrap().code.as_deref(), Some("ICU"));
    let token = made.url.rsplit('/').next().unwrap().to_owned();
    let phone = scene.bench.enroll_by(&token, "U1").await;
    assert_eq!(scene.whereabouts("U1").await, ("Intensive care".to_owned(), Some("Ann".to_owned()), 1));
    scene.put("SERIALU1", Some("B"), None).await.unwrap();
    scene.bench.authenticate(&phone).await.unwrap();
    scene.bench.token_update(&phone, |_| {}).await.unwrap();
    assert_eq!(scene.whereabouts("U1").await.0, "House B", "checking in again moves nothing");
}

#[tokio::test]
async fn a_claim_that_is_open_moves_no_device() {
    let scene = Scene::new().await;
    scene.bench.enroll("U1").await;
    let request = LinkRequest {
        label: None,
        owner: None,
        place: Some("ICU".to_owned()),
        ownership: Ownership::Corporate.to_string(),
        uses_limit: None,
        expires_in_hours: None,
    };
    let made = scene.bench.services.links.create(&scene.operator, request).await.unwrap();
    let token = made.url.rsplit('/').next().unwrap().to_owned();
    let claimant = scene.bench.unenrolled(&token, "U1").await;
    scene.bench.authenticate(&claimant).await.unwrap();
    let placed = scene.bench.tx(|tx| {
        let device = Device::find_by_udid(tx, "U1")?.unwrap().id;
        Ok(Placement::of(tx, device)?.is_some())
    });
    assert!(!placed.await, "a stranger with a link moves nothing");
}

#[tokio::test]
async fn labels_are_set_and_taken_off_and_strange_names_are_refused() {
    let scene = Scene::new().await;
    scene.bench.enroll("U1").await;
    let organisation = &scene.bench.services.organisation;
    let which = |name: &str| ("SERIALU1".to_owned(), name.to_owned());
    let value = |value: &str| ValueRequest { value: value.to_owned() };
    organisation
        .set_label(&scene.operator, which("use"), value("bedside"), Consent::default())
        .await
        .unwrap();
    organisation
        .set_label(&scene.operator, which("use"), value("bedside"), Consent::default())
        .await
        .unwrap();
    assert_eq!(scene.bench.acts("device.label.set").await.len(), 1, "saying it again is not an act");
    for (name, text) in [("Use", "x"), ("use", " "), ("use", "a\nb"), ("$x", "y")] {
        assert!(
            organisation
                .set_label(&scene.operator, which(name), value(text), Consent::default())
                .await
                .is_err(),
            "{name}"
        );
    }
    assert!(
        organisation.unset_label(&scene.operator, which("use"), Consent::default()).await.unwrap().is_empty()
    );
    assert!(matches!(
        organisation.unset_label(&scene.operator, which("use"), Consent::default()).await,
        Err(Error::NotFound { .. })
    ));
}
