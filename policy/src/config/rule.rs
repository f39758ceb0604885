//! Rules: from what is written to what holds.

use vouchsafe_trust::evidence::Signers;
use vouchsafe_trust::name::DelegationName;

use super::error::{Problem, nearest};
use super::raw::{RawRule, RawWith};
use super::validator::{NotaryValidator, Validator, Validators};
use super::yaml::At;
use crate::pattern::{Glob, Pattern};
use crate::rules::{Demand, Enforcement, Mode, NamedRoot, Rule, SignatureDemand};

/// Reads one rule.
pub(super) fn rule(raw: &RawRule, validators: &Validators) -> Result<Rule, At<Problem>> {
    let validator = validator_name(raw);
    let place = raw
        .validator
        .as_ref()
        .map_or(raw.pattern.place, |name| name.place);
    let found = validators.get(validator, place);
    let found = found.map_err(|unknown| match &raw.validator {
        Some(_) => unknown,
        None => raw.pattern.fault(Problem::NoDefault {
            key: "validator",
            what: "validator",
        }),
    })?;
    let demand = match found {
        Validator::Static { approve } => Demand::Static { approve: *approve },
        Validator::Notary(notary) => {
            Demand::Signature(signature(notary, raw.with.as_ref(), &raw.pattern)?)
        }
    };
    Ok(Rule {
        pattern: pattern(&raw.pattern)?,
        namespaces: raw.namespaces.as_ref().map(namespaces).transpose()?,
        validator: validator.into(),
        place: raw.pattern.place,
        demand,
        enforcement: raw
            .mode
            .as_ref()
            .map_or(Ok(Enforcement::Deny), enforcement)?,
    })
}

/// The name of the validator that a rule asks.
pub(super) fn validator_name(raw: &RawRule) -> &str {
    let written = raw.validator.as_ref();
    written.map_or(DEFAULT, |name| name.value.as_str())
}

/// The keys of `with` that are written and mean nothing for this validator.
pub(super) fn ignored_keys(with: &RawWith) -> Vec<&'static str> {
    let keys = [
        ("required", &with.required),
        ("threshold", &with.threshold),
        ("verifyInTransparencyLog", &with.verify_in_transparency_log),
        ("verifySCT", &with.verify_sct),
        ("verificationLevel", &with.verification_level),
        ("verifyTimestamp", &with.verify_timestamp),
    ];
    keys.into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(key, _)| key)
        .collect()
}

/// Reads a pattern.
pub(super) fn pattern(written: &At<String>) -> Result<Pattern, At<Problem>> {
    written.value.parse().map_err(|source| {
        let pattern = written.value.clone();
        written.fault(Problem::Pattern { pattern, source })
    })
}

fn signature(
    notary: &NotaryValidator,
    with: Option<&At<RawWith>>,
    rule: &At<String>,
) -> Result<SignatureDemand, At<Problem>> {
    let with = with.map(|with| &with.value);
    let delegations = with.and_then(|with| with.delegations.as_ref());
    Ok(SignatureDemand {
        server: notary.server.clone(),
        roots: roots(notary, with.and_then(|with| with.trust_root.as_ref()), rule)?,
        signers: delegations.map_or(Ok(Signers::Default), signers)?,
        mode: with
            .and_then(|with| with.mode.as_ref())
            .map_or(Ok(Mode::Mutate), mode)?,
        certificate_name: notary.certificate_name,
        certificate_validity: notary.certificate_validity,
    })
}

fn roots(
    notary: &NotaryValidator,
    wanted: Option<&At<String>>,
    rule: &At<String>,
) -> Result<Vec<NamedRoot>, At<Problem>> {
    let (name, place) = match wanted {
        Some(wanted) => (wanted.value.as_str(), wanted.place),
        None => (DEFAULT, rule.place),
    };
    let roots: Vec<NamedRoot> = notary
        .roots
        .iter()
        .filter(|(root, _)| name == ALL || root == name)
        .map(|(root, pin)| NamedRoot {
            name: root.clone(),
            key: pin.key().fingerprint(),
            id: pin.key().canonical_key_id(),
        })
        .collect();
    if roots.is_empty() && wanted.is_none() {
        return Err(rule.fault(Problem::NoDefault {
            key: "with.trustRoot",
            what: "trust root of its validator",
        }));
    }
    if roots.is_empty() {
        let known = notary.roots.iter().map(|(name, _)| name);
        let value = Problem::UnknownName {
            what: "trust root of the rule's validator",
            name: name.to_owned(),
            nearest: nearest(name, known),
        };
        return Err(At { value, place });
    }
    Ok(roots)
}

fn signers(delegations: &At<Vec<At<String>>>) -> Result<Signers, At<Problem>> {
    if delegations.value.is_empty() {
        return Err(delegations.fault(Problem::Empty { key: "delegations" }));
    }
    let mut names = Vec::new();
    for written in &delegations.value {
        let name = DelegationName::from_short(&written.value)
            .map_err(|error| written.fault(error.into()))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(Signers::All(names))
}

/// The rule's own mode. It stands beside `with.mode`, so either value may end up in the wrong place.
fn enforcement(written: &At<String>) -> Result<Enforcement, At<Problem>> {
    match written.value.as_str() {
        "enforce" => Ok(Enforcement::Deny),
        "warn" => Ok(Enforcement::Warn),
        value => Err(written.fault(Problem::Value {
            key: "mode",
            value: value.to_owned(),
            nearest: nearest(value, ["enforce", "warn"]),
            expected: "`enforce` or `warn`; `mutate` and `insecureValidateOnly` belong below `with`",
        })),
    }
}

fn mode(written: &At<String>) -> Result<Mode, At<Problem>> {
    match written.value.as_str() {
        "mutate" => Ok(Mode::Mutate),
        "insecureValidateOnly" => Ok(Mode::InsecureValidateOnly),
        value => Err(written.fault(Problem::Value {
            key: "mode",
            value: value.to_owned(),
            nearest: nearest(value, ["mutate", "insecureValidateOnly"]),
            expected: "`mutate` or `insecureValidateOnly`",
        })),
    }
}

fn namespaces(raw: &At<Vec<At<String>>>) -> Result<Vec<Glob>, At<Problem>> {
    if raw.value.is_empty() {
        return Err(raw.fault(Problem::Empty { key: "namespaces" }));
    }
    raw.value
        .iter()
        .map(|written| {
            // A namespace is a DNS label; anything else would silently match nothing.
            let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '*');
            let value = &written.value;
            if value.is_empty() || !value.chars().all(fits) {
                return Err(written.fault(Problem::Value {
                    key: "namespaces",
                    value: value.clone(),
                    nearest: None,
                    expected: "lower-case letters, digits, `-` and `*`",
                }));
            }
            Ok(Glob::new(value))
        })
        .collect()
}

/// The validator and the trust root where a rule names none.
const DEFAULT: &str = "default";
/// All trust roots of a validator.
const ALL: &str = "*";
