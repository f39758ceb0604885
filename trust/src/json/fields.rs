//! Reading the members of an object that has known ones.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Json, JsonError, Object, shown};
use crate::name::Version;

/// An object whose known members can be read; no other member resembles one of them.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    name: &'static str,
    members: &'a Object,
}

impl<'a> Fields<'a> {
    /// Takes `value` as the object called `name`, which knows the members `known`.
    ///
    /// # Errors
    ///
    /// [`JsonError::InvalidMember`] if it is no object, [`JsonError::AmbiguousMember`] if Go would
    /// read one of its members as one of `known` though it is spelled differently.
    pub fn new(
        name: &'static str,
        value: &'a Json,
        known: &[&'static str],
    ) -> Result<Self, JsonError> {
        let Json::Object(members) = value else {
            return Err(JsonError::InvalidMember {
                object: "the document",
                member: name.to_owned(),
                expected: "an object",
            });
        };
        for (member, _) in members.iter() {
            let resembled = known
                .iter()
                .find(|known| **known != member && folds_to(member, known));
            if let Some(known) = resembled {
                return Err(JsonError::AmbiguousMember {
                    object: name,
                    member: shown(member),
                    known,
                });
            }
        }
        Ok(Self { name, members })
    }

    /// The member `name`; `None` if it is missing or `null`, which Go reads alike.
    pub fn optional(&self, name: &str) -> Option<&'a Json> {
        self.members.get(name).filter(|value| **value != Json::Null)
    }

    /// The member `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] if it is missing or `null`.
    pub fn required(&self, name: &'static str) -> Result<&'a Json, JsonError> {
        self.optional(name).ok_or(JsonError::MissingMember {
            object: self.name,
            member: name,
        })
    }

    /// The string `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or, if it is no string, [`JsonError::InvalidMember`].
    pub fn string(&self, name: &'static str) -> Result<&'a str, JsonError> {
        let Json::String(text) = self.required(name)? else {
            return Err(self.invalid(name, "a string"));
        };
        Ok(text)
    }

    /// The non-negative integer `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn unsigned(&self, name: &'static str) -> Result<u64, JsonError> {
        self.required(name)?
            .as_unsigned()
            .ok_or_else(|| self.invalid(name, "an integer from 0"))
    }

    /// The version `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn version(&self, name: &'static str) -> Result<Version, JsonError> {
        self.required(name)?
            .as_unsigned()
            .and_then(Version::new)
            .ok_or_else(|| self.invalid(name, "an integer from 1"))
    }

    /// The truth value `name`; `None` if it is missing or `null`.
    ///
    /// # Errors
    ///
    /// [`JsonError::InvalidMember`] if it is something else.
    pub fn optional_bool(&self, name: &'static str) -> Result<Option<bool>, JsonError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(name, "true or false")),
        }
    }

    /// The bytes that the string `name` has in base64.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn base64(&self, name: &'static str) -> Result<Vec<u8>, JsonError> {
        STANDARD
            .decode(self.string(name)?)
            .map_err(|_error| self.invalid(name, "base64"))
    }

    /// The array `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn array(&self, name: &'static str) -> Result<&'a [Json], JsonError> {
        let Json::Array(items) = self.required(name)? else {
            return Err(self.invalid(name, "an array"));
        };
        Ok(items)
    }

    /// The object `name`, as a map without known members.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn object(&self, name: &'static str) -> Result<&'a Object, JsonError> {
        let Json::Object(members) = self.required(name)? else {
            return Err(self.invalid(name, "an object"));
        };
        Ok(members)
    }

    /// The strings of the array `name`.
    ///
    /// # Errors
    ///
    /// [`JsonError::MissingMember`] or [`JsonError::InvalidMember`].
    pub fn strings(&self, name: &'static str) -> Result<Vec<&'a str>, JsonError> {
        self.array(name)?
            .iter()
            .map(|item| {
                let Json::String(text) = item else {
                    return Err(self.invalid(name, "an array of strings"));
                };
                Ok(&**text)
            })
            .collect()
    }

    /// The error that says `name` is not `expected`.
    pub fn invalid(&self, name: &str, expected: &'static str) -> JsonError {
        JsonError::InvalidMember {
            object: self.name,
            member: name.to_owned(),
            expected,
        }
    }
}

/// Whether Go's `encoding/json` takes `member` for the ASCII name `known`: letters match whatever
/// their case, and two other characters fold to ASCII letters (U+017F to `s`, U+212A to `k`).
fn folds_to(member: &str, known: &str) -> bool {
    let folded = member.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(known.chars().map(|c| c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(member: &str, value: Json) -> Json {
        Json::Object(Object::new(vec![(member.into(), value)]).unwrap())
    }

    #[test]
    fn a_member_that_go_would_take_for_a_known_one_is_refused() {
        for member in ["VERSION", "Version", "ver\u{17f}ion"] {
            let value = object(member, Json::Integer(9));
            let error = Fields::new("signed", &value, &["version"]).unwrap_err();
            assert_eq!(error.label(), "ambiguous_member", "{member}");
        }
        let value = object("versions", Json::Integer(9));
        assert!(Fields::new("signed", &value, &["version"]).is_ok());
    }

    #[test]
    fn null_is_missing() {
        let value = object("version", Json::Null);
        let fields = Fields::new("signed", &value, &["version"]).unwrap();
        assert_eq!(
            fields.version("version").unwrap_err().label(),
            "missing_member"
        );
    }
}
