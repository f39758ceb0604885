//! The asynchronous runtime.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::exit::Error;

/// One worker for each core.
pub(crate) fn new() -> Result<Runtime, Error> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// The same for what serves nobody meanwhile: where there is but one core, whoever waits for the runtime is its worker.
pub(crate) fn of_task() -> Result<Runtime, Error> {
    match available_parallelism() {
        Ok(NonZero::<usize>::MIN) => Ok(Builder::new_current_thread().enable_all().build()?),
        _ => new(),
    }
}

/// Runs what may leave work on a disk behind, and waits no more than a while for that: on a disk that failed it would
/// never be done.
pub(crate) fn run<T>(
    runtime: Runtime,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEAVE);
    done
}

/// How long what is under way may take when the process ends.
const LEAVE: Duration = Duration::from_secs(10);
