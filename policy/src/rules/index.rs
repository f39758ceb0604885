//! Finds the rules that can be about a name without looking at the others.

use std::collections::BTreeMap;
use std::iter;

use crate::pattern::Glob;

/// Values by a prefix each; those of every prefix of a text are found together.
///
/// The prefixes are sorted, and each is linked to the longest other one that it begins with.
/// Whatever stands in sorted order between a prefix of a text and that text begins with the prefix
/// as well. So all prefixes of the text are on the chain of links that starts at the last entry
/// that is not greater than it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrefixMap<V> {
    entries: Box<[Entry<V>]>,
}

#[derive(Clone, Debug)]
struct Entry<V> {
    prefix: Box<str>,
    /// Where the longest other prefix of this prefix is.
    shorter: Option<usize>,
    value: V,
}

impl<V> PrefixMap<V> {
    /// The values of all prefixes of `text`, the longest prefix first.
    pub(crate) fn prefixes_of<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a V> {
        let after = self.entries.partition_point(|entry| *entry.prefix <= *text);
        let entry = |at: Option<usize>| self.entries.get(at?);
        iter::successors(entry(after.checked_sub(1)), move |last| entry(last.shorter))
            .filter(|entry| text.starts_with(&*entry.prefix))
            .map(|entry| &entry.value)
    }
}

impl<K: AsRef<str> + Ord, V> From<BTreeMap<K, V>> for PrefixMap<V> {
    fn from(values: BTreeMap<K, V>) -> Self {
        let mut entries: Vec<Entry<V>> = Vec::with_capacity(values.len());
        // Where the prefixes of the one before are, itself included.
        let mut chain: Vec<usize> = Vec::new();
        for (prefix, value) in values {
            let prefix: Box<str> = prefix.as_ref().into();
            let goes_on = |at: usize| {
                let entry = entries.get(at);
                entry.is_some_and(|entry| prefix.starts_with(&*entry.prefix))
            };
            while chain.pop_if(|last| !goes_on(*last)).is_some() {}
            let shorter = chain.last().copied();
            chain.push(entries.len());
            entries.push(Entry {
                prefix,
                shorter,
                value,
            });
        }
        let entries = entries.into();
        Self { entries }
    }
}

/// Where rules stand in a list of rules, by what the names that they are about begin with; or, where
/// they can begin with anything, by what they end with.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    by_beginning: PrefixMap<Vec<usize>>,
    /// The ends are written backwards.
    by_end: PrefixMap<Vec<usize>>,
}

impl Names {
    /// The names that `globs` match, each with the place of its rule, in ascending order of the
    /// places.
    pub(super) fn new(globs: &[(&Glob, usize)]) -> Self {
        let (by_end, by_beginning): (Vec<_>, Vec<_>) = globs
            .iter()
            .copied()
            .partition(|(glob, _)| glob.prefix().is_empty());
        let by_beginning = by_beginning.into_iter();
        let by_end = by_end.into_iter();
        Self {
            by_beginning: grouped(by_beginning.map(|(glob, at)| (glob.prefix(), at))).into(),
            by_end: grouped(by_end.map(|(glob, at)| (backwards(glob.suffix()), at))).into(),
        }
    }

    /// The first place for a rule about `name` that `fits`.
    pub(super) fn first(&self, name: &str, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let backwards = if self.by_end.entries.is_empty() {
            String::new()
        } else {
            backwards(name)
        };
        let by_beginning = self.by_beginning.prefixes_of(name);
        let mut first = None;
        for places in by_beginning.chain(self.by_end.prefixes_of(&backwards)) {
            let mut earlier = places
                .iter()
                .copied()
                .take_while(|place| first.is_none_or(|first| *place < first));
            first = earlier.find(|place| fits(*place)).or(first);
        }
        first
    }
}

/// The characters of `text` in the opposite order.
pub(super) fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}

/// The values of each key, in the order in which they came.
pub(crate) fn grouped<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_prefixes_of_a_text_are_found_and_nothing_else(
            prefixes in proptest::collection::btree_set("[ab]{0,5}", 0..20),
            text in "[ab]{0,7}",
        ) {
            let map: BTreeMap<&str, &str> = prefixes.iter().map(|p| (&**p, &**p)).collect();
            let map = PrefixMap::from(map);
            let found: Vec<&str> = map.prefixes_of(&text).copied().collect();
            let expected: BTreeSet<&str> = prefixes
                .iter()
                .map(String::as_str)
                .filter(|prefix| text.starts_with(prefix))
                .collect();
            let longest_first: Vec<&str> = expected.into_iter().rev().collect();
            prop_assert_eq!(found, longest_first);
        }
    }
}
