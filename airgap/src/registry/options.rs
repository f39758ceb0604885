//! How a registry is spoken to.

use std::time::Duration;

use vouchsafe_outbound::{Backoff, Credentials, Pace};

/// How registries are spoken to.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// Certificates (PEM) that replace the system's roots for the registry's host.
    pub certificates: Option<String>,
    /// Who to be there.
    pub credentials: Option<Credentials>,
    /// What is too large.
    pub limits: RegistryLimits,
    /// What takes too long.
    pub timeouts: RegistryTimeouts,
    /// What is tried again, and when.
    pub backoff: Backoff,
}

/// What is too large to be pulled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RegistryLimits {
    /// For everything that a manifest names.
    pub total: u64,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self { total: 2 << 30 }
    }
}

/// What takes too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RegistryTimeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// To begin an answer.
    pub answer: Duration,
    /// Between two pieces of contents, in either direction.
    pub idle: Duration,
    /// For a whole push or pull.
    pub total: Duration,
}

impl Default for RegistryTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            total: Duration::from_hours(6),
        }
    }
}

impl RegistryTimeouts {
    pub(super) const fn pace(self) -> Pace {
        Pace {
            connect: self.connect,
            answer: self.answer,
            grace: self.answer.saturating_add(self.idle),
            least_speed: LEAST_SPEED,
            total: self.total,
        }
    }

    /// How long a registry may take to answer that it has all of a blob: some copy it once more.
    pub(super) const fn commit(self, size: u64) -> Duration {
        self.answer
            .saturating_add(Duration::from_secs(size / COPIED_A_SECOND))
    }
}

/// Bytes a second on average that count as alive. Links into remote sites are slow.
const LEAST_SPEED: u32 = 1024;
const COPIED_A_SECOND: u64 = 8 << 20;
