//! Every boundary between fresh, stale and expired, a nanosecond before, at and after it.
//!
//! The clock is a value, so all combinations are tried, and an oracle says what has to come out. It
//! restates the rule another way than the code: what is tolerated is tolerated exactly where it would
//! have been fresh `maxStaleness` ago.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use vouchsafe_trust::TrustRoot;
use vouchsafe_trust::evidence::Vouch;

use super::*;
use crate::fixtures::{KEY, OTHER_KEY, indent};

/// Whose word counts, and who gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// `freshnessFrom: timestamp`; a pinned key signed the bundle.
    Timestamp,
    /// `freshnessFrom: bundle`, and a pinned key signed it.
    Bundle,
    /// The signer is not pinned any more.
    NobodyPinned,
    /// Two have to sign by now, and one did.
    TooFew,
    /// `freshnessFrom: bundle`, and a server brought it.
    Server,
}

const WORDS: [Word; 5] = [
    Word::Timestamp,
    Word::Bundle,
    Word::NobodyPinned,
    Word::TooFew,
    Word::Server,
];

/// When each role expires, and until when the bundle is vouched for: hours after the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) root: i64,
    pub(super) targets: i64,
    pub(super) snapshot: i64,
    pub(super) timestamp: i64,
    pub(super) releases: i64,
    /// `None` for a vouch that does not say.
    pub(super) refresh_by: Option<i64>,
    pub(super) word: Word,
    pub(super) max_staleness: i64,
}

/// A repository whose timestamp expires after one hour, and for which a bundle vouches for two.
pub(super) const VOUCHED: Case = Case {
    root: 9,
    targets: 9,
    snapshot: 9,
    timestamp: 1,
    releases: 9,
    refresh_by: Some(2),
    word: Word::Bundle,
    max_staleness: 0,
};

/// What has to come out.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    Denied(&'static str, String),
    Fresh { vouched: bool },
    Stale { until: Timestamp, vouched: bool },
}

pub(super) fn config_of(word: Word, max_staleness: i64) -> Config {
    let (from, threshold) = match word {
        Word::Timestamp => ("timestamp", 1),
        Word::TooFew => ("bundle", 2),
        Word::Bundle | Word::NobodyPinned | Word::Server => ("bundle", 1),
    };
    let (key, other) = (indent(KEY, 6), indent(OTHER_KEY, 6));
    config(&format!(
        "{POLICY}freshness: {{maxStaleness: {max_staleness}h, freshnessFrom: {from}}}
bundles:
  threshold: {threshold}
  keys:
  - name: courier
    key: |
{key}
  - name: auditor
    key: |
{other}
"
    ))
}

pub(super) fn at(hours_after: i64) -> Timestamp {
    now() + hours(hours_after)
}

impl Case {
    fn vouch(&self) -> Option<Vouch> {
        let signer = TrustRoot::from_pem(KEY).unwrap().key().fingerprint();
        let signers = match self.word {
            Word::Server => return None,
            // What signed it is none of the keys that are pinned now.
            Word::NobodyPinned => BTreeSet::new(),
            Word::Timestamp | Word::Bundle | Word::TooFew => [signer].into(),
        };
        Some(Vouch {
            bundle: "site".to_owned(),
            sequence: 7,
            created_at: now(),
            refresh_by: self.refresh_by.map(at),
            signers,
        })
    }

    fn facts(&self) -> RepositoryFacts {
        let mut facts = facts(GUN);
        facts.certificate_validity.until = at(1_000);
        let releases = DelegationName::releases();
        let state = DelegationState::Accepted {
            paths: vec![String::new()],
        };
        let file = facts.roles[&Role::Targets];
        facts.delegations.insert(releases.clone(), state);
        facts.roles.insert(Role::Delegation(releases.clone()), file);
        for (role, expires) in [
            (Role::Root, self.root),
            (Role::Targets, self.targets),
            (Role::Snapshot, self.snapshot),
            (Role::Timestamp, self.timestamp),
            (Role::Delegation(releases), self.releases),
        ] {
            facts.roles.get_mut(&role).unwrap().expires = at(expires);
        }
        facts
    }

    /// Every moment at which something may change, and those beside it.
    fn moments(&self) -> BTreeSet<Timestamp> {
        let authority = [self.root, self.targets, self.releases];
        let freshness = [Some(self.snapshot), Some(self.timestamp), self.refresh_by];
        let freshness = freshness.into_iter().flatten();
        let tolerated = freshness.clone().map(|hour| hour + self.max_staleness);
        let hours = authority.into_iter().chain(freshness).chain(tolerated);
        let beside = [-1, 0, 1].map(SignedDuration::from_nanos);
        hours
            .flat_map(|hour| beside.map(|nanosecond| at(hour) + nanosecond))
            .collect()
    }

    /// What the design says (§4, Freshness), in other words.
    fn expected(&self, now: Timestamp) -> Outcome {
        let alive = |hour, then: Timestamp| then <= at(hour);
        let timestamp_speaks = |then| {
            let bundle_speaks = self.word == Word::Bundle
                && self.refresh_by.is_some_and(|refresh| alive(refresh, then));
            alive(self.timestamp, then) || bundle_speaks
        };
        let fresh_at = |then| alive(self.snapshot, then) && timestamp_speaks(then);
        let vouched = !alive(self.timestamp, now)
            && self.word == Word::Bundle
            && self.refresh_by > Some(self.timestamp);
        let denied = |label, role: &str| Outcome::Denied(label, role.to_owned());
        if !alive(self.root, now) {
            return denied("expired", "`root`");
        }
        if !alive(self.targets, now) {
            return denied("expired", "`targets`");
        }
        let then = now - hours(self.max_staleness);
        if !fresh_at(then) {
            // The first to lapse is named: of two at once, the timestamp.
            let refreshed = self.refresh_by.filter(|_| vouched);
            return if self.snapshot < refreshed.unwrap_or(self.timestamp) {
                denied(self.too_old(), "`snapshot`")
            } else if vouched {
                denied("vouch_lapsed", "bundle `site` 7")
            } else {
                denied(self.too_old(), "`timestamp`")
            };
        }
        if !alive(self.releases, now) {
            return denied("delegation_expired", "`targets/releases`");
        }
        if fresh_at(now) {
            return Outcome::Fresh { vouched };
        }
        // The last moment at which it would still be tolerated, found by trying.
        let authority = at(self.root.min(self.targets));
        let moments = self.moments().into_iter().chain([authority]);
        let until = moments
            .filter(|then| *then >= now && *then <= authority)
            .filter(|then| fresh_at(*then - hours(self.max_staleness)))
            .max()
            .unwrap();
        Outcome::Stale { until, vouched }
    }

    fn too_old(&self) -> &'static str {
        if self.max_staleness > 0 {
            "too_stale"
        } else {
            "expired"
        }
    }
}

/// Each case with each of these values.
fn vary<T: Copy>(cases: &[Case], values: &[T], set: impl Fn(&mut Case, T)) -> Vec<Case> {
    let each = cases.iter().flat_map(|case| {
        values.iter().map(|value| {
            let mut case = *case;
            set(&mut case, *value);
            case
        })
    });
    each.collect()
}

fn cases(word: Word, max_staleness: i64) -> Vec<Case> {
    let case = Case {
        word,
        max_staleness,
        ..VOUCHED
    };
    let authorities = [(9, 9), (3, 9), (9, 3)];
    let files = [(1, 2), (1, 9), (2, 9), (9, 9), (9, 2)];
    let refresh = [None, Some(1), Some(2), Some(3), Some(5), Some(12)];
    // Without a vouch there is nothing that it could say.
    let refresh = if word == Word::Server {
        &refresh[..1]
    } else {
        &refresh
    };
    let cases = vary(&[case], &authorities, |case, (root, targets)| {
        (case.root, case.targets) = (root, targets);
    });
    let cases = vary(&cases, &files, |case, (snapshot, releases)| {
        (case.snapshot, case.releases) = (snapshot, releases);
    });
    let cases = vary(&cases, &[1, 2, 9], |case, hour| case.timestamp = hour);
    vary(&cases, refresh, |case, hour| case.refresh_by = hour)
}

pub(super) fn decide_at(config: &Config, case: &Case, now: Timestamp) -> Decision {
    let asked = Asked {
        image: "nginx:signed",
        namespace: None,
        purpose: Purpose::Mutate,
        now,
    };
    let evidence = |query: &Query| {
        let targets = [("signed", digest("image"))];
        let Evidence::Known(mut known) = known(query, case.facts(), &targets) else {
            panic!("it is known");
        };
        known.vouch = case.vouch();
        Ok::<_, String>(Evidence::Known(known))
    };
    config.decide(&asked, evidence, || None)
}

#[test]
fn every_boundary_of_every_role_is_where_the_design_puts_it() {
    let (mut tried, mut seen) = (0, BTreeSet::new());
    for word in WORDS {
        for max_staleness in [0, 1, 5] {
            let config = config_of(word, max_staleness);
            let cases = cases(word, max_staleness);
            let moments = cases
                .iter()
                .flat_map(|case| case.moments().into_iter().map(move |now| (case, now)));
            for (case, now) in moments {
                let expected = case.expected(now);
                check(&decide_at(&config, case, now), &expected, (case, now));
                tried += 1;
                seen.insert(match expected {
                    Outcome::Denied(label, role) => format!("{label} {role}"),
                    Outcome::Fresh { vouched } => format!("fresh {vouched}"),
                    Outcome::Stale { vouched, .. } => format!("stale {vouched}"),
                });
            }
        }
    }
    // Each outcome was among them.
    assert_eq!(seen.len(), 12, "{seen:?}");
    assert!(tried > 30_000, "{tried}");
}

#[track_caller]
fn check(decision: &Decision, expected: &Outcome, of: (&Case, Timestamp)) {
    match (decision, expected) {
        (Decision::Deny(denial), Outcome::Denied(label, names)) => {
            assert_eq!(denial.label(), *label, "{of:?}");
            assert!(denial.to_string().contains(names), "{denial} {of:?}");
        }
        (Decision::Allow(allowed), Outcome::Fresh { vouched }) => {
            let proof = allowed.proof().unwrap();
            let is_fresh = matches!(proof.freshness, Freshness::Fresh { .. });
            assert!(is_fresh && allowed.warnings.is_empty(), "{of:?}");
            assert_eq!(proof.vouched.is_some(), *vouched, "{of:?}");
            assert_eq!(allowed.label(), "signed", "{of:?}");
        }
        (Decision::Allow(allowed), Outcome::Stale { until, vouched }) => {
            let proof = allowed.proof().unwrap();
            let Freshness::Stale { until: given, .. } = &proof.freshness else {
                panic!("{proof:?} {of:?}");
            };
            assert_eq!(given, until, "{of:?}");
            assert_eq!(allowed.warnings.len(), 1, "{of:?}");
            assert_eq!(proof.vouched.is_some(), *vouched, "{of:?}");
            assert_eq!(allowed.label(), "signed_stale", "{of:?}");
        }
        (decision, expected) => panic!("{decision:?} instead of {expected:?}: {of:?}"),
    }
}
