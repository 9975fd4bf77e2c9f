//! What the server knows about its own health: the checks, the figures, and the work that was given up.

use std::sync::Arc;

use clock::Timestamp;
use store::{
    Connection, Device, Durability, Enrollment, EnrollmentState, Job, JobId, JobState, PushCertificate,
    RenewalDue, Reveal,
};
use uuid::Uuid;

use crate::authorities::Authorities;
use crate::paging::PageOf;
use crate::push::{Alarms, days_left};
use crate::views::{CheckSeverity, CheckView, JobQuery, JobView, Page, ServerView};
use crate::{Context, Error, renewal, streams};

/// The service.
pub struct Health {
    context: Context,
    authorities: Arc<Authorities>,
    alarms: Alarms,
    started_at: Timestamp,
}

/// What the database tells for the checks.
struct Counted {
    push: Vec<PushCertificate>,
    topics: Vec<String>,
    quarantined: i64,
    dead_jobs: i64,
    stuck: i64,
    overdue: i64,
}

impl Health {
    /// Over the common ground.
    #[must_use]
    pub fn new(context: Context, authorities: Arc<Authorities>, alarms: Alarms) -> Self {
        let started_at = context.now();
        Self { context, authorities, alarms, started_at }
    }

    /// Who is answering.
    #[must_use]
    pub fn server(&self) -> ServerView {
        ServerView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            public_url: self.context.settings.public_url.clone(),
            organization: self.context.settings.organization.clone(),
            started_at: self.started_at,
            now: self.context.now(),
        }
    }

    /// Whether the server can do its work: the database reads and commits.
    ///
    /// # Errors
    /// What keeps it from that.
    pub async fn ready(&self) -> Result<(), Error> {
        self.context.store.read("ready", |c| Ok::<_, Error>(Device::count(c)?)).await?;
        self.context.store.tx("ready", |_| Ok::<_, Error>(())).await
    }

    /// Everything that somebody should know, what is fine included.
    ///
    /// # Errors
    /// The database's.
    pub async fn checks(&self) -> Result<Vec<CheckView>, Error> {
        let now = self.context.now();
        let rule = renewal::rule(&self.context, &self.authorities.current());
        let counted = self.context.store.read("checks", move |c| count(c, rule, now)).await?;
        let mut checks = self.authority_checks(now);
        checks.push(durability(&self.context.store.durability().await?));
        checks.push(number(
            "identities.renewal",
            counted.stuck,
            "devices cannot be given a certificate that lasts longer than theirs",
            "the device authority ends too soon: roll it with 'ward authority roll'",
        ));
        checks.extend(self.push_checks(&counted, now));
        checks.push(self.queue_check(now));
        checks.push(number(
            "jobs.given_up",
            counted.dead_jobs,
            "jobs were given up",
            "look at them by /api/v1/jobs; the reason stands beside each",
        ));
        checks.push(number(
            "enrollments.quarantined",
            counted.quarantined,
            "enrolments are quarantined",
            "look at them by /api/v1/quarantine and decide",
        ));
        checks.push(number(
            "secrets.overdue",
            counted.overdue,
            "secrets were shown to people and not changed on their devices within the hour",
            "look at them by 'ward secrets reveals --overdue'",
        ));
        checks.push(self.link_check());
        checks.extend(self.context.store.read("sink_checks", move |c| streams::checks(c, now)).await?);
        Ok(checks)
    }

    fn authority_checks(&self, now: Timestamp) -> Vec<CheckView> {
        let loaded = self.authorities.current();
        let certificate = loaded.active.authority.certificate();
        let left = days_left(certificate.not_after(), now);
        let advice = "roll the certificate authority with 'ward authority roll': devices get certificates of the new one when they renew";
        vec![expiry(
            "authority.expiry",
            &format!("the device authority '{}'", certificate.subject()),
            left,
            (365.max(2 * i64::from(self.context.settings.identity_days)), 30),
            advice,
        )]
    }

    fn push_checks(&self, counted: &Counted, now: Timestamp) -> Vec<CheckView> {
        let mut checks = Vec::new();
        if counted.push.is_empty() {
            let detail = "no push certificate is installed: devices are not woken";
            let advice = "ward push-certificate request, then ward push-certificate install";
            checks.push(check("push.certificate", CheckSeverity::Error, detail, Some(advice)));
        }
        for row in &counted.push {
            let advice = "renew it in the portal, on the same certificate and with the same Apple Account, and install the new one";
            let what = format!("the push certificate of {}", row.topic);
            checks.push(expiry("push.certificate", &what, days_left(row.not_after, now), (30, 7), advice));
        }
        for topic in
            counted.topics.iter().filter(|topic| !counted.push.iter().any(|row| row.topic == **topic))
        {
            let detail = format!(
                "enrolled devices expect the topic {topic}, for which no push certificate is installed"
            );
            checks.push(check(
                "push.topic",
                CheckSeverity::Error,
                &detail,
                Some("install the certificate of that topic"),
            ));
        }
        for (topic, alarm) in self.alarms.list() {
            let detail = format!(
                "pushes of {topic} fail since {} ({} so far): {}",
                alarm.since, alarm.count, alarm.reason
            );
            let advice =
                "nothing is lost: pushes are tried again, device tokens are kept. Repair the certificate";
            checks.push(check("push.alarm", CheckSeverity::Error, &detail, Some(advice)));
        }
        checks
    }

    fn queue_check(&self, now: Timestamp) -> CheckView {
        let waiting = self.context.store.waiting();
        let count: usize = waiting.iter().map(|channel| channel.count).sum();
        let oldest = waiting.iter().map(|channel| channel.oldest_at).min();
        let detail = match oldest {
            None => "nothing waits in the queue".to_owned(),
            Some(oldest) => {
                format!(
                    "{count} deliveries wait for {} channels, the oldest for {} h",
                    waiting.len(),
                    now.since(oldest).as_secs() / 3_600
                )
            }
        };
        check("queue", CheckSeverity::Ok, &detail, None)
    }

    fn link_check(&self) -> CheckView {
        if self.context.settings.allow_personal_links {
            let detail = "enrolment links for personal devices are allowed: such a profile shows the serial number and all apps";
            return check(
                "links.personal",
                CheckSeverity::Warning,
                detail,
                Some("prefer account-driven enrolment"),
            );
        }
        check("links.personal", CheckSeverity::Ok, "enrolment links for personal devices are off", None)
    }

    /// Sets the gauges that are not counted as things happen.
    pub async fn gauges(&self) {
        streams::gauges(&self.context).await;
        let waiting = self.context.store.waiting();
        gauge("ward_channels_waiting", waiting.len());
        gauge("ward_deliveries_waiting", waiting.iter().map(|channel| channel.count).sum());
        gauge("ward_push_alarms", self.alarms.list().len());
        let counts = self.context.store.read("gauges", |c| {
            let enrolled = Enrollment::count_by_state(c, EnrollmentState::Enrolled)?;
            let expiry = PushCertificate::list_active(c)?
                .iter()
                .map(|row| (row.topic.clone(), row.not_after))
                .collect::<Vec<_>>();
            Ok::<_, Error>((
                Device::count(c)?,
                enrolled,
                Job::count(c, JobState::Ready)?,
                Job::count(c, JobState::Dead)?,
                expiry,
            ))
        });
        match counts.await {
            Ok((devices, enrolled, ready, dead, expiry)) => {
                for (name, count) in [
                    ("ward_devices", devices),
                    ("ward_enrollments", enrolled),
                    ("ward_jobs_ready", ready),
                    ("ward_jobs_dead", dead),
                ] {
                    gauge(name, usize::try_from(count).unwrap_or_default());
                }
                for (topic, until) in expiry {
                    let seconds =
                        i32::try_from(until.as_seconds().saturating_sub(self.context.now().as_seconds()))
                            .unwrap_or(i32::MAX);
                    metrics::gauge!("ward_push_certificate_seconds_left", "topic" => topic)
                        .set(f64::from(seconds));
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "The figures of the database cannot be read: {error}")
            }
        }
    }

    /// The work between requests, the newest first: what waits, what is being done, what was given up.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor, limit or state.
    pub async fn jobs(&self, query: JobQuery) -> Result<Page<JobView>, Error> {
        let state = query.state.as_deref().map(str::parse::<JobState>).transpose();
        let state = state.map_err(|error| Error::invalid("state", error.to_string()))?;
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let rows = self
            .context
            .store
            .read("list_jobs", move |c| Ok::<_, Error>(Job::list(c, state, page.of(JobId))?))
            .await?;
        Ok(page.page(rows, |job| job.id.0, view))
    }
}

/// What an answer after COMMIT is worth: the settings of the connection that writes, read back.
fn durability(found: &Durability) -> CheckView {
    let detail = format!("journal_mode is {}, synchronous is {}", found.journal_mode, found.synchronous);
    if found.is_durable() {
        return check("database.durability", CheckSeverity::Ok, &detail, None);
    }
    let advice = "what was answered may be lost with the power: restart Ward, and report this if it stays";
    check("database.durability", CheckSeverity::Error, &detail, Some(advice))
}

fn count(connection: &mut Connection, due: RenewalDue, now: Timestamp) -> Result<Counted, Error> {
    Ok(Counted {
        push: PushCertificate::list_active(connection)?,
        topics: Enrollment::topics_in_use(connection)?,
        quarantined: Enrollment::count_by_state(connection, EnrollmentState::Quarantined)?,
        dead_jobs: Job::count(connection, JobState::Dead)?,
        stuck: Enrollment::count_stuck_in_renewal(connection, due)?,
        overdue: Reveal::count_overdue(connection, now)?,
    })
}

fn view(job: Job) -> JobView {
    JobView {
        id: job.id.0,
        kind: job.kind,
        key: job.key,
        state: job.state.to_string(),
        attempts: job.attempts,
        run_at: job.run_at,
        last_error: job.last_error,
    }
}

fn gauge(name: &'static str, count: usize) {
    metrics::gauge!(name).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

fn check(name: &str, severity: CheckSeverity, detail: &str, advice: Option<&str>) -> CheckView {
    CheckView {
        name: name.to_owned(),
        severity,
        detail: detail.to_owned(),
        advice: advice.map(ToOwned::to_owned),
    }
}

/// Nothing is fine, anything is worth a look.
fn number(name: &str, count: i64, what: &str, advice: &str) -> CheckView {
    let severity = if count == 0 { CheckSeverity::Ok } else { CheckSeverity::Warning };
    check(name, severity, &format!("{count} {what}"), (count > 0).then_some(advice))
}

/// Something with an end: a warning and an error by the days that are left.
fn expiry(name: &str, what: &str, left: i64, (warn, error): (i64, i64), advice: &str) -> CheckView {
    let (severity, detail) = match left {
        days if days < 0 => (CheckSeverity::Error, format!("{what} has expired")),
        days if days <= error => (CheckSeverity::Error, format!("{what} expires in {days} days")),
        days if days <= warn => (CheckSeverity::Warning, format!("{what} expires in {days} days")),
        days => (CheckSeverity::Ok, format!("{what} is valid for {days} days")),
    };
    check(name, severity, &detail, (severity != CheckSeverity::Ok).then_some(advice))
}

#[cfg(test)]
mod tests;
