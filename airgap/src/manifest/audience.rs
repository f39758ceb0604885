//! Whom a bundle is for.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{Error as _, SeqAccess, Visitor};

use crate::Name;

/// Reads a list of at most [`MAX_AUDIENCE`] names: in memory each takes many times its size.
pub(super) fn few<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<Name>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = BTreeSet<Name>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX_AUDIENCE} names")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
            let mut few = BTreeSet::new();
            while let Some(name) = names.next_element()? {
                few.insert(name);
                if few.len() > MAX_AUDIENCE {
                    return Err(A::Error::invalid_length(few.len(), &self));
                }
            }
            Ok(few)
        }
    }

    from.deserialize_seq(Few)
}

/// How many sites a bundle can be for.
const MAX_AUDIENCE: usize = 256;
