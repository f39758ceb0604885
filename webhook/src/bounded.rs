//! Lists of a request, bounded while they are read.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};

/// A list that is refused as soon as it has more than [`MAX_PLACES`] items: what an item of four
/// bytes in a body becomes in memory is some twenty times that.
#[derive(Debug)]
pub(crate) struct Bounded<T>(Vec<T>);

impl<'l, T> IntoIterator for &'l Bounded<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Bounded<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_PLACES} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MAX_PLACES {
                let more = items.len().saturating_add(1);
                return Err(A::Error::invalid_length(more, &self));
            }
            items.push(item);
        }
        Ok(Bounded(items))
    }
}

/// A list of which no more than the first [`MAX_PLACES`] items are kept: for what can only ever speak
/// for an object, so that leaving some of it out is no reason to refuse the object.
#[derive(Debug)]
pub(crate) struct Capped<T>(Vec<T>);

impl<'l, T> IntoIterator for &'l Capped<T> {
    type Item = &'l T;
    type IntoIter = std::slice::Iter<'l, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstItems(PhantomData))
    }
}

struct FirstItems<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstItems<T> {
    type Value = Capped<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX_PLACES {
            match list.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Capped(items)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Capped(items))
    }
}

/// How many places of an object may name an image. A node runs some hundred Pods, and etcd keeps
/// nothing above 1.5 MiB.
pub(crate) const MAX_PLACES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_refused_at_the_first_item_too_many() {
        let list = |items: usize, end: &str| {
            let json = format!("[{}{end}", vec!["1"; items].join(","));
            serde_json::from_str::<Bounded<u8>>(&json)
        };
        assert_eq!(list(MAX_PLACES, "]").unwrap().into_iter().count(), 1000);
        // What comes after it is not even read.
        let error = list(MAX_PLACES + 1, ", no JSON").unwrap_err().to_string();
        assert!(error.contains("at most 1000 items"), "{error}");
    }

    #[test]
    fn of_a_capped_list_the_first_items_are_kept() {
        let list = |items: usize| {
            let json = format!("[{}]", vec!["1"; items].join(","));
            let list: Capped<u8> = serde_json::from_str(&json).unwrap();
            list.into_iter().count()
        };
        for (items, kept) in [(0, 0), (MAX_PLACES, 1000), (MAX_PLACES + 1, 1000)] {
            assert_eq!(list(items), kept);
        }
        assert!(serde_json::from_str::<Capped<u8>>("[1,").is_err());
    }
}
