//! Repositories that are discovered since something names an image of them.
//!
//! Whoever may create an object may name any number of images. So only those count which the policy selects, each
//! namespace gets its turn, and a pass asks for so many at most; the rest has its turn in another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use vouchsafe_trust::{Gun, Sha256, Timestamp};

/// Images as they are written, by the namespace of the objects that name them.
pub type Images = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// The images that were sighted last. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Sightings(Arc<Mutex<Arc<Images>>>);

/// Repositories that a pass asks for since images of them were sighted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sighted {
    /// The repositories.
    pub guns: BTreeSet<Gun>,
    /// How many others there are, which were too many.
    pub left_out: usize,
}

impl Sightings {
    /// Takes these images for what is there now.
    pub fn set(&self, images: Images) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(images);
    }

    /// The repositories that `repository` tells from an image and its namespace, as many as one pass asks for.
    ///
    /// Where they are too many, no namespace gets more than another that has more to offer, and which of its own it gets
    /// changes with `now`.
    pub(crate) fn select(
        &self,
        repository: impl Fn(&str, &str) -> Option<Gun>,
        now: Timestamp,
    ) -> Sighted {
        let images = {
            let images = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&images)
        };
        let mut all = BTreeSet::new();
        let mut by_namespace: Vec<BTreeSet<Gun>> = Vec::new();
        for (namespace, images) in &*images {
            let guns = images
                .iter()
                .filter_map(|image| repository(image, namespace));
            let guns: BTreeSet<Gun> = guns.collect();
            all.extend(guns.iter().cloned());
            by_namespace.push(guns);
        }
        if all.len() <= MAX_SIGHTED {
            return Sighted {
                guns: all,
                left_out: 0,
            };
        }
        let guns = in_turn(by_namespace, now);
        Sighted {
            left_out: all.len().saturating_sub(guns.len()),
            guns,
        }
    }
}

/// One repository of each namespace, another of each, and so on, in an order of their own for each time.
fn in_turn(by_namespace: Vec<BTreeSet<Gun>>, now: Timestamp) -> BTreeSet<Gun> {
    let place = |gun: &Gun| Sha256::of(format!("{now} {gun}").as_bytes());
    let mut waiting: Vec<_> = by_namespace
        .into_iter()
        .map(|guns| {
            let mut guns: Vec<Gun> = guns.into_iter().collect();
            guns.sort_by_cached_key(place);
            guns.into_iter()
        })
        .collect();
    let mut chosen = BTreeSet::new();
    while !waiting.is_empty() {
        let mut left = Vec::new();
        for mut guns in waiting {
            if chosen.len() >= MAX_SIGHTED {
                return chosen;
            }
            if let Some(gun) = guns.next() {
                chosen.insert(gun);
                left.push(guns);
            }
        }
        waiting = left;
    }
    chosen
}

/// The most repositories that a pass asks a server for on no other grounds than that their images were sighted.
const MAX_SIGHTED: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn named(namespaces: &[(&str, usize)]) -> Sightings {
        let images = namespaces.iter().map(|(namespace, count)| {
            let images = (0..*count).map(|it| format!("example.com/{namespace}/app{it}:1").into());
            ((*namespace).into(), images.collect())
        });
        let sightings = Sightings::default();
        sightings.set(images.collect());
        sightings
    }

    fn gun(image: &str, _namespace: &str) -> Option<Gun> {
        image.rsplit_once(':')?.0.parse().ok()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_namespace_that_names_ever_so_many_takes_nothing_from_others() {
        let sightings = named(&[("hostile", 100_000), ("shop", 3), ("web", 300)]);
        let sighted = sightings.select(gun, at(0));
        assert_eq!(sighted.guns.len(), MAX_SIGHTED);
        assert_eq!(sighted.left_out, 100_303 - MAX_SIGHTED);
        let of = |namespace: &str| {
            let prefix = format!("example.com/{namespace}/");
            let guns = sighted.guns.iter();
            guns.filter(|gun| gun.as_str().starts_with(&prefix)).count()
        };
        assert_eq!((of("shop"), of("web"), of("hostile")), (3, 300, 697));
        let later = sightings.select(gun, at(300));
        assert_ne!(later.guns, sighted.guns, "others have their turn");
    }

    #[test]
    fn everything_is_asked_for_while_it_is_not_too_much() {
        let sightings = named(&[("a", 600), ("b", 400)]);
        let sighted = sightings.select(gun, at(0));
        assert_eq!((sighted.guns.len(), sighted.left_out), (1000, 0));
        let some =
            |image: &str, namespace: &str| gun(image, namespace).filter(|_| namespace == "b");
        assert_eq!(sightings.select(some, at(0)).guns.len(), 400);
    }
}
