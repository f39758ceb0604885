//! Which of several matching patterns wins.

use std::fmt;

/// How specific a pattern is; the greater one wins.
///
/// First the number of components (what stands between `/`), then the literal prefix of each
/// component from left to right, then the length of each component from left to right. All of it
/// is a property of the pattern alone: which rule wins never depends on the order of the rules.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Specificity {
    components: usize,
    prefixes: Box<[usize]>,
    lengths: Box<[usize]>,
}

impl Specificity {
    /// The specificity of a pattern in its canonical spelling.
    pub(super) fn of(canonical: &str) -> Self {
        let components = || canonical.split('/');
        let prefix = |component: &str| component.split('*').next().map_or(0, str::len);
        Self {
            components: components().count(),
            prefixes: components().map(prefix).collect(),
            lengths: components().map(str::len).collect(),
        }
    }
}

impl fmt::Display for Specificity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |numbers: &[usize]| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            numbers.join(", ")
        };
        write!(
            f,
            "{} components, literal prefixes {}, lengths {}",
            self.components,
            list(&self.prefixes),
            list(&self.lengths)
        )
    }
}
