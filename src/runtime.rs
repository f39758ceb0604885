//! The asynchronous runtime.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::exit::Error;

/// One worker for each core.
pub(crate) fn new() -> Result<Runtime, Error> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Runs what may leave work on a disk behind, and waits no more than a while for that: on a disk that failed it would
/// never be done.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = new()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEAVE);
    done
}

/// How long what is under way may take when the process ends.
const LEAVE: Duration = Duration::from_secs(10);
