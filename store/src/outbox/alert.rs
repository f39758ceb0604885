//! What a receiver of alerts is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One answer of admission, as a receiver of alerts is told of it.
///
/// All texts are cut to a length, since they come from requests.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alert {
    /// What the answer was.
    pub outcome: AlertOutcome,
    /// Why, in words; empty where there is nothing to say.
    pub message: String,
    /// The object's namespace; empty if it has none.
    pub namespace: String,
    /// The object's kind.
    pub kind: String,
    /// The object's name; empty if it has none yet.
    pub name: String,
    /// The images that it is about, separated by `, `.
    pub images: String,
    /// The request's UID.
    pub uid: String,
    /// When the answer was given.
    pub at: Timestamp,
}

impl Alert {
    /// The same alert with every text cut to what the store keeps of it.
    #[must_use]
    pub fn cut(mut self) -> Self {
        cut(&mut self.message, Self::MAX_TEXT);
        cut(&mut self.images, Self::MAX_TEXT);
        for name in [
            &mut self.namespace,
            &mut self.kind,
            &mut self.name,
            &mut self.uid,
        ] {
            cut(name, Self::MAX_NAME);
        }
        self
    }

    /// The most bytes of the message, and of the images, that are kept.
    pub const MAX_TEXT: usize = 2048;

    /// The most bytes of a name that are kept. Kubernetes allows no longer ones.
    pub const MAX_NAME: usize = 253;
}

/// What was answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum AlertOutcome {
    /// The request was admitted.
    Admitted,
    /// The request was denied.
    Rejected,
    /// The request was admitted, though it would be denied if that were enforced.
    Warned,
}

/// Cuts a text to at most `most` bytes, and shows that it was cut.
fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(ELLIPSIS.len())));
        text.push_str(ELLIPSIS);
    }
}

const ELLIPSIS: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_short_ones_kept() {
        for (text, most, expected) in [
            ("abc", 3, "abc"),
            ("abcde", 4, "a…"),
            ("äöü", 6, "äöü"),
            ("äöüx", 6, "ä…"),
            ("ööö", 4, "…"),
        ] {
            let mut cut_text = text.to_owned();
            cut(&mut cut_text, most);
            assert_eq!(cut_text, expected, "{text} {most}");
        }
    }
}
