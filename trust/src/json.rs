//! JSON as role files are allowed to use it: stricter than Notary, so that two readers cannot see
//! two documents in the same bytes.
//!
//! Refused besides what JSON itself forbids: duplicate members, fractions, exponents, integers
//! that a double cannot hold (Notary reads numbers as doubles), and members whose name differs
//! from a known one only in case (Go matches struct fields case-insensitively, the last one wins).

mod fields;
mod object;

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

pub use fields::Fields;
pub use object::Object;

/// A parsed JSON value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within ±2^53.
    Integer(i64),
    /// A string, escapes undone.
    String(Box<str>),
    /// An array.
    Array(Box<[Self]>),
    /// An object, ordered by the UTF-8 bytes of its member names, as canonical JSON is.
    Object(Object),
}

impl Json {
    /// Parses one document.
    ///
    /// # Errors
    ///
    /// [`JsonError`] names the rule that was broken.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let state = State::default();
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let seed = Seed {
            state: &state,
            depth: 0,
        };
        let value = seed.deserialize(&mut deserializer);
        let error = |error: &serde_json::Error| {
            state.error.take().unwrap_or_else(|| JsonError::Malformed {
                line: error.line(),
                column: error.column(),
            })
        };
        let value = value.map_err(|e| error(&e))?;
        deserializer.end().map_err(|e| error(&e))?;
        Ok(value)
    }

    /// The value, if it is an integer from 0.
    fn as_unsigned(&self) -> Option<u64> {
        let Self::Integer(number) = self else {
            return None;
        };
        u64::try_from(*number).ok()
    }
}

/// Why bytes are not a document that role files may be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A member name that Go would read as a known one, though it is spelled differently.
    #[error("member `{member}` of {object} could be read as `{known}`")]
    AmbiguousMember {
        /// The object in which it stands.
        object: &'static str,
        /// The name as written.
        member: String,
        /// The name that it resembles.
        known: &'static str,
    },
    /// The same member twice in one object.
    #[error("member `{member}` is written twice")]
    DuplicateMember {
        /// The member's name.
        member: String,
    },
    /// A member with a value that its meaning does not allow.
    #[error("member `{member}` of {object} is not {expected}")]
    InvalidMember {
        /// The object in which it stands.
        object: &'static str,
        /// The member's name.
        member: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// Not JSON, not UTF-8, or something after the document.
    #[error("not valid JSON at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column in bytes.
        column: usize,
    },
    /// A member that has to be there is not, or is `null`.
    #[error("member `{member}` of {object} is missing")]
    MissingMember {
        /// The object that lacks it.
        object: &'static str,
        /// The member's name.
        member: &'static str,
    },
    /// A number with a fraction or exponent, or beyond ±2^53.
    #[error("a number is not an integer within ±2^53")]
    NotAnInteger,
    /// Nested deeper than any genuine role file.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More values than any genuine role file has.
    #[error("more than {MAX_VALUES} values")]
    TooMany,
}

impl JsonError {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::AmbiguousMember { .. } => "ambiguous_member",
            Self::DuplicateMember { .. } => "duplicate_member",
            Self::InvalidMember { .. } => "invalid_member",
            Self::Malformed { .. } => "malformed_json",
            Self::MissingMember { .. } => "missing_member",
            Self::NotAnInteger => "not_an_integer",
            Self::TooDeep => "too_deep",
            Self::TooMany => "too_many",
        }
    }
}

/// A text from outside as it may stand in an error: its beginning, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(MAX_SHOWN)
        .flat_map(char::escape_debug)
        .collect()
}

/// What one parse shares: serde's errors are text, so the precise cause is kept beside them.
#[derive(Default)]
struct State {
    error: Cell<Option<JsonError>>,
    values: Cell<usize>,
}

impl State {
    fn fail<E: serde::de::Error>(&self, error: JsonError) -> E {
        self.error.set(Some(error));
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    state: &'a State,
    depth: usize,
}

impl Seed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.state.fail(JsonError::TooDeep));
        }
        Ok(Self {
            state: self.state,
            depth: self.depth + 1,
        })
    }

    fn integer<E: serde::de::Error>(self, number: Option<i64>) -> Result<Json, E> {
        number
            .filter(|number| number.unsigned_abs() <= MAX_SAFE)
            .map(Json::Integer)
            .ok_or_else(|| self.state.fail(JsonError::NotAnInteger))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let values = self.state.values.get() + 1;
        if values > MAX_VALUES {
            return Err(self.state.fail(JsonError::TooMany));
        }
        self.state.values.set(values);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Json, E> {
        self.integer(Some(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Json, E> {
        self.integer(i64::try_from(number).ok())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Json, E> {
        self.integer(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Json::Array(array.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut object = Vec::new();
        while let Some(name) = members.next_key::<Box<str>>()? {
            object.push((name, members.next_value_seed(inner)?));
        }
        let object = Object::new(object).map_err(|name| {
            let member = shown(&name);
            self.state.fail(JsonError::DuplicateMember { member })
        })?;
        Ok(Json::Object(object))
    }
}

const MAX_DEPTH: usize = 64;
const MAX_SHOWN: usize = 64;
/// One target is about six values, so this is half a million tags in one role file. A value takes
/// 24 bytes here, and a member's name 16 more.
const MAX_VALUES: usize = 3_000_000;
const MAX_SAFE: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        let cases: [(&[u8], &str); 13] = [
            (br#"{"a":1,"a":1}"#, "duplicate_member"),
            (br#"{"a":1,"\u0061":1}"#, "duplicate_member"),
            (b"1.0", "not_an_integer"),
            (b"1e3", "not_an_integer"),
            (b"-0", "not_an_integer"),
            (b"9007199254740993", "not_an_integer"),
            (b"123456789012345678901234567890", "not_an_integer"),
            (b"{} x", "malformed_json"),
            (b"\xef\xbb\xbf{}", "malformed_json"),
            (b"\"\xff\"", "malformed_json"),
            (br#""\ud800""#, "malformed_json"),
            (b"\"\n\"", "malformed_json"),
            (deep.as_bytes(), "too_deep"),
        ];
        for (input, label) in cases {
            let error = Json::parse(input).unwrap_err();
            assert_eq!(error.label(), label, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn a_name_from_outside_is_shown_short_and_without_control_characters() {
        let text = format!(r#"{{"\u001b[0m{0}":1,"\u001b[0m{0}":1}}"#, "x".repeat(1000));
        let message = Json::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(
            message.len() < 150 && !message.contains('\u{1b}'),
            "{message}"
        );
    }

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<Json>() <= 24, "{}", size_of::<Json>());
    }

    #[test]
    fn keeps_members_in_canonical_order() {
        let Json::Object(object) = Json::parse(r#"{"é":1,"a":2,"B":3}"#.as_bytes()).unwrap()
        else {
            panic!("an object");
        };
        let names: Vec<&str> = object.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["B", "a", "é"]);
    }
}
