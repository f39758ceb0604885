//! The configuration as it is written; the JSON Schema is made from these types.

mod alerting;
mod bundles;
mod kubernetes;

use std::fmt;

pub(super) use alerting::{RawAlerting, RawReceiver, RawReceivers};
pub(super) use bundles::{RawBreakGlass, RawBundleKey, RawBundlePull, RawBundles};
pub(super) use kubernetes::{RawKubernetes, RawKubernetesCertificate};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::yaml::At;

/// Vouchsafe's configuration: which Notary servers and keys are trusted, and for which images.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Vouchsafe configuration")]
pub(super) struct RawConfig {
    /// Where and how signatures are checked. At least one.
    pub(super) validators: At<Vec<At<RawValidator>>>,
    /// Which validator is asked about which images. At least one rule; an image that no rule
    /// matches is denied.
    pub(super) policy: At<Vec<At<RawRule>>>,
    /// Registries from which the cluster pulls what is signed under another name. Rules are matched
    /// against the signed name; the longest `from` wins.
    pub(super) mirrors: Option<Vec<RawMirror>>,
    /// When and how trust data is fetched.
    pub(super) sync: Option<RawSync>,
    /// How old trust data may be.
    pub(super) freshness: Option<RawFreshness>,
    /// How long superseded digests stay admissible.
    pub(super) history: Option<RawHistory>,
    /// Switches of admission.
    pub(super) features: Option<RawFeatures>,
    /// Digests and repositories that nothing admits, whatever is signed and whatever a rule says.
    pub(super) deny: Option<Vec<At<RawDenied>>>,
    /// Bundles: which are taken in, and whose word counts.
    pub(super) bundles: Option<RawBundles>,
    /// Repositories whose expired signatures count for a while, and why.
    pub(super) break_glass: Option<Vec<At<RawBreakGlass>>>,
    /// What is exchanged with the API server of the cluster.
    pub(super) kubernetes: Option<RawKubernetes>,
    /// Who is told of what was admitted and denied.
    pub(super) alerting: Option<RawAlerting>,
}

/// A Notary server and its trust roots, or a static answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Validator")]
pub(super) struct RawValidator {
    /// The name by which rules refer to it.
    pub(super) name: At<String>,
    /// `notaryv1` or `static`.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["notaryv1", "static"]))]
    pub(super) kind: At<String>,
    /// static: whether images are admitted.
    #[schemars(with = "Option<bool>")]
    pub(super) approve: Option<At<bool>>,
    /// notaryv1: the Notary server's base URL; `https` unless `http://` is written. Without it,
    /// `https://notary.docker.io`.
    pub(super) host: Option<At<String>>,
    /// notaryv1: PEM certificates of the authorities that may certify the host, instead of the
    /// system's.
    pub(super) cert: Option<At<String>>,
    /// notaryv1: credentials for the host.
    pub(super) auth: Option<At<RawAuth>>,
    /// notaryv1: the pinned root keys. At least one.
    pub(super) trust_roots: Option<At<Vec<At<RawTrustRoot>>>>,
    /// notaryv1: patterns of the repositories to mirror; without it, whatever the policy can
    /// select.
    pub(super) repositories: Option<At<Vec<At<String>>>>,
    /// notaryv1: gives up that the root certificate is made out to the repository, so that trust
    /// data of one repository can be served as that of another one with the same root key.
    pub(super) insecure_skip_certificate_name: Option<At<bool>>,
    /// notaryv1: gives up that the root certificate is in its validity.
    pub(super) insecure_skip_certificate_validity: Option<At<bool>>,
}

/// Credentials for a Notary server: one of `username` and `password`, `usernameFile` and
/// `passwordFile`, `dockerConfigFile`, `secretName`. Other keys are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Auth")]
pub(super) struct RawAuth {
    /// The user's name.
    pub(super) username: Option<String>,
    /// The user's password, or a token.
    pub(super) password: Option<RawSecret>,
    /// Path of a file that holds the user's name.
    pub(super) username_file: Option<String>,
    /// Path of a file that holds the password.
    pub(super) password_file: Option<String>,
    /// Path of a Docker `config.json`.
    pub(super) docker_config_file: Option<String>,
    /// Name of a secret: the folder below `--secrets` that holds `secret.yaml` (with `username` and
    /// `password`) or `.dockerconfigjson`. Counts before everything else that is written here.
    pub(super) secret_name: Option<At<String>>,
    /// For other types of validators; means nothing here.
    pub(super) use_keychain: Option<At<Ignored>>,
}

/// A root key that the operator pinned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "TrustRoot")]
pub(super) struct RawTrustRoot {
    /// The name by which rules refer to it.
    pub(super) name: At<String>,
    /// The public key or certificate, PEM.
    pub(super) key: Option<At<String>>,
    /// For other types of validators; means nothing here.
    #[serde(rename = "cert")]
    pub(super) _cert: Option<Ignored>,
    /// For other types of validators; means nothing here.
    #[serde(rename = "tsCert")]
    pub(super) _ts_cert: Option<Ignored>,
    /// For other types of validators; means nothing here.
    #[serde(rename = "keyless")]
    pub(super) _keyless: Option<Ignored>,
}

/// Which validator is asked about which images.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub(super) struct RawRule {
    /// Which images: matched against the canonical reference from its first to its last
    /// character, `*` being any run of characters.
    pub(super) pattern: At<String>,
    /// The validator's name; without it, `default`.
    pub(super) validator: Option<At<String>>,
    /// Patterns of the namespaces in which the rule holds; without it, all.
    pub(super) namespaces: Option<At<Vec<At<String>>>>,
    /// What is asked of the validator.
    pub(super) with: Option<At<RawWith>>,
    /// `enforce` (the default) denies what does not hold; `warn` admits it all the same, with a
    /// warning.
    #[schemars(extend("enum" = ["enforce", "warn", null]))]
    pub(super) mode: Option<At<String>>,
}

/// What a rule asks of its validator.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "With")]
pub(super) struct RawWith {
    /// The trust root that has to anchor the repository, or `*` for all of the validator's;
    /// without it, `default`.
    pub(super) trust_root: Option<At<String>>,
    /// The delegations that have to sign, all of them.
    pub(super) delegations: Option<At<Vec<At<String>>>>,
    /// `mutate` (the default) pins tags to their signed digest; `insecureValidateOnly` leaves them
    /// as they are, so that what runs may be another image than the one that was checked.
    #[schemars(extend("enum" = ["mutate", "insecureValidateOnly", null]))]
    pub(super) mode: Option<At<String>>,
    /// For other types of validators; means nothing here.
    pub(super) required: Option<At<Ignored>>,
    /// For other types of validators; means nothing here.
    pub(super) threshold: Option<At<Ignored>>,
    /// For other types of validators; means nothing here.
    pub(super) verify_in_transparency_log: Option<At<Ignored>>,
    /// For other types of validators; means nothing here.
    #[serde(rename = "verifySCT")]
    pub(super) verify_sct: Option<At<Ignored>>,
    /// For other types of validators; means nothing here.
    pub(super) verification_level: Option<At<Ignored>>,
    /// For other types of validators; means nothing here.
    pub(super) verify_timestamp: Option<At<Ignored>>,
}

/// A registry from which the cluster pulls what is signed under another name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Mirror")]
pub(super) struct RawMirror {
    /// Registry, or registry and path, that the cluster pulls from.
    pub(super) from: At<String>,
    /// What the signature names instead.
    pub(super) to: At<String>,
}

/// A digest, a repository or a key that nothing admits: one of `digest`, `gun` and `key`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Denied")]
pub(super) struct RawDenied {
    /// The digest of a manifest: `sha256:…`.
    pub(super) digest: Option<At<String>>,
    /// A pattern of repositories, such as `docker.io/library/nginx`, compared with the name that is
    /// pulled and with the one that is signed.
    pub(super) gun: Option<At<String>>,
    /// The TUF key ID of a key, as `notary key list` shows it: whatever depends on it.
    pub(super) key: Option<At<String>>,
    /// Why; shown to whoever is denied.
    pub(super) reason: Option<String>,
}

/// When and how trust data is fetched.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Sync")]
pub(super) struct RawSync {
    /// A cron expression of five fields, or `never`, where no Notary server can be reached and bundles
    /// bring the trust data; without it, `*/5 * * * *`.
    pub(super) schedule: Option<At<String>>,
    /// How many requests a server gets at once; without it, 1. A released Notary server on a database may die of more.
    pub(super) per_server: Option<At<u16>>,
    /// Where repositories come from that the configuration does not spell out.
    pub(super) discover: Option<RawDiscover>,
}

/// Where repositories come from that the configuration does not spell out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Discover")]
pub(super) struct RawDiscover {
    /// The Notary server's list of changes, where it has one; on unless `false` is written.
    pub(super) changefeed: Option<bool>,
    /// The images that the cluster's objects name; off unless `true` is written.
    pub(super) cluster: Option<bool>,
}

/// How old trust data may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Freshness")]
pub(super) struct RawFreshness {
    /// How long after the expiry of timestamp or snapshot an image is still admitted, with a
    /// warning: `0s` (the default), `24h`, `7d`.
    pub(super) max_staleness: Option<At<String>>,
    /// Whose word says how fresh trust data is: `timestamp` (the default), the Notary server's; or
    /// `bundle`, also that of whoever signed the bundle which brought it, until the bundle's `refreshBy`.
    #[schemars(extend("enum" = ["timestamp", "bundle", null]))]
    pub(super) freshness_from: Option<At<String>>,
}

/// How long superseded digests stay admissible.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "History")]
pub(super) struct RawHistory {
    /// How long a digest that a tag pointed to before stays admissible: `0s` (the default), `24h`,
    /// `7d`.
    pub(super) retain: Option<At<String>>,
}

/// Switches of admission.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Features")]
pub(super) struct RawFeatures {
    /// Admits everything, and warns instead of denying; off unless `true` is written.
    pub(super) detection_mode: Option<bool>,
    /// Admits objects whose owner runs the same image, byte for byte; on unless `false` is written.
    /// Needs a source of owner objects; without one it changes nothing.
    pub(super) automatic_child_approval: Option<At<bool>>,
    /// Admits an update's images that the object had before, byte for byte; off unless `true` is
    /// written.
    pub(super) automatic_unchanged_approval: Option<bool>,
    /// Which kinds of objects are denied and patched: `all` (the default), or `podsOnly`, which only
    /// warns of the others.
    pub(super) resource_validation_mode: Option<At<String>>,
}

/// A string that is never printed.
#[derive(JsonSchema)]
#[schemars(inline, with = "String")]
pub(super) struct RawSecret(pub(super) SecretString);

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Anything; nobody looks at it.
#[derive(Debug, JsonSchema)]
#[schemars(inline, with = "serde_json::Value")]
pub(super) struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_any| Self)
    }
}

/// What tells the type of a validator whose other keys cannot be read.
#[derive(Debug, Deserialize)]
pub(super) struct Probe {
    #[serde(default)]
    pub(super) validators: Vec<ProbeValidator>,
}

/// A validator of any type.
#[derive(Debug, Deserialize)]
pub(super) struct ProbeValidator {
    pub(super) name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<At<String>>,
}
