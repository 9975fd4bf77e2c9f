//! What the person with the device in hand may do.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use plist::{Dictionary, Value};

use super::messages::{self, SHARED_USER, token_update};
use super::state::{Enrolment, Phase, USUAL_PASSCODE, User};
use super::wire::{self, Kind, Reply, xml};
use super::{Device, Model, SimulatedDevice};

impl SimulatedDevice {
    /// Sets a passcode of six digits, or as long as the profiles demand.
    pub fn set_passcode(&self) {
        let mut state = self.0.state.lock();
        state.passcode_set = true;
        state.passcode_length = USUAL_PASSCODE.max(state.passcode_rules().length);
    }

    /// Removes a profile in Settings.
    ///
    /// # Errors
    /// When it is not there, enrols the device (see [`remove_enrolment`](Self::remove_enrolment)), or must not be
    /// removed from a supervised device.
    pub fn remove_profile(&self, identifier: &str) -> Result<()> {
        let mut state = self.0.state.lock();
        let found = state.profiles.iter().find(|one| one.identifier == identifier);
        let profile = found.with_context(|| format!("{identifier} is not installed"))?;
        ensure!(!profile.is_enrolment(), "{identifier} is the enrolment profile");
        ensure!(!(profile.removal_disallowed && state.supervised), "{identifier} must not be removed");
        state.profiles.retain(|one| one.identifier != identifier);
        Ok(())
    }

    /// Locks the screen.
    pub fn lock_screen(&self) {
        self.0.state.lock().screen_locked = true;
    }

    /// Unlocks the screen, unless Lost Mode keeps it locked. What was put off is asked for again.
    pub fn unlock_screen(&self) -> bool {
        {
            let mut state = self.0.state.lock();
            if state.lost_mode.is_some() {
                return false;
            }
            state.screen_locked = false;
            state.lock_message = None;
        }
        self.0.bell.notify_one();
        true
    }

    /// Puts a Mac into Power Nap, or wakes it.
    pub fn set_power_nap(&self, on: bool) {
        self.0.state.lock().power_nap = on;
        if !on {
            self.0.bell.notify_one();
        }
    }

    /// Enters the PIN at a locked Mac. Returns whether it was right.
    pub fn enter_pin(&self, pin: &str) -> bool {
        let mut state = self.0.state.lock();
        if state.phase != Phase::PinLocked || state.pin.as_deref() != Some(pin) {
            return false;
        }
        state.pin = None;
        state.lock_message = None;
        state.phase = Phase::InUse;
        drop(state);
        self.0.bell.notify_one();
        true
    }

    /// Switches a device on that was shut down.
    pub fn switch_on(&self) {
        let mut state = self.0.state.lock();
        if state.phase == Phase::Off {
            state.phase = Phase::InUse;
            drop(state);
            self.0.bell.notify_one();
        }
    }

    /// Switches the device off.
    pub fn switch_off(&self) {
        self.0.state.lock().phase = Phase::Off;
    }

    /// Where the device is, in degrees; `None`: it does not know.
    pub fn carry_to(&self, place: Option<(f64, f64)>) {
        self.0.state.lock().location = place;
    }

    /// Removes the enrolment profile in Settings: `CheckOut` if the profile wants it, then all that was managed goes.
    ///
    /// # Errors
    /// When the device is not enrolled, or is supervised and the profile must not be removed.
    pub async fn remove_enrolment(&self) -> Result<()> {
        let _talk = self.0.talking.lock().await;
        {
            let state = self.0.state.lock();
            let identifier =
                &state.enrolment.as_ref().context("the device is not enrolled")?.profile_identifier;
            let kept =
                state.profiles.iter().any(|one| one.identifier == *identifier && one.removal_disallowed);
            ensure!(!(kept && state.supervised), "the profile must not be removed");
        }
        self.0.leave("the user removed the profile").await;
        self.0.finish(Ok(())).await
    }

    /// Logs a user in: on a Shared iPad by Managed Apple Account, on a Mac a network user after `UserAuthenticate`. The
    /// server may decline; the user then has no channel.
    ///
    /// # Errors
    /// When the device is not enrolled, has no such users, or the server cannot be reached.
    pub async fn log_in(&self, account: &str) -> Result<()> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.log_in(account).await;
        self.0.finish(result).await
    }

    /// Logs a user out: their channel falls silent.
    pub fn log_out(&self, account: &str) {
        if let Some(enrolment) = self.0.state.lock().enrolment.as_mut() {
            enrolment.lines.retain(|line| line.user.as_ref().is_none_or(|user| user.short_name != account));
        }
    }

    /// Sends `TokenUpdate` again, as after an OS update or a restore: with a new push token if `fresh`, and without the
    /// unlock token, which a server must keep.
    ///
    /// # Errors
    /// When the device is not enrolled or the server does not accept it.
    pub async fn update_token(&self, fresh: bool) -> Result<()> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.update_token(fresh).await;
        self.0.finish(result).await
    }

    /// Asks the server for the bootstrap token, as the OS does when it needs an authorisation. `None`: it has none.
    ///
    /// # Errors
    /// When the device is not enrolled or the server does not answer properly.
    pub async fn fetch_bootstrap_token(&self) -> Result<Option<Vec<u8>>> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.ask("GetBootstrapToken", |_| {}).await.and_then(|body| match body.as_slice() {
            [] => Ok(None),
            body => {
                let token = wire::dictionary(body)?
                    .get("BootstrapToken")
                    .and_then(Value::as_data)
                    .map(<[u8]>::to_vec);
                Ok(token.filter(|token| !token.is_empty()))
            }
        });
        self.0.finish(result).await
    }

    /// Tells the server to forget the bootstrap token.
    ///
    /// # Errors
    /// When the device is not enrolled or the server does not accept it.
    pub async fn remove_bootstrap_token(&self) -> Result<()> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.ask("SetBootstrapToken", |_| {}).await.map(drop);
        self.0.finish(result).await
    }

    /// Sends any check-in message; the keys that identify the device are added. Returns the body of the answer.
    ///
    /// # Errors
    /// When the device is not enrolled or the answer is not 2xx.
    pub async fn check_in(&self, message_type: &str, keys: Dictionary) -> Result<Vec<u8>> {
        let _talk = self.0.talking.lock().await;
        let result = self.0.ask(message_type, |message| message.extend(keys)).await;
        self.0.finish(result).await
    }

    /// The bootstrap token that the device made, for comparison.
    #[must_use]
    pub fn bootstrap_token(&self) -> Option<Vec<u8>> {
        self.0.state.lock().enrolment.as_ref()?.bootstrap_token.clone()
    }

    /// The unlock token that the device told the server, for comparison.
    #[must_use]
    pub fn unlock_token(&self) -> Option<Vec<u8>> {
        self.0.state.lock().enrolment.as_ref()?.unlock_token.clone()
    }
}

impl Device {
    /// Sends a check-in message and returns the body of the answer.
    async fn ask(&self, kind: &str, keys: impl FnOnce(&mut Dictionary)) -> Result<Vec<u8>> {
        let enrolment = self.enrolled()?;
        let mut message = messages::plain(&self.state.lock(), kind, None);
        keys(&mut message);
        match self.put(&enrolment, Kind::CheckIn, xml(&message)?).await? {
            Reply::Accepted(answer) => Ok(answer.body.to_vec()),
            Reply::Unenrol(why) => {
                self.drop_enrolment(&why);
                bail!(why)
            }
            Reply::Failed(_, why) => bail!("{kind}: {why}"),
            Reply::Declined => bail!("{kind}: the server answered 410"),
        }
    }

    fn enrolled(&self) -> Result<Enrolment> {
        self.state.lock().enrolment.clone().context("the device is not enrolled")
    }

    async fn log_in(&self, account: &str) -> Result<()> {
        let user = match self.spec.model {
            Model::SharedIPad => User {
                id: SHARED_USER.to_owned(),
                short_name: account.to_owned(),
                long_name: account.to_owned(),
                on_console: true,
            },
            Model::MacAppleSilicon | Model::MacIntel => User {
                id: self.state.lock().dice.uuid(),
                short_name: account.to_owned(),
                long_name: account.to_owned(),
                on_console: true,
            },
            Model::IPhone | Model::IPad => bail!("this device has no other users"),
        };
        if self.spec.model.is_mac() && !self.authenticate_user(&user).await? {
            return Ok(());
        }
        self.open_user_channel(user).await
    }

    /// `UserAuthenticate` of a network user. Only the empty challenge is known: the simulator has no passwords.
    async fn authenticate_user(&self, user: &User) -> Result<bool> {
        let enrolment = self.enrolled()?;
        let message = messages::plain(&self.state.lock(), "UserAuthenticate", Some(user));
        let answer = match self.put(&enrolment, Kind::CheckIn, xml(&message)?).await? {
            Reply::Accepted(answer) => wire::dictionary(&answer.body)?,
            Reply::Declined => return Ok(false),
            Reply::Unenrol(why) => {
                self.drop_enrolment(&why);
                bail!(why)
            }
            Reply::Failed(_, why) => bail!("UserAuthenticate: {why}"),
        };
        let challenge = answer.get("DigestChallenge").and_then(Value::as_string);
        ensure!(challenge == Some(""), "UserAuthenticate: a simulated user has no password for a challenge");
        Ok(true)
    }

    async fn update_token(&self, fresh: bool) -> Result<()> {
        if fresh {
            self.change_token();
        }
        let enrolment = self.enrolled()?;
        let line = enrolment.line(None).context("the device has no channel")?;
        let mut message = token_update(&self.state.lock(), &enrolment, line);
        message.remove("UnlockToken");
        match self.put(&enrolment, Kind::CheckIn, xml(&message)?).await? {
            Reply::Accepted(_) => Ok(()),
            Reply::Unenrol(why) => {
                self.drop_enrolment(&why);
                bail!(why)
            }
            Reply::Failed(_, why) => bail!("TokenUpdate: {why}"),
            Reply::Declined => bail!("TokenUpdate: the server answered 410"),
        }
    }

    fn change_token(&self) {
        let mut state = self.state.lock();
        let (token, magic) = (state.dice.bytes(32), state.dice.uuid());
        let Some(enrolment) = state.enrolment.as_mut() else { return };
        let topic = enrolment.mdm.topic.clone();
        let Some(line) = enrolment.line_mut(None) else { return };
        self.network.registry.retire(&line.token, self.network.clock.now());
        line.mailbox = self.network.registry.register(&token, &topic, Arc::clone(&self.bell));
        line.token = token;
        line.magic = magic;
    }
}
