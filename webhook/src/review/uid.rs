//! The `uid` of a request that cannot be read as a whole.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The `uid` of the request in `body`, where it still can be read: of a body that was cut off, or
/// whose object has no shape that makes sense. An API server takes an answer without it for a broken
/// webhook and not for a denial.
pub(crate) fn find_uid(body: &[u8]) -> Option<String> {
    let mut found = None;
    let path = Path {
        members: &["request", "uid"],
        found: &mut found,
    };
    // The error is known by now, and whatever was found before it counts.
    match path.deserialize(&mut serde_json::Deserializer::from_slice(body)) {
        Ok(()) | Err(_) => found,
    }
}

/// The members on the way to a string, and where to keep it.
struct Path<'f> {
    members: &'static [&'static str],
    found: &'f mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Path<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.members.is_empty() && text.len() <= MAX_UID {
            *self.found = Some(text.to_owned());
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((member, rest)) = self.members.split_first() else {
            return Ok(());
        };
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == *member {
                map.next_value_seed(Path {
                    members: rest,
                    found: self.found,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Longer than any that an API server makes (it makes UUIDs).
pub(super) const MAX_UID: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_whatever_comes_after_it() {
        for body in [
            r#"{"request":{"uid":"u"}}"#,
            r#"{"request":{"uid":"u","object":{"spec":7}}}"#,
            r#"{"kind":"?","request":{"name":"n","uid":"u","object":{"spec":{"cont"#,
            r#"{"request":{"uid":"u"},"request":null}"#,
        ] {
            assert_eq!(find_uid(body.as_bytes()).as_deref(), Some("u"), "{body}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for body in [
            "",
            "[]",
            "7",
            "{",
            r#"{"uid":"u"}"#,
            r#"{"request":{"uid":7}}"#,
        ] {
            assert_eq!(find_uid(body.as_bytes()), None, "{body}");
        }
        let long = format!(r#"{{"request":{{"uid":"{}"}}}}"#, "u".repeat(MAX_UID + 1));
        assert_eq!(find_uid(long.as_bytes()), None);
    }
}
