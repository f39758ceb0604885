//! Which repositories a pass has to look at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use vouchsafe_trust::{Gun, Sha256, Timestamp};

use super::AFTER_EXPIRY;
use super::backlog::Backlog;
use crate::feed::Change;
use crate::ledger::{Entry, StoredEntry};

/// What is known when a pass is planned.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The mirrored repositories that the store knows something of.
    pub(super) entries: &'a [Entry],
    /// The repositories that the configuration names.
    pub(super) named: &'a [Gun],
    /// The repositories of which nothing is known but that images of them were sighted.
    pub(super) sighted: &'a BTreeSet<Gun>,
    /// What the changefeed says.
    pub(super) changes: &'a BTreeMap<Gun, Change>,
    pub(super) backlog: &'a Backlog,
    pub(super) now: Timestamp,
}

impl Known<'_> {
    /// Every repository that there is.
    pub(super) fn all(&self) -> BTreeSet<Gun> {
        let known = self.entries.iter().map(|entry| &entry.gun);
        known
            .chain(self.named)
            .chain(self.published())
            .chain(self.sighted)
            .cloned()
            .collect()
    }

    /// The repositories whose timestamp has run out.
    pub(super) fn expired(&self) -> BTreeSet<Gun> {
        self.entries
            .iter()
            .filter(|entry| self.has_expired(entry) && self.may_try(&entry.gun))
            .map(|entry| entry.gun.clone())
            .collect()
    }

    /// The repositories that changed, expired, failed or are verified under other pins; and those
    /// that were never stored.
    pub(super) fn due(&self, pins: impl Fn(&Gun) -> Option<Sha256>) -> BTreeSet<Gun> {
        let mut known = BTreeSet::new();
        let mut due = BTreeSet::new();
        for entry in self.entries {
            known.insert(&entry.gun);
            let change = self.changes.get(&entry.gun);
            let other_pins = entry
                .stored
                .is_some_and(|stored| pins(&entry.gun) != Some(stored.pins));
            let own = entry.failed || other_pins || self.has_expired(entry);
            let is_new = change.is_some_and(|change| change.is_new && differs(entry, change));
            let is_missed = change.is_some_and(|change| differs(entry, change));
            if is_new || ((own || is_missed) && self.may_try(&entry.gun)) {
                due.insert(entry.gun.clone());
            }
        }
        let unknown = self.named.iter().chain(self.published());
        let unknown = unknown.chain(self.sighted);
        due.extend(
            unknown
                .filter(|gun| !known.contains(gun) && self.may_try(gun))
                .cloned(),
        );
        due
    }

    fn published(&self) -> impl Iterator<Item = &Gun> {
        self.changes
            .iter()
            .filter(|(_, change)| change.timestamp.is_some())
            .map(|(gun, _)| gun)
    }

    fn has_expired(&self, entry: &Entry) -> bool {
        entry
            .stored
            .is_some_and(|stored| expiry(&entry.gun, stored) <= self.now)
    }

    fn may_try(&self, gun: &Gun) -> bool {
        self.backlog.allows(gun, self.now)
    }
}

/// When a stored timestamp has run out for the server too.
pub(super) fn expiry(gun: &Gun, stored: StoredEntry) -> Timestamp {
    let spread = Sha256::of(gun.as_str().as_bytes()).as_bytes()[0];
    let spread = AFTER_EXPIRY * u32::from(spread) / 255;
    let after = SignedDuration::try_from(AFTER_EXPIRY + spread).unwrap_or_default();
    stored.expires.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// Whether the store has something else than the changefeed says. A deleted repository is not
/// simply dropped: the server is asked about it.
fn differs(entry: &Entry, change: &Change) -> bool {
    entry.stored.map(|stored| stored.timestamp) != change.timestamp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gun(name: &str) -> Gun {
        format!("example.com/{name}").parse().unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn stored(name: &str) -> Entry {
        let stored = StoredEntry {
            timestamp: Sha256::of(name.as_bytes()),
            expires: at(60),
            pins: Sha256::of(b"pins"),
        };
        Entry {
            gun: gun(name),
            stored: Some(stored),
            failed: false,
            recorded: true,
        }
    }

    fn change(contents: Option<&str>, is_new: bool) -> Change {
        Change {
            timestamp: contents.map(|text| Sha256::of(text.as_bytes())),
            is_new,
        }
    }

    fn due(
        entries: &[Entry],
        named: &[Gun],
        changes: &[(&str, Change)],
        backlog: &Backlog,
        now: Timestamp,
    ) -> Vec<String> {
        let changes = changes.iter().map(|(name, c)| (gun(name), *c)).collect();
        let known = Known {
            entries,
            named,
            sighted: &BTreeSet::new(),
            changes: &changes,
            backlog,
            now,
        };
        let due = known.due(|_| Some(Sha256::of(b"pins")));
        due.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_changed_is_due() {
        let entries = [stored("a"), stored("b"), stored("c")];
        let changes = [
            ("a", change(Some("a"), false)),
            ("b", change(Some("newer"), true)),
            ("d", change(Some("d"), true)),
            ("e", change(None, true)),
        ];
        assert_eq!(
            due(
                &entries,
                &[gun("c"), gun("f")],
                &changes,
                &Backlog::default(),
                at(0)
            ),
            ["example.com/b", "example.com/d", "example.com/f"]
        );
    }

    #[test]
    fn a_deletion_is_due_while_something_is_stored() {
        let gone = Entry {
            stored: None,
            ..stored("gone")
        };
        let deleted = [("gone", change(None, false)), ("a", change(None, false))];
        assert_eq!(
            due(
                &[stored("a"), gone],
                &[],
                &deleted,
                &Backlog::default(),
                at(0)
            ),
            ["example.com/a"]
        );
    }

    #[test]
    fn a_timestamp_is_due_when_it_expired_and_not_before() {
        let entries = [stored("a")];
        let at_expiry = |now| due(&entries, &[], &[], &Backlog::default(), now).len();
        assert_eq!(at_expiry(at(60)), 0);
        assert_eq!(at_expiry(at(61)), 1);
    }

    #[test]
    fn what_failed_is_tried_again_but_not_at_once() {
        let failed = Entry {
            failed: true,
            ..stored("a")
        };
        let entries = [failed];
        let mut backlog = Backlog::default();
        assert_eq!(due(&entries, &[], &[], &backlog, at(0)).len(), 1);
        backlog.failed(&gun("a"), at(0));
        assert_eq!(due(&entries, &[], &[], &backlog, at(1)).len(), 0);
        assert_eq!(due(&entries, &[], &[], &backlog, at(4)).len(), 1);
        let news = [("a", change(Some("newer"), true))];
        assert_eq!(
            due(&entries, &[], &news, &backlog, at(1)).len(),
            1,
            "a new change does not wait"
        );
    }

    #[test]
    fn other_pins_make_a_repository_due() {
        let changes = BTreeMap::new();
        let known = Known {
            entries: &[stored("a")],
            named: &[],
            sighted: &BTreeSet::new(),
            changes: &changes,
            backlog: &Backlog::default(),
            now: at(0),
        };
        assert_eq!(known.due(|_| Some(Sha256::of(b"others"))).len(), 1);
        assert_eq!(known.due(|_| Some(Sha256::of(b"pins"))).len(), 0);
    }
}
