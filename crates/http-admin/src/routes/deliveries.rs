//! Deliveries: the passage of commands to channels, and the evidence of it.

use axum::extract::State;
use service::views::{CancelAnswer, DeliveryQuery, DeliveryView, EvidenceView, Page, ProblemView};

use crate::json::{Json, Path, Query};
use crate::operator::SignedIn;
use crate::{AdminServices, Problem};

/// The deliveries, the newest first.
#[utoipa::path(
    get, path = "/api/v1/deliveries", tag = "deliveries", security(("bearer" = [])), params(DeliveryQuery),
    responses((status = 200, body = Page<DeliveryView>), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn list_deliveries(
    _: SignedIn,
    State(services): State<AdminServices>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<Page<DeliveryView>>, Problem> {
    Ok(Json(services.deliveries.list(query).await?))
}

/// Everything that is known about one delivery, and what may be claimed from it.
#[utoipa::path(
    get, path = "/api/v1/deliveries/{seq}", tag = "deliveries", security(("bearer" = [])),
    params(("seq" = i64, Path, description = "The number of the delivery")),
    responses((status = 200, body = EvidenceView), (status = "default", body = ProblemView, content_type = "application/problem+json"))
)]
pub(crate) async fn show_delivery(
    _: SignedIn,
    State(services): State<AdminServices>,
    Path(seq): Path<i64>,
) -> Result<Json<EvidenceView>, Problem> {
    Ok(Json(services.deliveries.evidence(seq).await?))
}

/// Cancels a delivery that the device has not fetched yet.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{seq}/cancel", tag = "deliveries", security(("bearer" = [])),
    params(("seq" = i64, Path, description = "The number of the delivery"), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 200, body = CancelAnswer),
        (status = 409, description = "The device has fetched it", body = ProblemView, content_type = "application/problem+json"),
        (status = "default", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn cancel_delivery(
    SignedIn(operator): SignedIn,
    State(services): State<AdminServices>,
    Path(seq): Path<i64>,
) -> Result<Json<CancelAnswer>, Problem> {
    Ok(Json(services.deliveries.cancel(&operator, seq).await?))
}
