//! Finds the rules that can be about a name without looking at the others.

use std::collections::BTreeMap;
use std::iter;

/// Values by a prefix each; those of every prefix of a text are found together.
///
/// The prefixes are sorted, and each is linked to the longest other one that it begins with.
/// Whatever stands in sorted order between a prefix of a text and that text begins with the prefix
/// as well. So all prefixes of the text are on the chain of links that starts at the last entry
/// that is not greater than it.
#[derive(Clone, Debug)]
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

impl<V> From<BTreeMap<&str, V>> for PrefixMap<V> {
    fn from(values: BTreeMap<&str, V>) -> Self {
        // The prefixes of the one before, itself included, with their places.
        let mut chain: Vec<(&str, usize)> = Vec::new();
        let mut entries = Vec::with_capacity(values.len());
        for (prefix, value) in values {
            while chain
                .pop_if(|(last, _)| !prefix.starts_with(*last))
                .is_some()
            {}
            let shorter = chain.last().map(|(_, at)| *at);
            chain.push((prefix, entries.len()));
            let prefix = prefix.into();
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

/// Where rules stand in a list of rules, by what the names that they are about begin with.
#[derive(Clone, Debug)]
pub(super) struct Names(PrefixMap<Vec<usize>>);

impl Names {
    /// The first place for a rule about `name` that `fits`.
    pub(super) fn first(&self, name: &str, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let mut first = None;
        for places in self.0.prefixes_of(name) {
            let mut earlier = places
                .iter()
                .copied()
                .take_while(|place| first.is_none_or(|first| *place < first));
            first = earlier.find(|place| fits(*place)).or(first);
        }
        first
    }
}

impl<'a> FromIterator<(&'a str, usize)> for Names {
    /// Takes what each name begins with, and the place of its rule, in ascending order of the
    /// places.
    fn from_iter<I: IntoIterator<Item = (&'a str, usize)>>(names: I) -> Self {
        Self(grouped(names).into())
    }
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
