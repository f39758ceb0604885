//! Which path is answered by what.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::ALLOW;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::budget::Claim;
use super::client::Client;
use super::handler;
use crate::admission::Webhook;

/// What one connection is answered.
#[derive(Debug)]
pub(super) struct Paths {
    /// Who asks.
    pub(super) client: Arc<Client>,
    /// Whether reviews are answered.
    pub(super) reviews: bool,
    /// What operators are answered, where they are.
    pub(super) operations: Option<TowerToHyperService<Router>>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Paths
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        self.client.activity.note_headers();
        let webhook = match request.uri().path() {
            "/mutate" if self.reviews => Webhook::Mutate,
            "/validate" if self.reviews => Webhook::Validate,
            _ => return self.operate(request),
        };
        if request.method() != Method::POST {
            let answer = (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response();
            return Box::pin(std::future::ready(Ok(answer)));
        }
        let client = Arc::clone(&self.client);
        Box::pin(async move {
            let mut answer = handler::answer(&client, webhook, request.into_body()).await;
            client.bid_farewell(&mut answer);
            Ok(answer)
        })
    }
}

impl Paths {
    fn operate<B>(&self, request: Request<B>) -> Answering
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.client.activity.note_request();
        let Some(operations) = &self.operations else {
            let answer = StatusCode::NOT_FOUND.into_response();
            return Box::pin(std::future::ready(Ok(answer)));
        };
        let client = Arc::clone(&self.client);
        // On a port of their own, they are bounded by its few connections alone: whatever is done to
        // the other port, the server says how it is.
        let claim = self.reviews.then(|| Claim::new(Arc::clone(&client)));
        let answering = operations.call(request.map(Body::new));
        Box::pin(async move {
            let mut answer = handler::operate(answering, claim).await;
            client.bid_farewell(&mut answer);
            Ok(answer)
        })
    }
}
