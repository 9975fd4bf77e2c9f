//! Talking with the server: idle polls, commands and results.

use anyhow::{Result, bail};
use plist::Dictionary;

use super::command::{After, Command, Executed, execute};
use super::faults::volunteer;
use super::messages::report;
use super::state::{Enrolment, ExecutedCommand, LISTED, Pending, Phase, User};
use super::wire::{Kind, Reply, xml};
use super::{Device, Fault, Session};

/// Commands in one session, at most: a server that never ends its session would hold the device for ever.
const LONGEST: u64 = 1000;

/// What follows an exchange.
enum Next {
    /// The server has another command.
    Command(Command),
    /// The session is over.
    End { complete: bool },
}

impl Device {
    /// Polls every channel, the device's first.
    pub(crate) async fn poll_all(&self) -> Result<Session> {
        self.come_back().await?;
        let users: Vec<Option<String>> = {
            let state = self.state.lock();
            let lines = state.enrolment.as_ref().map(|one| one.lines.as_slice()).unwrap_or_default();
            lines.iter().map(|line| line.user.as_ref().map(|user| user.short_name.clone())).collect()
        };
        self.poll_channels(users).await
    }

    /// Polls these channels. An erase in a session may open a way back, which is taken at once.
    pub(crate) async fn poll_channels(&self, users: Vec<Option<String>>) -> Result<Session> {
        let mut total = Session { commands: 0, complete: true };
        for user in users {
            let session = self.session(user.as_deref()).await?;
            total.commands += session.commands;
            total.complete &= session.complete;
            total.complete &= self.sync_declarations(user.as_deref()).await?;
        }
        self.come_back().await?;
        Ok(total)
    }

    /// One session on the channel of `user`, or of the device.
    pub(crate) async fn session(&self, user: Option<&str>) -> Result<Session> {
        let mut session = Session { commands: 0, complete: true };
        self.lose_profiles();
        if let Some(profile) = self.cut_off() {
            bail!("no network: {profile} has cut the way to the server");
        }
        let Some(mut message) = self.first_message(user) else { return Ok(session) };
        self.state.lock().counts.polls += 1;
        let mut fault = None;
        while session.commands < LONGEST {
            let next = self.exchange(user, &message, fault.take()).await?;
            let command = match next {
                Next::Command(command) => command,
                Next::End { complete } => return Ok(Session { complete, ..session }),
            };
            session.commands += 1;
            let Some(executed) = self.obey(user, &command).await else { return Ok(session) };
            if executed.after == After::Unenrol {
                self.leave("the server removed the profile").await;
                return Ok(session);
            }
            fault = self.faults.lock().draw();
            if executed.after != After::Nothing {
                let sent = self.exchange(user, &executed.report, fault).await;
                self.carry_out(executed.after);
                return Ok(Session { complete: matches!(sent, Ok(Next::End { complete: true })), ..session });
            }
            message = executed.report;
        }
        Ok(session)
    }

    /// A result that the server has not confirmed, or `Idle`. `None` if the device cannot talk now.
    fn first_message(&self, user: Option<&str>) -> Option<Dictionary> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Off | Phase::PinLocked) {
            return None;
        }
        let line = state.enrolment.as_mut()?.line_mut(user)?;
        if let Some(pending) = &line.pending {
            return Some(pending.report.clone());
        }
        let speaker = line.user.clone();
        Some(report(&state, "Idle", None, speaker.as_ref()))
    }

    /// Obeys a command and keeps its result until the server has confirmed it.
    async fn obey(&self, user: Option<&str>, command: &Command) -> Option<Executed> {
        if !self.spec.think_time.is_zero() {
            tokio::time::sleep(self.spec.think_time).await;
        }
        let speaker = self.speaker(user)?;
        self.state.lock().now = self.now();
        let executed = match self.brought(command, speaker.as_ref()) {
            Some(profile) => {
                let outcome = self.take(&profile, speaker.as_ref()).await;
                let report = command.report(&self.state.lock(), speaker.as_ref(), &outcome);
                Executed { status: outcome.status(), report, after: After::Nothing }
            }
            None => execute(&mut self.state.lock(), &self.spec, command, speaker.as_ref()),
        };
        self.remember(user, command, &executed);
        Some(executed)
    }

    /// Who speaks on the channel; `None` if the channel is gone.
    fn speaker(&self, user: Option<&str>) -> Option<Option<User>> {
        Some(self.state.lock().enrolment.as_ref()?.line(user)?.user.clone())
    }

    fn remember(&self, user: Option<&str>, command: &Command, executed: &Executed) {
        let mut state = self.state.lock();
        state.count(&command.request_type, executed.status);
        let put_off = executed.status == "NotNow";
        let Some(enrolment) = state.enrolment.as_mut() else { return };
        let number = enrolment.number;
        if let Some(line) = enrolment.line_mut(user) {
            line.not_now = put_off;
            line.pending = (!put_off).then(|| Pending { report: executed.report.clone() });
        }
        if !put_off && state.executed.len() < LISTED {
            state.executed.push(ExecutedCommand {
                uuid: command.uuid.clone(),
                request_type: command.request_type.clone(),
                status: executed.status.to_owned(),
                enrolment: number,
            });
        }
    }

    /// Sends one message, with what the fault does to it, and reads what follows.
    async fn exchange(&self, user: Option<&str>, message: &Dictionary, fault: Option<Fault>) -> Result<Next> {
        let Some(enrolment) = self.state.lock().enrolment.clone() else {
            return Ok(Next::End { complete: false });
        };
        let mut message = message.clone();
        if let Some(word) = &self.faults.lock().volunteered {
            volunteer(&mut message, word);
        }
        match &fault {
            Some(Fault::LoseReport) => {
                self.confirm(user);
                return Ok(Next::End { complete: false });
            }
            Some(Fault::DelayReport(time)) => tokio::time::sleep(*time).await,
            Some(Fault::UnknownStatus) => {
                message.insert("Status".to_owned(), "Confused".into());
            }
            Some(Fault::OversizedReport(bytes)) => {
                message.insert("Padding".to_owned(), "x".repeat(*bytes).into());
            }
            Some(Fault::DuplicateReport) => {
                self.put(&enrolment, Kind::Connect, xml(&message)?).await?;
            }
            Some(Fault::StrayReport) => {
                let mut stray = message.clone();
                stray.insert("CommandUUID".to_owned(), self.state.lock().dice.uuid().into());
                self.put(&enrolment, Kind::Connect, xml(&stray)?).await?;
            }
            _ => {}
        }
        let mut body = xml(&message)?;
        if fault == Some(Fault::MalformedReport) {
            body.truncate(body.len().saturating_sub(20));
        }
        let reply = match self.put(&enrolment, Kind::Connect, body).await {
            Ok(reply) => reply,
            Err(error) => {
                self.state.lock().counts.failed_requests += 1;
                return Err(error);
            }
        };
        if fault == Some(Fault::LoseAnswer) {
            return Ok(Next::End { complete: false });
        }
        Ok(self.read(user, &enrolment, reply, fault == Some(Fault::UnknownStatus)).await)
    }

    async fn read(&self, user: Option<&str>, enrolment: &Enrolment, reply: Reply, keep: bool) -> Next {
        let answer = match reply {
            Reply::Accepted(answer) => answer,
            Reply::Unenrol(why) => {
                self.drop_enrolment(&why);
                return Next::End { complete: false };
            }
            Reply::Declined => {
                self.close_user_channel(user, enrolment);
                return Next::End { complete: false };
            }
            Reply::Failed(_, why) => {
                let mut state = self.state.lock();
                state.counts.failed_requests += 1;
                state.note(why);
                return Next::End { complete: false };
            }
        };
        if keep {
            return Next::End { complete: false };
        }
        self.confirm(user);
        if answer.body.is_empty() {
            return Next::End { complete: true };
        }
        match Command::parse(&answer.body) {
            Ok(command) => Next::Command(command),
            Err(error) => {
                self.state.lock().note(format!("the server sent no valid command: {error:#}"));
                Next::End { complete: false }
            }
        }
    }

    /// The server has the result: it need not be sent again.
    fn confirm(&self, user: Option<&str>) {
        if let Some(line) = self.state.lock().enrolment.as_mut().and_then(|one| one.line_mut(user)) {
            line.pending = None;
        }
    }

    /// The server does not want to manage this user until the next login.
    fn close_user_channel(&self, user: Option<&str>, enrolment: &Enrolment) {
        let Some(name) = user else { return };
        if let Some(line) = enrolment.line(Some(name)) {
            self.network.registry.retire(&line.token, self.network.clock.now());
        }
        if let Some(enrolment) = self.state.lock().enrolment.as_mut() {
            enrolment.lines.retain(|line| line.user.as_ref().is_none_or(|user| user.short_name != name));
        }
    }

    /// Does what follows the answer to a command.
    fn carry_out(&self, after: After) {
        match after {
            After::Nothing | After::Unenrol => {}
            After::Erase(carried) => self.wipe(carried),
            After::Restart => self.restart(),
            After::ShutDown => {
                let mut state = self.state.lock();
                state.phase = Phase::Off;
                state.counts.shut_downs += 1;
            }
            After::LockWithPin(pin) => {
                let mut state = self.state.lock();
                state.phase = Phase::PinLocked;
                state.pin = Some(pin);
            }
        }
    }

    /// What the device is told to lose is gone when the next session begins.
    fn lose_profiles(&self) {
        let losing = self.faults.lock().losing.clone();
        if !losing.is_empty() {
            self.state.lock().profiles.retain(|profile| !losing.contains(&profile.identifier));
        }
    }

    /// The installed profile that keeps the device from its server. The session in which it came still ended well:
    /// networks change when the report is on its way.
    fn cut_off(&self) -> Option<String> {
        let cutting = self.faults.lock().cutting.clone();
        if cutting.is_empty() {
            return None;
        }
        let state = self.state.lock();
        let by_network = state.networks().into_iter().find(|one| cutting.contains(&one.ssid));
        let by_profile = || state.profiles.iter().find(|profile| cutting.contains(&profile.identifier));
        by_network.map(|network| network.profile).or_else(|| Some(by_profile()?.identifier.clone()))
    }

    fn restart(&self) {
        let mut state = self.state.lock();
        state.counts.restarts += 1;
        state.screen_locked = state.passcode_set && !state.hardware.model.is_mac();
    }
}
