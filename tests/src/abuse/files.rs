//! How many files this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit as far as it may be raised, for this process and those that it starts; returns it.
///
/// # Errors
///
/// [`rustix::io::Errno`] if the kernel refuses.
pub fn raise_limit() -> rustix::io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let most = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(most.unwrap_or(u64::MAX))
}
