//! How current what is stored is: what nobody could look at again, nobody can vouch for.

use std::collections::BTreeSet;

use vouchsafe_store::{Store, SyncResult};
use vouchsafe_syncer::{PassReport, ServerReport};
use vouchsafe_trust::{Gun, Server, Timestamp};

use crate::exit::Error;

/// How current what is wanted of a store is.
pub(super) struct Current {
    /// When all of it was current that is.
    pub(super) at: Timestamp,
    /// What is not.
    pub(super) unsynced: BTreeSet<(Server, Gun)>,
}

impl Current {
    /// By a pass that was made just now.
    pub(super) fn by_pass(
        report: &PassReport,
        wanted: &BTreeSet<(Server, Gun)>,
        now: Timestamp,
    ) -> Self {
        let unsynced = wanted.iter().filter(|(server, gun)| {
            let report = report.servers.iter().find(|it| it.server == *server);
            report.is_none_or(|report| !brought(report, gun))
        });
        Self {
            at: now,
            unsynced: unsynced.cloned().collect(),
        }
    }

    /// By what is remembered of the last pass.
    pub(super) fn by_memory(
        store: &Store,
        wanted: &BTreeSet<(Server, Gun)>,
    ) -> Result<Self, Error> {
        let mut at = Timestamp::MAX;
        let mut unsynced = BTreeSet::new();
        for (server, gun) in wanted {
            let state = store.server_state(server)?;
            let goes_on = state.as_ref().is_some_and(|state| state.goes_on);
            let last = state.and_then(|state| state.last_pass);
            let last = last.ok_or_else(|| {
                format!("{server} was never reached\nhint: leave --no-sync out, or run `vouchsafe sync` first")
            })?;
            at = at.min(last);
            let outcome = store.last_sync(server, gun)?;
            if goes_on || outcome.is_some_and(|it| matches!(it.result, SyncResult::Err { .. })) {
                unsynced.insert((server.clone(), gun.clone()));
            }
        }
        Ok(Self { at, unsynced })
    }
}

/// Whether the pass found out how a repository of the server is.
fn brought(report: &ServerReport, gun: &Gun) -> bool {
    let listed = u64::try_from(report.failures.len()).unwrap_or(u64::MAX);
    // Only so many are listed; beyond that it could be any.
    let all_listed = listed >= report.failed;
    let mut failures = report.failures.iter();
    report.error.is_none()
        && !report.goes_on
        && report.skipped == 0
        && all_listed
        && failures.all(|failure| failure.gun.as_ref().is_some_and(|failed| failed != gun))
}

#[cfg(test)]
mod tests {
    use vouchsafe_syncer::Source;

    use super::*;

    #[test]
    fn what_the_rest_of_a_changefeed_may_tell_of_is_not_current() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let server: Server = "notary.example.com".parse().unwrap();
        let wanted = BTreeSet::from([(server.clone(), "example.com/app".parse().unwrap())]);
        let report = |goes_on| PassReport {
            started: now,
            finished: now,
            servers: vec![ServerReport {
                server: server.clone(),
                source: Source::Changefeed,
                unchanged: 0,
                updated: 0,
                withdrawn: 0,
                failed: 0,
                skipped: 0,
                absent: 0,
                left_out: 0,
                requests: 1,
                failures: Vec::new(),
                error: None,
                changefeed: None,
                goes_on,
            }],
            unconfigured: Vec::new(),
            discovery: None,
        };
        let unsynced = |goes_on| Current::by_pass(&report(goes_on), &wanted, now).unsynced;
        assert_eq!(unsynced(false), BTreeSet::new());
        assert_eq!(unsynced(true), wanted);
    }
}
