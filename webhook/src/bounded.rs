//! Lists of a request, bounded while they are read.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};

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
}
