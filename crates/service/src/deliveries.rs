//! Deliveries: the passage of each command to each channel, and the evidence of it.

mod conclusion;
mod evidence;
mod listing;
mod settings;

use serde_json::json;
use store::{Connection, Delivery, DeliveryFilter, DeliverySeq, EnrollmentId, Page as StorePage};

use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{CancelAnswer, DeliveryQuery, DeliveryView, EvidenceView, Page};
use crate::{Context, Error};

pub(crate) use evidence::{UNANSWERED, body};
pub(crate) use listing::views;

/// The service.
pub struct Deliveries {
    context: Context,
}

impl Deliveries {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The deliveries, the newest first. With a state as filter a page may be short although more follow.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong filter, cursor or limit; [`Error::NotFound`] for an unknown device or command.
    pub async fn list(&self, query: DeliveryQuery) -> Result<Page<DeliveryView>, Error> {
        let page = PageOf::<i64>::read(query.limit, query.cursor.as_deref())?;
        self.context.store.read("list_deliveries", move |c| listing::list(c, &query, page)).await
    }

    /// Everything that is known about one delivery.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn evidence(&self, seq: i64) -> Result<EvidenceView, Error> {
        self.context
            .store
            .read("show_delivery", move |c| {
                let delivery = Delivery::find(c, DeliverySeq(seq)).map_err(|error| missing(error, seq))?;
                evidence::of(c, &delivery)
            })
            .await
    }

    /// Takes a delivery back, if no device has fetched it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is too late.
    pub async fn cancel(&self, operator: &Operator, seq: i64) -> Result<CancelAnswer, Error> {
        let now = self.context.now();
        let act = Act::new(operator, "delivery.cancel").on(seq.to_string());
        let by = format!("by {}", operator.name);
        let delivery = self
            .context
            .store
            .tx("cancel_delivery", move |tx| {
                let delivery = Delivery::find(tx, DeliverySeq(seq)).map_err(|error| missing(error, seq))?;
                if !tx.cancel(delivery.seq, now, Some(&by))? {
                    let state = delivery.progress.state;
                    return Err(Error::Conflict(format!(
                        "delivery {seq} is {state}: only what no device has fetched can be cancelled"
                    )));
                }
                audit::record(tx, now, &act)?;
                Ok(delivery)
            })
            .await?;
        let event =
            Event { enrollment: Some(delivery.enrollment_id), ..Event::new("command.cancelled", now) };
        self.context.events.publish(event.with(json!({ "delivery": seq })));
        Ok(CancelAnswer { cancelled: vec![seq], too_late: Vec::new() })
    }
}

/// What is not finished of an enrolment, the newest first.
pub(crate) fn open_of(
    connection: &mut Connection,
    enrollment: EnrollmentId,
    limit: i64,
) -> Result<Vec<DeliveryView>, Error> {
    let filter = DeliveryFilter { enrollment_id: Some(enrollment), ..DeliveryFilter::default() };
    let (open, _) = Delivery::list_open(connection, &filter, StorePage::first(limit))?;
    views(connection, &open)
}

fn missing(error: store::Error, seq: i64) -> Error {
    if error == store::Error::NotFound { Error::not_found("delivery", seq) } else { error.into() }
}

#[cfg(test)]
mod tests;
