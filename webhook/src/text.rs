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

/// `text` in at most `max` characters that are safe to print: control characters are escaped, as are
/// those that turn or hide what stands beside them, so that nothing of a request can forge a line of
/// a log, drive a terminal or show another name than its own.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(max));
    let mut count = 0;
    for character in text.chars() {
        count += 1;
        if count > max {
            printable.push('…');
            break;
        }
        if character.is_control() || turns_or_hides(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Zero-width characters, line and paragraph separators, and the marks of bidirectional text.
const fn turns_or_hides(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(printable("a\n\u{1b}[1mb", 99), "a\\n\\u{1b}[1mb");
        assert_eq!(printable("a\u{202e}b\u{200b}", 99), "a\\u{202e}b\\u{200b}");
        assert_eq!(printable("äöü", 2), "äö…");
        assert_eq!(printable("äö", 2), "äö");
    }
}
