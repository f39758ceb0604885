//! Bundles: what is taken in, and whose word counts.

use std::collections::BTreeSet;
use std::path::PathBuf;

use vouchsafe_trust::key::{Fingerprint, PublicKey};

use super::auth::{Auth, auth};
use super::error::{Place, Problem};
use super::kubernetes::{MAX_LABEL, is_label};
use super::raw::{RawBundleKey, RawBundlePull, RawBundles};
use super::yaml::At;

/// Which bundles are taken in, and whose word counts.
#[derive(Clone, Debug, Default)]
pub struct BundleSettings {
    /// Whom bundles have to be for, where they are for somebody.
    pub audience: Option<String>,
    /// The keys of those who vouch for bundles, by name. Where there is none, bundles need no
    /// signature, and none counts.
    pub keys: Vec<(String, PublicKey)>,
    /// How many of them have to sign; 0 only where there are none.
    pub threshold: usize,
    /// A folder whose bundles are taken in as they appear.
    pub directory: Option<PathBuf>,
    /// A place in a registry from which bundles are pulled.
    pub pull: Option<BundlePull>,
}

/// A place in a registry from which bundles are pulled.
#[derive(Clone, Debug)]
pub struct BundlePull {
    /// The reference of the artifact.
    pub reference: String,
    /// Where that stands in the file.
    pub reference_place: Place,
    /// When to look, as a cron expression of five fields.
    pub schedule: String,
    /// Where that stands in the file; unknown for the default.
    pub schedule_place: Place,
    /// PEM certificates that replace the system's roots for the registry.
    pub cert: Option<String>,
    /// How to log in; `None` for anonymous access.
    pub auth: Option<Auth>,
}

impl BundleSettings {
    /// Whether bundles come in without anybody having to run a command.
    pub const fn is_fed(&self) -> bool {
        self.directory.is_some() || self.pull.is_some()
    }

    /// How many of the pinned keys are among `signers`.
    pub fn count(&self, signers: &BTreeSet<Fingerprint>) -> usize {
        // No key is pinned twice.
        let keys = self.keys.iter().map(|(_, key)| key.fingerprint());
        keys.filter(|key| signers.contains(key)).count()
    }

    /// Whether enough of the pinned keys are among `signers` for their word to count. Never where none
    /// is pinned.
    pub fn is_vouched(&self, signers: &BTreeSet<Fingerprint>) -> bool {
        self.threshold > 0 && self.count(signers) >= self.threshold
    }
}

/// Reads `bundles`.
pub(super) fn bundles(raw: RawBundles) -> Result<BundleSettings, At<Problem>> {
    let keys_place = raw.keys.as_ref().map(|at| at.place).unwrap_or_default();
    let audience = raw.audience.map(audience).transpose()?;
    let keys = raw.keys.map(keys).transpose()?.unwrap_or_default();
    let threshold = match (keys.len(), raw.threshold) {
        (0, Some(threshold)) => {
            return Err(threshold.fault(Problem::Needs {
                key: "bundles.threshold",
                other: "bundles.keys",
            }));
        }
        (count, Some(threshold)) if !(1..=count).contains(&usize::from(threshold.value)) => {
            return Err(threshold.fault(Problem::Type {
                expected: format!("a number from 1 to {count}, which is how many `keys` there are"),
            }));
        }
        (_, Some(threshold)) => usize::from(threshold.value),
        (0 | 1, None) => keys.len(),
        (_, None) => {
            return Err(At {
                value: Problem::MissingKey {
                    key: "threshold".to_owned(),
                },
                place: keys_place,
            });
        }
    };
    Ok(BundleSettings {
        audience,
        keys,
        threshold,
        directory: raw.directory.map(PathBuf::from),
        pull: raw.pull.map(pull).transpose()?,
    })
}

/// A name that bundles carry, too, so it is as narrow there.
fn audience(written: At<String>) -> Result<String, At<Problem>> {
    let name = &written.value;
    if is_label(name) {
        Ok(written.value)
    } else {
        Err(written.fault(Problem::Value {
            key: "audience",
            value: name.chars().take(MAX_LABEL).collect(),
            nearest: None,
            expected: "a name of lower-case letters, digits and inner hyphens: `site-a`",
        }))
    }
}

fn keys(raw: At<Vec<At<RawBundleKey>>>) -> Result<Vec<(String, PublicKey)>, At<Problem>> {
    if raw.value.is_empty() {
        return Err(raw.fault(Problem::Empty {
            key: "bundles.keys",
        }));
    }
    let mut keys: Vec<(String, PublicKey)> = Vec::new();
    for At { value: written, .. } in raw.value {
        let name = written.name.value.clone();
        let key = PublicKey::from_pem(&written.key.value).map_err(|source| {
            let name = name.clone();
            written.key.fault(Problem::BundleKey { name, source })
        })?;
        if !key.signs_documents() {
            let kind = key.kind();
            return Err(written.key.fault(Problem::BundleKeyKind { name, kind }));
        }
        // A threshold counts keys, so one under two names would count for less than it seems.
        if let Some((other, _)) = keys
            .iter()
            .find(|(other, known)| *other == name || *known == key)
        {
            let other = other.clone();
            return Err(written.name.fault(Problem::SameBundleKey { name, other }));
        }
        keys.push((name, key));
    }
    Ok(keys)
}

fn pull(raw: RawBundlePull) -> Result<BundlePull, At<Problem>> {
    if let Some(cert) = &raw.cert {
        super::validator::check_certificates(cert)?;
    }
    let schedule_place = raw.schedule.as_ref().map(|at| at.place).unwrap_or_default();
    let schedule = match &raw.schedule {
        Some(schedule) => super::settings::cron(schedule)?,
        None => DEFAULT_SCHEDULE.to_owned(),
    };
    Ok(BundlePull {
        reference: raw.reference.value,
        reference_place: raw.reference.place,
        schedule,
        schedule_place,
        cert: raw.cert.map(|cert| cert.value),
        auth: raw.auth.map(auth).transpose()?,
    })
}

const DEFAULT_SCHEDULE: &str = "*/15 * * * *";
