//! How much of one server's is asked for, and held, at once.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Turns at one server.
#[derive(Debug)]
pub(super) struct Turns {
    /// Taken for each request, until its answer is read.
    requests: Semaphore,
    /// Taken for each repository that is large.
    large: Semaphore,
}

/// Somebody's turn, until it is dropped.
pub type Turn<'a> = SemaphorePermit<'a>;

impl Turns {
    /// So many requests, and as many large repositories; at least one.
    pub(super) fn new(at_once: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            requests: Semaphore::new(at_once),
            large: Semaphore::new(at_once),
        }
    }

    pub(super) async fn request(&self) -> Option<Turn<'_>> {
        turn(&self.requests).await
    }

    pub(super) async fn large(&self) -> Option<Turn<'_>> {
        turn(&self.large).await
    }
}

/// Neither is ever closed, so there always is a turn.
async fn turn(turns: &Semaphore) -> Option<Turn<'_>> {
    turns.acquire().await.ok()
}
