//! What is answered on each path.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout_at;

use super::State;
use super::body::{Cut, LEAST, Received};
use super::budget::Claim;
use super::client::Client;
use crate::admission::{Refusal, Webhook};
use crate::metrics::Metrics;

pub(super) async fn health(Shared(state): Shared<Arc<State>>) -> (StatusCode, &'static str) {
    if state.readiness.is_healthy() {
        (StatusCode::OK, "ok\n")
    } else {
        let why = "the store failed; a restart sets what is damaged aside\n";
        (StatusCode::SERVICE_UNAVAILABLE, why)
    }
}

pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> (StatusCode, String) {
    let status = if state.readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, state.readiness.report())
}

/// What `answering` comes to, which counts as `claim` until it is sent.
pub(super) async fn operate<F>(answering: F, claim: Option<Claim>) -> Response
where
    F: Future<Output = Result<Response, Infallible>>,
{
    let Some(mut claim) = claim else {
        let Ok(answer) = answering.await;
        return answer;
    };
    if !claim.take_bytes(LEAST) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Ok(answer) = answering.await;
    let (head, body) = answer.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(body) if claim.resize(body.len()) => Response::from_parts(head, claim.hold(body)),
        Ok(_) | Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
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
pub(super) async fn answer<B>(client: &Arc<Client>, webhook: Webhook, body: B) -> Response
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let state = &client.state;
    let limits = &state.limits;
    let started = Instant::now();
    let deadline = started + limits.deadline;
    let arrival = started + limits.arrival.min(limits.deadline);
    let mut claim = Claim::new(Arc::clone(client));
    let mut received = Received::default();
    let filling = received.fill(body, limits.body, &mut claim);
    let refusal = match timeout_at(arrival.into(), filling).await {
        Ok(Ok(())) => {
            client.activity.note_request();
            // A place is for who can be judged: who is slow to ask keeps nobody from it.
            (!claim.take_place()).then_some(Refusal::Overloaded)
        }
        Ok(Err(Cut::NoRoom)) => Some(Refusal::Overloaded),
        Ok(Err(cut)) => Some(Refusal::Cut(cut.to_string())),
        Err(_) => Some(Refusal::Late),
    };
    if let Some(refusal) = refusal {
        let refused = state.admission.refuse(webhook, received.bytes(), &refusal);
        // It is sent whether there is room for it or not; that of the body is free again.
        let (true | false) = claim.resize(refused.len());
        return json(claim.hold(refused));
    }
    if received.bytes().len() > INLINE || state.admission.may_wait() {
        return elsewhere(state, webhook, received, claim, deadline).await;
    }
    let mut answer = state.admission.review(webhook, received.bytes(), deadline);
    claim.leave_place();
    if !claim.resize(answer.len()) {
        let overloaded = Refusal::Overloaded;
        answer = state
            .admission
            .refuse(webhook, received.bytes(), &overloaded);
    }
    json(claim.hold(answer))
}

/// Judges a review on a thread where it holds up nobody: a large one, or one whose alert has to be on
/// the disk before it is answered. The claim goes with it: a client that
/// does not wait for the answer has not ended the work.
async fn elsewhere(
    state: &Arc<State>,
    webhook: Webhook,
    received: Received,
    mut claim: Claim,
    deadline: Instant,
) -> Response {
    let received = Arc::new(received);
    let (judge, body) = (Arc::clone(state), Arc::clone(&received));
    let review = tokio::task::spawn_blocking(move || {
        let answer = judge.admission.review(webhook, body.bytes(), deadline);
        claim.leave_place();
        claim.resize(answer.len()).then(|| claim.hold(answer))
    });
    let refusal = match timeout_at(deadline.into(), review).await {
        Ok(Ok(Some(answer))) => return json(answer),
        Ok(Ok(None)) => Refusal::Overloaded,
        // It fails only while the runtime ends; nobody waits for the answer then.
        Ok(Err(_)) => return json(Body::empty()),
        Err(_) => Refusal::Late,
    };
    let refused = state.admission.refuse(webhook, received.bytes(), &refusal);
    json(Body::from(refused))
}

fn json(body: Body) -> Response {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Bodies up to this size are judged on the spot, in less time than it takes to hand them to
/// another thread; larger ones would hold up the connections that share this one.
const INLINE: usize = 256 * 1024;
