//! The asynchronous runtime.

use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::exit::Error;

/// One worker for each core.
pub(crate) fn new() -> Result<Runtime, Error> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Half as many workers as there are cores: a pass mostly waits for its servers, which may be on the same machine, and to
/// wake another worker takes longer than what there is to do for an answer.
fn of_a_pass() -> Result<Runtime, Error> {
    let workers = available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
    Ok(Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?)
}

/// Runs what may leave work on a disk behind, and waits no more than a while for that: on a disk that failed it would
/// never be done.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    to_the_end(new()?, work)
}

/// Runs what makes passes over servers and answers no review, as [`run`] does.
pub(crate) fn run_passes<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    to_the_end(of_a_pass()?, work)
}

fn to_the_end<T>(
    runtime: Runtime,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LEAVE);
    done
}

/// How long what is under way may take when the process ends.
const LEAVE: Duration = Duration::from_secs(10);
