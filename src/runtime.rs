//! The asynchronous runtime.

use tokio::runtime::{Builder, Runtime};

use crate::exit::Error;

/// One worker for each core.
pub(crate) fn new() -> Result<Runtime, Error> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}
