//! All objects of one kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entry::Entry;

/// The objects of one kind by namespace and name, and how well they are known.
#[derive(Debug, Default)]
pub(super) struct Table {
    objects: BTreeMap<Arc<str>, BTreeMap<Box<str>, Arc<Entry>>>,
    count: usize,
    /// How many there was no room for.
    pub(super) left_out: usize,
    /// Whether they were all listed once.
    pub(super) is_listed: bool,
    /// Since when the API server tells nothing of them.
    pub(super) failing_since: Option<Instant>,
}

impl Table {
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.objects.get(namespace)?.get(name)
    }

    /// Takes note of an object; returns whether anything of it is new.
    pub(super) fn insert(&mut self, namespace: Arc<str>, name: &str, entry: Entry) -> bool {
        let known = self
            .objects
            .get_mut(&namespace)
            .and_then(|all| all.get_mut(name));
        if let Some(known) = known {
            let is_new = **known != entry;
            if is_new {
                *known = Arc::new(entry);
            }
            return is_new;
        }
        if self.count >= MAX_OBJECTS {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.count = self.count.saturating_add(1);
        let all = self.objects.entry(namespace).or_default();
        all.insert(name.into(), Arc::new(entry)).is_none()
    }

    /// Drops an object; returns whether it was known.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Some(all) = self.objects.get_mut(namespace) else {
            return false;
        };
        let was_known = all.remove(name).is_some();
        if all.is_empty() {
            self.objects.remove(namespace);
        }
        self.count = self.count.saturating_sub(usize::from(was_known));
        was_known
    }

    /// Whether what is known may be relied on: it was whole once, and has not been without news of its upkeep for
    /// long.
    pub(super) fn is_current(&self, now: Instant) -> bool {
        let failing = self.failing_since.map(|since| now.duration_since(since));
        self.is_listed && failing.is_none_or(|failing| failing < MAX_LAG)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &str, &Arc<Entry>)> {
        self.objects.iter().flat_map(|(namespace, all)| {
            all.iter()
                .map(move |(name, entry)| (namespace, &**name, entry))
        })
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }
}

/// How long the API server may fail to tell news before what is known of it counts for nothing.
pub(super) const MAX_LAG: Duration = Duration::from_mins(5);
/// The most objects of a kind that are kept. Kubernetes is made for 150,000 Pods ("Considerations for large clusters").
const MAX_OBJECTS: usize = 500_000;
