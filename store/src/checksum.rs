//! A checksum over the records that decide, so that none is an old one without anybody noticing.
//!
//! sled checks every piece of its log. But recovery takes a damaged piece for one that was being overwritten, and goes on
//! behind it (sled 0.34.7, `LogIter::next`): what the piece held is gone, what came later is there, and a record may be
//! the one before. A tag would point to where it pointed once, and a withdrawn repository be there again.
//!
//! So all these records add up to a sum, whatever their order. What it is and what it is going to be is written just
//! before each change, with the number of the change. Recovery takes a prefix of the log, so what it finds adds up to one
//! of the two. What is synced says how many changes there were before: the last of those was made, so it has to be the
//! second then.

use std::sync::{Arc, Mutex, PoisonError};

use sled::{Db, IVec, Tree};
use vouchsafe_trust::Sha256;

use crate::StoreError;

/// What all checked records add up to.
#[derive(Debug)]
pub(crate) struct Checksum {
    db: Db,
    /// Held while a record is changed.
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    sum: Sum,
    /// The number of the last change that was begun.
    begun: u64,
    /// The number of the last change that was made.
    made: u64,
}

/// What is written before a change.
#[derive(Clone, Copy, Debug, Default)]
struct Intent {
    number: u64,
    before: Sum,
    after: Sum,
}

/// A tree whose records are checked. Whoever reads it does not wait.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    name: &'static str,
    tree: Tree,
    checksum: Arc<Checksum>,
}

/// A change of one record.
pub(crate) struct Change<'a> {
    tree: &'a Checked,
    key: &'a [u8],
    after: Option<&'a [u8]>,
}

impl Checksum {
    /// Opens trees by name, and adds them up; `count` counts the records.
    pub(crate) fn open<const N: usize>(
        db: &Db,
        names: [&'static str; N],
        count: impl Fn(usize),
    ) -> Result<[Checked; N], StoreError> {
        let mut sum = Sum::default();
        for name in names {
            for (number, entry) in (1..).zip(&db.open_tree(name)?) {
                count(number);
                let (key, value) = entry?;
                sum.toggle(name, &key, Some(&value));
            }
        }
        let Intent {
            number,
            before,
            after,
        } = match db.get(CHECKSUM)? {
            // Where none was written, nothing else was.
            None => Intent::default(),
            Some(value) => Intent::decode(&value).ok_or_else(lost)?,
        };
        let made = if sum == after {
            number
        } else if sum == before {
            number.saturating_sub(1)
        } else {
            return Err(lost());
        };
        let checksum = Arc::new(Self {
            db: db.clone(),
            state: Mutex::new(State {
                sum,
                begun: number,
                made,
            }),
        });
        let mut trees = Vec::with_capacity(N);
        for name in names {
            trees.push(Checked {
                name,
                tree: db.open_tree(name)?,
                checksum: Arc::clone(&checksum),
            });
        }
        trees
            .try_into()
            .map_err(|_trees| StoreError::damaged("a tree is missing"))
    }

    /// How many changes were begun before the last that was made, and that one.
    pub(crate) fn changes(&self) -> u64 {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).made
    }

    /// Makes sure that what was found is not from before change `number`, which was synced.
    pub(crate) fn require(&self, number: u64) -> Result<(), StoreError> {
        if self.changes() >= number {
            Ok(())
        } else {
            Err(lost())
        }
    }

    /// Makes these changes with `apply`, which says whether it did. Nothing else changes meanwhile.
    pub(crate) fn change<T>(
        &self,
        changes: &[Change<'_>],
        apply: impl FnOnce() -> Result<T, StoreError>,
        is_done: impl FnOnce(&T) -> bool,
    ) -> Result<T, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.sum;
        let mut after = before;
        for Change {
            tree,
            key,
            after: to,
        } in changes
        {
            let from = tree.tree.get(key)?;
            after.toggle(tree.name, key, from.as_deref());
            after.toggle(tree.name, key, *to);
        }
        let number = state.begun.saturating_add(1);
        let intent = Intent {
            number,
            before,
            after,
        };
        self.db.insert(CHECKSUM, intent.encode())?;
        state.begun = number;
        let applied = apply()?;
        if is_done(&applied) {
            state.sum = after;
            state.made = number;
        }
        Ok(applied)
    }
}

impl Intent {
    fn encode(&self) -> Vec<u8> {
        let number = self.number.to_be_bytes();
        [number.as_slice(), &self.before.0, &self.after.0].concat()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (number, sums) = value.split_first_chunk::<FIELD>()?;
        let (before, after) = sums.split_at_checked(LENGTH)?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            before: Sum(before.try_into().ok()?),
            after: Sum(after.try_into().ok()?),
        })
    }
}

fn lost() -> StoreError {
    StoreError::damaged("records that had been written are missing, or are what they were before")
}

impl Checked {
    /// The value of a key.
    pub(crate) fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<IVec>, sled::Error> {
        self.tree.get(key)
    }

    /// All records, in the order of their keys.
    pub(crate) fn iter(&self) -> sled::Iter {
        self.tree.iter()
    }

    /// The tree itself, for changes that [`Checksum::change`] makes.
    pub(crate) const fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) const fn checksum(&self) -> &Arc<Checksum> {
        &self.checksum
    }

    /// The change that puts `after` in the place of what is there; nothing takes it away.
    pub(crate) const fn change<'a>(&'a self, key: &'a [u8], after: Option<&'a [u8]>) -> Change<'a> {
        Change {
            tree: self,
            key,
            after,
        }
    }

    /// Writes a record.
    pub(crate) fn insert(&self, key: impl AsRef<[u8]>, value: &[u8]) -> Result<(), StoreError> {
        let change = self.change(key.as_ref(), Some(value));
        let insert = || Ok(self.tree.insert(key.as_ref(), value)?);
        self.checksum.change(&[change], insert, |_| true)?;
        Ok(())
    }

    /// Takes a record away; returns whether there was one.
    pub(crate) fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool, StoreError> {
        let change = self.change(key.as_ref(), None);
        let remove = || Ok(self.tree.remove(key.as_ref())?);
        let removed = self.checksum.change(&[change], remove, |_| true)?;
        Ok(removed.is_some())
    }

    /// Writes a record if the one that is there is still `before`; returns whether it is.
    pub(crate) fn swap(
        &self,
        key: &[u8],
        before: Option<&IVec>,
        after: &[u8],
    ) -> Result<bool, StoreError> {
        let swap = || {
            Ok(self
                .tree
                .compare_and_swap(key, before, Some(after))?
                .is_ok())
        };
        let change = self.change(key, Some(after));
        self.checksum.change(&[change], swap, |swapped| *swapped)
    }

    /// Takes away every record whose key starts with `prefix`.
    pub(crate) fn drop_prefix(&self, prefix: &[u8]) -> Result<(), StoreError> {
        for key in self.tree.scan_prefix(prefix).keys() {
            self.remove(key?)?;
        }
        Ok(())
    }
}

/// The digests of records, added up bit by bit, so that a record can be taken out as it was put in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum([u8; LENGTH]);

impl Sum {
    /// Puts a record in, or takes it out.
    fn toggle(&mut self, tree: &str, key: &[u8], value: Option<&[u8]>) {
        let Some(value) = value else { return };
        let mut record = Vec::with_capacity(tree.len() + key.len() + value.len() + 2 * FIELD);
        for field in [tree.as_bytes(), key] {
            record.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            record.extend_from_slice(field);
        }
        record.extend_from_slice(value);
        let digest = Sha256::of(&record);
        for (sum, byte) in self.0.iter_mut().zip(digest.as_bytes()) {
            *sum ^= byte;
        }
    }
}

const CHECKSUM: &[u8] = b"checksum";
const LENGTH: usize = 32;
const FIELD: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(db: &Db) -> Result<[Checked; 2], StoreError> {
        Checksum::open(db, ["one", "two"], |_| {})
    }

    #[test]
    fn what_is_changed_behind_its_back_is_noticed() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let [one, two] = open(&db).unwrap();
        one.insert("a", b"1").unwrap();
        two.insert("a", b"1").unwrap();
        one.insert("a", b"2").unwrap();
        one.insert("ab", b"").unwrap();
        assert!(!two.remove("b").unwrap());
        let before = one.get("a").unwrap();
        assert!(one.swap(b"a", before.as_ref(), b"3").unwrap());
        assert!(!one.swap(b"a", before.as_ref(), b"4").unwrap());
        assert!(open(&db).is_ok());
        let changed: [fn(&Checked, &Checked); 4] = [
            |one, _| drop(one.tree.insert("a", b"2").unwrap()),
            |one, _| drop(one.tree.remove("ab").unwrap()),
            |_, two| drop(two.tree.insert("b", b"1").unwrap()),
            // The same records, each in the other's place.
            |one, two| {
                one.tree.insert("a", b"1").unwrap();
                two.tree.insert("a", b"3").unwrap();
            },
        ];
        for change in changed {
            change(&one, &two);
            assert_eq!(open(&db).unwrap_err().label(), "store_damaged");
            for tree in [&one, &two] {
                tree.tree.clear().unwrap();
            }
            one.tree.insert("a", b"3").unwrap();
            one.tree.insert("ab", b"").unwrap();
            two.tree.insert("a", b"1").unwrap();
            assert!(open(&db).is_ok());
        }
    }

    #[test]
    fn a_crash_before_or_after_a_change_is_none_of_that() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let [one, _] = open(&db).unwrap();
        one.insert("a", b"1").unwrap();
        let crash = one.checksum().change(
            &[one.change(b"a", Some(b"2"))],
            || Err::<(), _>(StoreError::damaged("the power fails here")),
            |()| true,
        );
        crash.unwrap_err();
        assert!(open(&db).is_ok());
        one.tree.insert("a", b"2").unwrap();
        assert!(open(&db).is_ok());
        db.remove(CHECKSUM).unwrap();
        assert!(open(&db).is_err());
    }

    #[test]
    fn a_change_that_was_synced_is_not_taken_back() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let [one, _] = open(&db).unwrap();
        one.insert("a", b"1").unwrap();
        one.insert("a", b"2").unwrap();
        let synced = one.checksum().changes();
        assert_eq!(synced, 2);
        let [again, _] = open(&db).unwrap();
        again.checksum().require(synced).unwrap();
        one.tree.insert("a", b"1").unwrap();
        let [back, _] = open(&db).unwrap();
        let error = back.checksum().require(synced).unwrap_err();
        assert_eq!(error.label(), "store_damaged");
        // One that was never made was not synced either.
        back.checksum().require(1).unwrap();
        back.insert("a", b"3").unwrap();
        assert_eq!(back.checksum().changes(), 3);
    }
}
