//! Work between requests.

use axum::extract::State;
use service::views::{JobQuery, JobView, Page, ProblemView};

use crate::json::{Json, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The work between requests: what waits, what is being done, and what was given up, which somebody must look at.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "server", security(("bearer" = [])), params(JobQuery),
    responses((status = 200, body = Page<JobView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_jobs(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<JobQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    Ok(Json(services.health.jobs(query).await?))
}
