//! What is kept of an object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vouchsafe_trust::Sha256;
use vouchsafe_trust::image::Digest;

use super::kind::Kind;
use super::pool::Pools;
use super::wire::{Metadata, Spec, Status, Wire};

/// An object that runs images, as it is known to be. What the objects of one template have in common, they share.
#[derive(Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its UID: another object may have had its name.
    pub uid: Box<str>,
    /// Whether it is being deleted. Admission lets what is on its way out be changed as anybody likes.
    pub is_deleting: bool,
    /// The images that it names, as they are written, each once.
    pub images: Arc<[Arc<str>]>,
    /// What it runs, if it is a Pod that does.
    pub runs: Arc<[Running]>,
    /// Who it says owns it, if it is a Pod: owners that run images.
    pub owners: Arc<[OwnedBy]>,
}

/// An image that a Pod runs.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Running {
    /// The image as it is written.
    pub image: Arc<str>,
    /// The digest of what runs, where the container runtime reports one.
    pub digest: Option<Sha256>,
}

/// An owner, as what it owns names it; it is in the same namespace.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OwnedBy {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
}

impl Entry {
    /// What is to be kept of an object of this kind.
    pub(super) fn of(kind: Kind, wire: &Wire, pools: &Pools) -> Self {
        let spec = wire.pod_spec(kind);
        let is_pod = kind == Kind::Pod;
        let status = wire.status.as_ref().filter(|_| is_pod);
        let runs = spec
            .zip(status)
            .map(|(spec, status)| runs(spec, status, pools));
        let owners = is_pod.then(|| owners(&wire.metadata, pools));
        Self {
            uid: wire.metadata.uid.as_str().into(),
            is_deleting: wire.metadata.is_deleting(),
            images: pools
                .images
                .share(&spec.map(|spec| images(spec, pools)).unwrap_or_default()),
            runs: pools.runs.share(&runs.unwrap_or_default()),
            owners: pools.owners.share(&owners.unwrap_or_default()),
        }
    }
}

/// The images that a specification names, those that cannot be one left out: nothing runs them.
pub(super) fn named(spec: &Spec) -> BTreeSet<&str> {
    let contained = spec.containers().map(|container| container.image.as_str());
    let named = contained.chain(spec.mounted());
    let named = named.filter(|image| !image.is_empty() && image.len() <= MAX_IMAGE);
    named.take(MAX_PLACES).collect()
}

fn images(spec: &Spec, pools: &Pools) -> Vec<Arc<str>> {
    let named = named(spec).into_iter();
    named.map(|image| pools.texts.share(image)).collect()
}

/// The images that a Pod runs: those of containers that have started, and those that are mounted.
fn runs(spec: &Spec, status: &Status, pools: &Pools) -> Vec<Running> {
    let phase = status.phase.as_deref().unwrap_or_default();
    // What has ended runs nothing.
    if matches!(phase, "Failed" | "Succeeded") {
        return Vec::new();
    }
    let is_running = phase == "Running";
    let started: BTreeMap<&str, &str> = status
        .containers()
        .map(|container| (container.name.as_str(), container.image_id.as_str()))
        .collect();
    let contained = spec.containers().filter_map(|container| {
        let image_id = started.get(container.name.as_str()).copied();
        let image_id = image_id.filter(|image_id| !image_id.is_empty());
        // Before its image is pulled, a container has a status, too.
        (is_running || image_id.is_some()).then(|| (container.image.as_str(), digest(image_id)))
    });
    let mounted = spec.mounted().filter(|_| is_running);
    let all: BTreeSet<(&str, Option<Sha256>)> = contained
        .chain(mounted.map(|image| (image, None)))
        .take(MAX_PLACES)
        .collect();
    let running = |(image, digest)| Running {
        image: pools.texts.share(cut(image)),
        digest,
    };
    all.into_iter().map(running).collect()
}

/// The digest that a container runtime reports: what stands behind the `@` of `imageID`. Without one it is the ID of
/// the image's configuration, which nobody signs.
fn digest(image_id: Option<&str>) -> Option<Sha256> {
    let (_, digest) = image_id?.rsplit_once('@')?;
    digest.parse::<Digest>().ok()?.sha256()
}

fn owners(metadata: &Metadata, pools: &Pools) -> Vec<OwnedBy> {
    let named = metadata.owner_references.iter().take(MAX_OWNERS);
    let owner = |kind, name: &str, uid: &str| OwnedBy {
        kind,
        name: pools.texts.share(name),
        uid: pools.texts.share(uid),
    };
    named
        .filter_map(|it| Some(owner(it.kind()?, &it.name, &it.uid)))
        .collect()
}

/// Enough of what is too long for an image to see that it is none.
fn cut(image: &str) -> &str {
    let end = image.floor_char_boundary(MAX_IMAGE.saturating_add(1));
    image.get(..end).unwrap_or_default()
}

/// No longer text is a reference (`vouchsafe_trust::image`).
const MAX_IMAGE: usize = 1024;
/// How many places of an object may name an image: admission lets none have more.
const MAX_PLACES: usize = 1000;
/// How many owners of a Pod are kept; a controller names one.
const MAX_OWNERS: usize = 16;

#[cfg(test)]
mod tests;
