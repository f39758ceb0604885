//! What a bundle is made of, before it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use vouchsafe_trust::Sha256;
use vouchsafe_trust::key::Fingerprint;

use super::blob::{Blob, Extent, Source};
use super::oci::{Descriptor, FILES, ImageManifest, Index, Layers, MANIFEST, SIGNATURE};
use super::pack::PackFile;
use crate::{Manifest, Refusal, Signature};

/// What a bundle is made of: its manifest, its role files and its signatures.
#[derive(Clone, Debug)]
pub struct Contents {
    manifest: Arc<[u8]>,
    pack: Option<(Sha256, Extent)>,
    signatures: BTreeMap<Fingerprint, Arc<[u8]>>,
    /// `<name>-<sequence>`.
    reference: String,
    /// When it was made, in seconds from 1970 on.
    pub(super) time: u64,
}

impl Contents {
    /// A bundle that nobody has signed yet. `manifest.pack` must be what `pack` says of itself.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if a reader would refuse the manifest, or if it does not fit the pack.
    pub fn new(manifest: &Manifest, pack: Option<PackFile>) -> Result<Self, Refusal> {
        let unfit = |reason: String| Refusal::NotABundle { reason };
        let bytes = manifest
            .to_bytes()
            .map_err(|error| unfit(error.to_string()))?;
        let read = Manifest::parse(&bytes)?;
        if read != *manifest {
            return Err(unfit(
                "its manifest is read otherwise than written".to_owned(),
            ));
        }
        if manifest.pack != pack.as_ref().map(PackFile::pack) {
            return Err(unfit("its manifest is about other role files".to_owned()));
        }
        let pack = pack.map(|file| (file.pack.sha256, file.extent));
        Ok(Self::of(manifest, bytes, pack, &[]))
    }

    /// A bundle that was read: its manifest's bytes stay as they are.
    pub(super) fn of(
        manifest: &Manifest,
        bytes: Vec<u8>,
        pack: Option<(Sha256, Extent)>,
        signatures: &[Signature],
    ) -> Self {
        let mut contents = Self {
            manifest: bytes.into(),
            pack,
            signatures: BTreeMap::new(),
            reference: format!("{}-{}", manifest.name, manifest.sequence),
            time: u64::try_from(manifest.created_at.as_second()).unwrap_or(0),
        };
        for signature in signatures {
            contents.add(signature);
        }
        contents
    }

    /// The bytes that signatures are over.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest
    }

    /// Adds a signature, in the place of one by the same key.
    pub fn add(&mut self, signature: &Signature) {
        let bytes = signature.bytes.as_slice().into();
        self.signatures.insert(signature.key, bytes);
    }

    /// The signatures, by key.
    pub fn signatures(&self) -> impl Iterator<Item = Signature> {
        self.signatures.iter().map(|(key, bytes)| Signature {
            key: *key,
            bytes: bytes.to_vec(),
        })
    }

    /// The OCI image manifest, and what it names: configuration, manifest, role files, signatures.
    pub(super) fn blobs(&self) -> serde_json::Result<(Vec<u8>, Vec<Blob>)> {
        let inline = |bytes: &Arc<[u8]>, media_type: &str, title: &str| {
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            Blob {
                descriptor: Descriptor::new(media_type, Sha256::of(bytes), size, Some(title)),
                source: Source::Bytes(Arc::clone(bytes)),
            }
        };
        let manifest = inline(&self.manifest, MANIFEST, "manifest.json");
        let pack = self.pack.as_ref().map(|(digest, extent)| Blob {
            descriptor: Descriptor::new(FILES, *digest, extent.size, Some("files")),
            source: Source::File(extent.clone()),
        });
        let signatures = self.signatures.iter().map(|(key, bytes)| {
            let mut blob = inline(bytes, SIGNATURE, &format!("{key}.sig"));
            let annotations = &mut blob.descriptor.annotations;
            annotations.insert(super::oci::KEY.to_owned(), key.to_string());
            (*key, blob)
        });
        let signatures: Vec<_> = signatures.collect();
        let descriptor = |blob: &Blob| blob.descriptor.clone();
        let artifact = ImageManifest::new(Layers {
            manifest: descriptor(&manifest),
            pack: pack.as_ref().map(descriptor),
            signatures: signatures
                .iter()
                .map(|(key, blob)| (*key, descriptor(blob)))
                .collect(),
        });
        let config = Blob {
            descriptor: artifact.config.clone(),
            source: Source::Bytes(super::oci::EMPTY_CONFIG.into()),
        };
        let mut blobs = vec![config, manifest];
        blobs.extend(pack);
        blobs.extend(signatures.into_iter().map(|(_, blob)| blob));
        Ok((serde_json::to_vec(&artifact)?, blobs))
    }

    /// `index.json`.
    pub(super) fn index(&self, artifact: &[u8]) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Index::new(artifact, self.reference.clone()))
    }
}
