//! Strings that are borrowed from a request's body where it writes them without escapes.

use std::borrow::Cow;

use serde::Deserialize;

/// A string of a request. serde borrows a `Cow` only where it stands alone, hence the newtype.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    /// The string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text` in at most `max` characters that are safe to print: control characters are escaped, so
/// that no name of an image can forge a line of a log or drive a terminal.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(max));
    let mut count = 0;
    for character in text.chars() {
        count += 1;
        if count > max {
            printable.push('…');
            break;
        }
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(printable("a\n\u{1b}[1mb", 99), "a\\n\\u{1b}[1mb");
        assert_eq!(printable("äöü", 2), "äö…");
        assert_eq!(printable("äö", 2), "äö");
    }
}
