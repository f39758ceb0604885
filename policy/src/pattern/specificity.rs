//! Which of several matching patterns wins.

use std::cmp::Ordering;
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

/// By what one pattern is more specific than another. Components count from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edge {
    /// It has more components.
    Components {
        /// How many the more specific one has.
        more: usize,
        /// How many the other one has.
        fewer: usize,
    },
    /// More stands before the first `*` of a component.
    Prefix {
        /// The first component where that differs.
        component: usize,
        /// How many characters stand there in the more specific one.
        more: usize,
        /// How many characters stand there in the other one.
        fewer: usize,
    },
    /// A component is longer.
    Length {
        /// The first component whose length differs.
        component: usize,
        /// How many characters the more specific one has.
        more: usize,
        /// How many characters the other one has.
        fewer: usize,
    },
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

    /// How many components the pattern has.
    pub const fn components(&self) -> usize {
        self.components
    }

    /// How many characters stand before the first `*` of each component.
    pub const fn prefixes(&self) -> &[usize] {
        &self.prefixes
    }

    /// How many characters each component has.
    pub const fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// By what this pattern is more specific than `other`; `None` if it is not.
    pub fn edge_over(&self, other: &Self) -> Option<Edge> {
        let first = |ours: &[usize], theirs: &[usize]| {
            let pairs = ours.iter().copied().zip(theirs.iter().copied());
            let mut numbered = (1..).zip(pairs);
            numbered.find(|(_, (ours, theirs))| ours != theirs)
        };
        let (edge, order) = if self.components != other.components {
            let (more, fewer) = (self.components, other.components);
            (Edge::Components { more, fewer }, more.cmp(&fewer))
        } else if let Some((component, (more, fewer))) = first(&self.prefixes, &other.prefixes) {
            let edge = Edge::Prefix {
                component,
                more,
                fewer,
            };
            (edge, more.cmp(&fewer))
        } else {
            let (component, (more, fewer)) = first(&self.lengths, &other.lengths)?;
            let edge = Edge::Length {
                component,
                more,
                fewer,
            };
            (edge, more.cmp(&fewer))
        };
        (order == Ordering::Greater).then_some(edge)
    }
}

impl fmt::Display for Specificity {
    /// Writes the components, and of each how much stands before its first `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.prefixes.iter().zip(&*self.lengths);
        let parts: Vec<String> = parts
            .map(|(prefix, length)| {
                if prefix == length {
                    length.to_string()
                } else {
                    format!("{prefix} of {length}")
                }
            })
            .collect();
        let plural = if self.components == 1 { "" } else { "s" };
        write!(
            f,
            "{} component{plural}: {}",
            self.components,
            parts.join(", ")
        )
    }
}

impl fmt::Display for Edge {
    /// Writes what the less specific pattern lacks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Components { more, fewer } => {
                let plural = if *fewer == 1 { "" } else { "s" };
                write!(f, "{fewer} component{plural}, not {more}")
            }
            Self::Prefix {
                component,
                more,
                fewer,
            } => {
                let plural = if *fewer == 1 { "" } else { "s" };
                write!(
                    f,
                    "{fewer} character{plural}, not {more}, before any `*` in component {component}"
                )
            }
            Self::Length {
                component,
                more,
                fewer,
            } => write!(
                f,
                "component {component} is {fewer} characters long, not {more}"
            ),
        }
    }
}
