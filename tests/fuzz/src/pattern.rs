//! Patterns: they match what their definition says, and cover and overlap accordingly.

use vouchsafe_policy::pattern::{Glob, Pattern};
use vouchsafe_trust::image::Reference;

pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    // No name has this character, and globs are compared by it.
    if text.contains('\0') {
        return false;
    }
    let mut lines = text.split('\n');
    let (first, second) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let rest: Vec<&str> = lines.take(MOST_TEXTS).collect();
    globs(&Glob::new(first), &Glob::new(second), &rest);
    let (Ok(first), Ok(second)) = (first.parse::<Pattern>(), second.parse::<Pattern>()) else {
        return false;
    };
    let again: Pattern = first
        .canonical()
        .parse()
        .expect("what is spelled out reads");
    assert_eq!(again.canonical(), first.canonical(), "spelled out again");
    assert_eq!(again.specificity(), first.specificity(), "as specific");
    assert!(first.covers(&first), "covers itself");
    for reference in rest
        .iter()
        .filter_map(|text| text.parse::<Reference>().ok())
    {
        let matched = first.matches(&reference);
        assert_eq!(matched, first.mismatch(&reference).is_none(), "one answer");
        let both = matched && second.matches(&reference);
        assert!(!both || first.overlaps(&second), "{reference} is in both");
        let left_out = second.matches(&reference) && !matched;
        assert!(
            !left_out || !first.covers(&second),
            "{reference} is not covered"
        );
    }
    true
}

fn globs(first: &Glob, second: &Glob, texts: &[&str]) {
    assert_eq!(first.overlaps(second), second.overlaps(first), "one answer");
    for text in texts {
        let matched = [first, second].map(|glob| {
            let slowly = matches(glob.to_string().as_bytes(), text.as_bytes());
            assert_eq!(glob.matches(text), slowly, "`{glob}` and `{text}`");
            slowly
        });
        assert!(
            matched != [true, true] || first.overlaps(second),
            "`{text}` is in both"
        );
        assert!(
            matched != [false, true] || !first.covers(second),
            "`{text}` is not covered"
        );
    }
}

/// By the definition, with a table: whether each beginning of the glob matches each beginning of the text.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for byte in glob {
        let mut next = vec![false; text.len() + 1];
        next[0] = *byte == b'*' && row[0];
        for at in 1..=text.len() {
            next[at] = match byte {
                b'*' => row[at] || next[at - 1],
                byte => row[at - 1] && *byte == text[at - 1],
            };
        }
        row = next;
    }
    row[text.len()]
}

const MOST_TEXTS: usize = 8;
