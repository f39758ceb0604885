//! OCI image manifests and indexes, as far as a bundle is one (OCI image specification 1.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vouchsafe_trust::Sha256;

/// What the manifest of a bundle names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Artifact {
    /// Length by digest, each once.
    pub(crate) blobs: BTreeMap<Sha256, u64>,
}

/// What a reference leads to.
#[derive(Debug)]
pub(crate) enum Document {
    /// A bundle.
    Bundle(Artifact),
    /// An index with one bundle in it.
    Index(Descriptor),
}

/// A part by its digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    #[serde(with = "prefixed")]
    pub(crate) digest: Sha256,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Artifact {
    /// The bytes of everything together.
    pub(crate) fn size(&self) -> u64 {
        let sizes = self.blobs.values();
        sizes.fold(0, |sum: u64, size| sum.saturating_add(*size))
    }

    /// Reads the manifest of a bundle; what is wrong with it, if it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        match Document::parse(bytes)? {
            Document::Bundle(artifact) => Ok(artifact),
            Document::Index(_) => Err("an index instead of a manifest".to_owned()),
        }
    }
}

impl Document {
    /// Reads what a registry has under a name; what is wrong with it, if it is no bundle.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Manifest = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest cannot be read: {error}"))?;
        if manifest.schema_version != 2 {
            return Err("its manifest is of another version".to_owned());
        }
        let (media_type, manifests) = (manifest.media_type.as_deref(), &manifest.manifests);
        match (media_type, manifests, manifest.config.is_some()) {
            (Some(INDEX) | None, Some(manifests), false) => one_bundle(manifests).map(Self::Index),
            (Some(MANIFEST) | None, None, true) => manifest.bundle().map(Self::Bundle),
            _ => Err(format!("its type is `{}`", shown(media_type))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    fn bundle(&self) -> Result<Artifact, String> {
        if self.artifact_type.as_deref() != Some(ARTIFACT_TYPE) {
            return Err(match (&self.artifact_type, &self.config) {
                (Some(other), _) => format!("it is an artifact of type `{}`", shown(Some(other))),
                (None, Some(config)) => format!(
                    "it is an image (configuration `{}`)",
                    shown(Some(&config.media_type))
                ),
                (None, None) => "it is an artifact without a type".to_owned(),
            });
        }
        if self.layers.len() >= MAX_BLOBS {
            return Err(format!("it has {} layers", self.layers.len()));
        }
        let mut blobs = BTreeMap::new();
        for part in self.config.iter().chain(&self.layers) {
            if *blobs.entry(part.digest).or_insert(part.size) != part.size {
                return Err(format!("it states two sizes of sha256:{}", part.digest));
            }
        }
        Ok(Artifact { blobs })
    }
}

/// The bundle of an index that has one. Tools that copy may leave out the type, which the manifest
/// itself then has to state.
fn one_bundle(manifests: &[Descriptor]) -> Result<Descriptor, String> {
    let is_bundle = |entry: &&Descriptor| entry.artifact_type.as_deref() == Some(ARTIFACT_TYPE);
    let is_manifest = |entry: &&Descriptor| {
        entry.artifact_type.is_none() && [MANIFEST, ""].contains(&entry.media_type.as_str())
    };
    let mut candidates: Vec<&Descriptor> = manifests.iter().filter(is_bundle).collect();
    if candidates.is_empty() {
        candidates = manifests.iter().filter(is_manifest).collect();
    }
    match candidates.as_slice() {
        [one] => Ok((*one).clone()),
        others => Err(format!("an index with {} that may be one", others.len())),
    }
}

/// What a registry wrote, fit for a terminal.
fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "not stated".to_owned(), vouchsafe_outbound::cut)
}

/// A digest with its algorithm, as OCI writes it.
mod prefixed {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use vouchsafe_trust::Sha256;

    pub(crate) fn serialize<S: Serializer>(digest: &Sha256, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("sha256:{digest}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sha256, D::Error> {
        let text = String::deserialize(from)?;
        let hex = text
            .strip_prefix("sha256:")
            .ok_or_else(|| D::Error::custom("a digest is no SHA-256"))?;
        hex.parse().map_err(D::Error::custom)
    }
}

/// The `artifactType` of a bundle.
pub const ARTIFACT_TYPE: &str = "application/vnd.vouchsafe.bundle.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The configuration of what needs none.
pub(crate) const EMPTY: &[u8] = b"{}";
/// The most that a bundle is made of; it is a manifest, a pack and a few signatures.
const MAX_BLOBS: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn part(content: &str) -> Value {
        json!({"mediaType": "x/y", "digest": format!("sha256:{}", Sha256::of(content.as_bytes())), "size": content.len()})
    }

    fn bundle() -> Value {
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": ARTIFACT_TYPE,
            "config": part("{}"), "layers": [part("manifest"), part("pack"), part("pack")],
        })
    }

    fn with(fields: &[(&str, Value)]) -> Value {
        let mut document = bundle();
        for (key, value) in fields {
            document[*key] = value.clone();
        }
        document
    }

    #[test]
    fn a_bundle_is_a_manifest_of_its_type() {
        let artifact = Artifact::parse(bundle().to_string().as_bytes()).unwrap();
        assert_eq!((artifact.blobs.len(), artifact.size()), (3, 14));
        let mut without_type = bundle();
        without_type.as_object_mut().unwrap().remove("mediaType");
        assert!(Artifact::parse(without_type.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn what_is_something_else_is_named() {
        let twice = json!([part("pack"), {"digest": part("pack")["digest"], "size": 5}]);
        let cases = [
            (with(&[("artifactType", json!("a/b\n"))]), r"type `a/b\n`"),
            (with(&[("artifactType", Value::Null)]), "image"),
            (with(&[("mediaType", json!(INDEX))]), "image.index"),
            (with(&[("schemaVersion", json!(1))]), "another version"),
            (with(&[("config", Value::Null)]), "type is"),
            (with(&[("layers", twice)]), "two sizes"),
            (with(&[("layers", json!(vec![part("x"); 200]))]), "200"),
            (
                with(&[("layers", json!([{"digest": "sha512:00", "size": 1}]))]),
                "no SHA-256",
            ),
            (
                with(&[(
                    "layers",
                    json!([{"digest": part("x")["digest"], "size": -1}]),
                )]),
                "cannot be read",
            ),
            (json!([]), "cannot be read"),
        ];
        for (document, expected) in cases {
            let reason = Document::parse(document.to_string().as_bytes()).unwrap_err();
            assert!(reason.contains(expected), "{document}: {reason}");
        }
    }

    #[test]
    fn an_index_may_lead_to_one_bundle() {
        let entry = |kind: Option<&str>, content: &str| {
            let mut entry = part(content);
            entry["mediaType"] = json!(MANIFEST);
            if let Some(kind) = kind {
                entry["artifactType"] = json!(kind);
            }
            entry
        };
        let (ours, other, plain) = (
            entry(Some(ARTIFACT_TYPE), "a"),
            entry(Some("a/b"), "b"),
            entry(None, "c"),
        );
        let cases = [
            (vec![&ours], Some("a")),
            (vec![&other, &ours, &plain], Some("a")),
            (vec![&plain], Some("c")),
            (vec![&other, &plain], Some("c")),
            (vec![&ours, &ours], None),
            (vec![&plain, &plain], None),
            (vec![&other], None),
            (vec![], None),
        ];
        for (entries, expected) in cases {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            let found = match Document::parse(index.to_string().as_bytes()) {
                Ok(Document::Index(descriptor)) => Some(descriptor.digest),
                _ => None,
            };
            let expected = expected.map(|content| Sha256::of(content.as_bytes()));
            assert_eq!(found, expected, "{index}");
        }
    }
}
