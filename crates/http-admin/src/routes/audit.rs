//! The record of what operators and the server did.

use axum::extract::State;
use service::views::{AuditEventView, AuditQuery, Page, ProblemView};

use crate::json::{Json, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The audit events, the newest first.
#[utoipa::path(
    get, path = "/api/v1/audit-events", tag = "audit", security(("bearer" = [])), params(AuditQuery),
    responses((status = 200, body = Page<AuditEventView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_audit_events(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEventView>>, Problem> {
    Ok(Json(services.audit.list(query).await?))
}
