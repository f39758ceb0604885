//! Why a rule wins, why others do not, and what else an operator should know of their rules.
//!
//! Nothing here decides. All of it is worked out from the definition of matching, rule by rule,
//! and not as the rule of a request is found.

mod connaisseur;
mod shadow;

use std::fmt;

use vouchsafe_trust::image::Reference;

pub use connaisseur::Excess;
pub use shadow::Shadowed;

use crate::config::Config;
use crate::pattern::{Edge, Part};
use crate::rules::Rule;

/// What each rule has to say about one image in one namespace.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// Every rule, in the order in which they are tried.
    pub rules: Vec<(&'a Rule, Verdict<'a>)>,
}

/// What a rule has to say about an image in a namespace.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// It decides.
    Wins,
    /// It matches, and so does a more specific rule.
    LessSpecific {
        /// The rule that wins.
        winner: &'a Rule,
        /// By what the winner is more specific.
        edge: Edge,
    },
    /// Its pattern does not match.
    NoMatch(Part),
    /// It is scoped to other namespaces.
    OtherNamespace,
    /// It is for every namespace, and a rule scoped to the image's namespace matches.
    NotLookedAt {
        /// The rule that wins.
        winner: &'a Rule,
    },
}

impl<'a> Explanation<'a> {
    /// The rule that decides.
    pub fn winner(&self) -> Option<&'a Rule> {
        let wins = |verdict: &Verdict<'a>| matches!(verdict, Verdict::Wins);
        let winner = self.rules.iter().find(|(_, verdict)| wins(verdict));
        winner.map(|(rule, _)| *rule)
    }
}

impl Verdict<'_> {
    /// A stable, short name.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Wins => "wins",
            Self::LessSpecific { .. } => "lessSpecific",
            Self::NoMatch(_) => "noMatch",
            Self::OtherNamespace => "otherNamespace",
            Self::NotLookedAt { .. } => "notLookedAt",
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wins => f.write_str("wins"),
            Self::LessSpecific { winner, edge } => write!(
                f,
                "matches, but is less specific than line {}: {edge}",
                winner.line()
            ),
            Self::NoMatch(part) => write!(f, "does not match the {part}"),
            Self::OtherNamespace => f.write_str("not in this namespace"),
            Self::NotLookedAt { winner } => write!(
                f,
                "not looked at: line {} matches and is scoped to the namespace",
                winner.line()
            ),
        }
    }
}

impl Config {
    /// Which rule decides about `reference` in `namespace`, and why none of the others does.
    pub fn explain(&self, reference: &Reference, namespace: Option<&str>) -> Explanation<'_> {
        let rules: Vec<&Rule> = self.rules().collect();
        let is_here = |rule: &Rule| namespace.is_some_and(|name| rule.is_scoped_to(name));
        // The most specific ones come first.
        let first = |is_in_scope: &dyn Fn(&Rule) -> bool| {
            let mut matching = rules
                .iter()
                .filter(|rule| rule.pattern().matches(reference));
            matching.find(|rule| is_in_scope(rule)).copied()
        };
        let scoped = first(&is_here);
        let winner = scoped.or_else(|| first(&|rule| rule.namespaces().is_none()));
        let verdict = |rule: &'_ Rule| match (winner, rule.pattern().mismatch(reference)) {
            _ if rule.namespaces().is_some() && !is_here(rule) => Verdict::OtherNamespace,
            _ if rule.namespaces().is_none()
                && let Some(winner) = scoped =>
            {
                Verdict::NotLookedAt { winner }
            }
            (_, Some(part)) => Verdict::NoMatch(part),
            (Some(winner), None) => {
                let (best, ours) = (winner.pattern().specificity(), rule.pattern().specificity());
                // Two rules that match never tie, so only the winner has nothing above it.
                best.edge_over(ours)
                    .map_or(Verdict::Wins, |edge| Verdict::LessSpecific { winner, edge })
            }
            (None, None) => Verdict::Wins,
        };
        let rules = rules.iter().map(|rule| (*rule, verdict(rule))).collect();
        Explanation { rules }
    }
}

#[cfg(test)]
mod tests;
