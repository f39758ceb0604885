//! From the text of the file to what holds, and everything that is wrong on the way.

use super::Config;
use super::error::Problem;
use super::raw::{Probe, RawConfig, RawRule, RawValidator};
use super::validator::{self, Validators};
use super::yaml::{self, At};
use super::{alerting, break_glass, bundles, deny, kubernetes, mirror, rule, settings};
use crate::mirror::Mirrors;
use crate::rules::{Demand, Rule, Rules};

/// A configuration that cannot be used, and why.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) first: At<Problem>,
    pub(super) others: Vec<At<Problem>>,
}

/// Reads the configuration `text`, which came from `file_name`.
pub(super) fn read(text: &str, file_name: &str) -> Result<Config, Faulty> {
    let raw: RawConfig = yaml::read(text).map_err(|problem| Faulty {
        // A validator of another type has other keys; its type is the better answer.
        first: unsupported_type(text).unwrap_or(problem),
        others: Vec::new(),
    })?;
    let mut reading = Reading {
        file_name,
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    let config = reading.config(raw);
    let mut faults = reading.faults.into_iter();
    match (faults.next(), config) {
        (None, Some(config)) => Ok(Config {
            warnings: reading.warnings,
            ..config
        }),
        (Some(first), _) => Err(Faulty {
            first,
            others: faults.collect(),
        }),
        // Whoever gives nothing says why.
        (None, None) => Err(Faulty {
            first: At {
                value: Problem::Empty { key: "policy" },
                place: super::Place::default(),
            },
            others: Vec::new(),
        }),
    }
}

/// What was found until now.
struct Reading<'f> {
    file_name: &'f str,
    faults: Vec<At<Problem>>,
    warnings: Vec<String>,
}

impl Reading<'_> {
    /// The configuration, if no fault keeps it from being put together.
    fn config(&mut self, raw: RawConfig) -> Option<Config> {
        let validators = self.validators(raw.validators);
        let mirrors = mirror::mirrors(raw.mirrors.unwrap_or_default());
        let mirrors = self.take(mirrors);
        let rules = self.rules(raw.policy, &validators, mirrors.as_ref());
        let deny = self.take(deny::deny(raw.deny.unwrap_or_default()));
        let sync = self.take(settings::sync(raw.sync.unwrap_or_default()));
        let freshness = self.take(settings::freshness(raw.freshness.as_ref()));
        let history = self.take(settings::history(raw.history.as_ref()));
        let features = settings::features(raw.features, self.file_name, &mut self.warnings);
        let features = self.take(features);
        let bundles = self.take(bundles::bundles(raw.bundles.unwrap_or_default()));
        let glass = self.take(break_glass::break_glass(
            raw.break_glass.unwrap_or_default(),
        ));
        if let (Some(bundles), Some(raw)) = (&bundles, &raw.freshness) {
            let vouched = settings::check_freshness_from(raw, bundles);
            self.take(vouched);
        }
        let kubernetes = kubernetes::kubernetes(raw.kubernetes.unwrap_or_default());
        let kubernetes = self.take(kubernetes);
        if let (Some(sync), Some(bundles), Some(kubernetes)) = (&sync, &bundles, &kubernetes)
            && sync.is_off
            && !bundles.is_fed()
            && !kubernetes.feed
        {
            self.warnings.push(format!(
                "{}: `sync.schedule` is `never`, and `bundles` names neither a `directory` nor a `pull`: trust \
                 data comes by `vouchsafe bundle import` alone",
                self.file_name
            ));
        }
        let alerting = self.take(alerting::alerting(raw.alerting));
        Some(Config {
            validators: validators.by_name,
            servers: validators.servers,
            rules: rules?,
            mirrors: mirrors?,
            deny: deny?,
            sync: sync?,
            freshness: freshness?,
            history: history?,
            features: features?,
            bundles: bundles?,
            kubernetes: kubernetes?,
            break_glass: glass?,
            alerting: alerting?,
            warnings: Vec::new(),
        })
    }

    /// What there is, or a fault more.
    fn take<T>(&mut self, read: Result<T, At<Problem>>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn validators(&mut self, raw: At<Vec<At<RawValidator>>>) -> Validators {
        let mut validators = Validators::default();
        if raw.value.is_empty() {
            self.faults
                .push(raw.fault(Problem::Empty { key: "validators" }));
        }
        for At { value: raw, .. } in raw.value {
            self.warnings.extend(warn_of_keychain(&raw, self.file_name));
            let added = validators.add(raw);
            self.take(added);
        }
        validators
    }

    /// The rules, if each holds and no two tie.
    fn rules(
        &mut self,
        raw: At<Vec<At<RawRule>>>,
        validators: &Validators,
        mirrors: Option<&Mirrors>,
    ) -> Option<Rules> {
        if raw.value.is_empty() {
            self.faults
                .push(raw.fault(Problem::Empty { key: "policy" }));
            return None;
        }
        let wanted = raw.value.len();
        let mut rules = Vec::with_capacity(wanted);
        for At { value: raw, .. } in raw.value {
            self.warnings.extend(warn(&raw, self.file_name));
            // What is wrong with its validator has been said.
            if validators.is_broken(rule::validator_name(&raw)) {
                continue;
            }
            let Some(rule) = self.take(rule::rule(&raw, validators)) else {
                continue;
            };
            self.warnings.extend(warn_of_tag(&rule, self.file_name));
            let mirrors = mirrors.into_iter();
            let warned =
                mirrors.filter_map(|mirrors| warn_of_mirror(&rule, mirrors, self.file_name));
            self.warnings.extend(warned);
            rules.push(rule);
        }
        if rules.len() < wanted {
            return None;
        }
        self.take(Rules::new(rules).map_err(|tie| {
            let (first, second) = *tie;
            At {
                place: second.place,
                value: Problem::Tie {
                    pattern: second.pattern.as_str().to_owned(),
                    other: first.pattern.as_str().to_owned(),
                    line: first.place.line,
                },
            }
        }))
    }
}

fn unsupported_type(text: &str) -> Option<At<Problem>> {
    let probe: Probe = yaml::read(text).ok()?;
    probe.validators.iter().find_map(|validator| {
        let kind = validator.kind.as_ref()?;
        let is_known = matches!(kind.value.as_str(), "notaryv1" | "static");
        (!is_known).then(|| validator::unsupported_type(validator.name.as_deref(), kind))
    })
}

fn warn_of_keychain(validator: &RawValidator, file_name: &str) -> Option<String> {
    let keychain = validator.auth.as_ref()?.value.use_keychain.as_ref()?;
    Some(format!(
        "{file_name}{}: `useKeychain` means nothing for validators of type `notaryv1`",
        keychain.place
    ))
}

/// What is pulled through a mirror is judged by the name that it is signed under.
fn warn_of_mirror(rule: &Rule, mirrors: &Mirrors, file_name: &str) -> Option<String> {
    let pattern = rule.pattern.canonical();
    let mirror = mirrors.iter().find(|mirror| {
        let rest = pattern.strip_prefix(mirror.from.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
    })?;
    Some(format!(
        "{file_name}{}: `{}` is about images that are pulled from the mirror `{}`; these are judged \
         by the name that they are signed under, so write `{}` instead of the mirror's name",
        rule.place, rule.pattern, mirror.from, mirror.to
    ))
}

fn warn_of_tag(rule: &Rule, file_name: &str) -> Option<String> {
    let approves = matches!(rule.demand, Demand::Static { approve: true });
    (approves && rule.pattern.is_about_some_tags()).then(|| {
        format!(
            "{file_name}{}: `{}` approves a tag of an image without any signature; that approves \
             every image of the repository, since any digest can be written behind the tag",
            rule.place, rule.pattern
        )
    })
}

fn warn(rule: &RawRule, file_name: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let pattern = &rule.pattern;
    if let Some(example) = unregistered(&pattern.value) {
        warnings.push(format!(
            "{file_name}{}: the pattern `{}` can never match: canonical references begin with a \
             registry, such as `{example}`",
            pattern.place, pattern.value
        ));
    }
    if let Some(with) = &rule.with {
        for key in rule::ignored_keys(&with.value) {
            warnings.push(format!(
                "{file_name}{}: `{key}` means nothing for validators of type `notaryv1` or `static`",
                with.place
            ));
        }
    }
    warnings
}

/// What was probably meant by a pattern that does not begin with a registry and so never matches.
pub(super) fn unregistered(pattern: &str) -> Option<String> {
    let Some((host, _)) = pattern.split_once('/') else {
        return (!pattern.contains('*')).then(|| format!("docker.io/library/{pattern}"));
    };
    // What tells a registry from a path on Docker Hub (distribution/reference, `splitDockerDomain`).
    let can_be_host = host == "localhost"
        || host.contains(['.', ':', '*'])
        || host.chars().any(|c| c.is_ascii_uppercase());
    (!can_be_host).then(|| format!("docker.io/{pattern}"))
}
