//! A checksum over the records that decide, so that none is an old one without anybody noticing.
//!
//! sled checks every piece of its log. But recovery takes a damaged piece for one that was being overwritten, and goes on
//! behind it (sled 0.34.7, `LogIter::next`): what the piece held is gone, what came later is there, and a record may be
//! the one before. A tag would point to where it pointed once, and a withdrawn repository be there again.
//!
//! So all these records add up to a sum, whatever their order. What it is and what it is going to be is written just
//! before each change. Recovery takes a prefix of the log, so what it finds adds up to one of the two.

use std::sync::{Arc, Mutex, PoisonError};

use sled::{Db, IVec, Tree};
use vouchsafe_trust::Sha256;

use crate::StoreError;

/// What all checked records add up to.
#[derive(Debug)]
pub(crate) struct Checksum {
    db: Db,
    /// Held while a record is changed.
    sum: Mutex<Sum>,
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
    /// Opens trees by name, and adds them up.
    pub(crate) fn open<const N: usize>(
        db: &Db,
        names: [&'static str; N],
    ) -> Result<[Checked; N], StoreError> {
        let mut sum = Sum::default();
        for name in names {
            for entry in &db.open_tree(name)? {
                let (key, value) = entry?;
                sum.toggle(name, &key, Some(&value));
            }
        }
        let written = db.get(CHECKSUM)?;
        if !sum.is_one_of(written.as_deref()) {
            return Err(StoreError::damaged(
                "records that had been written are missing, or are what they were before",
            ));
        }
        let checksum = Arc::new(Self {
            db: db.clone(),
            sum: Mutex::new(sum),
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

    /// Makes these changes with `apply`, which says whether it did. Nothing else changes meanwhile.
    pub(crate) fn change<T>(
        &self,
        changes: &[Change<'_>],
        apply: impl FnOnce() -> Result<T, StoreError>,
        is_done: impl FnOnce(&T) -> bool,
    ) -> Result<T, StoreError> {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = *sum;
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
        self.db.insert(CHECKSUM, [sum.0, after.0].concat())?;
        let applied = apply()?;
        if is_done(&applied) {
            *sum = after;
        }
        Ok(applied)
    }
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

    pub(crate) fn checksum(&self) -> &Checksum {
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

    /// Whether this is one of the two sums that were `written`. Where none was, nothing else was.
    fn is_one_of(&self, written: Option<&[u8]>) -> bool {
        match written {
            None => *self == Self::default(),
            Some(written) => {
                written.len() == 2 * LENGTH && written.chunks(LENGTH).any(|sum| sum == self.0)
            }
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
        Checksum::open(db, ["one", "two"])
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
}
