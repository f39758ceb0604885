//! Whether this process may be sent admission reviews.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use crate::text::printable;

/// What has to hold before the process may answer. Each can cease to hold again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// The store is open.
    Store,
    /// A policy is loaded.
    Policy,
    /// A certificate to serve with is loaded.
    Certificate,
    /// What feeds the store has brought everything once.
    FirstFeed,
    /// The process is not about to stop.
    Running,
}

impl Condition {
    /// Every condition, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Store,
        Self::Policy,
        Self::Certificate,
        Self::FirstFeed,
        Self::Running,
    ];

    /// Its name in the body of `/ready`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Policy => "policy",
            Self::Certificate => "certificate",
            Self::FirstFeed => "first-feed",
            Self::Running => "running",
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::Store => "the store is not open, or it is damaged; the log says which",
            Self::Policy => "no valid configuration is loaded",
            Self::Certificate => "no valid certificate is loaded",
            Self::FirstFeed => {
                "a first attempt to sync runs, or nothing is stored and no server was reached or bundle \
                 taken in"
            }
            Self::Running => "the process is stopping",
        }
    }
}

/// Which conditions hold.
#[derive(Debug)]
pub struct Readiness {
    store: AtomicBool,
    policy: AtomicBool,
    certificate: AtomicBool,
    first_feed: AtomicBool,
    running: AtomicBool,
    store_failed: AtomicBool,
    /// Why the newest configuration is not in use, if it is not.
    refused_config: ArcSwapOption<String>,
}

impl Readiness {
    /// A process that runs, and of which nothing else holds yet.
    pub fn new() -> Self {
        Self {
            store: AtomicBool::new(false),
            policy: AtomicBool::new(false),
            certificate: AtomicBool::new(false),
            first_feed: AtomicBool::new(false),
            running: AtomicBool::new(true),
            store_failed: AtomicBool::new(false),
            refused_config: ArcSwapOption::empty(),
        }
    }

    /// Notes why the newest version of the configuration was refused, or that it is in use. The
    /// process is as ready as before: it goes on by the version before.
    pub fn set_refused_config(&self, error: Option<String>) {
        self.refused_config.store(error.map(Arc::new));
    }

    /// Notes whether a condition holds.
    pub fn set(&self, condition: Condition, holds: bool) {
        self.flag(condition).store(holds, Ordering::Release);
    }

    /// Notes that the store cannot be used any more, for as long as the process lives. Whether that
    /// is news.
    pub fn fail_store(&self) -> bool {
        self.set(Condition::Store, false);
        !self.store_failed.swap(true, Ordering::AcqRel)
    }

    /// Whether the process is of use, ready or not: one whose store failed has to be restarted,
    /// which sets what is damaged aside.
    pub fn is_healthy(&self) -> bool {
        !self.store_failed.load(Ordering::Acquire)
    }

    /// Whether a condition holds.
    pub fn holds(&self, condition: Condition) -> bool {
        self.flag(condition).load(Ordering::Acquire)
    }

    /// Whether all conditions hold.
    pub fn is_ready(&self) -> bool {
        Condition::ALL
            .into_iter()
            .all(|condition| self.holds(condition))
    }

    /// Each condition on a line, as the API server's own `/readyz` shows them.
    pub fn report(&self) -> String {
        let lines = Condition::ALL.map(|condition| {
            let name = condition.name();
            if self.holds(condition) {
                format!("[+] {name}\n")
            } else {
                format!("[-] {name}: {}\n", condition.explanation())
            }
        });
        let summary = if self.is_ready() {
            "ready\n"
        } else {
            "not ready\n"
        };
        let refused = self.refused_config.load();
        let refused = refused.as_ref().map_or_else(String::new, |error| {
            let error = printable(error, MAX_ERROR);
            format!("[!] config: refused, the previous one stays in use: {error}\n")
        });
        lines.concat() + &refused + summary
    }

    const fn flag(&self, condition: Condition) -> &AtomicBool {
        match condition {
            Condition::Store => &self.store,
            Condition::Policy => &self.policy,
            Condition::Certificate => &self.certificate,
            Condition::FirstFeed => &self.first_feed,
            Condition::Running => &self.running,
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// More than any fault of a configuration says.
const MAX_ERROR: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_that_every_condition_holds_and_can_be_lost_again() {
        let readiness = Readiness::new();
        for condition in Condition::ALL {
            readiness.set(condition, true);
        }
        assert!(readiness.is_ready());
        for condition in Condition::ALL {
            readiness.set(condition, false);
            assert!(!readiness.is_ready(), "{condition:?}");
            let line = format!("[-] {}: ", condition.name());
            assert!(readiness.report().contains(&line), "{}", readiness.report());
            readiness.set(condition, true);
        }
        assert!(readiness.report().ends_with("\nready\n"));
    }

    #[test]
    fn a_refused_configuration_is_shown_and_changes_nothing() {
        let readiness = Readiness::new();
        for condition in Condition::ALL {
            readiness.set(condition, true);
        }
        readiness.set_refused_config(Some("config.yaml:3:1: unknown key `x`\nready".to_owned()));
        let line = "[!] config: refused, the previous one stays in use: config.yaml:3:1: unknown key \
                    `x`\\nready\n";
        assert!(readiness.report().contains(line), "{}", readiness.report());
        assert!(readiness.is_ready());
        readiness.set_refused_config(None);
        assert!(!readiness.report().contains("refused"));
    }
}
