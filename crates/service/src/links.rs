//! Enrolment links, as operators see them: made, listed, revoked.

use std::time::Duration;

use catalog::Ownership;
use clock::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;
use store::{Connection, EnrollmentLink, LinkId, LinkPlacement};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::events::Event;
use crate::operators::Operator;
use crate::paging::PageOf;
use crate::views::{LinkRequest, LinkView, NewLinkView, Page, PageQuery};
use crate::{Context, Error, idempotency, organisation, qr};

/// Hours that a link is open unless somebody says otherwise.
const DEFAULT_HOURS: u32 = 72;
/// Hours that a link may be open at most: a year.
const MAX_HOURS: u32 = 8_760;
/// Devices that may enrol by one link at most.
const MAX_USES: i32 = 10_000;

/// The service.
pub struct Links {
    context: Context,
}

impl Links {
    /// Over the common ground.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Makes a link. Its address is in the answer and nowhere else: the database has a hash.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong field, [`Error::Forbidden`] for a personal link where they are not allowed.
    pub async fn create(&self, operator: &Operator, request: LinkRequest) -> Result<NewLinkView, Error> {
        let now = self.context.now();
        let token = pki::random_token("ward_link_");
        let (place, owner) = (request.place.clone(), request.owner.clone());
        let link = self.read(operator, request, now, token.expose_secret())?;
        let url = format!("{}/enroll/{}", self.context.settings.public_url, token.expose_secret());
        let qr_svg = qr::svg(&url)?;
        let (id, act) = (link.id, Act::new(operator, "link.create").on(link.id.to_string()));
        let act = act.with(json!({ "ownership": link.ownership, "uses_limit": link.uses_limit, "expires_at": link.expires_at }));
        let (context, by) = (self.context.clone(), operator.clone());
        let answer = self
            .context
            .store
            .tx("create_link", move |tx| {
                let says = organisation::of_link(tx, place.as_deref(), owner.as_deref())?;
                link.insert(tx)?;
                if says != organisation::Link::default() {
                    let place_id = says.place.as_ref().map(|place| place.id);
                    let owner_id = says.owner.as_ref().map(|person| person.id);
                    LinkPlacement { link_id: link.id, place_id, owner_id }.insert(tx)?;
                }
                audit::record(tx, now, &act)?;
                let answer = NewLinkView {
                    link: view(&link, Some(&says), now),
                    url: url.clone(),
                    qr_svg: qr_svg.clone(),
                };
                idempotency::keep_answer(tx, &context, &by, (201, &answer))?;
                Ok::<_, Error>(answer)
            })
            .await?;
        self.context.events.publish(Event::new("link.created", now).with(json!({ "link": id })));
        Ok(answer)
    }

    fn read(
        &self,
        operator: &Operator,
        request: LinkRequest,
        now: Timestamp,
        token: &str,
    ) -> Result<EnrollmentLink, Error> {
        let ownership: Ownership = request
            .ownership
            .parse()
            .map_err(|_| Error::invalid("ownership", "must be corporate, personal or shared"))?;
        if ownership == Ownership::Personal && !self.context.settings.allow_personal_links {
            let reason = "enrolment links for personal devices are switched off: a profile shows the hospital the serial number and all \
                          apps of a personal device, account-driven enrolment does not";
            return Err(Error::Forbidden(reason.to_owned()));
        }
        let hours = request.expires_in_hours.unwrap_or(DEFAULT_HOURS);
        if !(1..=MAX_HOURS).contains(&hours) {
            return Err(Error::invalid("expires_in_hours", format!("must be 1 to {MAX_HOURS}")));
        }
        let uses_limit = request.uses_limit.unwrap_or(1);
        if !(1..=MAX_USES).contains(&uses_limit) {
            return Err(Error::invalid("uses_limit", format!("must be 1 to {MAX_USES}")));
        }
        for (field, text) in [("label", &request.label), ("owner", &request.owner)] {
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > 200 || text.chars().any(char::is_control))
            {
                return Err(Error::invalid(
                    field,
                    "may have at most 200 characters and no control characters",
                ));
            }
        }
        Ok(EnrollmentLink {
            id: LinkId::new(self.context.clock.as_ref()),
            token_hash: pki::sha256(token.as_bytes()).to_vec(),
            label: request.label,
            owner: request.owner,
            ownership,
            uses_limit: Some(uses_limit),
            uses: 0,
            expires_at: now + Duration::from_secs(u64::from(hours) * 3_600),
            revoked_at: None,
            stopped_at: None,
            stopped_reason: None,
            created_at: now,
            created_by: operator.name.clone(),
        })
    }

    /// The links, the newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong cursor or limit.
    pub async fn list(&self, query: PageQuery) -> Result<Page<LinkView>, Error> {
        let page = PageOf::<Uuid>::read(query.limit, query.cursor.as_deref())?;
        let (rows, says) = self
            .context
            .store
            .read("list_links", move |c| {
                let rows = EnrollmentLink::list(c, page.of(LinkId))?;
                let ids: Vec<LinkId> = rows.iter().map(|link| link.id).collect();
                Ok::<_, Error>((rows, organisation::on_link(c, &ids)?))
            })
            .await?;
        let now = self.context.now();
        let view = |link: EnrollmentLink| {
            view(&link, says.iter().find(|(id, _)| *id == link.id).map(|(_, says)| says), now)
        };
        Ok(page.page(rows, |link| link.id.0, view))
    }

    /// One link.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn show(&self, id: Uuid) -> Result<LinkView, Error> {
        let now = self.context.now();
        self.context
            .store
            .read("show_link", move |c| {
                let link = EnrollmentLink::find(c, LinkId(id)).map_err(|error| missing(error, id))?;
                shown(c, &link, now)
            })
            .await
    }

    /// Closes a link. Closing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke(&self, operator: &Operator, id: Uuid) -> Result<LinkView, Error> {
        let now = self.context.now();
        let act = Act::new(operator, "link.revoke").on(id.to_string());
        let link = self
            .context
            .store
            .tx("revoke_link", move |tx| {
                EnrollmentLink::find(tx, LinkId(id)).map_err(|error| missing(error, id))?;
                if EnrollmentLink::revoke(tx, LinkId(id), now)? {
                    audit::record(tx, now, &act)?;
                }
                let link = EnrollmentLink::find(tx, LinkId(id))?;
                shown(tx, &link, now)
            })
            .await?;
        self.context.events.publish(Event::new("link.revoked", now).with(json!({ "link": id })));
        Ok(link)
    }
}

fn shown(connection: &mut Connection, link: &EnrollmentLink, now: Timestamp) -> Result<LinkView, Error> {
    let says = organisation::on_link(connection, &[link.id])?.pop();
    Ok(view(link, says.as_ref().map(|(_, says)| says), now))
}

fn missing(error: store::Error, id: Uuid) -> Error {
    if error == store::Error::NotFound { Error::not_found("enrolment link", id) } else { error.into() }
}

fn view(link: &EnrollmentLink, says: Option<&organisation::Link>, now: Timestamp) -> LinkView {
    let state = if link.revoked_at.is_some() {
        "revoked"
    } else if link.stopped_at.is_some() {
        "stopped"
    } else if link.uses_limit.is_some_and(|limit| link.uses >= limit) {
        "spent"
    } else if link.is_usable(now) {
        "open"
    } else {
        "expired"
    };
    LinkView {
        id: link.id.0,
        label: link.label.clone(),
        owner: link.owner.clone(),
        person: says.and_then(|says| says.owner.as_ref()).map(organisation::person_ref),
        place: says.and_then(|says| says.place.as_ref()).map(organisation::place_ref),
        ownership: link.ownership.to_string(),
        uses_limit: link.uses_limit,
        uses: link.uses,
        state: state.to_owned(),
        expires_at: link.expires_at,
        created_at: link.created_at,
        created_by: link.created_by.clone(),
        revoked_at: link.revoked_at,
        stopped_at: link.stopped_at,
        stopped_reason: link.stopped_reason.clone(),
    }
}
