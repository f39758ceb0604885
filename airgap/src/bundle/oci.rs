//! The OCI image layout that a bundle is (image-spec 1.1): media types, descriptors, the image
//! manifest and the index.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vouchsafe_trust::Sha256;
use vouchsafe_trust::key::Fingerprint;

use super::entry::shown;
use crate::Refusal;

/// What says where contents are: media type, digest, size.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The type of artifact that it describes, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The digest, written as `sha256:` and 64 digits.
    #[serde(with = "prefixed")]
    pub digest: Sha256,
    /// The length in bytes.
    pub size: u64,
    /// Anything else about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Describes `size` bytes with this digest, which are called `title` where they become a file.
    pub(super) fn new(media_type: &str, digest: Sha256, size: u64, title: Option<&str>) -> Self {
        let title = title.map(|title| (TITLE.to_owned(), title.to_owned()));
        Self {
            media_type: media_type.to_owned(),
            artifact_type: None,
            digest,
            size,
            annotations: title.into_iter().collect(),
        }
    }
}

/// An OCI image manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageManifest {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    pub(super) config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The layers of a bundle.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) manifest: Descriptor,
    pub(super) pack: Option<Descriptor>,
    /// In ascending order of the key that each says it is by.
    pub(super) signatures: Vec<(Fingerprint, Descriptor)>,
}

impl ImageManifest {
    pub(super) fn new(layers: Layers) -> Self {
        let signatures = layers.signatures.into_iter().map(|(_, layer)| layer);
        let others = [layers.manifest].into_iter().chain(layers.pack);
        Self {
            schema_version: 2,
            media_type: Some(IMAGE_MANIFEST.to_owned()),
            artifact_type: Some(ARTIFACT.to_owned()),
            config: Descriptor::new(EMPTY, Sha256::of(EMPTY_CONFIG), 2, None),
            layers: others.chain(signatures).collect(),
        }
    }

    /// Reads an image manifest that is a bundle's.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let artifact: Self = read("its OCI image manifest", bytes)?;
        let is_manifest = artifact.schema_version == 2
            && artifact
                .media_type
                .as_deref()
                .is_none_or(|it| it == IMAGE_MANIFEST);
        match artifact.artifact_type.as_deref().filter(|_| is_manifest) {
            Some(ARTIFACT) => {}
            Some(kind) if kind.starts_with(ARTIFACT_FAMILY) => {
                let found = shown(kind.as_bytes());
                return Err(Refusal::UnknownFormat { found });
            }
            _ => return Err(unfit("it is an image of another kind")),
        }
        if artifact.config.media_type != EMPTY || artifact.config.digest != Sha256::of(EMPTY_CONFIG)
        {
            return Err(unfit("it has an image configuration"));
        }
        Ok(artifact)
    }

    /// Its layers, if they are those of a bundle in their order.
    pub(super) fn layers(self) -> Result<Layers, Refusal> {
        let mut layers = self.layers.into_iter().peekable();
        let manifest = layers.next_if(|layer| layer.media_type == MANIFEST);
        let manifest = manifest.ok_or_else(|| unfit("its first layer is no manifest"))?;
        let pack = layers.next_if(|layer| layer.media_type == FILES);
        let mut signatures = Vec::<(Fingerprint, Descriptor)>::new();
        for layer in layers {
            if layer.media_type != SIGNATURE {
                let entry = shown(layer.media_type.as_bytes());
                return Err(Refusal::ForeignEntry { entry });
            }
            let key = layer.annotations.get(KEY).and_then(|key| key.parse().ok());
            let key = key.ok_or_else(|| unfit("a signature does not say whose it is"))?;
            if signatures.last().is_some_and(|(before, _)| *before >= key) {
                return Err(unfit("its signatures are not in order, one of each key"));
            }
            signatures.push((key, layer));
        }
        Ok(Layers {
            manifest,
            pack,
            signatures,
        })
    }
}

/// The index of an OCI image layout.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    manifests: Vec<Descriptor>,
}

impl Index {
    /// The index of a layout that has one bundle.
    pub(super) fn new(artifact: &[u8], reference: String) -> Self {
        let size = u64::try_from(artifact.len()).unwrap_or(u64::MAX);
        let mut descriptor = Descriptor::new(IMAGE_MANIFEST, Sha256::of(artifact), size, None);
        descriptor.artifact_type = Some(ARTIFACT.to_owned());
        descriptor
            .annotations
            .insert(REF_NAME.to_owned(), reference);
        Self {
            schema_version: 2,
            media_type: Some(INDEX.to_owned()),
            manifests: vec![descriptor],
        }
    }

    /// Reads `index.json`: the descriptor of the one image. It may have several names.
    pub(super) fn parse(bytes: &[u8]) -> Result<Descriptor, Refusal> {
        let index: Self = read("its index", bytes)?;
        let mut images = index.manifests.into_iter();
        let image = images.next().ok_or_else(|| unfit("its index is empty"))?;
        if index.schema_version != 2 || image.media_type != IMAGE_MANIFEST {
            return Err(unfit("its index is not one of images"));
        }
        if images.any(|other| other.digest != image.digest || other.size != image.size) {
            return Err(unfit("its index names more than one image"));
        }
        Ok(image)
    }
}

/// The file `oci-layout`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

/// Checks the file `oci-layout`.
pub(super) fn check_layout(bytes: &[u8]) -> Result<(), Refusal> {
    let layout: Layout = read("`oci-layout`", bytes)?;
    if layout.image_layout_version == "1.0.0" {
        Ok(())
    } else {
        Err(unfit("it is an OCI image layout of another version"))
    }
}

fn read<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| Refusal::NotABundle {
        reason: format!("{what} cannot be read: {error}"),
    })
}

fn unfit(reason: &str) -> Refusal {
    let reason = reason.to_owned();
    Refusal::NotABundle { reason }
}

/// Digests as OCI writes them.
mod prefixed {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use vouchsafe_trust::Sha256;

    pub(super) fn serialize<S: Serializer>(digest: &Sha256, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("sha256:{digest}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Sha256, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        let hex = text
            .strip_prefix("sha256:")
            .and_then(|hex| hex.parse().ok());
        hex.ok_or_else(|| D::Error::custom("expected a SHA-256 digest"))
    }
}

/// The artifact type of a bundle.
pub const ARTIFACT: &str = "application/vnd.vouchsafe.bundle.v1+json";
/// The media type of a bundle's manifest.
pub const MANIFEST: &str = "application/vnd.vouchsafe.bundle.manifest.v1+json";
/// The media type of the role files, one after the other.
pub const FILES: &str = "application/vnd.vouchsafe.bundle.files.v1";
/// The media type of a signature.
pub const SIGNATURE: &str = "application/vnd.vouchsafe.bundle.signature.v1";
/// The media type of an OCI image manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The annotation that says by which key a signature is.
pub const KEY: &str = "dev.vouchsafe.key";
const ARTIFACT_FAMILY: &str = "application/vnd.vouchsafe.bundle.";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const TITLE: &str = "org.opencontainers.image.title";
/// OCI's empty configuration.
pub(super) const EMPTY_CONFIG: &[u8] = b"{}";
/// The contents of `oci-layout`.
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
