//! Which outcomes the store remembers.

use std::collections::BTreeSet;

use vouchsafe_trust::Gun;

use crate::ledger::Entry;
use crate::report::Outcome;

/// Bounds the records of repositories that were never stored: a server can name any number of new
/// ones in its changefeed.
#[derive(Debug)]
pub(super) struct Records {
    /// Repositories whose outcome is remembered in any case.
    known: BTreeSet<Gun>,
    /// How many others may get a record.
    room: usize,
    /// Whether a repository got no record that must be tried again.
    pub(super) lost: bool,
}

impl Records {
    /// Every outcome is remembered, since somebody named each of the repositories.
    pub(super) const fn of_requested() -> Self {
        Self {
            known: BTreeSet::new(),
            room: usize::MAX,
            lost: false,
        }
    }

    /// The outcomes of those that have an entry or are `named` are remembered, and some thousand
    /// others.
    pub(super) fn beside(entries: &[Entry], named: &[Gun]) -> Self {
        let known = entries.iter().map(|entry| &entry.gun).chain(named);
        let never_stored = entries.iter().filter(|entry| entry.stored.is_none());
        Self {
            known: known.cloned().collect(),
            room: MAX_NEVER_STORED.saturating_sub(never_stored.count()),
            lost: false,
        }
    }

    /// Whether the outcome is to be remembered; `again` if it calls for another attempt.
    ///
    /// What is at fault in a repository without a record is its publisher's to mend, and shows in
    /// the changefeed then.
    pub(super) fn take(&mut self, gun: &Gun, outcome: &Outcome, again: bool) -> bool {
        match outcome {
            // Nobody counts how many repositories there are not.
            Outcome::Absent => return false,
            Outcome::Unchanged | Outcome::Updated | Outcome::Withdrawn => return true,
            Outcome::Failed(_) if self.known.contains(gun) => return true,
            Outcome::Failed(_) => {}
        }
        if self.room == 0 {
            self.lost |= again;
            return false;
        }
        self.room -= 1;
        true
    }
}

/// The most records of repositories of one server that were never stored.
const MAX_NEVER_STORED: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Failure;

    #[test]
    fn a_server_that_names_ever_new_repositories_fills_no_store() {
        let gun = |number: usize| -> Gun { format!("example.com/app{number}").parse().unwrap() };
        let server = "notary.example.com".parse().unwrap();
        let failure = Failure::of_server(&server, "no_trust_data", "none");
        let failed = Outcome::Failed(Box::new(failure));
        let entry = |number| Entry {
            gun: gun(number),
            stored: None,
            failed: true,
            recorded: true,
        };
        let entries: Vec<Entry> = (0..10).map(entry).collect();
        let named = [gun(10)];
        let mut records = Records::beside(&entries, &named);
        let taken = (11..20_000).filter(|&n| records.take(&gun(n), &failed, false));
        assert_eq!(taken.count(), MAX_NEVER_STORED - 10);
        assert!(!records.lost);
        assert!((0..11).all(|number| records.take(&gun(number), &failed, true)));
        assert!(records.take(&gun(20_000), &Outcome::Updated, false));
        assert!(!records.lost);
        assert!(!records.take(&gun(20_000), &failed, true));
        assert!(records.lost, "its change must not be passed over");

        let mut requested = Records::of_requested();
        assert!((0..20_000).all(|number| requested.take(&gun(number), &failed, true)));
    }
}
