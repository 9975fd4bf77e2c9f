//! Enrolments, and those who are not let in.

use axum::extract::State;
use service::views::{EnrollmentQuery, EnrollmentView, Page, PageQuery, ProblemView, QuarantineView};
use uuid::Uuid;

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The enrolments, the newest first.
#[utoipa::path(
    get, path = "/api/v1/enrollments", tag = "enrollments", security(("bearer" = [])), params(EnrollmentQuery),
    responses((status = 200, body = Page<EnrollmentView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_enrollments(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<EnrollmentQuery>,
) -> Result<Json<Page<EnrollmentView>>, Problem> {
    Ok(Json(services.devices.enrollments(query).await?))
}

/// One enrolment.
#[utoipa::path(
    get, path = "/api/v1/enrollments/{id}", tag = "enrollments", security(("bearer" = [])),
    params(("id" = Uuid, Path)),
    responses((status = 200, body = EnrollmentView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_enrollment(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<EnrollmentView>, Problem> {
    Ok(Json(services.devices.enrollment(id).await?))
}

/// Unknown devices with a valid certificate, and enrolments that are kept apart.
#[utoipa::path(
    get, path = "/api/v1/quarantine", tag = "enrollments", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<QuarantineView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_quarantine(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<QuarantineView>>, Problem> {
    Ok(Json(services.devices.quarantine(query).await?))
}

/// Lets an enrolment in that was kept apart; the earlier one of the same device is closed.
#[utoipa::path(
    post, path = "/api/v1/enrollments/{id}/release", tag = "enrollments", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = EnrollmentView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn release_enrollment(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<EnrollmentView>, Problem> {
    services.quarantine.release(&operator.name, id.into()).await?;
    Ok(Json(services.devices.enrollment(id).await?))
}

/// Ends an enrolment that was kept apart.
#[utoipa::path(
    post, path = "/api/v1/enrollments/{id}/reject", tag = "enrollments", security(("bearer" = [])),
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = EnrollmentView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn reject_enrollment(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(id): Path<Uuid>,
) -> Result<Json<EnrollmentView>, Problem> {
    services.quarantine.reject(&operator.name, id.into()).await?;
    Ok(Json(services.devices.enrollment(id).await?))
}
