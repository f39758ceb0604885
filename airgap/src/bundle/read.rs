//! From an OCI image layout to a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vouchsafe_trust::Sha256;
use vouchsafe_trust::key::Fingerprint;

use super::blob::{Blob, Extent, Source, path_of};
use super::intake::{Intake, Spooled, too_large};
use super::oci::{Descriptor, ImageManifest, Index};
use super::source::{Form, take_all};
use super::{Bundle, Limits, OpenBundleError};
use crate::manifest::{Manifest, Pack};
use crate::{Refusal, Signature};

pub(super) fn open(path: &Path, limits: &Limits, spool: &Path) -> Result<Bundle, OpenBundleError> {
    let intake = Intake::new(path, spool, limits)?;
    let Layout {
        form,
        mut named,
        artifact,
        image,
    } = Layout::read(path, limits, intake, spool)?;
    let config = named.take(&image.config)?;
    let layers = image.layers()?;
    let manifest_bytes = named.bytes(&layers.manifest, "its manifest", limits.manifest)?;
    let manifest = Manifest::parse(&manifest_bytes)?;
    let mut blobs = vec![config, named.take(&layers.manifest)?];
    let pack = pack(&manifest, layers.pack.as_ref(), &mut named, &mut blobs)?;
    for (_, layer) in &layers.signatures {
        blobs.push(named.take(layer)?);
    }
    let signatures = named.signatures(layers.signatures, limits)?;
    named.none_left()?;
    Ok(Bundle {
        path: path.to_owned(),
        form,
        artifact,
        manifest_sha256: Sha256::of(&manifest_bytes),
        manifest,
        manifest_bytes,
        signatures,
        pack,
        blobs,
        most_per_repository: limits.repository,
    })
}

/// Reads only what a bundle's signatures are over, and these.
///
/// It takes little room, whatever the bundle holds: who nobody knows should not have a disk filled.
pub(super) fn peek(
    path: &Path,
    limits: &Limits,
    spool: &Path,
) -> Result<(Vec<u8>, Vec<Signature>), OpenBundleError> {
    // In whatever order they come: role files that are no longer than a manifest cannot be told from one.
    let signatures = limits.signatures.saturating_mul(limits.signature);
    let all = limits.manifest.saturating_add(limits.index);
    let all = all.saturating_mul(2).saturating_add(signatures);
    let intake = Intake::new(path, spool, limits)?.keeping(limits.manifest, all);
    let Layout {
        mut named, image, ..
    } = Layout::read(path, limits, intake, spool)?;
    let layers = image.layers()?;
    let manifest = named.bytes(&layers.manifest, "its manifest", limits.manifest)?;
    let signatures = named.signatures(layers.signatures, limits)?;
    Ok((manifest, signatures))
}

/// An OCI image layout, and the image manifest that its index names.
struct Layout<'a> {
    form: Form,
    named: Named<'a>,
    artifact: Vec<u8>,
    image: ImageManifest,
}

impl<'a> Layout<'a> {
    fn read(
        path: &Path,
        limits: &Limits,
        mut intake: Intake<'_>,
        spool: &'a Path,
    ) -> Result<Self, OpenBundleError> {
        let form = take_all(path, limits, &mut intake)?;
        let Spooled { index, blobs } = intake.finish()?;
        let mut named = Named {
            blobs,
            taken: BTreeSet::new(),
            spool,
        };
        let image = Index::parse(&index)?;
        let artifact = named.bytes(&image, "its OCI image manifest", limits.index)?;
        Ok(Self {
            form,
            named,
            image: ImageManifest::parse(&artifact)?,
            artifact,
        })
    }
}

/// The role files, if the manifest and the OCI image manifest agree about them.
fn pack(
    manifest: &Manifest,
    layer: Option<&Descriptor>,
    named: &mut Named<'_>,
    blobs: &mut Vec<Blob>,
) -> Result<Option<(Sha256, Extent)>, OpenBundleError> {
    let what = "the pack".to_owned();
    let (stated, layer) = match (manifest.pack, layer) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Refusal::Missing { what }.into()),
        (None, Some(_)) => {
            let reason = "the manifest states none".to_owned();
            return Err(Refusal::SizeLie { what, reason }.into());
        }
        (Some(stated), Some(layer)) => (stated, layer),
    };
    let Pack { sha256, size } = stated;
    if size != layer.size {
        let reason = format!("the manifest states {size} bytes, its layer {}", layer.size);
        return Err(Refusal::SizeLie { what, reason }.into());
    }
    if sha256 != layer.digest {
        return Err(Refusal::DigestMismatch { what }.into());
    }
    let extent = named.extent(layer)?;
    blobs.push(named.take(layer)?);
    Ok(Some((sha256, extent)))
}

/// The blobs of a layout, and which of them something names.
struct Named<'a> {
    blobs: BTreeMap<Sha256, Extent>,
    taken: BTreeSet<Sha256>,
    spool: &'a Path,
}

impl Named<'_> {
    fn extent(&mut self, descriptor: &Descriptor) -> Result<Extent, Refusal> {
        let Descriptor { digest, size, .. } = descriptor;
        let what = format!("`{}`", path_of(digest));
        let Some(extent) = self.blobs.get(digest) else {
            return Err(Refusal::Missing { what });
        };
        if extent.size != *size {
            let reason = format!("{size} bytes are stated, and it has {}", extent.size);
            return Err(Refusal::SizeLie { what, reason });
        }
        self.taken.insert(*digest);
        Ok(extent.clone())
    }

    fn take(&mut self, descriptor: &Descriptor) -> Result<Blob, Refusal> {
        Ok(Blob {
            source: Source::File(self.extent(descriptor)?),
            descriptor: descriptor.clone(),
        })
    }

    fn bytes(
        &mut self,
        descriptor: &Descriptor,
        what: &str,
        limit: u64,
    ) -> Result<Vec<u8>, OpenBundleError> {
        let extent = self.extent(descriptor)?;
        if extent.size > limit {
            return Err(too_large(what, limit, "bytes").into());
        }
        extent.bytes().map_err(OpenBundleError::io(self.spool))
    }

    fn signatures(
        &mut self,
        layers: impl IntoIterator<Item = (Fingerprint, Descriptor)>,
        limits: &Limits,
    ) -> Result<Vec<Signature>, OpenBundleError> {
        let layers: Vec<_> = layers.into_iter().collect();
        let most = usize::try_from(limits.signatures).unwrap_or(usize::MAX);
        if layers.len() > most {
            return Err(too_large("its signatures", limits.signatures, "signatures").into());
        }
        let mut signatures = Vec::new();
        for (key, layer) in layers {
            let bytes = self.bytes(&layer, "a signature", limits.signature)?;
            signatures.push(Signature { key, bytes });
        }
        Ok(signatures)
    }

    fn none_left(&self) -> Result<(), Refusal> {
        let mut left = self
            .blobs
            .keys()
            .filter(|digest| !self.taken.contains(digest));
        match left.next() {
            None => Ok(()),
            Some(digest) => Err(Refusal::ForeignEntry {
                entry: path_of(digest),
            }),
        }
    }
}
