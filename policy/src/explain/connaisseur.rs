//! What Connaisseur would have matched more.
//!
//! Connaisseur puts a `*` at either end of a pattern unless one is there, and compares the whole
//! reference with it, in which Docker Hub is `index.docker.io`. So its rules are about images that
//! nobody thinks of: anybody's registry can have a repository `registry.k8s.io/app`.

use vouchsafe_trust::image::Reference;

use crate::pattern::{Glob, Pattern};

/// Images that Connaisseur matches with a pattern and Vouchsafe does not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Excess {
    /// One with more text before what the pattern says.
    pub front: Option<String>,
    /// One with more text after it.
    pub end: Option<String>,
}

impl Excess {
    /// Looks for examples.
    ///
    /// Each is tried on both sides, so none is wrong; where none is found there can still be some.
    pub fn of(pattern: &Pattern) -> Self {
        let written = pattern.as_str();
        // Brackets are classes of characters in Connaisseur.
        if written.contains('[') {
            return Self::default();
        }
        let theirs = Glob::new(&format!("*{written}*"));
        let is_excess = |image: &String| {
            let reference: Option<Reference> = image.parse().ok();
            reference.is_some_and(|reference| !pattern.matches(&reference))
                && canonical(image).is_some_and(|name| theirs.matches(&name))
        };
        let images = instances(written);
        let first = |before: &[&str], after: &[&str]| {
            let around = before
                .iter()
                .flat_map(|before| after.iter().map(move |after| (before, after)));
            let mut images = around.flat_map(|(before, after)| {
                let images = images.iter();
                images.map(move |image| format!("{before}{image}{after}"))
            });
            images.find(is_excess)
        };
        let front = || first(BEFORE, &[":1", ""]);
        let end = || first(&["", "quay.io/"], AFTER);
        Self {
            front: (!written.starts_with('*')).then(front).flatten(),
            end: (!written.ends_with('*')).then(end).flatten(),
        }
    }
}

/// Texts that a pattern is about, some of which are image references, give or take a tag.
fn instances(pattern: &str) -> Vec<String> {
    let (rest, digest) = match pattern.split_once('@') {
        Some((rest, digest)) => (rest, format!("@{}", whole_digest(digest))),
        None => (pattern, String::new()),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, format!(":{}", tag.replace('*', "1"))),
        Some(_) | None => (rest, String::new()),
    };
    let (host, path) = name.split_once('/').map_or_else(
        || (name, String::new()),
        |(host, path)| (host, format!("/{}", path.replace('*', "app"))),
    );
    IN_HOST
        .iter()
        .map(|any| format!("{}{path}{tag}{digest}", host.replace('*', any)))
        .collect()
}

/// The digest that a pattern begins, with zeros for what it leaves open.
fn whole_digest(pattern: &str) -> String {
    let literal = pattern.replace('*', "");
    let literal = if literal.starts_with(ALGORITHM) {
        &literal
    } else {
        ALGORITHM
    };
    format!("{literal:0<DIGEST_LEN$}")
}

/// How Connaisseur spells `image`, if it certainly reads it as it is meant here.
fn canonical(image: &str) -> Option<String> {
    let (host, rest) = image.split_once('/')?;
    if !host.contains(['.', ':']) {
        return None;
    }
    let path = rest.split([':', '@']).next().unwrap_or_default();
    if path.len() < SHORTEST_PATH {
        return None;
    }
    Some(match host {
        "docker.io" | "index.docker.io" if path.contains('/') => format!("index.docker.io/{rest}"),
        "docker.io" | "index.docker.io" => format!("index.docker.io/library/{rest}"),
        _ => image.to_owned(),
    })
}

/// What an attacker can put before an image's name, the plainest first.
const BEFORE: &[&str] = &["evil.example/", "evil-", "evil"];
/// What an attacker can put after an image's name or tag, the plainest first.
const AFTER: &[&str] = &["-evil:1", "1", "/evil:1", "evil:1"];
/// What can stand for a `*` in the host, or in a pattern without a `/`.
const IN_HOST: &[&str] = &["app", "quay.io", ".example", "", "quay.io/app", "/app"];
/// Connaisseur refuses shorter repositories.
const SHORTEST_PATH: usize = 2;
const ALGORITHM: &str = "sha256:";
const DIGEST_LEN: usize = ALGORITHM.len() + 64;
