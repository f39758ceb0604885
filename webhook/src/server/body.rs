//! The body of a request, bounded, and kept as far as it came.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;

use axum::body::Bytes;
use hyper::body::{Body, Frame};

use super::budget::Claim;

/// What has arrived of a body. A body that is cut off still tells its `uid`.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The first piece, which mostly is the whole: no copy is made of it.
    first: Bytes,
    /// Everything, where there is more than one piece.
    all: Vec<u8>,
}

impl Received {
    /// Reads `body` to its end.
    ///
    /// # Errors
    ///
    /// [`Cut`] where it is longer than `max` bytes or than `claim` can take, or breaks off.
    pub(super) async fn fill<B>(
        &mut self,
        mut body: B,
        max: usize,
        claim: &mut Claim,
    ) -> Result<(), Cut>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if !claim.take_bytes(LEAST) {
            self.peek(&mut body).await;
            return Err(Cut::NoRoom);
        }
        let mut taken = LEAST;
        while let Some(frame) = next(&mut body).await {
            let frame = frame.map_err(|error| Cut::Broken(error.into()))?;
            // Trailers say nothing that is looked at.
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            let len = self.bytes().len().saturating_add(piece.len());
            if len > max {
                return Err(Cut::TooLarge { max });
            }
            if len > taken {
                // The first pieces tell the uid.
                if !claim.take_bytes(len.saturating_sub(taken)) {
                    return Err(Cut::NoRoom);
                }
                taken = len;
            }
            self.push(piece);
        }
        Ok(())
    }

    /// Reads only what comes next of `body`.
    async fn peek<B: Body<Data = Bytes> + Unpin>(&mut self, body: &mut B) {
        let peeked = tokio::time::timeout(PEEK, next(body)).await;
        if let Ok(Some(Ok(frame))) = peeked
            && let Ok(piece) = frame.into_data()
        {
            self.push(piece);
        }
    }

    /// What has arrived.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.all.is_empty() {
            &self.first
        } else {
            &self.all
        }
    }

    fn push(&mut self, piece: Bytes) {
        if self.bytes().is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&piece);
    }
}

async fn next<B>(body: &mut B) -> Option<Result<Frame<Bytes>, B::Error>>
where
    B: Body<Data = Bytes> + Unpin,
{
    poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// Why a body did not arrive whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    /// The connection failed.
    #[error("the request broke off: {0}")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// There are too many bodies at a time.
    #[error("there are too many requests at a time to keep this one")]
    NoRoom,
    /// There is too much of it.
    #[error("the request is larger than {} MiB", max / (1024 * 1024))]
    TooLarge {
        /// How many bytes it may have.
        max: usize,
    },
}

/// Bytes that a request counts for from its start: headers and buffers are memory, too.
pub(super) const LEAST: usize = 16 * 1024;

/// How long to look for the `uid` of a request that there is no room for.
const PEEK: std::time::Duration = std::time::Duration::from_millis(100);
