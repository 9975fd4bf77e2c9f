//! Enrolling, renewing, leaving, and coming back after an erase.

use anyhow::{Context as _, Result, bail, ensure};
use plist::Dictionary;

use super::command::{Failure, MacPasswords, ReturnToService, refusal_of_renewal};
use super::messages;
use super::profile::Profile;
use super::state::{Enrolment, Line, Phase, User};
use super::wire::{Kind, Reply, xml};
use super::{Device, ProfileSource};
use crate::web::{Call, Identity};

/// Length of a push token today.
const TOKEN_BYTES: usize = 32;

/// How an erased device finds its server again.
#[derive(Debug, Clone)]
pub(crate) struct Comeback {
    pub(crate) source: ProfileSource,
    pub(crate) wifi: Option<Vec<u8>>,
    /// By Automated Device Enrollment, with Setup Assistant waiting.
    pub(crate) automated: bool,
}

impl Device {
    /// Fetches the profile if need be, and enrols with it.
    pub(crate) async fn enroll_from(&self, source: &ProfileSource, awaiting: bool) -> Result<()> {
        ensure!(self.state.lock().enrolment.is_none(), "the device is enrolled already (error -107)");
        let bytes = match source {
            ProfileSource::Bytes(bytes) => bytes.clone(),
            ProfileSource::Url(url) => self.fetch_profile(url).await?,
        };
        let profile = Profile::open(&bytes, None)?;
        self.enroll_with(profile, awaiting).await
    }

    async fn fetch_profile(&self, url: &str) -> Result<Vec<u8>> {
        let answer = self.web.send(Call::get(url), None, &[]).await?;
        ensure!(answer.status.is_success(), "{url}: the server answered {}", answer.status);
        ensure!(
            answer.content_type() == "application/x-apple-aspen-config",
            "{url} is no profile but {:?}",
            answer.content_type()
        );
        Ok(answer.body.to_vec())
    }

    async fn enroll_with(&self, profile: Profile, awaiting: bool) -> Result<()> {
        let mdm = profile.mdm()?;
        let anchors = profile.certificates.clone();
        let scep = profile.scep(&mdm.identity_uuid)?;
        let identity = self.identity_by_scep(&scep, &anchors).await?;
        let mut candidate = self.candidate(&profile, identity, awaiting)?;
        let authenticate = messages::authenticate(&self.state.lock(), &mdm.topic);
        self.check_in(&candidate, &authenticate).await.context("Authenticate")?;
        let line = self.line(&mdm.topic, None);
        let update = messages::token_update(&self.state.lock(), &candidate, &line);
        candidate.lines.push(line);
        if let Err(error) = self.check_in(&candidate, &update).await.context("TokenUpdate") {
            self.retire(&candidate);
            return Err(error);
        }
        {
            let mut state = self.state.lock();
            state.profiles.push(profile);
            state.phase = if awaiting { Phase::SetupAssistant } else { Phase::InUse };
            state.counts.enrolments += 1;
            state.enrolment = Some(candidate);
        }
        *self.attempt.lock() = None;
        // The device is enrolled; what fails from here on does not undo that.
        if let Err(error) = self.escrow_bootstrap_token().await {
            self.state.lock().note(format!("{error:#}"));
        }
        if let Some(name) = self.spec.local_user.clone().filter(|_| self.spec.model.is_mac()) {
            let id = self.state.lock().dice.uuid();
            let user = User { id, long_name: name.clone(), short_name: name, on_console: true };
            if let Err(error) = self.open_user_channel(user).await {
                self.state.lock().note(format!("{error:#}"));
            }
        }
        Ok(())
    }

    fn candidate(&self, profile: &Profile, identity: Identity, awaiting: bool) -> Result<Enrolment> {
        let mut state = self.state.lock();
        let unlocks = messages::has_unlock_token(self.spec.model) && !self.spec.user_enrollment;
        let unlock = unlocks.then(|| state.dice.bytes(64));
        state.enrollment_id = self.spec.user_enrollment.then(|| state.dice.uuid());
        Ok(Enrolment {
            number: state.counts.enrolments + 1,
            profile_identifier: profile.identifier.clone(),
            mdm: profile.mdm()?,
            identity,
            anchors: profile.certificates.clone(),
            awaiting_configuration: awaiting,
            lines: Vec::new(),
            unlock_token: unlock,
            bootstrap_token: None,
            declarations: std::collections::BTreeMap::new(),
            declarations_token: None,
        })
    }

    /// A new channel with a new push token.
    fn line(&self, topic: &str, user: Option<User>) -> Line {
        let (token, magic) = {
            let mut state = self.state.lock();
            (state.dice.bytes(TOKEN_BYTES), state.dice.uuid())
        };
        let mailbox = self.network.registry.register(&token, topic, std::sync::Arc::clone(&self.bell));
        Line { user, token, magic, mailbox, pending: None, not_now: false, declarations_due: false }
    }

    /// Sends a check-in message that must succeed.
    async fn check_in(&self, enrolment: &Enrolment, message: &Dictionary) -> Result<()> {
        match self.put(enrolment, Kind::CheckIn, xml(message)?).await? {
            Reply::Accepted(_) => Ok(()),
            Reply::Unenrol(why) | Reply::Failed(_, why) => bail!(why),
            Reply::Declined => bail!("the server answered 410"),
        }
    }

    /// Gives the server a bootstrap token, if it takes them and the device has one.
    async fn escrow_bootstrap_token(&self) -> Result<()> {
        let prepared = {
            let mut state = self.state.lock();
            let able = state.hardware.model.is_mac() || (state.supervised && state.hardware.os_at_least(26));
            let token = state.dice.bytes(32);
            let Some(enrolment) = state.enrolment.as_mut() else { return Ok(()) };
            if !able || !enrolment.has("com.apple.mdm.bootstraptoken") {
                return Ok(());
            }
            enrolment.bootstrap_token = Some(token.clone());
            let enrolment = enrolment.clone();
            (messages::set_bootstrap_token(&state, Some(&token), enrolment.awaiting_configuration), enrolment)
        };
        let (message, enrolment) = prepared;
        self.check_in(&enrolment, &message).await.context("SetBootstrapToken")
    }

    /// Opens the channel of a user with a `TokenUpdate`, unless the server declines the user.
    pub(crate) async fn open_user_channel(&self, user: User) -> Result<()> {
        let Some(enrolment) = self.state.lock().enrolment.clone() else {
            bail!("the device is not enrolled")
        };
        if !enrolment.has("com.apple.mdm.per-user-connections") {
            return Ok(());
        }
        let name = Some(user.short_name.clone());
        let line = self.line(&enrolment.mdm.topic, Some(user));
        let message = messages::token_update(&self.state.lock(), &enrolment, &line);
        match self.put(&enrolment, Kind::CheckIn, xml(&message)?).await? {
            Reply::Accepted(_) => {
                if let Some(enrolment) = self.state.lock().enrolment.as_mut() {
                    let same = |one: &Line| one.user.as_ref().map(|user| &user.short_name) == name.as_ref();
                    enrolment.lines.retain(|one| !same(one));
                    enrolment.lines.push(line);
                }
                Ok(())
            }
            Reply::Declined => {
                self.network.registry.retire(&line.token, self.network.clock.now());
                Ok(())
            }
            Reply::Unenrol(why) => {
                self.leave(&why).await;
                bail!(why)
            }
            Reply::Failed(_, why) => bail!("TokenUpdate of a user: {why}"),
        }
    }

    /// Installs an enrolment profile that came by `InstallProfile`: a new identity for the same enrolment, without
    /// `Authenticate`. The next request shows the new certificate.
    pub(crate) async fn renew(&self, mut profile: Profile) -> Result<(), Failure> {
        let failed = |error: anyhow::Error| Failure::install(4001, format!("{error:#}"));
        let mdm = profile.mdm().map_err(failed)?;
        if let Some(refusal) = refusal_of_renewal(&self.state.lock(), &profile, &mdm) {
            return Err(refusal);
        }
        let anchors = profile.certificates.clone();
        let scep = profile.scep(&mdm.identity_uuid).map_err(failed)?;
        let identity = self.identity_by_scep(&scep, &anchors).await.map_err(failed)?;
        *self.attempt.lock() = None;
        let mut state = self.state.lock();
        let Some(enrolment) = state.enrolment.as_mut() else {
            return Err(Failure::mdm(12010, "The enrolment has ended."));
        };
        enrolment.identity = identity;
        enrolment.anchors = anchors;
        enrolment.mdm = mdm;
        profile.managed = false;
        state.put_profile(profile);
        state.counts.renewals += 1;
        Ok(())
    }

    /// The enrolment profile is removed: `CheckOut` once if it says so, then everything managed goes.
    pub(crate) async fn leave(&self, why: &str) {
        let Some(enrolment) = self.state.lock().enrolment.clone() else { return };
        if enrolment.mdm.check_out_when_removed {
            let message = messages::check_out(&self.state.lock(), &enrolment.mdm.topic);
            if let Err(error) = self.check_in(&enrolment, &message).await {
                self.state.lock().note(format!("CheckOut: {error:#}"));
            }
        }
        self.drop_enrolment(why);
    }

    /// The server has told the device to go.
    pub(crate) fn drop_enrolment(&self, why: &str) {
        self.retire_tokens();
        let mut state = self.state.lock();
        let Some(enrolment) = state.enrolment.take() else { return };
        state
            .profiles
            .retain(|profile| !profile.managed && profile.identifier != enrolment.profile_identifier);
        state.lost_mode = None;
        state.counts.unenrolments += 1;
        state.note(format!("unenrolled: {why}"));
    }

    /// Erases all data. What the command carried, or Automated Device Enrollment, is the only way back.
    pub(crate) fn wipe(&self, carried: Option<ReturnToService>) {
        self.retire_tokens();
        let automated = self.spec.automated.clone();
        let comeback = match (carried, automated) {
            (Some(ReturnToService { mdm_profile: Some(profile), wifi_profile }), _) => {
                Some(Comeback { source: ProfileSource::Bytes(profile), wifi: wifi_profile, automated: false })
            }
            (carried, Some(source)) => Some(Comeback {
                source,
                wifi: carried.and_then(|carried| carried.wifi_profile),
                automated: true,
            }),
            (_, None) => None,
        };
        let mut state = self.state.lock();
        state.enrolment = None;
        state.profiles.clear();
        state.file_vault = self.spec.file_vault;
        state.mac = MacPasswords { firmware: state.mac.firmware.take(), ..MacPasswords::default() };
        state.passcode_set = false;
        state.screen_locked = false;
        state.lock_message = None;
        state.lost_mode = None;
        state.pin = None;
        state.phase = Phase::SetupAssistant;
        state.counts.erasures += 1;
        *self.comeback.lock() = comeback;
    }

    /// Takes the way back, if there is one. It stays open until it has been taken.
    pub(crate) async fn come_back(&self) -> Result<()> {
        let Some(comeback) = self.comeback.lock().clone() else { return Ok(()) };
        if self.state.lock().enrolment.is_some() {
            *self.comeback.lock() = None;
            return Ok(());
        }
        self.enroll_from(&comeback.source, comeback.automated)
            .await
            .context("coming back after the erase")?;
        let mut state = self.state.lock();
        if let Some(Ok(wifi)) = comeback.wifi.map(|bytes| Profile::open(&bytes, None)) {
            state.profiles.push(wifi);
        }
        if !comeback.automated {
            state.counts.returns_to_service += 1;
        }
        *self.comeback.lock() = None;
        Ok(())
    }

    fn retire_tokens(&self) {
        if let Some(enrolment) = self.state.lock().enrolment.as_ref() {
            self.retire(enrolment);
        }
    }

    fn retire(&self, enrolment: &Enrolment) {
        for line in &enrolment.lines {
            self.network.registry.retire(&line.token, self.network.clock.now());
        }
    }
}
