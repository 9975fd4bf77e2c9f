//! Live changes as server-sent events (WHATWG HTML, "Server-sent events").

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use service::events::{EventStream, Watched};
use service::views::{EventQuery, EventView, ProblemView};

use crate::AdminServices;
use crate::json::Query;
use crate::operator::SignedIn;

/// How often a silent stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What happens from now on, as it happens. A watcher that is too slow gets an event `missed` with their number.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", security(("bearer" = [])), params(EventQuery),
    responses(
        (status = 200, description = "Each event's data is an EventView", body = EventView, content_type = "text/event-stream"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn watch_events(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<EventQuery>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let wanted = Wanted::read(query.types.as_deref());
    let watching = stream::unfold((services.events.watch(), wanted), next);
    Sse::new(watching).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

async fn next(
    (mut events, wanted): (EventStream, Wanted),
) -> Option<(Result<Event, Infallible>, (EventStream, Wanted))> {
    loop {
        match events.next().await? {
            Watched::Event(event) if wanted.includes(&event.kind) => {
                return Some((Ok(written(&event)), (events, wanted)));
            }
            Watched::Event(_) => {}
            Watched::Missed(count) => {
                let missed = Event::default().event("missed").data(count.to_string());
                return Some((Ok(missed), (events, wanted)));
            }
        }
    }
}

fn written(event: &Arc<EventView>) -> Event {
    let data = serde_json::to_string(event.as_ref()).unwrap_or_default();
    Event::default().event(&event.kind).id(event.id.to_string()).data(data)
}

/// The types that a watcher asked for; none means all.
struct Wanted(Vec<String>);

impl Wanted {
    fn read(types: Option<&str>) -> Self {
        let types = types.unwrap_or_default().split(',').map(str::trim).filter(|kind| !kind.is_empty());
        Self(types.map(ToOwned::to_owned).collect())
    }

    fn includes(&self, kind: &str) -> bool {
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|wanted| wanted == kind || (wanted.ends_with('.') && kind.starts_with(wanted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_select_by_name_or_by_family() {
        let some = Wanted::read(Some("command., push.dead"));
        for (kind, wanted) in
            [("command.queued", true), ("push.dead", true), ("push.alarm", false), ("commands", false)]
        {
            assert_eq!(some.includes(kind), wanted, "{kind}");
        }
        assert!(Wanted::read(None).includes("anything") && Wanted::read(Some("")).includes("anything"));
    }
}
