//! The rules of the policy, and which of them is about an image.

mod index;
mod tie;

use jiff::Timestamp;
use vouchsafe_trust::evidence::Signers;
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Gun, KeyId, RepositoryFacts, Server};

use self::index::Names;
pub(crate) use self::index::{PrefixMap, grouped};
use crate::config::Place;
use crate::pattern::{Glob, Pattern};

/// One rule of the policy: which images, and what has to hold for them.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) pattern: Pattern,
    /// `None` where the rule holds in every namespace.
    pub(crate) namespaces: Option<Vec<Glob>>,
    pub(crate) validator: Box<str>,
    pub(crate) place: Place,
    pub(crate) demand: Demand,
    pub(crate) enforcement: Enforcement,
}

/// What a rule demands of an image.
#[derive(Clone, Debug)]
pub(crate) enum Demand {
    /// A signature in the trust data of a Notary server.
    Signature(SignatureDemand),
    /// Nothing: the answer stands in the configuration.
    Static { approve: bool },
}

/// Which signature a rule demands.
#[derive(Clone, Debug)]
pub(crate) struct SignatureDemand {
    pub(crate) server: Server,
    /// The trust roots, all of which have to anchor the repository; never empty.
    pub(crate) roots: Vec<NamedRoot>,
    pub(crate) signers: Signers,
    pub(crate) mode: Mode,
    pub(crate) certificate_name: Check,
    pub(crate) certificate_validity: Check,
}

/// What becomes of an image that does not meet a rule.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Enforcement {
    /// It is denied.
    #[default]
    Deny,
    /// It is admitted, with a warning.
    Warn,
}

/// A trust root, by the name that the configuration gives it.
#[derive(Clone, Debug)]
pub(crate) struct NamedRoot {
    pub(crate) name: String,
    pub(crate) key: Fingerprint,
    /// Its key ID, as Notary's tools show it.
    pub(crate) id: KeyId,
}

/// What becomes of a tag whose digest is signed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// It is replaced by the digest, and only digests run.
    #[default]
    Mutate,
    /// It stays, and the registry may resolve it to something else than what was signed.
    InsecureValidateOnly,
}

impl Rule {
    /// Which images the rule is about.
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The name of the validator that it asks.
    pub fn validator(&self) -> &str {
        &self.validator
    }

    /// What becomes of an image that does not meet the rule.
    pub const fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// The line of its pattern in the configuration file.
    pub const fn line(&self) -> u64 {
        self.place.line
    }

    /// The namespaces in which the rule holds; `None` for all.
    pub fn namespaces(&self) -> Option<&[Glob]> {
        self.namespaces.as_deref()
    }

    /// Whether the rule is scoped to namespaces of which `namespace` is one.
    pub(crate) fn is_scoped_to(&self, namespace: &str) -> bool {
        self.namespaces()
            .is_some_and(|globs| globs.iter().any(|glob| glob.matches(namespace)))
    }

    /// Whether some image in some namespace is matched by both rules, and neither comes first.
    fn ties_with(&self, other: &Self) -> bool {
        let same_scope = match (self.namespaces(), other.namespaces()) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => ours
                .iter()
                .any(|ours| theirs.iter().any(|theirs| ours.overlaps(theirs))),
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_scope
            && self.pattern.overlaps(&other.pattern)
            && self.pattern.specificity() == other.pattern.specificity()
    }
}

impl SignatureDemand {
    /// The names of the trust roots that have to anchor the repository and do not.
    pub(crate) fn missing_roots(&self, facts: &RepositoryFacts) -> Vec<String> {
        self.roots
            .iter()
            .filter(|root| !facts.anchors.contains(&root.key))
            .map(|root| root.name.clone())
            .collect()
    }

    /// Whether the root certificate is in its validity at `now`, or need not be.
    pub(crate) fn accepts_validity(&self, facts: &RepositoryFacts, now: Timestamp) -> bool {
        self.certificate_validity == Check::Record || facts.certificate_validity.holds_at(now)
    }
}

/// All rules, the most specific first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Those that hold in some namespaces only.
    scoped: Vec<Rule>,
    /// Where they stand, for each glob of namespaces, by what such namespaces begin with.
    scoped_names: PrefixMap<Vec<(Glob, Names)>>,
    open: Vec<Rule>,
    open_names: Names,
}

impl Rules {
    /// Orders the rules.
    ///
    /// # Errors
    ///
    /// Two rules of which neither comes first for some image, in the order of the file.
    pub(crate) fn new(mut rules: Vec<Rule>) -> Result<Self, Box<(Rule, Rule)>> {
        rules.sort_by(|a, b| {
            let by_specificity = b.pattern.specificity().cmp(a.pattern.specificity());
            by_specificity.then(a.place.cmp(&b.place))
        });
        // Ties are equal in specificity, so they stand in one run.
        let mut runs = rules.chunk_by(|a, b| a.pattern.specificity() == b.pattern.specificity());
        if let Some((rule, other)) = runs.find_map(tie::find) {
            return Err(Box::new((rule.clone(), other.clone())));
        }
        let (scoped, open): (Vec<Rule>, Vec<Rule>) = rules
            .into_iter()
            .partition(|rule| rule.namespaces.is_some());
        Ok(Self {
            scoped_names: scoped_names(&scoped),
            open_names: Names::new(&names(&open).collect::<Vec<_>>()),
            scoped,
            open,
        })
    }

    /// The rule about `reference` in `namespace`.
    pub(crate) fn select(&self, reference: &Reference, namespace: Option<&str>) -> Option<&Rule> {
        let name = reference.gun().as_str();
        let first = |names: &Names, rules: &[Rule]| {
            let matches = |rule: &Rule| rule.pattern.matches(reference);
            names.first(name, |place| rules.get(place).is_some_and(matches))
        };
        let scoped = namespace.and_then(|namespace| {
            self.scoped_names
                .prefixes_of(namespace)
                .flatten()
                .filter(|(glob, _)| glob.matches(namespace))
                .filter_map(|(_, names)| first(names, &self.scoped))
                .min()
        });
        match scoped {
            Some(place) => self.scoped.get(place),
            None => self.open.get(first(&self.open_names, &self.open)?),
        }
    }

    /// The rules that decide about some image of `gun` in some namespace.
    pub(crate) fn about<'a>(&'a self, gun: &'a Gun) -> impl Iterator<Item = &'a Rule> {
        let names = |rule: &&Rule| rule.pattern.matches_name(gun);
        let mut is_settled = false;
        let open = self.open.iter().filter(names).take_while(move |rule| {
            let counts = !is_settled;
            is_settled |= rule.pattern.is_whole_repository();
            counts
        });
        self.scoped.iter().filter(names).chain(open)
    }

    /// All rules, scoped ones first, the most specific first among each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.scoped.iter().chain(&self.open)
    }
}

/// The names that each rule is about, and where it stands.
fn names(rules: &[Rule]) -> impl Iterator<Item = (&Glob, usize)> {
    rules.iter().map(|rule| rule.pattern.name()).zip(0..)
}

fn scoped_names(rules: &[Rule]) -> PrefixMap<Vec<(Glob, Names)>> {
    let by_glob = grouped(rules.iter().zip(names(rules)).flat_map(|(rule, name)| {
        let globs = rule.namespaces().into_iter().flatten();
        globs.map(move |glob| (glob, name))
    }));
    let by_prefix = grouped(
        by_glob
            .into_iter()
            .map(|(glob, names)| (glob.prefix(), (glob.clone(), Names::new(&names)))),
    );
    by_prefix.into()
}

#[cfg(test)]
pub(crate) mod tests;
