//! What the status of a `TrustRepository` says: for people, so nothing goes by it.

use jiff::Timestamp;

use crate::intake::Taken;
use crate::trust_repository::{Condition, TrustRepositoryStatus};

/// What a repository is good for, as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// In a word: `fresh`, `stale`, `expired`, `unknown`…
    pub word: &'static str,
    /// How many tags are signed where a rule names no delegation; nothing where it is not stored.
    pub tags: Option<u64>,
    /// Until when images are admitted unless it is brought up to date before; nothing where none are now.
    pub until: Option<Timestamp>,
}

/// The status of an object of this `generation`, of which came what `taken` says; `before` is what it said until now.
pub fn status(
    taken: &Taken,
    standing: &Standing,
    generation: i64,
    before: Option<&TrustRepositoryStatus>,
    now: Timestamp,
) -> TrustRepositoryStatus {
    let word = pascal(standing.word);
    let state = match taken {
        Taken::NotAsked => "NotAsked".to_owned(),
        Taken::Refused(_) => "Refused".to_owned(),
        Taken::Withdrawn => "Withdrawn".to_owned(),
        Taken::Unchanged | Taken::Updated => word.clone(),
    };
    let facts = [
        verified(taken),
        fresh(standing, &word),
        ready(standing, &word),
    ];
    let conditions = facts.into_iter().map(|(kind, holds, reason, message)| {
        let status = match holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let mut known = before.into_iter().flat_map(|before| &before.conditions);
        let same = known.find(|it| it.kind == kind && it.status == status);
        Condition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason,
            message: message.chars().take(MAX_MESSAGE).collect(),
            observed_generation: generation,
            last_transition_time: same.map_or_else(
                || format!("{now:.0}"),
                |same| same.last_transition_time.clone(),
            ),
        }
    });
    TrustRepositoryStatus {
        state: Some(state),
        tags: standing
            .tags
            .map(|tags| i64::try_from(tags).unwrap_or(i64::MAX)),
        expires: standing.until.map(|until| format!("{until:.0}")),
        observed_generation: Some(generation),
        conditions: conditions.collect(),
    }
}

/// A condition: its type, whether it holds, why in a word, why in words.
type Fact = (&'static str, Option<bool>, String, String);

/// Whether the object holds, whatever is stored.
fn verified(taken: &Taken) -> Fact {
    let (holds, reason, message) = match taken {
        Taken::NotAsked => (
            None,
            "NotAsked".to_owned(),
            "no rule of the policy asks about this repository".to_owned(),
        ),
        Taken::Refused(refused) => (
            Some(false),
            pascal(refused.label),
            format!("changes nothing: {}", refused.message),
        ),
        Taken::Withdrawn => (
            Some(true),
            "Withdrawn".to_owned(),
            "the server said that it no longer has it".to_owned(),
        ),
        Taken::Unchanged | Taken::Updated => (
            Some(true),
            "Verified".to_owned(),
            "what it carries is stored, and holds under the pinned keys".to_owned(),
        ),
    };
    ("Verified", holds, reason, message)
}

fn fresh(standing: &Standing, word: &str) -> Fact {
    let holds = match standing.word {
        "fresh" => Some(true),
        "unknown" => None,
        _ => Some(false),
    };
    let message = match standing.until {
        Some(until) => {
            format!("images are admitted until {until:.0} unless it is brought up to date before")
        }
        None => "no image of it is admitted".to_owned(),
    };
    ("Fresh", holds, word.to_owned(), message)
}

fn ready(standing: &Standing, word: &str) -> Fact {
    let admissible = standing.until.is_some();
    let message = if admissible {
        "signed images of it are admitted"
    } else {
        "no image of it is admitted"
    };
    (
        "Ready",
        Some(admissible),
        word.to_owned(),
        message.to_owned(),
    )
}

/// `glass-broken` and `foreign_name` as Kubernetes writes reasons: `GlassBroken`, `ForeignName`.
fn pascal(word: &str) -> String {
    let parts = word.split(['-', '_']);
    parts
        .flat_map(|part| {
            let mut chars = part.chars();
            let first = chars.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(chars)
        })
        .collect()
}

/// The most characters of a condition's message.
const MAX_MESSAGE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::Refused;

    fn standing(word: &'static str) -> Standing {
        Standing {
            word,
            tags: Some(3),
            until: matches!(word, "fresh" | "stale").then_some(Timestamp::UNIX_EPOCH),
        }
    }

    fn said(status: &TrustRepositoryStatus) -> Vec<(&str, &str, &str)> {
        let conditions = status.conditions.iter();
        conditions
            .map(|it| (it.kind.as_str(), it.status.as_str(), it.reason.as_str()))
            .collect()
    }

    #[test]
    fn each_outcome_has_its_reasons() {
        let now = Timestamp::UNIX_EPOCH;
        let good = status(&Taken::Updated, &standing("fresh"), 1, None, now);
        assert_eq!(good.state.as_deref(), Some("Fresh"));
        let all = [
            ("Verified", "True", "Verified"),
            ("Fresh", "True", "Fresh"),
            ("Ready", "True", "Fresh"),
        ];
        assert_eq!(said(&good), all);
        let refused = Taken::Refused(Refused::new("foreign_name", &"no"));
        let forged = status(&refused, &standing("stale"), 1, None, now);
        assert_eq!(forged.state.as_deref(), Some("Refused"));
        let all = [
            ("Verified", "False", "ForeignName"),
            ("Fresh", "False", "Stale"),
            ("Ready", "True", "Stale"),
        ];
        assert_eq!(said(&forged), all);
        let foreign = status(&Taken::NotAsked, &standing("unknown"), 1, None, now);
        let all = [
            ("Verified", "Unknown", "NotAsked"),
            ("Fresh", "Unknown", "Unknown"),
            ("Ready", "False", "Unknown"),
        ];
        assert_eq!(said(&foreign), all);
    }

    #[test]
    fn a_condition_remembers_when_it_changed() {
        let (then, now) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let before = status(&Taken::Updated, &standing("fresh"), 1, None, then);
        let after = status(&Taken::Unchanged, &standing("stale"), 2, Some(&before), now);
        let times: Vec<_> = after
            .conditions
            .iter()
            .map(|it| it.last_transition_time.as_str())
            .collect();
        let (then, now) = (format!("{then:.0}"), format!("{now:.0}"));
        assert_eq!(times, [&then, &now, &then]);
    }
}
