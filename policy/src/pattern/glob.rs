//! Globs whose only wildcard is `*`.

use std::fmt;

/// Text in which `*` stands for any run of characters, an empty one and `/` included.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Glob {
    /// What stands before, between and after the wildcards; never empty.
    literals: Box<[Box<str>]>,
}

impl Glob {
    /// The glob that `text` writes.
    pub fn new(text: &str) -> Self {
        Self {
            literals: text.split('*').map(Into::into).collect(),
        }
    }

    /// Whether the glob matches all of `text`, in time linear in it.
    ///
    /// Taking the first occurrence of each literal leaves the most room for the next one, so
    /// nothing is ever tried twice.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.literals.split_first() else {
            return false;
        };
        let Some(text) = text.strip_prefix(&**first) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return text.is_empty();
        };
        let Some(mut text) = text.strip_suffix(&**last) else {
            return false;
        };
        for literal in middle {
            match text.split_once(&**literal) {
                Some((_, after)) => text = after,
                None => return false,
            }
        }
        true
    }

    /// Whether the glob matches every text.
    pub fn is_any(&self) -> bool {
        self.literals.len() > 1 && self.literals.iter().all(|literal| literal.is_empty())
    }

    /// The only text that the glob matches, if it has no wildcard.
    pub fn literal(&self) -> Option<&str> {
        match &*self.literals {
            [literal] => Some(literal),
            _ => None,
        }
    }

    /// What every text that the glob matches begins with.
    pub fn prefix(&self) -> &str {
        self.literals.first().map_or("", |literal| literal)
    }

    /// What every text that the glob matches ends with.
    pub fn suffix(&self) -> &str {
        self.literals.last().map_or("", |literal| literal)
    }

    /// Whether the glob matches every text that `other` matches.
    ///
    /// A character that stands in neither glob can stand for every `*` of `other`: only a `*` of
    /// this glob can match it, and that `*` then matches whatever else stands there.
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(&other.literals.join(IN_NO_GLOB))
    }

    /// Whether some text is matched by both globs.
    ///
    /// Where both have a wildcard, one can match all that stands between the other's, so only what
    /// they begin and end with can keep them apart.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.literal(), other.literal()) {
            (Some(text), _) => other.matches(text),
            (None, Some(text)) => self.matches(text),
            (None, None) => {
                let (begin, end) = (self.prefix(), self.suffix());
                let (other_begin, other_end) = (other.prefix(), other.suffix());
                (begin.starts_with(other_begin) || other_begin.starts_with(begin))
                    && (end.ends_with(other_end) || other_end.ends_with(end))
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.literals.join("*"))
    }
}

/// A text that no reference and no namespace has, and so no glob about them.
const IN_NO_GLOB: &str = "\0";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Says by its definition whether `glob` matches `text`.
    fn naive(glob: &[u8], text: &[u8]) -> bool {
        match (glob.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', glob_rest)), _) => {
                naive(glob_rest, text) || text.split_first().is_some_and(|(_, t)| naive(glob, t))
            }
            (Some((g, glob_rest)), Some((t, text_rest))) => g == t && naive(glob_rest, text_rest),
            _ => false,
        }
    }

    fn naive_overlap(a: &[u8], b: &[u8]) -> bool {
        match (a.split_first(), b.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) if naive_overlap(rest, b) => true,
            (_, Some((b'*', rest))) if naive_overlap(a, rest) => true,
            (Some((b'*', _)), Some((b'*', _))) => false,
            (Some((b'*', _)), Some((_, rest))) => naive_overlap(a, rest),
            (Some((_, rest)), Some((b'*', _))) => naive_overlap(rest, b),
            (Some((x, a)), Some((y, b))) => x == y && naive_overlap(a, b),
            _ => false,
        }
    }

    /// All texts of up to `length` characters of `alphabet`.
    fn texts(alphabet: &str, length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..length {
            let until = all.len();
            for at in from..until {
                all.extend(
                    alphabet
                        .chars()
                        .map(|c| format!("{}{c}", all[at]))
                        .collect::<Vec<_>>(),
                );
            }
            from = until;
        }
        all
    }

    #[test]
    fn a_glob_matches_from_the_first_to_the_last_character() {
        for (glob, text, matches) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "ba", false),
            ("a*", "a", true),
            ("*a", "aa", true),
            ("a*a", "a", false),
            ("ab*ba", "aba", false),
            ("ab*ba", "abba", true),
            ("a*b*c", "a/b/c", true),
            ("a*b*c", "a/c/b", false),
            ("**a**", "xay", true),
        ] {
            assert_eq!(Glob::new(glob).matches(text), matches, "{glob} {text}");
        }
    }

    #[test]
    fn a_hostile_glob_takes_no_more_time_than_its_text_is_long() {
        let glob = Glob::new(&("*a".repeat(200) + "*b"));
        assert!(!glob.matches(&"a".repeat(100_000)));
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(glob in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(
                Glob::new(&glob).matches(&text),
                naive(glob.as_bytes(), text.as_bytes())
            );
        }

        #[test]
        fn overlap_agrees_with_its_definition(a in "[ab*]{0,7}", b in "[ab*]{0,7}") {
            let (one, other) = (Glob::new(&a), Glob::new(&b));
            prop_assert_eq!(one.overlaps(&other), naive_overlap(a.as_bytes(), b.as_bytes()));
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
        }

        #[test]
        fn a_glob_covers_another_exactly_if_it_matches_all_that_the_other_matches(
            a in "[ab*]{0,5}", b in "[ab*]{0,5}",
        ) {
            // `c` stands in neither glob, as some character always does.
            let (one, other) = (Glob::new(&a), Glob::new(&b));
            let all = texts("abc", 5);
            let within = all.iter().all(|text| one.matches(text) || !other.matches(text));
            prop_assert_eq!(one.covers(&other), within, "{} {}", a, b);
        }

        #[test]
        fn globs_that_match_one_text_overlap(
            a in "[ab*]{0,6}", b in "[ab*]{0,6}", text in "[ab]{0,6}",
        ) {
            let (a, b) = (Glob::new(&a), Glob::new(&b));
            prop_assert!(!(a.matches(&text) && b.matches(&text)) || a.overlaps(&b));
        }
    }
}
