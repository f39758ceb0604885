//! What is answered on each path.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::State;
use super::body::Received;
use crate::admission::{Refusal, Webhook};
use crate::metrics::Metrics;

pub(super) async fn mutate(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Webhook::Mutate, request).await
}

pub(super) async fn validate(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    answer(state, Webhook::Validate, request).await
}

pub(super) async fn health() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> (StatusCode, String) {
    let status = if state.readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, state.readiness.report())
}

pub(super) async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    // Gauges of others may read the store.
    let encoded = tokio::task::spawn_blocking(move || state.metrics.encode()).await;
    match encoded {
        Ok(Ok(text)) => ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Answers one review. Whatever goes wrong is a denial with status 200: to an API server, any other
/// status is a broken webhook, which it may be configured to ignore.
///
/// The content type is not looked at: the body says what it is, and a `curl -d` of a review should
/// work.
async fn answer(state: Arc<State>, webhook: Webhook, request: Request) -> Response {
    let deadline = Instant::now() + state.limits.deadline;
    let mut received = Received::default();
    let Ok(permit) = state.in_flight.try_acquire() else {
        let peeked = received.peek(request.into_body());
        let (Ok(()) | Err(_)) = tokio::time::timeout(PEEK, peeked).await;
        return json(
            state
                .admission
                .refuse(webhook, received.bytes(), &Refusal::Overloaded),
        );
    };
    let filling = received.fill(request.into_body(), state.limits.body);
    let refusal = match tokio::time::timeout_at(deadline.into(), filling).await {
        Ok(Ok(())) => None,
        Ok(Err(cut)) => Some(Refusal::Cut(cut.to_string())),
        Err(_) => Some(Refusal::Late),
    };
    let answer = match refusal {
        Some(refusal) => state.admission.refuse(webhook, received.bytes(), &refusal),
        None if received.bytes().len() > INLINE => {
            let state = Arc::clone(&state);
            let review = move || state.admission.review(webhook, received.bytes(), deadline);
            // It fails only while the runtime ends; nobody waits for the answer then.
            tokio::task::spawn_blocking(review)
                .await
                .unwrap_or_default()
        }
        None => state.admission.review(webhook, received.bytes(), deadline),
    };
    drop(permit);
    json(answer)
}

fn json(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// How long to look for the `uid` of a request that there is no room for.
const PEEK: Duration = Duration::from_millis(100);

/// Bodies up to this size are judged on the spot, in less time than it takes to hand them to
/// another thread; larger ones would hold up the connections that share this one.
const INLINE: usize = 256 * 1024;
