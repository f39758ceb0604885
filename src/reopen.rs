//! A store that a disk failed once: it is answered from, and opened anew when the disk can be written again.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use vouchsafe_store::Store;

use crate::exit::Error;
use crate::signal;

/// Returns when the process is to stop: as it is asked to, or with an error because the store has to be opened anew.
pub(crate) async fn stop(store: &Store) -> Result<(), Error> {
    tokio::select! {
        () = signal::stop() => Ok(()),
        why = is_due(store) => Err(why.into()),
    }
}

/// Returns when the store takes nothing in any more and would if it were opened anew, which takes a new process; says so
/// in words. Never returns while it takes in what it is given.
async fn is_due(store: &Store) -> String {
    let mut is_told = false;
    loop {
        sleep(INTERVAL).await;
        let Some(why) = store.failure() else {
            continue;
        };
        if !is_told {
            tracing::error!(
                why,
                "the store could not be written and takes nothing in any more; what is stored is answered from, and this \
                 process ends, to be started again, as soon as the disk can be written"
            );
            is_told = true;
        }
        let tried = store.clone();
        let can_be_written = spawn_blocking(move || tried.can_be_written()).await;
        if store.failure().is_none() {
            tracing::info!(
                "what took so long was written after all: the store takes in what it is given"
            );
            is_told = false;
        } else if can_be_written.unwrap_or(false) {
            return format!(
                "the store could not be written ({why}), and takes nothing in until it is opened anew; the disk can be \
                 written again, so this process ends, to be started again"
            );
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(2);
