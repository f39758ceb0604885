//! The configuration: one YAML file, strict, with an error that names the place of any fault.

mod alerting;
mod auth;
mod break_glass;
mod bundles;
mod deny;
mod duration;
mod error;
mod kubernetes;
mod mirror;
mod raw;
mod read;
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
pub use bundles::{BundlePull, BundleSettings};
pub use duration::{DurationError, parse_duration};
pub use error::{ConfigError, ConfigErrors, Place, Problem};
pub use kubernetes::{CertificateSettings, KubernetesSettings};
pub use settings::{
    Features, FreshnessFrom, FreshnessSettings, HistorySettings, ResourceValidationMode,
    SyncSettings,
};
pub use validator::NotaryServer;
use vouchsafe_trust::evidence::{Tolerance, Vouch};
use vouchsafe_trust::image::{Reference, ReferenceError};
use vouchsafe_trust::{Denied, Gun, Pins, Server, Sha256, Timestamp};

use self::raw::RawConfig;
use self::validator::{NotaryValidator, Validator};
use self::yaml::At;
use crate::break_glass::BreakGlass;
use crate::deny::DenyList;
use crate::mirror::Mirrors;
use crate::pattern::Pattern;
use crate::rules::{Rule, Rules};

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
    bundles: BundleSettings,
    kubernetes: KubernetesSettings,
    break_glass: Vec<BreakGlass>,
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
        Self::parse_all(text, file_name).map_err(|errors| errors.first)
    }

    /// Reads the configuration as [`Config::parse`] does, and goes on after a fault to find the
    /// others.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, as far as one fault does not hide another.
    pub fn parse_all(text: &str, file_name: &str) -> Result<Self, ConfigErrors> {
        let error = |At { value, place }| ConfigError {
            file: file_name.to_owned(),
            place,
            problem: Box::new(value),
        };
        read::read(text, file_name).map_err(|read::Faulty { first, others }| ConfigErrors {
            first: error(first),
            others: others.into_iter().map(error).collect(),
        })
    }

    /// The JSON Schema of the configuration.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(RawConfig).into()
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
            let own = Pins {
                roots: validator
                    .roots
                    .iter()
                    .map(|(_, root)| root.clone())
                    .collect(),
                certificate_name: validator.certificate_name,
                certificate_validity: validator.certificate_validity,
            };
            // Joined to none at first, so that no root stands twice.
            pins = Some(pins.unwrap_or_default().or(own));
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

    /// The Notary server that the rule about `image`, as an object in `namespace` names it, asks, and the repository that
    /// it asks about. `None` if no rule asks any, or its validator does not mirror that repository.
    pub fn notary_repository(&self, image: &str, namespace: &str) -> Option<(&Server, Gun)> {
        let pulled: Reference = image.parse().ok()?;
        let signed = self.signed_image(&pulled).ok()?;
        let rule = self.rule(&signed, Some(namespace))?;
        let validator = match self.validators.get(rule.validator())? {
            Validator::Notary(notary) => notary,
            Validator::Static { .. } => return None,
        };
        let gun = signed.gun();
        let is_mirrored = validator.lists(gun).unwrap_or(true);
        is_mirrored.then(|| (&validator.server, gun.clone()))
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

    /// The word of whoever vouches for a repository, where that stands in for its timestamp: the bundle
    /// that brought it is signed by enough of the keys which are pinned now.
    pub fn counted<'v>(&self, vouch: Option<&'v Vouch>) -> Option<&'v Vouch> {
        let counts = self.freshness.from == FreshnessFrom::Bundle;
        vouch.filter(|vouch| counts && self.bundles.is_vouched(&vouch.signers))
    }

    /// What is tolerated of a repository for which `vouch` is said.
    pub fn tolerance(&self, vouch: Option<&Vouch>) -> Tolerance {
        Tolerance {
            max_staleness: self.freshness.max_staleness,
            vouched_until: self.counted(vouch).and_then(|vouch| vouch.refresh_by),
        }
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

    /// What is exchanged with the API server of the cluster.
    pub const fn kubernetes(&self) -> &KubernetesSettings {
        &self.kubernetes
    }

    /// Which bundles are taken in, and whose word counts.
    pub const fn bundles(&self) -> &BundleSettings {
        &self.bundles
    }

    /// Every entry that breaks the glass for a repository, over or yet to come included.
    pub fn break_glass(&self) -> &[BreakGlass] {
        &self.break_glass
    }

    /// The entry that breaks the glass for `gun` at `now`, if one does.
    pub fn broken_glass(&self, gun: &Gun, now: Timestamp) -> Option<&BreakGlass> {
        let mut entries = self.break_glass.iter();
        entries.find(|entry| entry.gun == *gun && entry.holds_at(now))
    }

    /// The same configuration, which denies these things too. Bundles bring them.
    #[must_use]
    pub fn with_denied(&self, denied: impl IntoIterator<Item = Denied>) -> Self {
        let mut config = self.clone();
        for Denied { what, reason } in denied {
            config.deny.add(&what, reason);
        }
        config
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

#[cfg(test)]
mod tests;
