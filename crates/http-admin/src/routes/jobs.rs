//! Work between requests that failed for good.

use axum::extract::State;
use service::views::{JobView, Page, PageQuery, ProblemView};

use crate::json::{Json, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The jobs that were given up: somebody must look at them.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "server", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, body = Page<JobView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_jobs(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    Ok(Json(services.health.jobs(query).await?))
}
