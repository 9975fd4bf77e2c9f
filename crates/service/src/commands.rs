//! Commands: asked for by operators, checked for each target, queued, cancelled.

mod blank;
mod listing;
mod own_secret;
mod personal;
mod prepare;
mod queue;
mod request;

use std::sync::Arc;

use serde_json::json;
use store::{Command, Delivery, DeliveryFilter, DeliverySeq};

use crate::audit::{self, Act};
use crate::devices::ChannelState;
use crate::events::Event;
use crate::operators::Operator;
use crate::views::{
    CancelAnswer, CommandAnswer, CommandDetailView, CommandQuery, CommandRequest, CommandTypeView,
    CommandView, Page, PushAnswer, PushRequest,
};
use crate::{Context, Error, escrow, push, targets};

pub(crate) use personal::refusals as personal_refusals;
pub(crate) use queue::make_secret;

/// How many targets one transaction takes.
const CHUNK: usize = 200;

/// The service.
pub struct Commands {
    context: Context,
}

impl Commands {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Queues a command. Each target is checked for itself; what one cannot take does not keep it from the others.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be read, [`Error::Refused`] for what no device may be sent, [`Error::Conflict`] for a
    /// CommandUUID that stands for another command. What single targets cannot take is no error but part of the answer.
    pub async fn send(&self, operator: &Operator, request: CommandRequest) -> Result<CommandAnswer, Error> {
        self.send_once(operator, request, None).await
    }

    /// The same for a request that has an idempotency key: unless the operator named the command, its CommandUUID follows from the key
    /// and the request, so that a repetition is the same command even when the first answer was lost with the process.
    ///
    /// # Errors
    /// As [`Commands::send`].
    pub async fn send_once(
        &self,
        operator: &Operator,
        request: CommandRequest,
        key: Option<&str>,
    ) -> Result<CommandAnswer, Error> {
        let mut wanted = request::read(&request)?;
        if wanted.request_type == "RotateFileVaultKey" {
            escrow::key::ensure(&self.context).await?;
        }
        if let (None, Some(key)) = (&wanted.uuid, key) {
            wanted.uuid = Some(request::uuid_of_key(operator, key, &request)?);
        }
        let now = self.context.now();
        if request.expires_at.is_some_and(|expires| expires <= now) {
            return Err(Error::invalid("expires_at", "is in the past"));
        }
        let order = Arc::new(queue::Order::new(&self.context, operator, &request, wanted));
        let mut answer = order.empty_answer();
        for chunk in request.targets.chunks(CHUNK) {
            let (context, order, chunk) = (self.context.clone(), Arc::clone(&order), chunk.to_vec());
            let part = self
                .context
                .store
                .tx("send_command", move |tx| queue::send(tx, &context, &order, &chunk))
                .await?;
            answer.queued.extend(part.queued);
            answer.refused.extend(part.refused);
            for advice in part.advice {
                if !answer.advice.contains(&advice) {
                    answer.advice.push(advice);
                }
            }
        }
        for queued in answer.queued.iter().filter(|queued| !queued.already) {
            let event =
                Event::new("command.queued", now).about(queued.device_id.into(), queued.enrollment_id.into());
            let detail = json!({
                "command_uuid": queued.command_uuid, "request_type": answer.request_type, "delivery": queued.delivery,
            });
            self.context.events.publish(event.with(detail));
        }
        Ok(answer)
    }

    /// The commands, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: CommandQuery) -> Result<Page<CommandView>, Error> {
        self.context.store.read("list_commands", move |c| listing::list(c, query)).await
    }

    /// One command with its content and deliveries.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show(&self, uuid: String) -> Result<CommandDetailView, Error> {
        self.context.store.read("show_command", move |c| listing::show(c, &uuid)).await
    }

    /// The commands that Ward knows, with the effect class of each.
    #[must_use]
    pub fn catalog(&self) -> Vec<CommandTypeView> {
        listing::catalog()
    }

    /// Takes back every delivery of a command that no device has fetched.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn cancel(&self, operator: &Operator, uuid: String) -> Result<CancelAnswer, Error> {
        let now = self.context.now();
        let (act, by) =
            (Act::new(operator, "command.cancel").on(uuid.clone()), format!("by {}", operator.name));
        let answer = self
            .context
            .store
            .tx("cancel_command", move |tx| {
                let command =
                    Command::find_by_uuid(tx, &uuid)?.ok_or_else(|| Error::not_found("command", &uuid))?;
                let filter = DeliveryFilter { command_id: Some(command.id), ..DeliveryFilter::default() };
                let mut answer = CancelAnswer::default();
                let mut after = None;
                loop {
                    let rows = Delivery::list(tx, &filter, store::Page { after, limit: 500 })?;
                    let Some(last) = rows.last() else { break };
                    after = Some(last.seq);
                    for DeliverySeq(seq) in rows.iter().map(|row| row.seq) {
                        let cancelled = tx.cancel(DeliverySeq(seq), now, Some(&by))?;
                        if cancelled { &mut answer.cancelled } else { &mut answer.too_late }.push(seq);
                    }
                }
                audit::record(
                    tx,
                    now,
                    &act.clone().with(json!({ "cancelled": answer.cancelled, "too_late": answer.too_late })),
                )?;
                Ok::<_, Error>(answer)
            })
            .await?;
        for seq in &answer.cancelled {
            self.context
                .events
                .publish(Event::new("command.cancelled", now).with(json!({ "delivery": seq })));
        }
        Ok(answer)
    }

    /// Wakes devices, whether or not something is queued for them.
    ///
    /// # Errors
    /// [`Error::Invalid`] without targets.
    pub async fn wake(&self, operator: &Operator, request: PushRequest) -> Result<PushAnswer, Error> {
        if request.targets.is_empty() || request.targets.len() > 10_000 {
            return Err(Error::invalid("targets", "must name 1 to 10000 targets"));
        }
        let now = self.context.now();
        let act = Act::new(operator, "push.send").with(json!({ "targets": request.targets.len() }));
        let names = request.targets;
        self.context
            .store
            .tx("wake", move |tx| {
                let mut answer = PushAnswer { queued: Vec::new(), refused: Vec::new() };
                for name in &names {
                    match targets::find(tx, name) {
                        Err(targets::Miss::Failed(error)) => return Err(error),
                        Err(miss) => answer.refused.push(miss.view(name)),
                        Ok(target) => match ChannelState::of(&target.channel).objection() {
                            Some(why) => answer.refused.push(targets::refusal(
                                name,
                                "no_push",
                                why.to_owned(),
                                Vec::new(),
                            )),
                            None => {
                                push::wake(tx, target.channel.id, now)?;
                                answer.queued.push(target.channel.key);
                            }
                        },
                    }
                }
                audit::record(tx, now, &act)?;
                Ok(answer)
            })
            .await
    }
}

#[cfg(test)]
mod tests;
