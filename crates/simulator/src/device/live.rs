//! When a device talks with its server: at a push, when its user unlocks it, and on a schedule of its own.

use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::state::Phase;
use super::{Device, Session};
use crate::dice::Dice;

/// How soon a device in Setup Assistant polls again.
const IMPATIENT: Duration = Duration::from_secs(2);
/// How soon a device tries again when the server did not answer as it should; doubled each time.
const RETRY: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

impl Device {
    /// Lives until cancelled.
    pub(crate) async fn live(&self, cancel: &CancellationToken) {
        let mut failures = 0;
        // Not the dice of the device: how long it lives shall not change what it is.
        let mut dice = Dice::new(!self.spec.seed);
        loop {
            // Devices that started together shall not poll together for ever.
            let spread = 0.9 + f64::from(u32::try_from(dice.below(200)).unwrap_or(0)) / 1000.0;
            let pause = self.pause(failures, spread);
            let timer = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            let by_bell = tokio::select! {
                () = cancel.cancelled() => return,
                () = self.bell.notified() => true,
                () = timer => false,
            };
            let work = async {
                let _talk = self.talking.lock().await;
                let result = if by_bell { self.answer_bell().await } else { self.poll_all().await };
                self.finish(result).await
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                result = work => {
                    let complete = result.is_ok_and(|session| session.complete);
                    failures = if complete { 0 } else { failures + 1 };
                }
            }
        }
    }

    /// Takes the pushes that have come; returns the channels to poll.
    fn woken(&self) -> Vec<Option<String>> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Off | Phase::PinLocked) {
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

    /// The channels on which something waits: a result, or a command that was put off.
    fn waiting(&self) -> Vec<Option<String>> {
        let state = self.state.lock();
        let lines = state.enrolment.as_ref().map(|one| one.lines.as_slice()).unwrap_or_default();
        lines
            .iter()
            .filter(|line| line.not_now || line.pending.is_some())
            .map(|line| line.user.as_ref().map(|user| user.short_name.clone()))
            .collect()
    }

    /// Polls the channels that were pushed; at a bell without a push, because the user did something, those that wait.
    async fn answer_bell(&self) -> Result<Session> {
        let mut channels = self.woken();
        if channels.is_empty() {
            channels = self.waiting();
        }
        self.poll_channels(channels).await
    }

    /// How long the device waits before it polls without being asked, after so many failures in a row. The
    /// usual time is multiplied by `spread`.
    fn pause(&self, failures: u32, spread: f64) -> Option<Duration> {
        let retry = RETRY.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let retry = (failures > 0).then(|| retry.min(LONGEST_RETRY));
        let state = self.state.lock();
        if matches!(state.phase, Phase::Off | Phase::PinLocked) {
            return None;
        }
        if self.comeback.lock().is_some() {
            return retry.or(Some(RETRY));
        }
        let usual = match state.enrolment.as_ref()? {
            enrolment if enrolment.awaiting_configuration => Some(IMPATIENT),
            _ => self.spec.poll_every,
        };
        let usual = usual.map(|usual| usual.mul_f64(spread));
        match (retry, usual) {
            (Some(retry), Some(usual)) => Some(retry.min(usual)),
            (retry, usual) => retry.or(usual),
        }
    }
}
