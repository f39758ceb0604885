//! How many files the process may have open, and so how many connections.

use rustix::process::{Resource, getrlimit, setrlimit};
use vouchsafe_webhook::Limits;

/// The limits of a server whose connections leave enough files for everything else.
///
/// Many systems start programs with a limit of 1,024 that they may raise, which this does.
pub(super) fn limits() -> Limits {
    let limits = Limits::default();
    let needed = limits.connections.saturating_add(OTHERS);
    let files = raised(u64::try_from(needed).unwrap_or(u64::MAX));
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    if files >= needed {
        return limits;
    }
    // With very few, half of them: whatever is chosen, something will fail.
    let connections = files.saturating_sub(OTHERS).max(files / 2).max(1);
    tracing::warn!(
        files,
        connections,
        "this process may not have as many files open as it should: fewer connections are kept"
    );
    Limits {
        connections,
        connections_per_network: limits.connections_per_network.min(connections.div_ceil(2)),
        ..limits
    }
}

/// How many files this process may have open, raised towards `needed` where it has to be and may be.
fn raised(needed: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    if current >= needed {
        return current;
    }
    let wanted = limit.maximum.map_or(needed, |most| most.min(needed));
    let raised = rustix::process::Rlimit {
        current: Some(wanted),
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::debug!(%error, "the number of open files cannot be raised");
            current
        }
    }
}

/// Files for the store, for operators, for syncing and for receivers of alerts.
const OTHERS: usize = 512;
