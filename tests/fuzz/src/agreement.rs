//! Whatever `verify` accepts, the independent checker agrees with.

use std::collections::{BTreeMap, BTreeSet};

use sha2::Digest as _;
use vouchsafe_tests::checker::{self, Answer, Claims, Delegation};
use vouchsafe_tests::vector::repository::Metadata;
use vouchsafe_trust::evidence::{Known, Signers, Statement, Wanted};
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::repository::DelegationState;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Gun, Pins, Query, Role, Timestamp, TrustRoot, VerifiedRepository, VerifyError, verify,
};

use crate::repository::metadata;

/// The terms on which repositories are judged, in the words of both.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The repository.
    pub gun: Gun,
    /// The pinned keys, in PEM.
    pub pins: Vec<String>,
    /// The time.
    pub now: Timestamp,
    /// Which role files must not have expired.
    pub expiry: Expiry,
    /// What an unfit common name of a root certificate means.
    pub certificate_name: Check,
    /// What an expired root certificate means.
    pub certificate_validity: Check,
}

/// A repository that both accept.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// What Vouchsafe has verified.
    pub verified: VerifiedRepository,
    /// What the checker says of it.
    pub claims: Claims,
}

impl Judge {
    /// Has both judge `files`, which come after `before`.
    ///
    /// # Errors
    ///
    /// What Vouchsafe refuses them for. The checker need not mind: it looks for what must not be accepted.
    ///
    /// # Panics
    ///
    /// Where Vouchsafe accepts what the checker objects to, or says something else of it.
    pub fn judge(&self, files: &Metadata, before: Option<&Agreed>) -> Result<Agreed, VerifyError> {
        let pins = self.pins();
        let terms = Terms {
            pins: &pins,
            accepted: before.map(|before| before.verified.accepted()),
            now: self.now,
            expiry: self.expiry,
            limits: Limits::default(),
        };
        let verified = verify(&metadata(&self.gun, files), terms)?;
        let claims = match self.check(files, before) {
            Ok(claims) => claims,
            Err(objection) => panic!("accepted, but {objection}"),
        };
        self.compare(&verified, &claims);
        Ok(Agreed { verified, claims })
    }

    /// What the checker says of `files`.
    ///
    /// # Errors
    ///
    /// Its objection.
    pub fn check(
        &self,
        files: &Metadata,
        before: Option<&Agreed>,
    ) -> Result<Claims, checker::Objection> {
        let spki = |pem: &String| {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap()
        };
        let pins: Vec<Vec<u8>> = self.pins.iter().map(spki).collect();
        let unexpired: &[&str] = match self.expiry {
            Expiry::Enforce => &["root", "targets", "snapshot", "timestamp"],
            Expiry::EnforceAuthority => &["root", "targets"],
            Expiry::Record => &[],
        };
        let terms = checker::Terms {
            gun: self.gun.as_str(),
            pins: &pins,
            now: self.now.as_nanosecond(),
            unexpired,
            certificate_name: self.certificate_name == Check::Enforce,
            certificate_validity: self.certificate_validity == Check::Enforce,
            before: before.map(|before| &before.claims),
        };
        checker::check(files, &terms)
    }

    fn pins(&self) -> Pins {
        let root = |pem: &String| TrustRoot::from_pem(pem).expect("a pin reads");
        Pins {
            roots: self.pins.iter().map(root).collect(),
            certificate_name: self.certificate_name,
            certificate_validity: self.certificate_validity,
        }
    }

    fn compare(&self, verified: &VerifiedRepository, claims: &Claims) {
        let facts = verified.facts();
        let holds = |key| facts.anchors.contains(&key);
        let pins = self.pins().roots.into_iter();
        let anchors = pins.filter(|root| holds(root.key().fingerprint()));
        assert_eq!(anchors.count(), claims.anchors.len(), "anchors");
        assert_eq!(facts.anchors.len(), claims.anchors.len(), "anchors");

        let ours: BTreeMap<String, _> = facts
            .roles
            .iter()
            .map(|(role, file)| {
                let sha256 = file.sha256.as_bytes().to_vec();
                let expires = file.expires.as_nanosecond();
                (role.to_string(), (file.version.get(), expires, sha256))
            })
            .collect();
        let theirs: BTreeMap<String, _> = claims
            .roles
            .iter()
            .map(|(role, file)| {
                let sha256 = sha2::Sha256::digest(&file.bytes);
                (role.clone(), (file.version, file.expires, sha256.to_vec()))
            })
            .collect();
        assert_eq!(ours, theirs, "role files");

        let ours: BTreeMap<String, Delegation> = facts
            .delegations
            .iter()
            .map(|(name, state)| {
                let state = match state {
                    DelegationState::Accepted { paths } => Delegation::Speaks(paths.clone()),
                    DelegationState::UnderSigned { .. } => Delegation::UnderSigned,
                    DelegationState::Unpublished => Delegation::Unpublished,
                    DelegationState::Vanished => Delegation::Vanished,
                };
                (name.to_string(), state)
            })
            .collect();
        assert_eq!(ours, claims.delegations, "delegations");

        let named = |targets: &Vec<vouchsafe_trust::metadata::Target>| {
            let hash = |target: &vouchsafe_trust::metadata::Target| {
                target.sha256.map(|sha256| sha256.as_bytes().to_vec())
            };
            let named = targets
                .iter()
                .map(|target| (target.name.clone(), hash(target)));
            named.collect::<BTreeMap<_, _>>()
        };
        let ours: BTreeMap<String, _> = verified
            .targets()
            .iter()
            .map(|(role, targets)| (role.to_string(), named(targets)))
            .collect();
        assert_eq!(ours, claims.targets, "targets");
        self.ask(verified, claims);
    }

    /// Asks both who signed each tag.
    fn ask(&self, verified: &VerifiedRepository, claims: &Claims) {
        let mut tags: BTreeSet<&str> = BTreeSet::from(["nowhere"]);
        tags.extend(
            claims
                .targets
                .values()
                .flatten()
                .map(|(tag, _)| tag.as_str()),
        );
        let delegated: Vec<&str> = claims.delegations.keys().map(String::as_str).collect();
        let mut asked: Vec<Vec<&str>> = delegated.iter().map(|name| vec![*name]).collect();
        asked.extend([Vec::new(), vec!["targets/nobody"], delegated.clone()]);
        asked.truncate(MOST_ASKED);
        for tag in tags.into_iter().take(MOST_ASKED) {
            for signers in &asked {
                let theirs = checker::answer(claims, tag, signers, self.now.as_nanosecond());
                let ours = self.answer(verified, tag, signers);
                assert_eq!(ours, theirs, "`{tag}` by {signers:?}");
            }
        }
    }

    fn answer(&self, verified: &VerifiedRepository, tag: &str, signers: &[&str]) -> Answer {
        let signers = if signers.is_empty() {
            Signers::Default
        } else {
            let names = signers.iter().map(|name| name.parse().expect("a name"));
            Signers::All(names.collect())
        };
        let query = Query {
            server: "https://notary.example.com".parse().expect("a server"),
            gun: self.gun.clone(),
            signers,
            wanted: Wanted::Tag(tag.to_owned()),
            retained: None,
        };
        let statement = |role: Role| {
            let all = verified.targets().get(&role).into_iter().flatten();
            let targets = all.filter(|target| target.name == tag).cloned().collect();
            let former = Vec::new();
            Statement {
                role,
                targets,
                former,
            }
        };
        let speakers = verified.facts().speakers(&query.signers);
        let known = Known {
            facts: verified.facts().clone(),
            statements: speakers.into_iter().map(statement).collect(),
            vouch: None,
        };
        known
            .signed(&query, self.now)
            .map_or(Answer::NotSigned, |signed| {
                Answer::Signed(signed.digest.as_bytes().to_vec())
            })
    }
}

/// The most tags, and sets of roles, that are asked about: an input is small, and what it repeats is not.
const MOST_ASKED: usize = 16;
