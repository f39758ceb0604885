//! Patterns: which images a rule is about.

mod glob;
mod specificity;

use std::fmt;
use std::str::FromStr;

use vouchsafe_trust::Gun;
use vouchsafe_trust::image::Reference;

pub use glob::Glob;
pub use specificity::{Edge, Specificity};

/// A pattern over canonical image references, matched from the first to the last character.
///
/// A pattern has a name part and, at will, a tag part (`:…`) and a digest part (`@…`); each is
/// matched against its counterpart in the reference, so a `*` in the name never reaches into the
/// tag. What a pattern leaves out, it leaves open:
///
/// - without a tag part it matches every tag and digest;
/// - a tag part matches the tag, whatever digest stands beside it; a reference that has only a
///   digest is matched by the tag part `*` alone;
/// - a digest part matches the digest, whatever tag stands beside it, since runtimes ignore the tag
///   then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    written: Box<str>,
    canonical: Box<str>,
    name: Glob,
    tag: Option<Glob>,
    digest: Option<Glob>,
    specificity: Specificity,
}

impl Pattern {
    /// Whether the pattern is about `reference`.
    pub fn matches(&self, reference: &Reference) -> bool {
        // The tag is the cheapest part to compare.
        self.matches_tag(reference)
            && self.matches_name(reference.gun())
            && self.matches_digest(reference)
    }

    /// The first part of `reference` that the pattern does not match.
    pub fn mismatch(&self, reference: &Reference) -> Option<Part> {
        if !self.matches_name(reference.gun()) {
            Some(Part::Name)
        } else if !self.matches_tag(reference) {
            Some(Part::Tag)
        } else if !self.matches_digest(reference) {
            Some(Part::Digest)
        } else {
            None
        }
    }

    fn matches_tag(&self, reference: &Reference) -> bool {
        match (&self.tag, reference.tag()) {
            (None, _) => true,
            (Some(glob), Some(tag)) => glob.matches(tag),
            (Some(glob), None) => glob.is_any(),
        }
    }

    fn matches_digest(&self, reference: &Reference) -> bool {
        match (&self.digest, reference.digest()) {
            (None, _) => true,
            (Some(glob), Some(digest)) => glob.matches(&digest.to_string()),
            (Some(_), None) => false,
        }
    }

    /// Whether the pattern is about some image of `gun`.
    pub fn matches_name(&self, gun: &Gun) -> bool {
        self.name.matches(gun.as_str())
    }

    /// Whether the pattern is about every image of each repository that it matches.
    pub fn is_whole_repository(&self) -> bool {
        self.tag.as_ref().is_none_or(Glob::is_any) && self.digest.is_none()
    }

    /// Whether the pattern is about some tags, and any digest beside them.
    pub fn is_about_some_tags(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| !tag.is_any()) && self.digest.is_none()
    }

    /// Whether the pattern says something about tags or digests.
    pub const fn has_tag_or_digest(&self) -> bool {
        self.tag.is_some() || self.digest.is_some()
    }

    /// Which repositories the pattern is about.
    pub const fn name(&self) -> &Glob {
        &self.name
    }

    /// The repository, if the pattern spells out one.
    pub fn repository(&self) -> Option<Gun> {
        self.name.literal().and_then(|name| name.parse().ok())
    }

    /// Whether the pattern matches every reference that `other` matches.
    pub fn covers(&self, other: &Self) -> bool {
        let leaves_open = |tag: &Option<Glob>| tag.as_ref().is_none_or(Glob::is_any);
        let covers = |ours: &Option<Glob>, theirs: &Option<Glob>| match (ours, theirs) {
            (None, _) => true,
            (Some(ours), Some(theirs)) => ours.covers(theirs),
            (Some(_), None) => false,
        };
        // References without a tag are matched by whatever leaves the tag open, and only by that.
        let covers_tag =
            leaves_open(&self.tag) || (!leaves_open(&other.tag) && covers(&self.tag, &other.tag));
        self.name.covers(&other.name) && covers_tag && covers(&self.digest, &other.digest)
    }

    /// Whether some reference is matched by both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        let overlap = |a: &Option<Glob>, b: &Option<Glob>| match (a, b) {
            (Some(a), Some(b)) => a.overlaps(b),
            (None, _) | (_, None) => true,
        };
        overlap(&self.tag, &other.tag)
            && self.name.overlaps(&other.name)
            && overlap(&self.digest, &other.digest)
    }

    /// How specific the pattern is; the most specific one that matches wins.
    pub const fn specificity(&self) -> &Specificity {
        &self.specificity
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The pattern as it is matched: the host in lower case, Docker Hub as `docker.io`.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(written: &str) -> Result<Self, PatternError> {
        if written.is_empty() {
            return Err(PatternError::Empty);
        }
        let canonical = canonical(written);
        check_characters(&canonical)?;
        let (rest, digest) = match canonical.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (canonical.as_str(), None),
        };
        // A `:` before the last `/` stands before a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains(['/', ']']) => (name, Some(tag)),
            Some(_) | None => (rest, None),
        };
        if name.is_empty() || tag == Some("") || digest == Some("") {
            return Err(PatternError::EmptyPart);
        }
        Ok(Self {
            written: written.into(),
            name: Glob::new(name),
            tag: tag.map(Glob::new),
            digest: digest.map(Glob::new),
            specificity: Specificity::of(&canonical),
            canonical: canonical.into(),
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A part of a reference that patterns are compared with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The repository with its registry.
    Name,
    /// The tag.
    Tag,
    /// The digest.
    Digest,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Digest => "digest",
        })
    }
}

/// Why a string is not a [`Pattern`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A character that no canonical reference has, so that the pattern could never match.
    #[error(
        "`{character}` is in no image reference, so the pattern could never match; \
         `*` is the only wildcard"
    )]
    Character {
        /// The character.
        character: char,
    },
    /// Nothing at all.
    #[error("a pattern cannot be empty; `*` matches every image")]
    Empty,
    /// A name, tag or digest of no characters.
    #[error("a name, tag or digest in a pattern cannot be empty")]
    EmptyPart,
}

/// Spells the host as canonical references do.
fn canonical(written: &str) -> String {
    match written.split_once('/') {
        Some((host, rest)) => {
            let host = host.to_ascii_lowercase();
            let host = if host == "index.docker.io" {
                "docker.io"
            } else {
                &host
            };
            format!("{host}/{rest}")
        }
        None => written.to_owned(),
    }
}

/// Other glob syntax (`?`, `[a-z]`, `{a,b}`) is refused: taken as literal, such a pattern would
/// silently match nothing.
fn check_characters(canonical: &str) -> Result<(), PatternError> {
    // Brackets stand around IPv6 addresses only.
    let rest = canonical
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .filter(|(address, rest)| {
            is_ipv6(address) && (rest.is_empty() || rest.starts_with(['/', ':', '*']))
        })
        .map_or(canonical, |(_, rest)| rest);
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | ':' | '@' | '.' | '_' | '-' | '+')
    };
    match rest.chars().find(|c| !is_allowed(*c)) {
        Some(character) => Err(PatternError::Character { character }),
        None => Ok(()),
    }
}

fn is_ipv6(address: &str) -> bool {
    address.contains(':')
        && address
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '*'))
}

#[cfg(test)]
mod tests;
