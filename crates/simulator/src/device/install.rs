//! Taking a profile that the server sends: opened, held against Apple's rules, with identities fetched for its payloads.

use catalog::{ChannelKind, DeviceFacts, EnrollmentType, Ownership, Platform, Rule, What};
use plist::Value;

use super::command::{Command, Failure, Outcome, obeys_now};
use super::profile::{Profile, SCEP};
use super::state::{State, User};
use super::{Device, Model};

impl Device {
    /// The payload of an `InstallProfile` that the device does now.
    pub(crate) fn brought(&self, command: &Command, user: Option<&User>) -> Option<Vec<u8>> {
        let payload = command.keys.get("Payload").and_then(Value::as_data)?;
        let now = command.request_type == "InstallProfile" && obeys_now(&self.state.lock(), command, user);
        now.then(|| payload.to_vec())
    }

    /// Installs a profile, or says why not. An enrolment profile renews the enrolment.
    pub(crate) async fn take(&self, bytes: &[u8], user: Option<&User>) -> Outcome {
        let result = match self.open(bytes) {
            Ok(profile) if profile.is_enrolment() => self.renew(profile).await,
            Ok(profile) => self.install(profile, user).await,
            Err(failure) => Err(failure),
        };
        result.map_or_else(Outcome::Failed, |()| Outcome::done())
    }

    fn open(&self, bytes: &[u8]) -> Result<Profile, Failure> {
        let identity = self.state.lock().enrolment.as_ref().map(|enrolment| enrolment.identity.clone());
        let profile = Profile::open(bytes, identity.as_ref());
        profile.map_err(|error| Failure::profile(1000, format!("{error:#}")))
    }

    async fn install(&self, mut profile: Profile, user: Option<&User>) -> Result<(), Failure> {
        let failed = |error: anyhow::Error| Failure::install(4001, format!("{error:#}"));
        if let Some(refusal) = refusal(&self.state.lock(), &profile, user) {
            return Err(refusal);
        }
        profile.check_references().map_err(failed)?;
        // The server's CA is trusted for the identities' server as for the server itself.
        let mut anchors = profile.certificates.clone();
        anchors.extend(self.state.lock().enrolment.iter().flat_map(|one| one.anchors.clone()));
        for payload in profile.payloads.iter().filter(|payload| payload.kind == SCEP) {
            let scep = payload.scep().map_err(failed)?;
            let identity = self.identity_by_scep(&scep, &anchors).await.map_err(failed)?;
            *self.attempt.lock() = None;
            profile.identities.push((payload.uuid.clone(), identity));
        }
        profile.managed = true;
        self.state.lock().put_profile(profile);
        Ok(())
    }
}

/// Why the device does not take the profile: the first payload that is not for it.
fn refusal(state: &State, profile: &Profile, user: Option<&User>) -> Option<Failure> {
    let held = state.profiles.iter().find(|old| old.identifier == profile.identifier);
    if held.is_some_and(|old| !old.managed) {
        return Some(Failure::install(4001, "A profile of this name was installed by hand."));
    }
    let facts = facts(state, user);
    for payload in &profile.payloads {
        let verdict = catalog::check(What::Payload(&payload.keys), &facts);
        // A Mac takes the preferences of any program, other devices leave aside what they do not know; and none
        // minds the form of a UUID.
        let minds = |rule: Rule| !matches!(rule, Rule::UnknownType | Rule::BadFormat);
        let refusal = verdict.refusals.into_iter().find(|refusal| minds(refusal.rule));
        if let Some(refusal) = refusal {
            return Some(Failure::install(4001, format!("{}: {refusal}", payload.kind)));
        }
    }
    None
}

/// The device in the words of the catalogue.
fn facts(state: &State, user: Option<&User>) -> DeviceFacts {
    let model = state.hardware.model;
    let personal = state.enrollment_id.is_some();
    DeviceFacts {
        platform: Some(match model {
            Model::IPhone => Platform::Ios,
            Model::IPad | Model::SharedIPad => Platform::Ipados,
            Model::MacAppleSilicon | Model::MacIntel => Platform::MacOs,
        }),
        os_version: state.hardware.os.parse().ok(),
        supervised: Some(state.supervised && !personal),
        enrollment: if personal { EnrollmentType::User } else { EnrollmentType::Device },
        channel: if user.is_some() { ChannelKind::User } else { ChannelKind::Device },
        shared_ipad: Some(model == Model::SharedIPad),
        access_rights: None,
        ownership: if personal { Ownership::Personal } else { Ownership::Corporate },
        has_passcode: Some(state.passcode_set),
    }
}
