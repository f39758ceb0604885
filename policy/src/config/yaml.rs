//! YAML with locations: the one place that knows the YAML library.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::error::{Place, Problem, nearest};

/// A value, and where it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

impl<T> At<T> {
    /// `problem`, at the place of this value.
    pub(super) const fn fault(&self, problem: Problem) -> At<Problem> {
        At {
            value: problem,
            place: self.place,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            place: place(spanned.referenced),
        })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Reads one YAML document.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, At<Problem>> {
    serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location().map(place).unwrap_or_default();
        let value = problem(error.without_snippet());
        At { value, place }
    })
}

fn place(location: serde_saphyr::Location) -> Place {
    Place {
        line: location.line(),
        column: location.column(),
    }
}

/// Never repeats a value: it could be a password.
fn problem(error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library has many more, and words for them"
    )]
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => Problem::UnknownKey {
            key: field.clone(),
            nearest: nearest(field, expected),
            known: expected.iter().map(ToString::to_string).collect(),
        },
        Error::SerdeMissingField { field, .. } => Problem::MissingKey {
            key: (*field).to_owned(),
        },
        Error::DuplicateMappingKey { key, .. } => Problem::DuplicateKey {
            key: key.clone().unwrap_or_default(),
        },
        Error::SerdeInvalidType { expected, .. }
        | Error::SerdeInvalidValue { expected, .. }
        | Error::SerdeInvalidLength { expected, .. } => Problem::Type {
            expected: expected.clone(),
        },
        Error::Unexpected { expected, .. } => Problem::Type {
            expected: match *expected {
                "mapping start" => "a mapping",
                "sequence start" => "a list",
                "string scalar" => "a string",
                other => other,
            }
            .to_owned(),
        },
        Error::InvalidScalar { ty, .. } => Problem::Type {
            expected: match *ty {
                "boolean" | "bool" => "`true` or `false`",
                "u16" | "u32" => "a whole number",
                other => other,
            }
            .to_owned(),
        },
        Error::AliasError { error, .. } => problem(error),
        other => Problem::Yaml {
            message: words(other),
        },
    }
}

/// The library's words, without the location that it ends them with.
fn words(error: &serde_saphyr::Error) -> String {
    let text = error.render();
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let cut = error.location().and_then(|at| {
        let end = format!(" at line {}, column {}", at.line(), at.column());
        line.split_once(&end).map(|(words, _)| words)
    });
    cut.unwrap_or(line).to_owned()
}
