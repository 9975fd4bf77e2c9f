//! The description of a fleet: a small TOML file.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::device::{DeviceSpec, Fault, IdentityMode, Model};

/// A fleet.
///
/// ```toml
/// seed = 1
/// enroll_at_once = 8
///
/// [[group]]
/// model = "iphone"
/// count = 10
/// os = "27.0"
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    /// The seed of the first device; the others count on from it.
    #[serde(default = "one")]
    pub seed: u64,
    /// How many devices enrol or poll at the same time.
    #[serde(default = "eight")]
    pub enroll_at_once: usize,
    /// RSA keys shared by the whole fleet; 0: each identity has its own.
    #[serde(default)]
    pub shared_keys: usize,
    /// The kinds of devices.
    #[serde(default, rename = "group")]
    pub groups: Vec<Group>,
}

/// Devices of one kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// `iphone`, `ipad`, `shared-ipad`, `mac-apple-silicon` or `mac-intel`.
    pub model: Model,
    /// How many.
    pub count: usize,
    /// OS version.
    #[serde(default = "current")]
    pub os: String,
    /// Whether they are supervised.
    #[serde(default = "yes")]
    pub supervised: bool,
    /// Whether their users have set a passcode.
    #[serde(default = "yes")]
    pub passcode: bool,
    /// How they prove their identity: `as-profile-says`, `tls-only`, `signature-only`, or a table
    /// `{ proxy-header = "rfc9440" }`.
    #[serde(default)]
    pub identity: IdentityMode,
    /// Milliseconds that executing a command takes.
    #[serde(default)]
    pub think_ms: u64,
    /// Seconds between polls that no push asked for; 0: none.
    #[serde(default)]
    pub poll_seconds: u64,
    /// Whether connections stay open between sessions.
    #[serde(default)]
    pub keep_alive: bool,
    /// A Mac answers an erase with `Error` and erases all the same.
    #[serde(default)]
    pub erase_says_error: bool,
    /// Whether the disks of Macs are encrypted from the start.
    #[serde(default = "yes")]
    pub file_vault: bool,
    /// They belong to their users and enrol by User Enrollment.
    #[serde(default)]
    pub personal: bool,
    /// Identifiers of profiles that do not stay on these devices.
    #[serde(default)]
    pub loses: Vec<String>,
    /// Networks, or identifiers of profiles, that cut these devices off from their server.
    #[serde(default)]
    pub cut_by: Vec<String>,
}

impl FleetSpec {
    /// Reads a description.
    ///
    /// # Errors
    /// When it is not TOML, has unknown keys, or describes no device.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec: Self = toml::from_str(text).context("the description of the fleet")?;
        ensure!(spec.count() > 0, "the description of the fleet has no devices");
        Ok(spec)
    }

    /// Two dozen devices of all kinds, for a demonstration.
    #[must_use]
    pub fn demo() -> Self {
        let group = |model, count| Group { think_ms: 150, poll_seconds: 900, ..Group::new(model, count) };
        Self {
            seed: 1,
            enroll_at_once: 4,
            shared_keys: 0,
            groups: vec![
                group(Model::IPhone, 8),
                group(Model::IPad, 8),
                group(Model::SharedIPad, 2),
                group(Model::MacAppleSilicon, 4),
                group(Model::MacIntel, 2),
            ],
        }
    }

    /// How many devices there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// The same mix with `count` devices in all, at least one of each kind as far as they go.
    #[must_use]
    pub fn scaled_to(&self, count: usize) -> Self {
        let total = self.count().max(1);
        let mut left = count;
        let mut scaled = self.clone();
        for group in &mut scaled.groups {
            group.count = (group.count * count / total).max(1).min(left);
            left -= group.count;
        }
        if let Some(first) = scaled.groups.first_mut() {
            first.count += left;
        }
        scaled
    }

    /// The single devices. Each has a seed of its own, spread out so that neighbours share nothing.
    #[must_use]
    pub fn devices(&self) -> Vec<DeviceSpec> {
        self.kinds().zip(self.seed..).map(|(group, seed)| group.device(seed)).collect()
    }

    /// The group of each device, in the order of the devices.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().flat_map(|group| std::iter::repeat_n(group, group.count))
    }
}

impl Group {
    /// Supervised devices with passcodes that are woken by push only and obey at once.
    #[must_use]
    pub fn new(model: Model, count: usize) -> Self {
        Self {
            model,
            count,
            os: current(),
            supervised: true,
            passcode: true,
            identity: IdentityMode::default(),
            think_ms: 0,
            poll_seconds: 0,
            keep_alive: false,
            erase_says_error: false,
            file_vault: true,
            personal: false,
            loses: Vec::new(),
            cut_by: Vec::new(),
        }
    }

    /// What goes wrong with profiles on these devices.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let loses = self.loses.iter().cloned().map(Fault::LoseProfile);
        loses.chain(self.cut_by.iter().cloned().map(Fault::CutBy)).collect()
    }

    fn device(&self, seed: u64) -> DeviceSpec {
        DeviceSpec {
            os: self.os.clone(),
            supervised: self.supervised && !self.personal,
            passcode: self.passcode,
            identity: self.identity,
            think_time: Duration::from_millis(self.think_ms),
            poll_every: (self.poll_seconds > 0).then(|| Duration::from_secs(self.poll_seconds)),
            keep_alive: self.keep_alive,
            erase_says_error: self.erase_says_error,
            file_vault: self.file_vault,
            user_enrollment: self.personal,
            ..DeviceSpec::new(self.model, seed)
        }
    }
}

const fn one() -> u64 {
    1
}

const fn eight() -> usize {
    8
}

const fn yes() -> bool {
    true
}

fn current() -> String {
    "27.0".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::ProxyHeader;

    #[test]
    fn a_description_gives_its_devices_their_kinds_and_seeds() {
        let spec = FleetSpec::from_toml(
            r#"
            seed = 100
            [[group]]
            model = "iphone"
            count = 2
            os = "26.1"
            supervised = false
            [[group]]
            model = "mac-intel"
            count = 1
            identity = { proxy-header = "rfc9440" }
            poll_seconds = 60
            file_vault = false
            [[group]]
            model = "ipad"
            count = 1
            personal = true
            loses = ["org.example.a"]
            cut_by = ["org.example.b"]
            "#,
        )
        .unwrap();
        let devices = spec.devices();
        assert_eq!(devices.iter().map(|one| one.seed).collect::<Vec<_>>(), [100, 101, 102, 103]);
        assert!(!devices[0].supervised && devices[0].os == "26.1");
        assert_eq!(devices[2].identity, IdentityMode::ProxyHeader(ProxyHeader::Rfc9440));
        assert_eq!(devices[2].poll_every, Some(Duration::from_secs(60)));
        assert!(!devices[2].file_vault);
        assert!(devices[3].user_enrollment && !devices[3].supervised);
        let faults =
            [Fault::LoseProfile("org.example.a".to_owned()), Fault::CutBy("org.example.b".to_owned())];
        assert_eq!(spec.groups[2].faults(), faults);
    }

    #[test]
    fn a_misspelt_key_and_an_empty_fleet_are_refused() {
        assert!(FleetSpec::from_toml("[[group]]\nmodel = \"ipad\"\ncont = 3\n").is_err());
        assert!(FleetSpec::from_toml("seed = 3").is_err());
    }

    #[test]
    fn scaling_keeps_the_mix_and_the_number() {
        for count in [1, 3, 24, 100, 2000] {
            assert_eq!(FleetSpec::demo().scaled_to(count).count(), count);
        }
        let large = FleetSpec::demo().scaled_to(2400);
        assert_eq!(
            large.groups.iter().map(|group| group.count).collect::<Vec<_>>(),
            [800, 800, 200, 400, 200]
        );
    }
}
