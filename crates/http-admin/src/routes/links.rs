//! Enrolment links.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use service::views::{LinkRequest, LinkView, NewLinkView, Page, PageQuery, ProblemView};
use uuid::Uuid;

use crate::json::{Json, Path, Query, answer};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// Makes a link. Its address and QR code are shown this once.
#[utoipa::path(
    post, path = "/api/v1/links", tag = "links", security(("bearer" = [])), request_body = LinkRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = NewLinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn create_link(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Json(request): Json<LinkRequest>,
) -> Result<Response, Problem> {
    Ok(answer(StatusCode::CREATED, &services.links.create(&operator, request).await?))
}

/// The links, the newest first.
#[utoipa::path(
    get, path = "/api/v1/links", tag = "links", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<LinkView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_links(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<LinkView>>, Problem> {
    Ok(Json(services.links.list(query).await?))
}

/// One link.
#[utoipa::path(
    get, path = "/api/v1/links/{id}", tag = "links", security(("bearer" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = LinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_link(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<LinkView>, Problem> {
    Ok(Json(services.links.show(id).await?))
}

/// Closes a link at once.
#[utoipa::path(
    post, path = "/api/v1/links/{id}/revoke", tag = "links", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = LinkView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_link(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<LinkView>, Problem> {
    Ok(Json(services.links.revoke(&operator, id).await?))
}
