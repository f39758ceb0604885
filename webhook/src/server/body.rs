//! The body of a request, bounded, and kept as far as it came.

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;

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
    /// [`Cut`] where it is longer than `max` bytes or breaks off.
    pub(super) async fn fill(&mut self, body: Body, max: usize) -> Result<(), Cut> {
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(Cut::Broken)?;
            let len = self.bytes().len().saturating_add(piece.len());
            if len > max {
                return Err(Cut::TooLarge { max });
            }
            self.push(piece);
        }
        Ok(())
    }

    /// Reads only what comes next of `body`.
    pub(super) async fn peek(&mut self, body: Body) {
        if let Some(Ok(piece)) = body.into_data_stream().next().await {
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
        }
        self.all.extend_from_slice(&piece);
    }
}

/// Why a body did not arrive whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    /// The connection failed.
    #[error("the request broke off: {0}")]
    Broken(#[source] axum::Error),
    /// There is too much of it.
    #[error("the request is larger than {} MiB", max / (1024 * 1024))]
    TooLarge {
        /// How many bytes it may have.
        max: usize,
    },
}
