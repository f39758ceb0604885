//! The configuration: one YAML file, strict, with an error that names the place of any fault.

mod alerting;
mod auth;
mod deny;
mod duration;
mod error;
mod mirror;
mod raw;
mod rule;
mod settings;
mod validator;
mod yaml;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use alerting::{
    Alerting, Header, HeaderError, Receiver, ReceiverId, ReceiverUrl, Source, UrlError,
};
pub use auth::Auth;
pub use duration::{DurationError, parse_duration};
pub use error::{ConfigError, Place, Problem};
pub use settings::{Features, FreshnessSettings, HistorySettings, SyncSettings};
pub use validator::NotaryServer;
use vouchsafe_trust::image::{Reference, ReferenceError};
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Gun, Pins, Server, Sha256};

use self::raw::{Probe, RawConfig, RawRule, RawValidator};
use self::validator::{NotaryValidator, Validator, Validators};
use self::yaml::At;
use crate::deny::DenyList;
use crate::mirror::Mirrors;
use crate::pattern::Pattern;
use crate::rules::{Demand, Rule, Rules};

/// A configuration that is free of contradictions: every name that it uses exists, every key can
/// be used, and no two rules tie. The default has no rule, and so denies everything.
#[derive(Clone, Debug, Default)]
pub struct Config {
    validators: BTreeMap<String, Validator>,
    servers: Vec<NotaryServer>,
    rules: Rules,
    mirrors: Mirrors,
    deny: DenyList,
    sync: SyncSettings,
    freshness: FreshnessSettings,
    history: HistorySettings,
    features: Features,
    alerting: Alerting,
    warnings: Vec<String>,
}

impl Config {
    /// Reads the configuration `text`, which came from `file_name`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the first thing that is wrong, and where.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, ConfigError> {
        Self::read(text, file_name).map_err(|At { value, place }| ConfigError {
            file: file_name.to_owned(),
            place,
            problem: Box::new(value),
        })
    }

    /// The JSON Schema of the configuration.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(RawConfig).into()
    }

    fn read(text: &str, file_name: &str) -> Result<Self, At<Problem>> {
        let raw: RawConfig = yaml::read(text).map_err(|problem| {
            // A validator of another type has other keys; its type is the better answer.
            unsupported_type(text).unwrap_or(problem)
        })?;
        settings::check_supported(&raw)?;
        let mut validators = Validators::default();
        if raw.validators.value.is_empty() {
            return Err(raw.validators.fault(Problem::Empty { key: "validators" }));
        }
        let mut warnings = Vec::new();
        for validator in raw.validators.value {
            warnings.extend(warn_of_keychain(&validator.value, file_name));
            validators.add(validator.value)?;
        }
        if raw.policy.value.is_empty() {
            return Err(raw.policy.fault(Problem::Empty { key: "policy" }));
        }
        let mirrors = mirror::mirrors(raw.mirrors.unwrap_or_default())?;
        let mut rules = Vec::new();
        for At { value: rule, .. } in raw.policy.value {
            warnings.extend(warn(&rule, file_name));
            let rule = rule::rule(rule, &validators)?;
            warnings.extend(warn_of_tag(&rule, file_name));
            warnings.extend(warn_of_mirror(&rule, &mirrors, file_name));
            rules.push(rule);
        }
        let rules = Rules::new(rules).map_err(|tie| {
            let (first, second) = *tie;
            At {
                place: second.place,
                value: Problem::Tie {
                    pattern: second.pattern.as_str().to_owned(),
                    other: first.pattern.as_str().to_owned(),
                    line: first.place.line,
                },
            }
        })?;
        Ok(Self {
            validators: validators.by_name,
            servers: validators.servers,
            rules,
            mirrors,
            deny: deny::deny(raw.deny.unwrap_or_default())?,
            sync: settings::sync(raw.sync.unwrap_or_default())?,
            freshness: settings::freshness(raw.freshness.as_ref())?,
            history: settings::history(raw.history.as_ref())?,
            features: settings::features(raw.features, file_name, &mut warnings)?,
            alerting: alerting::alerting(raw.alerting)?,
            warnings,
        })
    }

    /// The Notary servers that validators name, in the order of the configuration.
    pub fn notary_servers(&self) -> &[NotaryServer] {
        &self.servers
    }

    /// What is pinned for `gun` on `server`: the trust roots of every validator there that can be
    /// asked about it, or that lists it. `None` if there is none.
    ///
    /// A check that one of these validators gives up is recorded instead of enforced; the others
    /// then look at the record.
    pub fn pins(&self, server: &Server, gun: &Gun) -> Option<Pins> {
        let asked = self.asked_about(gun);
        let mut pins: Option<Pins> = None;
        for (name, validator) in self.notaries(server) {
            if !asked.contains(name) && validator.lists(gun) != Some(true) {
                continue;
            }
            let pins = pins.get_or_insert_default();
            for (_, root) in &validator.roots {
                if !pins.roots.contains(root) {
                    pins.roots.push(root.clone());
                }
            }
            for (check, own) in [
                (&mut pins.certificate_name, validator.certificate_name),
                (
                    &mut pins.certificate_validity,
                    validator.certificate_validity,
                ),
            ] {
                if own == Check::Record {
                    *check = own;
                }
            }
        }
        pins
    }

    /// Whether `gun` is to be mirrored from `server`: a validator there lists it, or lists nothing
    /// and can be asked about it.
    pub fn mirrors(&self, server: &Server, gun: &Gun) -> bool {
        let asked = self.asked_about(gun);
        self.notaries(server)
            .any(|(name, validator)| validator.lists(gun).unwrap_or_else(|| asked.contains(name)))
    }

    /// An identity of what decides which repositories are to be mirrored from `server`: as long as
    /// it stays the same, so do they.
    pub fn selection(&self, server: &Server) -> Sha256 {
        let listed = self.notaries(server).map(|(name, validator)| {
            let patterns = validator.repositories.iter().flatten();
            let patterns: BTreeSet<_> = patterns.map(Pattern::canonical).collect();
            let all = validator.repositories.is_none();
            format!("{name:?} {all} {patterns:?}\n")
        });
        // A rule about another validator can take repositories away from those here.
        let rules = self.rules.iter().map(|rule| {
            let namespaces = rule.namespaces().map(|globs| {
                let globs = globs.iter().map(ToString::to_string);
                globs.collect::<Vec<_>>()
            });
            let (pattern, validator) = (rule.pattern.canonical(), rule.validator());
            format!("{pattern:?} {validator:?} {namespaces:?}\n")
        });
        let text: String = listed.chain(rules).collect();
        Sha256::of(text.as_bytes())
    }

    /// The repositories to mirror from `server` that the configuration spells out.
    pub fn named_repositories(&self, server: &Server) -> Vec<Gun> {
        let in_rules = self.rules.iter().map(Rule::pattern);
        let in_lists = self
            .notaries(server)
            .filter_map(|(_, validator)| validator.repositories.as_deref())
            .flatten();
        let named: BTreeSet<Gun> = in_rules
            .chain(in_lists)
            .filter_map(Pattern::repository)
            .filter(|gun| self.mirrors(server, gun))
            .collect();
        named.into_iter().collect()
    }

    /// The image that rules and signatures are about where `pulled` is pulled: the same one, unless a
    /// mirror stands for another registry.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] where what the mirror stands for cannot be the name of an image.
    pub fn signed_image<'r>(
        &self,
        pulled: &'r Reference,
    ) -> Result<Cow<'r, Reference>, ReferenceError> {
        let signed = self.mirrors.signed_name(pulled.gun())?;
        Ok(signed.map_or(Cow::Borrowed(pulled), |gun| {
            Cow::Owned(pulled.signed_as(gun))
        }))
    }

    /// The rule that decides about `reference`, by the name under which it is
    /// [signed](Self::signed_image), in `namespace`.
    pub fn rule(&self, reference: &Reference, namespace: Option<&str>) -> Option<&Rule> {
        self.rules.select(reference, namespace)
    }

    /// Every rule: those scoped to namespaces first, the most specific first among each.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// When and how trust data is fetched.
    pub const fn sync(&self) -> &SyncSettings {
        &self.sync
    }

    /// How old trust data may be.
    pub const fn freshness(&self) -> FreshnessSettings {
        self.freshness
    }

    /// Who is told of what was admitted and denied.
    pub const fn alerting(&self) -> &Alerting {
        &self.alerting
    }

    /// How long superseded digests stay admissible.
    pub const fn history(&self) -> HistorySettings {
        self.history
    }

    /// The switches of admission.
    pub const fn features(&self) -> Features {
        self.features
    }

    /// What nothing admits.
    pub(crate) const fn deny_list(&self) -> &DenyList {
        &self.deny
    }

    /// What is allowed, and probably not what was meant; each names file and line.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The names of the validators that some rule asks about some image of `gun`.
    fn asked_about<'a>(&'a self, gun: &'a Gun) -> BTreeSet<&'a str> {
        self.rules.about(gun).map(Rule::validator).collect()
    }

    fn notaries<'a>(
        &'a self,
        server: &'a Server,
    ) -> impl Iterator<Item = (&'a str, &'a NotaryValidator)> {
        self.validators
            .iter()
            .filter_map(move |(name, validator)| match validator {
                Validator::Notary(notary) if notary.server == *server => {
                    Some((name.as_str(), notary))
                }
                Validator::Notary(_) | Validator::Static { .. } => None,
            })
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
fn unregistered(pattern: &str) -> Option<String> {
    let Some((host, _)) = pattern.split_once('/') else {
        return (!pattern.contains('*')).then(|| format!("docker.io/library/{pattern}"));
    };
    // What tells a registry from a path on Docker Hub (distribution/reference, `splitDockerDomain`).
    let can_be_host = host == "localhost"
        || host.contains(['.', ':', '*'])
        || host.chars().any(|c| c.is_ascii_uppercase());
    (!can_be_host).then(|| format!("docker.io/{pattern}"))
}

#[cfg(test)]
mod tests;
