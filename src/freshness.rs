//! What a stored repository is good for, in a word.

use jiff::Timestamp;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, RepositoryStatus};
use vouchsafe_trust::evidence::{Freshness, Known, NotSigned, Signers, Statement, Wanted};
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Query, RepositoryFacts, Server};

/// `fresh`, `stale`, `glass-broken`, `expired`, `invalid-certificate`, `releases-dropped`, `unproven`,
/// `withdrawn` or `unknown`; images can be admitted only in the first three.
///
/// Goes by the rules of a policy rule that names no delegations.
pub(crate) fn word(status: &RepositoryStatus, config: &Config, now: Timestamp) -> &'static str {
    match &status.state {
        RepositoryState::Unknown => return "unknown",
        RepositoryState::Withdrawn { .. } => return "withdrawn",
        RepositoryState::Active(active) if active.unproven.is_some() => return "unproven",
        RepositoryState::Active(_) => {}
    }
    let Some(facts) = status.facts().filter(|facts| !facts.anchors.is_empty()) else {
        return "unproven";
    };
    let freshness = facts.freshness(now, config.tolerance(status.vouch()));
    let expired = matches!(freshness, Freshness::Expired { .. });
    let broken = config.broken_glass(&facts.gun, now).is_some();
    if expired && !broken {
        "expired"
    } else if !certificate_holds(&status.server, &facts, config, now) {
        "invalid-certificate"
    } else if !speakers_speak(&status.server, facts.clone(), Timestamp::MIN) {
        // Not for its age.
        "releases-dropped"
    } else if expired {
        "glass-broken"
    } else if !speakers_speak(&status.server, facts, now) {
        if broken {
            "glass-broken"
        } else {
            "releases-dropped"
        }
    } else if matches!(freshness, Freshness::Stale { .. }) {
        "stale"
    } else {
        "fresh"
    }
}

/// When images of a repository in the state `word` cease to be admitted, unless it is brought up to date
/// before; nothing where none are now.
pub(crate) fn admissible_until(
    status: &RepositoryStatus,
    config: &Config,
    word: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    let facts = status.facts()?;
    if word == "glass-broken" {
        return config.broken_glass(&facts.gun, now).map(|it| it.until);
    }
    if !matches!(word, "fresh" | "stale") {
        return None;
    }
    let until = facts.admissible_until(config.tolerance(status.vouch()));
    let pins = config.pins(&status.server, &facts.gun).unwrap_or_default();
    let certificate =
        (pins.certificate_validity == Check::Enforce).then_some(facts.certificate_validity.until);
    let speakers = facts.speakers(&Signers::Default).into_iter();
    let speakers = speakers.filter_map(|role| Some(facts.roles.get(&role)?.expires));
    speakers.chain(certificate).chain([until]).min()
}

/// Whether the root certificate is made out to the repository and in its validity, as far as every
/// validator asks for that.
fn certificate_holds(
    server: &Server,
    facts: &RepositoryFacts,
    config: &Config,
    now: Timestamp,
) -> bool {
    let pins = config.pins(server, &facts.gun).unwrap_or_default();
    let is_valid = facts.certificate_validity.holds_at(now);
    (facts.certificate_names_gun || pins.certificate_name == Check::Record)
        && (is_valid || pins.certificate_validity == Check::Record)
}

/// Whether the role that speaks where a rule names none is published, properly signed and
/// unexpired, whatever it says.
fn speakers_speak(server: &Server, facts: RepositoryFacts, now: Timestamp) -> bool {
    let query = Query {
        server: server.clone(),
        gun: facts.gun.clone(),
        signers: Signers::Default,
        wanted: Wanted::Tag(String::new()),
        retained: None,
    };
    let speakers = facts.speakers(&query.signers).into_iter();
    let silent = speakers.map(|role| Statement {
        role,
        targets: Vec::new(),
        former: Vec::new(),
    });
    let known = Known {
        statements: silent.collect(),
        facts,
        vouch: None,
    };
    // Nothing is wrong with a role that is asked for what it does not have.
    matches!(known.signed(&query, now), Err(NotSigned::Absent { .. }))
}

#[cfg(test)]
mod tests;
