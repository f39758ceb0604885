//! Bundles and broken glass, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::RawAuth;
use crate::config::yaml::At;

/// Which bundles are taken in, and whose word counts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Bundles")]
pub(crate) struct RawBundles {
    /// Who this is: a bundle that is made for others is refused.
    pub(crate) audience: Option<At<String>>,
    /// The keys of those who vouch for bundles. Without any, bundles need no signature, and none
    /// counts: what they bring is verified against the trust roots all the same.
    pub(crate) keys: Option<At<Vec<At<RawBundleKey>>>>,
    /// How many of the keys have to sign. Has to be said where there are several.
    pub(crate) threshold: Option<At<u16>>,
    /// A folder: `vouchsafe serve` takes in the bundles that appear there.
    pub(crate) directory: Option<String>,
    /// A place in a registry from which `vouchsafe serve` pulls bundles.
    pub(crate) pull: Option<RawBundlePull>,
}

/// The key of somebody who vouches for bundles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "BundleKey")]
pub(crate) struct RawBundleKey {
    /// Whose it is.
    pub(crate) name: At<String>,
    /// The public key, PEM: ECDSA P-256 or Ed25519.
    pub(crate) key: At<String>,
}

/// A place in a registry from which bundles are pulled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "BundlePull")]
pub(crate) struct RawBundlePull {
    /// The artifact, such as `registry.internal/trust/bundle:latest`; over TLS unless `http://` is
    /// written before it.
    pub(crate) reference: At<String>,
    /// When to look: a cron expression of five fields; without it, `*/15 * * * *`.
    pub(crate) schedule: Option<At<String>>,
    /// PEM certificates of the authorities that may certify the registry, instead of the system's.
    pub(crate) cert: Option<At<String>>,
    /// Credentials for the registry.
    pub(crate) auth: Option<At<RawAuth>>,
}

/// A repository whose expired signatures count for a while. Images still have to be signed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "BreakGlass")]
pub(crate) struct RawBreakGlass {
    /// The repository, spelled out: `docker.io/library/nginx`.
    pub(crate) gun: At<String>,
    /// When it begins, such as `2026-11-25T14:00:00Z`.
    pub(crate) from: At<String>,
    /// When it ends, at most 30 days later.
    pub(crate) until: At<String>,
    /// Why; shown to whoever asks about the repository meanwhile.
    pub(crate) reason: At<String>,
}
