//! Reports: what became of a command, and what is next. Apple: "Sending MDM commands to a device".
//!
//! The report is recorded and the next delivery chosen in one transaction; the device is answered after the commit. An idle device for
//! which nothing waits is answered from memory and costs no write.

use std::sync::Arc;

use protocol_mdm::{EnrollmentKey, Report, Status};
use store::Channel;

use crate::identity::{Caller, Identities};
use crate::lifecycle::{self, Admission};
use crate::work::{self, Settled, Work};
use crate::{Context, Error, IdentityRefusal, Reply, checkin, handout, quarantine, renewal};

mod answer;
mod record;
mod secrets;

#[cfg(test)]
mod tests;

use answer::Answer;
pub(crate) use record::MAY_HAVE_ERASED;

/// Answers reports.
pub struct Connect {
    context: Context,
    identities: Arc<Identities>,
}

impl Connect {
    /// Answers with these.
    #[must_use]
    pub fn new(context: Context, identities: Arc<Identities>) -> Self {
        Self { context, identities }
    }

    /// Answers one report of a caller whose certificate has been verified. `original` is the SHA-256 and the size
    /// of the body as it came.
    ///
    /// # Errors
    /// [`Error::Identity`] when the caller may not speak in the name that the report has, [`Error::Unavailable`] when the device must
    /// try again: it keeps its result and sends it again.
    pub async fn receive(
        &self,
        caller: &Caller,
        report: Report,
        original: ([u8; 32], usize),
    ) -> Result<Reply, Error> {
        let (key, nameless) = checkin::resolve(&report.identifiers)?;
        if nameless {
            return Ok(Reply::Nothing);
        }
        metrics::counter!("ward_reports_total", "status" => known_status(&report.status)).increment(1);
        if report.status == Status::Idle
            && let Some(channel) = self.identities.quiet_channel(caller, &key)
        {
            self.context.store.touch(channel, self.context.now());
            return Ok(Reply::Nothing);
        }
        let answer = answer::prepare(&self.context, caller, &key, report, original).await?;
        let caller = caller.clone();
        work::run(&self.context, &self.identities, "connect", move |work| {
            process(work, &caller, &key, &answer)
        })
        .await
    }
}

fn process(
    work: &mut Work<'_, '_>,
    caller: &Caller,
    key: &EnrollmentKey,
    answer: &Answer,
) -> Result<Settled<Reply>, Error> {
    let mut speaker = match lifecycle::admit(work, caller, key, false)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Admission::Over) => return Ok(Err(IdentityRefusal::Revoked.into())),
        Ok(Admission::Stranger(reason)) => {
            quarantine::note(work, caller, key, reason)?;
            return Ok(Ok(Reply::Nothing));
        }
        Ok(Admission::Speaker(speaker)) => speaker,
    };
    // Two hold this identity, and the other one is the device: nothing that this one says counts.
    if speaker.retired {
        return Ok(Ok(Reply::Nothing));
    }
    // A user's channel exists from its TokenUpdate on; before that there is nothing to say to it.
    let Some(channel) = Channel::find_by_key(work.tx, speaker.enrollment.id, &key.to_string())? else {
        return Ok(Ok(Reply::Nothing));
    };
    work.context.store.touch(channel.id, work.now);
    record::record(work, &mut speaker, &channel, answer)?;
    if !speaker.is_served() {
        return Ok(Ok(Reply::Nothing));
    }
    if speaker.expired {
        renewal::ensure(work, &speaker)?;
    }
    let offer_not_now = answer.status != Status::NotNow;
    handout::next(work, &speaker, &channel, offer_not_now)
}

/// The status as a label; a device can invent words.
fn known_status(status: &Status) -> &'static str {
    match status {
        Status::Idle => "Idle",
        Status::Acknowledged => "Acknowledged",
        Status::Error => "Error",
        Status::CommandFormatError => "CommandFormatError",
        Status::NotNow => "NotNow",
        Status::Unknown(_) => "other",
    }
}
