//! Sending blobs.

use std::io::{self, Read};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Method, RequestBuilder, Response, Url};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use vouchsafe_outbound::Cause;

use super::session::{Answer, Ask, Session};
use super::{Blob, RegistryError, RegistryTimeouts};

impl Session<'_> {
    /// Sends a blob unless the registry has it; whether it was sent.
    pub(super) async fn upload(&self, blob: &Blob) -> Result<bool, RegistryError> {
        let what = format!("sha256:{}", blob.digest);
        let mut attempts = self.attempts();
        loop {
            match self.upload_once(&what, blob).await {
                Ok(sent) => return Ok(sent),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    async fn upload_once(&self, what: &str, blob: &Blob) -> Result<bool, RegistryError> {
        let failed = |cause| RegistryError::of(what, cause);
        let head = Ask::new(Method::HEAD, self.url(&format!("blobs/{what}"))?);
        let answer = self.send(&head).await.map_err(failed)?;
        match answer.status() {
            200 => return Ok(false),
            404 => {}
            _ => return Err(failed(answer.refusal().await)),
        }
        let mut challenged = 0;
        loop {
            let url = self.begin(what).await?;
            let (http, authorization) = self.way_to(&url).await.map_err(failed)?;
            let mut request = http.put(url.clone());
            if let Some(value) = authorization.clone() {
                request = request.header(AUTHORIZATION, value);
            }
            let answer = put(request, blob, self.timeouts(), what).await?;
            match answer.status() {
                200..=204 => return Ok(true),
                // What another place asks for is none of the registry's business, nor its credentials.
                401 if self.is_own(&url) => {
                    challenged += 1;
                    let sent = authorization.as_ref();
                    let again = self.challenged(&answer, sent, challenged).await;
                    again.map_err(failed)?;
                }
                _ => return Err(failed(answer.refusal().await)),
            }
        }
    }

    /// Begins an upload; where its contents go.
    async fn begin(&self, what: &str) -> Result<Url, RegistryError> {
        let failed = |cause| RegistryError::of(what, cause);
        let url = self.url("blobs/uploads/")?;
        let ask = Ask::new(Method::POST, url.clone()).with_body("application/octet-stream", vec![]);
        let answer = self.send(&ask).await.map_err(failed)?;
        if answer.status() != 202 {
            return Err(failed(answer.refusal().await));
        }
        let location = answer.header("location").unwrap_or_default();
        let mut url = self.destination(&url, location).map_err(failed)?;
        url.query_pairs_mut().append_pair("digest", what);
        Ok(url)
    }
}

/// Sends the contents and waits for the answer, as long as they go on to be taken.
async fn put(
    request: RequestBuilder,
    blob: &Blob,
    timeouts: RegistryTimeouts,
    what: &str,
) -> Result<Answer, RegistryError> {
    let progress = Arc::new(Progress::default());
    let started = Instant::now();
    let request = request
        .header(CONTENT_LENGTH, blob.size)
        .header(CONTENT_TYPE, "application/octet-stream")
        .body(Body::wrap_stream(contents(blob, &progress)));
    match watched(request, blob.size, timeouts, &progress).await {
        Ok(response) => Ok(Answer {
            response,
            // Only the answer is left, and it is short.
            speed: timeouts.pace().speed(Instant::now()),
        }),
        Err(cause) => {
            tracing::debug!(what, %cause, took = ?started.elapsed(), "an upload failed");
            Err(progress.failure().map_or_else(
                || RegistryError::of(what, cause),
                |source| RegistryError::BlobUnreadable {
                    digest: blob.digest,
                    source,
                },
            ))
        }
    }
}

async fn watched(
    request: RequestBuilder,
    size: u64,
    timeouts: RegistryTimeouts,
    progress: &Progress,
) -> Result<Response, Cause> {
    let mut sending = pin!(request.send());
    let mut seen = 0;
    loop {
        let after = patience(seen, size, timeouts);
        if let Ok(answer) = timeout(after, &mut sending).await {
            return answer.map_err(|error| Cause::of_send(&error));
        }
        let now = progress.taken.load(Ordering::Relaxed);
        if now == seen {
            return Err(Cause::Timeout { after });
        }
        seen = now;
    }
}

/// How long to wait for more to be taken, or, once all is, for an answer.
const fn patience(taken: u64, size: u64, timeouts: RegistryTimeouts) -> Duration {
    if taken < size {
        timeouts.idle
    } else {
        timeouts.commit(size)
    }
}

/// How far the contents were taken, and what went wrong with them.
#[derive(Debug, Default)]
struct Progress {
    taken: AtomicU64,
    failure: Mutex<Option<io::Error>>,
}

impl Progress {
    fn failure(&self) -> Option<io::Error> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    fn fail(&self, error: io::Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        *failure = Some(error);
    }
}

/// The contents of a blob, read on a thread of their own a few pieces ahead.
fn contents(
    blob: &Blob,
    progress: &Arc<Progress>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (source, size) = (Arc::clone(&blob.source), blob.size);
    let failed = Arc::clone(progress);
    tokio::task::spawn_blocking(move || {
        let read = source
            .open()
            .and_then(|reader| pass_on(reader, size, &sender));
        if let Err(error) = read {
            let kind = error.kind();
            failed.fail(error);
            // Ends the request, if it has not ended by itself.
            drop(sender.blocking_send(Err(kind.into())));
        }
    });
    let taken = Arc::clone(progress);
    stream::unfold(receiver, move |mut receiver| {
        let taken = Arc::clone(&taken);
        async move {
            let piece: io::Result<Bytes> = receiver.recv().await?;
            if let Ok(piece) = &piece {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                taken.taken.fetch_add(length, Ordering::Relaxed);
            }
            Some((piece, receiver))
        }
    })
}

/// Reads `size` bytes, as long as somebody takes them.
fn pass_on(
    mut reader: impl Read,
    size: u64,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let mut piece = Vec::new();
        let read = (&mut reader)
            .take(left.min(PIECE))
            .read_to_end(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        if to.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

const PIECE: u64 = 128 << 10;
/// How many pieces are read before they are taken.
const AHEAD: usize = 4;
