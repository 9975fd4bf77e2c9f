//! When a device talks with its server: at a push, when its user unlocks it, and on a schedule of its own.

use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::state::Phase;
use super::{Device, Session};

/// How soon a device in Setup Assistant polls again.
const IMPATIENT: Duration = Duration::from_secs(2);
/// How soon a device tries again when the server did not answer as it should.
const RETRY: Duration = Duration::from_secs(5);

impl Device {
    /// Takes the pushes that have come; returns the channels to poll.
    fn woken(&self) -> Vec<Option<String>> {
        let mut state = self.state.lock();
        if state.phase == Phase::Off {
            return Vec::new();
        }
        let (mut own, mut foreign, mut channels) = (0, 0, Vec::new());
        for line in state.enrolment.as_ref().map(|one| one.lines.as_slice()).unwrap_or_default() {
            match line.mailbox.take() {
                Some(push) if push.magic == line.magic => {
                    own += 1;
                    channels.push(line.user.as_ref().map(|user| user.short_name.clone()));
                }
                Some(_) => foreign += 1,
                None => {}
            }
        }
        state.counts.pushes += own;
        state.counts.foreign_pushes += foreign;
        channels
    }

    /// Lives until cancelled.
    pub(crate) async fn live(&self, cancel: &CancellationToken) {
        let mut complete = true;
        loop {
            let pause = self.pause(complete);
            let timer = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            let by_push = tokio::select! {
                () = cancel.cancelled() => return,
                () = self.bell.notified() => true,
                () = timer => false,
            };
            let work = async {
                let _talk = self.talking.lock().await;
                let result = if by_push { self.answer_bell().await } else { self.poll_all().await };
                self.finish(result).await
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                result = work => complete = result.is_ok_and(|session| session.complete),
            }
        }
    }

    /// Polls the channels that were pushed; a bell without a push (the user did something) polls those that wait.
    async fn answer_bell(&self) -> Result<Session> {
        let mut channels = self.woken();
        if channels.is_empty() {
            let state = self.state.lock();
            let lines = state.enrolment.as_ref().map(|one| one.lines.as_slice()).unwrap_or_default();
            channels = lines
                .iter()
                .filter(|line| line.not_now || line.pending.is_some())
                .map(|line| line.user.as_ref().map(|user| user.short_name.clone()))
                .collect();
        }
        let mut total = Session { commands: 0, complete: true };
        for user in channels {
            let session = self.session(user.as_deref()).await?;
            total.commands += session.commands;
            total.complete &= session.complete;
        }
        self.come_back().await?;
        Ok(total)
    }

    /// How long the device waits before it polls without being asked.
    fn pause(&self, complete: bool) -> Option<Duration> {
        let state = self.state.lock();
        if matches!(state.phase, Phase::Off | Phase::PinLocked) {
            return None;
        }
        if self.comeback.lock().is_some() {
            return Some(RETRY);
        }
        let enrolment = state.enrolment.as_ref()?;
        if enrolment.awaiting_configuration {
            return Some(IMPATIENT);
        }
        let unsent = enrolment.lines.iter().any(|line| line.pending.is_some());
        if unsent && !complete {
            return Some(RETRY);
        }
        self.spec.poll_every
    }
}
