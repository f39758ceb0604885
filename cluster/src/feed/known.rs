//! What is known of the objects, and what is told of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use vouchsafe_trust::{Gun, Server};

use super::Progress;
use super::object::{self, Object};
use super::writer::StatusWriter;
use crate::intake::Taken;
use crate::trust_repository::TrustRepositoryStatus;

/// What is known of one object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Another object may have had its name.
    pub(super) uid: String,
    /// Counts the changes of everything but the status.
    pub(super) generation: i64,
    /// Which configuration it was looked at under.
    pub(super) epoch: u64,
    /// What it claims to be of, if it makes sense.
    pub(super) repository: Option<(Server, Gun)>,
    pub(super) taken: Taken,
    /// What it said of when it was brought up to date, the last time that it was taken in.
    pub(super) synced_at: Option<Timestamp>,
    /// What its status says.
    pub(super) status: Option<TrustRepositoryStatus>,
}

impl Entry {
    /// Of an object that was not looked at yet.
    pub(super) fn new(object: &Object, epoch: u64) -> Self {
        let metadata = &object.metadata;
        Self {
            name: object::name(object).to_owned(),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            epoch,
            repository: None,
            taken: Taken::NotAsked,
            synced_at: None,
            status: object::status(object),
        }
    }

    /// Whether there is nothing new in `seen`, and nothing to try again.
    pub(super) fn is_as_seen_in(&self, seen: &Self) -> bool {
        let same = self.generation == seen.generation && self.epoch == seen.epoch;
        same && !self.is_to_try_again()
    }

    /// The repository that it claims to be of; blank if it makes no sense.
    fn gun(&self) -> &str {
        let gun = self.repository.as_ref().map(|(_, gun)| gun.as_str());
        gun.unwrap_or_default()
    }

    fn is_to_try_again(&self) -> bool {
        matches!(&self.taken, Taken::Refused(refused) if refused.transient)
    }
}

/// What is known of all objects.
pub(super) struct Known {
    progress: watch::Sender<Progress>,
    writer: Arc<StatusWriter>,
    entries: BTreeMap<String, Entry>,
    /// The objects of the list that is being read.
    listing: Option<BTreeSet<String>>,
    /// How many refused objects were logged since the last list.
    told: usize,
    /// The object that was tried again last.
    tried: String,
}

impl Known {
    pub(super) const fn new(progress: watch::Sender<Progress>, writer: Arc<StatusWriter>) -> Self {
        Self {
            progress,
            writer,
            entries: BTreeMap::new(),
            listing: None,
            told: 0,
            tried: String::new(),
        }
    }

    pub(super) fn of(&self, object: &Object) -> Option<Entry> {
        self.entries.get(object::name(object)).cloned()
    }

    pub(super) fn begin_list(&mut self) {
        self.listing = Some(BTreeSet::new());
        self.told = 0;
    }

    pub(super) fn list(&mut self, object: &Object) {
        if let Some(listing) = &mut self.listing {
            listing.insert(object::name(object).to_owned());
        }
    }

    pub(super) fn end_list(&mut self) {
        if let Some(listing) = self.listing.take() {
            self.entries.retain(|name, _| listing.contains(name));
        }
        self.count(true);
        self.show_all();
    }

    pub(super) fn learn(&mut self, entry: Entry) {
        let before = self.entries.get(&entry.name);
        if before.is_none_or(|before| before.taken != entry.taken) {
            self.tell(&entry);
        }
        self.writer.show(&entry);
        self.entries.insert(entry.name.clone(), entry);
        if self.listing.is_none() {
            self.count(false);
        }
    }

    /// Whoever may delete objects takes no proof away: what was proven stays stored.
    pub(super) fn deleted(&mut self, object: &Object) {
        let name = object::name(object);
        tracing::warn!(%name, "a TrustRepository was deleted; what it brought stays");
        self.entries.remove(name);
        self.count(false);
    }

    /// Has the status of every object written anew where it is no longer true.
    pub(super) fn show_all(&self) {
        self.entries
            .values()
            .for_each(|entry| self.writer.show(entry));
    }

    /// The next objects to try again, each in its turn, however many there are.
    pub(super) fn next_to_try_again(&mut self, most: usize) -> Vec<String> {
        let failed = |range: (Bound<&str>, Bound<&str>)| {
            let entries = self.entries.range::<str, _>(range);
            entries
                .filter(|(_, it)| it.is_to_try_again())
                .map(|(name, _)| name.clone())
        };
        let last = self.tried.as_str();
        let after = failed((Bound::Excluded(last), Bound::Unbounded));
        let before = failed((Bound::Unbounded, Bound::Included(last)));
        let names: Vec<String> = after.chain(before).take(most).collect();
        if let Some(last) = names.last() {
            self.tried.clone_from(last);
        }
        names
    }

    pub(super) fn reachable(&self) {
        let changed = |progress: &mut Progress| {
            let was = progress.reachable.replace(true);
            was != Some(true)
        };
        if self.progress.send_if_modified(changed) {
            tracing::info!("following the TrustRepository objects");
        }
    }

    pub(super) fn unreachable(&self, error: &impl fmt::Display) {
        let changed = |progress: &mut Progress| {
            let was = progress.reachable.replace(false);
            was != Some(false)
        };
        if self.progress.send_if_modified(changed) {
            tracing::warn!(%error, "cannot follow the TrustRepository objects; what is stored stays");
        }
    }

    fn count(&self, listed: bool) {
        let mut objects = BTreeMap::<&'static str, u64>::new();
        for entry in self.entries.values() {
            // That it was new once is not what it is.
            let label = match &entry.taken {
                Taken::Updated | Taken::Unchanged => "stored",
                Taken::NotAsked | Taken::Refused(_) | Taken::Withdrawn => entry.taken.label(),
            };
            *objects.entry(label).or_default() += 1;
        }
        self.progress.send_modify(|progress| {
            progress.listed |= listed;
            progress.objects = objects;
        });
    }

    /// Logs what became of an object.
    fn tell(&mut self, entry: &Entry) {
        let gun = entry.gun();
        match &entry.taken {
            Taken::Unchanged => {}
            Taken::Updated => tracing::info!(%gun, "updated from its TrustRepository"),
            Taken::Withdrawn => tracing::warn!(%gun, "withdrawn: its server no longer has it"),
            Taken::NotAsked | Taken::Refused(_) => self.tell_unchanging(entry),
        }
    }

    /// Logs why an object changes nothing. Whoever may write objects must not fill the disk with it.
    fn tell_unchanging(&mut self, entry: &Entry) {
        if self.told <= MOST_TOLD {
            self.told += 1;
        }
        let (name, gun) = (entry.name.as_str(), entry.gun());
        match &entry.taken {
            _ if self.told > MOST_TOLD => {}
            Taken::Refused(refused) => {
                let (reason, error) = (refused.label, &refused.message);
                tracing::warn!(%name, %gun, reason, %error, "a TrustRepository changes nothing");
            }
            Taken::NotAsked | Taken::Unchanged | Taken::Updated | Taken::Withdrawn => {
                tracing::info!(%name, %gun, "no rule asks about the repository of a TrustRepository");
            }
        }
        if self.told == MOST_TOLD {
            tracing::warn!(
                "more TrustRepository objects may change nothing; their status says why"
            );
        }
    }
}

/// How many objects are logged that change nothing, between two lists.
const MOST_TOLD: usize = 50;
