//! Validators: from what is written to what holds.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_trust::key::{Certificate, KeyError, Pem};
use vouchsafe_trust::pin::{Check, TrustRoot};
use vouchsafe_trust::{Gun, Server};

use super::auth::Auth;
use super::error::{Place, Problem, nearest};
use super::raw::{RawTrustRoot, RawValidator};
use super::yaml::At;
use crate::pattern::Pattern;

/// A validator of the configuration.
#[derive(Clone, Debug)]
pub(crate) enum Validator {
    Notary(NotaryValidator),
    Static { approve: bool },
}

/// A Notary server and its trust roots.
#[derive(Clone, Debug)]
pub(crate) struct NotaryValidator {
    pub(crate) server: Server,
    /// In the order of the configuration; never empty, no name twice.
    pub(crate) roots: Vec<(String, TrustRoot)>,
    /// What to mirror; `None` for whatever the policy can select.
    pub(crate) repositories: Option<Vec<Pattern>>,
    pub(crate) certificate_name: Check,
    pub(crate) certificate_validity: Check,
}

impl NotaryValidator {
    /// Whether the validator's own list of repositories has `gun`; `None` if it has no list.
    pub(crate) fn lists(&self, gun: &Gun) -> Option<bool> {
        let repositories = self.repositories.as_ref()?;
        Some(repositories.iter().any(|pattern| pattern.matches_name(gun)))
    }
}

/// A Notary server that validators name, and how to reach it.
#[derive(Clone, Debug)]
pub struct NotaryServer {
    /// Its base URL.
    pub server: Server,
    /// PEM certificates of the authorities that may certify it; `None` for the system's.
    pub cert: Option<String>,
    /// Credentials; `None` for anonymous access.
    pub auth: Option<Auth>,
    /// The names of the validators on it, in the order of the configuration.
    pub validators: Vec<String>,
}

/// The validators by name, and the servers that they name.
#[derive(Debug, Default)]
pub(super) struct Validators {
    pub(super) by_name: BTreeMap<String, Validator>,
    pub(super) servers: Vec<NotaryServer>,
    places: BTreeMap<String, Place>,
    broken: BTreeSet<String>,
}

impl Validators {
    /// Takes in one validator, or remembers that there is a broken one of its name.
    pub(super) fn add(&mut self, raw: RawValidator) -> Result<(), At<Problem>> {
        let name = raw.name.value.clone();
        self.try_add(raw).inspect_err(|_fault| {
            self.broken.insert(name);
        })
    }

    /// Whether a validator of this name could not be taken in.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }

    fn try_add(&mut self, raw: RawValidator) -> Result<(), At<Problem>> {
        let name = raw.name.value.clone();
        if let Some(place) = self.places.get(&name) {
            return Err(raw.name.fault(Problem::DuplicateName {
                what: "validator",
                name,
                line: place.line,
            }));
        }
        let place = raw.name.place;
        let validator = match raw.kind.value.as_str() {
            "static" => static_validator(&raw)?,
            "notaryv1" => Validator::Notary(self.notary(raw)?),
            _ => return Err(unsupported_type(Some(&name), &raw.kind)),
        };
        self.places.insert(name.clone(), place);
        self.by_name.insert(name, validator);
        Ok(())
    }

    fn notary(&mut self, raw: RawValidator) -> Result<NotaryValidator, At<Problem>> {
        if let Some(approve) = raw.approve {
            return Err(approve.fault(Problem::MisplacedKey {
                key: "approve",
                kind: "notaryv1",
            }));
        }
        let server = match &raw.host {
            Some(host) => host
                .value
                .parse::<Server>()
                .map_err(|error| host.fault(error.into()))?,
            None => DEFAULT_HOST
                .parse()
                .map_err(|error: vouchsafe_trust::name::ServerError| {
                    raw.name.fault(error.into())
                })?,
        };
        let auth = raw.auth.map(super::auth::auth).transpose()?;
        if let Some(cert) = &raw.cert {
            check_certificates(cert)?;
        }
        let cert = raw.cert.map(|cert| cert.value);
        self.reach(&server, cert, auth, &raw.name)?;
        let skip = |key: Option<At<bool>>| match key {
            Some(At { value: true, .. }) => Check::Record,
            Some(_) | None => Check::Enforce,
        };
        Ok(NotaryValidator {
            server,
            roots: trust_roots(raw.trust_roots, &raw.name)?,
            repositories: raw.repositories.as_ref().map(repositories).transpose()?,
            certificate_name: skip(raw.insecure_skip_certificate_name),
            certificate_validity: skip(raw.insecure_skip_certificate_validity),
        })
    }

    /// Notes that a validator is on `server`. All on one server share what is fetched from it, so
    /// they must agree on how to reach it.
    fn reach(
        &mut self,
        server: &Server,
        cert: Option<String>,
        auth: Option<Auth>,
        name: &At<String>,
    ) -> Result<(), At<Problem>> {
        let known = self
            .servers
            .iter_mut()
            .find(|known| known.server == *server);
        let Some(known) = known else {
            self.servers.push(NotaryServer {
                server: server.clone(),
                cert,
                auth,
                validators: vec![name.value.clone()],
            });
            return Ok(());
        };
        let trimmed = |cert: &Option<String>| cert.as_ref().map(|cert| cert.trim().to_owned());
        let differs = if trimmed(&known.cert) != trimmed(&cert) {
            Some("cert")
        } else if known.auth != auth {
            Some("auth")
        } else {
            None
        };
        if let Some(key) = differs {
            let other = known.validators.first().cloned().unwrap_or_default();
            let line = self.places.get(&other).map_or(0, |place| place.line);
            return Err(name.fault(Problem::ServerDiffers { key, other, line }));
        }
        known.validators.push(name.value.clone());
        Ok(())
    }

    /// The validator called `name`.
    pub(super) fn get(&self, name: &str, place: Place) -> Result<&Validator, At<Problem>> {
        self.by_name.get(name).ok_or_else(|| At {
            value: Problem::UnknownName {
                what: "validator",
                name: name.to_owned(),
                nearest: nearest(name, self.by_name.keys()),
            },
            place,
        })
    }
}

/// The error about a validator of an unsupported type.
pub(super) fn unsupported_type(name: Option<&str>, kind: &At<String>) -> At<Problem> {
    kind.fault(Problem::UnsupportedType {
        name: name.unwrap_or_default().to_owned(),
        kind: kind.value.clone(),
    })
}

fn static_validator(raw: &RawValidator) -> Result<Validator, At<Problem>> {
    let misplaced = [
        ("host", raw.host.as_ref().map(|at| at.place)),
        ("cert", raw.cert.as_ref().map(|at| at.place)),
        ("auth", raw.auth.as_ref().map(|at| at.place)),
        ("trustRoots", raw.trust_roots.as_ref().map(|at| at.place)),
        ("repositories", raw.repositories.as_ref().map(|at| at.place)),
        (
            "insecureSkipCertificateName",
            raw.insecure_skip_certificate_name
                .as_ref()
                .map(|at| at.place),
        ),
        (
            "insecureSkipCertificateValidity",
            raw.insecure_skip_certificate_validity
                .as_ref()
                .map(|at| at.place),
        ),
    ];
    for (key, place) in misplaced {
        if let Some(place) = place {
            let kind = "static";
            let value = Problem::MisplacedKey { key, kind };
            return Err(At { value, place });
        }
    }
    let approve = raw.approve.as_ref().is_some_and(|approve| approve.value);
    Ok(Validator::Static { approve })
}

pub(super) fn check_certificates(cert: &At<String>) -> Result<(), At<Problem>> {
    let check = || {
        let blocks = Pem::parse_all(&cert.value)?;
        if blocks.is_empty() {
            return Err(KeyError::Blocks { count: 0 });
        }
        for block in blocks {
            match block.label.as_str() {
                // An authority's key may be of a kind that Notary does not sign with.
                "CERTIFICATE" => {
                    if let Err(KeyError::NotDer) = Certificate::from_der(&block.contents) {
                        return Err(KeyError::NotDer);
                    }
                }
                label if label.ends_with("PRIVATE KEY") => return Err(KeyError::Private),
                _ => return Err(KeyError::Label { label: block.label }),
            }
        }
        Ok(())
    };
    check().map_err(|source| cert.fault(Problem::Certificate { source }))
}

fn trust_roots(
    raw: Option<At<Vec<At<RawTrustRoot>>>>,
    validator: &At<String>,
) -> Result<Vec<(String, TrustRoot)>, At<Problem>> {
    let missing = |key: &str| Problem::MissingKey {
        key: key.to_owned(),
    };
    let raw = raw.ok_or_else(|| validator.fault(missing("trustRoots")))?;
    if raw.value.is_empty() {
        return Err(raw.fault(Problem::Empty { key: "trustRoots" }));
    }
    let mut places = BTreeMap::new();
    let mut roots = Vec::new();
    for At { value: root, .. } in raw.value {
        let name = root.name.value.clone();
        if name == "*" {
            // `*` in a rule means all of them.
            return Err(root.name.fault(Problem::Value {
                key: "name",
                value: name,
                nearest: None,
                expected: "another name: in a rule, `*` means every trust root",
            }));
        }
        if let Some(line) = places.insert(name.clone(), root.name.place.line) {
            let what = "trust root of this validator";
            let problem = Problem::DuplicateName { what, name, line };
            return Err(root.name.fault(problem));
        }
        let key = root.key.ok_or_else(|| root.name.fault(missing("key")))?;
        let pin = TrustRoot::from_pem(&key.value).map_err(|source| {
            let name = name.clone();
            key.fault(Problem::Key { name, source })
        })?;
        roots.push((name, pin));
    }
    Ok(roots)
}

fn repositories(raw: &At<Vec<At<String>>>) -> Result<Vec<Pattern>, At<Problem>> {
    if raw.value.is_empty() {
        return Err(raw.fault(Problem::Empty {
            key: "repositories",
        }));
    }
    raw.value
        .iter()
        .map(|written| {
            let pattern = super::rule::pattern(written)?;
            if pattern.has_tag_or_digest() {
                return Err(written.fault(Problem::RepositoryTag {
                    pattern: written.value.clone(),
                }));
            }
            Ok(pattern)
        })
        .collect()
}

const DEFAULT_HOST: &str = "https://notary.docker.io";
