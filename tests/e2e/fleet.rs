//! The reconciler before a fleet: a changed assignment sends exactly the installs and removals that differ, once.
//!
//! 400 devices by default, because everything here runs in one process of a debug build; `WARD_FLEET=5000` takes as many.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use simulator::fleet::Group;
use simulator::{Fleet, FleetSpec, Model, Network, NetworkOptions, ProfileSource};
use tests::{World, list};

/// Devices of each of the two kinds.
fn half() -> usize {
    let all = std::env::var("WARD_FLEET").ok().and_then(|text| text.parse().ok()).unwrap_or(400_usize);
    (all / 2).max(10)
}

const PASSCODE: &str = "[profile]\nname = \"base\"\ntitle = \"Base\"\n\n[[payload]]\n\
    type = \"com.apple.mobiledevice.passwordpolicy\"\nname = \"policy\"\nforcePIN = true\nmaxInactivity = 2\n";
const LIMITS: &str = "[profile]\nname = \"limits\"\ntitle = \"Limits\"\n\n[[payload]]\n\
    type = \"com.apple.applicationaccess\"\nname = \"limits\"\nallowAirDrop = false\n";

/// What the devices of one kind have done.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Done {
    installs: u64,
    removals: u64,
    refused: u64,
    with_base: usize,
    with_limits: usize,
}

fn done(fleet: &Fleet, model: Model) -> Done {
    let mut done = Done { installs: 0, removals: 0, refused: 0, with_base: 0, with_limits: 0 };
    for device in fleet.devices().iter().filter(|device| device.spec().model == model) {
        done.installs += device.answered("InstallProfile", "Acknowledged");
        done.removals += device.answered("RemoveProfile", "Acknowledged");
        done.refused +=
            device.answered("InstallProfile", "Error") + device.answered("RemoveProfile", "Error");
        let profiles = device.profiles();
        done.with_base += usize::from(profiles.iter().any(|one| one.identifier == "org.ward.base"));
        done.with_limits += usize::from(profiles.iter().any(|one| one.identifier == "org.ward.limits"));
    }
    done
}

/// How many devices stand where with a profile, in the database.
async fn states(world: &World, profile: &str) -> Result<Value> {
    let answer = world.api.get("/api/v1/profiles").await?;
    let found = list(&answer)?.iter().find(|one| one["name"] == profile);
    Ok(found.with_context(|| format!("no {profile}"))?["devices"].clone())
}

/// Polls the whole fleet until the database says what is expected. Polls are not pushed for here: a fleet is slow to wake.
async fn settle(
    world: &World,
    fleet: &Fleet,
    what: &str,
    good: impl Fn(&Value, &Value) -> bool,
) -> Result<()> {
    let began = Instant::now();
    let mut last = (Value::Null, Value::Null);
    for _ in 0..60 {
        fleet.poll_all().await;
        last = (states(world, "base").await?, states(world, "limits").await?);
        if good(&last.0, &last.1) {
            println!("{what}: {:?}", began.elapsed());
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    anyhow::bail!("never happened: {what}: {last:?}; {:?}", fleet.summary())
}

async fn enroll(world: &World, half: usize) -> Result<Fleet> {
    let network = Network::new(NetworkOptions {
        roots_pem: std::fs::read(world.tls_root()?)?,
        registry: Some(world.apple.registry()),
        shared_keys: 4,
        ..NetworkOptions::default()
    })?;
    let groups = vec![Group::new(Model::IPhone, half), Group::new(Model::IPad, half)];
    let spec = FleetSpec { seed: 50_000, enroll_at_once: 8, shared_keys: 4, groups };
    let fleet = Fleet::new(spec, &network);
    let link = world.api.link("corporate").await?;
    let began = Instant::now();
    let enrolled = fleet.enroll(&ProfileSource::Url(format!("{link}/profile")), |_| ()).await?;
    println!("{enrolled} devices enrolled: {:?}", began.elapsed());
    ensure!(enrolled == half * 2, "{enrolled} of {} enrolled", half * 2);
    Ok(fleet)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_assignment_sends_exactly_what_differs_and_once() -> Result<()> {
    let half = half();
    let all = u64::try_from(half)? * 2;
    let world = World::start().await?;
    world.group("phones", Some("device.platform == \"iOS\""), &[]).await?;
    world.group("pads", Some("device.platform == \"iPadOS\""), &[]).await?;
    world.upload_profile(PASSCODE).await?;
    world.upload_profile(LIMITS).await?;
    world.assign(&json!({"profile": "base"})).await?;
    let (limits, _) = world.assign(&json!({"profile": "limits", "excluded": ["pads"]})).await?;

    let fleet = enroll(&world, half).await?;
    let at = |states: &Value, state: &str| states[state].as_u64().unwrap_or(0);
    settle(&world, &fleet, "everybody has what is assigned", |base, limits| {
        at(base, "observed") == all && at(limits, "observed") >= all / 2 && limits.get("removing").is_none()
    })
    .await?;
    let (phones, pads) = (done(&fleet, Model::IPhone), done(&fleet, Model::IPad));
    assert_eq!((phones.with_base, phones.with_limits), (half, half), "{phones:?}");
    assert_eq!((pads.with_base, pads.with_limits), (half, 0), "{pads:?}");

    // The exclusion moves from the iPads to the iPhones: half of the fleet loses a profile, the other half gets it.
    let began = Instant::now();
    let preview = world.reassign(&limits, &json!({"excluded": ["phones"]})).await?;
    println!("the change: {:?}", began.elapsed());
    assert_eq!(
        (&preview["devices"], &preview["added"], &preview["removed"], &preview["replaced"]),
        (&json!(all), &json!(half), &json!(half), &json!(0)),
        "{preview:#}"
    );
    settle(&world, &fleet, "everybody has what is assigned now", |base, limits| {
        at(base, "observed") == all && at(limits, "observed") == all / 2 && at(limits, "removed") >= all / 2
    })
    .await?;
    // What would be sent twice would come now.
    for _ in 0..2 {
        fleet.poll_all().await;
    }
    let (phones_then, pads_then) = (done(&fleet, Model::IPhone), done(&fleet, Model::IPad));
    let half_of_them = u64::try_from(half)?;
    assert_eq!(
        phones_then,
        Done { removals: phones.removals + half_of_them, with_limits: 0, ..phones },
        "the iPhones lose one profile, once, and get nothing"
    );
    assert_eq!(
        pads_then,
        Done { installs: pads.installs + half_of_them, with_limits: half, ..pads },
        "the iPads get one profile, once, and lose nothing"
    );
    assert_eq!((phones_then.refused, pads_then.refused), (0, 0));
    Ok(())
}
