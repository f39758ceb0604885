//! Rules that can never win.

use crate::config::Config;
use crate::pattern::Glob;
use crate::rules::{PrefixMap, Rule, grouped};

/// A rule that can never win: another one, which always comes first, matches all that it matches.
#[derive(Clone, Copy, Debug)]
pub struct Shadowed<'a> {
    /// The rule that can never win.
    pub rule: &'a Rule,
    /// The rule that takes everything from it.
    pub by: &'a Rule,
}

impl Config {
    /// The rules that can never win because of one other rule, in the order in which rules are
    /// tried.
    pub fn shadowed_rules(&self) -> Vec<Shadowed<'_>> {
        let tried: Vec<&Rule> = self.rules().collect();
        // A rule that matches all that another one matches has a name that begins with no more
        // than that of the other.
        let prefixes = tried.iter().map(|rule| rule.pattern().name().prefix());
        let by_prefix = PrefixMap::from(grouped(prefixes.zip(0..)));
        let shadowed = tried.iter().enumerate().filter_map(|(at, rule)| {
            let earlier = by_prefix
                .prefixes_of(rule.pattern().name().prefix())
                .flatten();
            let shadow = earlier
                .filter(|other| **other < at)
                .filter_map(|other| Some((*other, *tried.get(*other)?)))
                .filter(|(_, other)| shadows(other, rule));
            let (_, by) = shadow.min_by_key(|(at, _)| *at)?;
            Some(Shadowed { rule, by })
        });
        shadowed.collect()
    }
}

/// Whether `other` always comes before `rule`, and matches all that it matches.
fn shadows(other: &Rule, rule: &Rule) -> bool {
    let comes_first = match (other.namespaces(), rule.namespaces()) {
        (None, None) => is_more_specific(other, rule),
        (Some(theirs), Some(ours)) => {
            let is_covered = |glob: &Glob| theirs.iter().any(|other| other.covers(glob));
            is_more_specific(other, rule) && ours.iter().all(is_covered)
        }
        (Some(theirs), None) => theirs.iter().any(Glob::is_any),
        (None, Some(_)) => false,
    };
    comes_first && other.pattern().covers(rule.pattern())
}

fn is_more_specific(other: &Rule, rule: &Rule) -> bool {
    other.pattern().specificity() > rule.pattern().specificity()
}
