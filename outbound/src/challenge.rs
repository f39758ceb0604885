//! What a `WWW-Authenticate` header asks for (RFC 9110 §11.6.1).

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One way to authenticate that a server offers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Challenge {
    /// The scheme in lower case: `basic`, `bearer`.
    pub(super) scheme: String,
    parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// The value of a parameter, whose name is given in lower case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The challenges of an answer, in their order.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .take(MAX_CHALLENGES)
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse)
        .take(MAX_CHALLENGES)
        .collect()
}

/// Reads `Scheme name=value, name="value", OtherScheme …`. What is malformed ends it.
fn parse(text: &str) -> Vec<Challenge> {
    let mut rest = text;
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (token, after) = split_token(rest);
        if token.is_empty() {
            return found;
        }
        match (after.trim_start().strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = split_value(value.trim_start()) else {
                    return found;
                };
                let name = token.to_ascii_lowercase();
                challenge.parameters.entry(name).or_insert(value);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge {
                    scheme: token.to_ascii_lowercase(),
                    parameters: BTreeMap::new(),
                });
                rest = after;
            }
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// Splits off a token or a quoted string with its escapes undone; `None` if a quote stays open.
fn split_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return quoted.get(at + 1..).map(|rest| (value, rest)),
            '\\' => value.push(chars.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

const MAX_CHALLENGES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
        Challenge {
            scheme: scheme.to_owned(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_challenge_is_a_scheme_with_parameters() {
        let notary = r#"Bearer realm="https://auth.example/token",service="notary.example",scope="repository:docker.io/library/a:pull,push""#;
        let cases = [
            (
                notary,
                vec![challenge(
                    "bearer",
                    &[
                        ("realm", "https://auth.example/token"),
                        ("service", "notary.example"),
                        ("scope", "repository:docker.io/library/a:pull,push"),
                    ],
                )],
            ),
            (
                r#"Basic realm="a \"b\"", Bearer REALM = x,error=insufficient_scope"#,
                vec![
                    challenge("basic", &[("realm", "a \"b\"")]),
                    challenge("bearer", &[("realm", "x"), ("error", "insufficient_scope")]),
                ],
            ),
            ("Negotiate", vec![challenge("negotiate", &[])]),
            (r#"Bearer realm="open"#, vec![challenge("bearer", &[])]),
            (
                r#"Bearer realm="a", realm="b""#,
                vec![challenge("bearer", &[("realm", "a")])],
            ),
            ("realm=x", vec![]),
            ("", vec![]),
            ("\"", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
