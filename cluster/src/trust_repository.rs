//! The custom resources that carry [`RepositoryMetadata`](vouchsafe_trust::RepositoryMetadata) through the API server.
//!
//! One [`TrustRepository`] for each repository of each Notary server. It names its role files by their SHA-256 and holds them
//! compressed; what would make it larger than an object may be is in [`TrustRepositoryPart`]s, which it names by their SHA-256.
//! Its status is for people: nothing reads it.

mod name;
mod pack;
mod unpack;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use name::object_name;
pub use pack::{PackError, Packed, pack, withdrawn};
pub use unpack::{Claim, UnpackError, claim};

/// What `spec` of a `TrustRepository` says. It is a claim: only `verify` makes something of it.
#[derive(Clone, CustomResource, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "vouchsafe.dev",
    version = "v1alpha1",
    kind = "TrustRepository",
    plural = "trustrepositories",
    shortname = "trust",
    category = "vouchsafe",
    namespaced,
    status = "TrustRepositoryStatus",
    doc = "The signed trust data of one repository, as its Notary server served it. Every webhook verifies it again from the keys that it pins.",
    printcolumn = r#"{"name": "GUN", "type": "string", "jsonPath": ".spec.gun"}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.state"}"#,
    printcolumn = r#"{"name": "Tags", "type": "integer", "jsonPath": ".status.tags"}"#,
    printcolumn = r#"{"name": "Expires", "type": "string", "jsonPath": ".status.expires"}"#,
    printcolumn = r#"{"name": "Synced", "type": "date", "jsonPath": ".spec.syncedAt"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TrustRepositorySpec {
    /// The Notary server's URL.
    #[schemars(length(max = 2048))]
    pub server: String,
    /// The repository, with its registry.
    #[schemars(length(max = 512))]
    pub gun: String,
    /// When this was brought up to date.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub synced_at: String,
    /// When the server said that it no longer has the repository. The files are the last ones then, behind which none may fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub withdrawn_at: Option<String>,
    /// The role files: every root of the chain, oldest first, then the others.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub files: Vec<RoleFile>,
}

/// One role file.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleFile {
    /// The role: `root`, `targets`, `snapshot`, `timestamp`, or a delegation such as `targets/releases`.
    #[schemars(length(max = 1024))]
    pub role: String,
    /// The SHA-256 of the file, in hexadecimal.
    #[schemars(length(max = 64))]
    pub sha256: String,
    /// Its size in bytes.
    #[schemars(range(min = 0))]
    pub size: i64,
    /// The file, compressed with zstd, in base64; absent where it is in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub data: Option<String>,
    /// The names of the `TrustRepositoryPart` objects whose data, one after the other, is the compressed file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 128),
        inner(length(min = 64, max = 64), regex(pattern = "^[0-9a-f]{64}$"))
    )]
    pub parts: Vec<String>,
}

/// A piece of a role file that is too large for one object; its name is the SHA-256 of its bytes.
#[derive(Clone, CustomResource, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "vouchsafe.dev",
    version = "v1alpha1",
    kind = "TrustRepositoryPart",
    plural = "trustrepositoryparts",
    category = "vouchsafe",
    namespaced,
    doc = "A piece of a role file that is too large for one object. Its name is the SHA-256 of its bytes."
)]
pub struct TrustRepositoryPartSpec {
    /// The bytes, in base64.
    #[schemars(length(max = 1_048_576))]
    pub data: String,
}

/// What the webhook that leads says of a `TrustRepository`. What is not said is written as `null`, which takes away what was said
/// before (RFC 7386).
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustRepositoryStatus {
    /// What it is good for: `Fresh`, `Stale`, `Expired`, `Withdrawn`, `Refused`…
    #[serde(default)]
    pub state: Option<String>,
    /// How many tags are signed where a rule names no delegation.
    #[serde(default)]
    pub tags: Option<i64>,
    /// Until when its images are admitted unless it is brought up to date before; for people, to the second.
    #[serde(default)]
    pub expires: Option<String>,
    /// The generation of the object that this is about.
    #[serde(default)]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Verified` and `Fresh`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// One condition, as Kubernetes has them.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Verified` or `Fresh`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// The generation of the object that this is about.
    pub observed_generation: i64,
    /// When `status` changed last.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
}

/// The definitions of the custom resources, as the API server has to know them.
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [TrustRepository::crd(), TrustRepositoryPart::crd()]
}
