//! Which repositories a bundle is asked to hold.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vouchsafe_policy::Config;
use vouchsafe_store::{Store, StoreError};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::{Clock as _, Evidence, Gun, Query, Server};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

use crate::args::CreateArgs;
use crate::clock::SystemClock;
use crate::command::review::{Object, input};
use crate::context::FixedClock;
use crate::exit::Error;

/// An image that was asked for, in the namespace of the object that names it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Image {
    pub(super) image: String,
    pub(super) namespace: String,
}

/// The images that the command line names, itself or in manifests; none if everything is wanted.
pub(super) fn images(args: &CreateArgs, config: &Config) -> Result<BTreeSet<Image>, Error> {
    let named = args.images.iter().map(|image| Image {
        image: image.clone(),
        namespace: DEFAULT_NAMESPACE.to_owned(),
    });
    let mut images: BTreeSet<Image> = named.collect();
    for file in &args.files {
        images.extend(of_manifests(file, config)?);
    }
    if images.is_empty() && !args.files.is_empty() {
        return Err("no image is named in these manifests".into());
    }
    Ok(images)
}

/// The repositories that `images` are signed in, with every server that a rule asks about them.
pub(super) fn repositories(
    images: &BTreeSet<Image>,
    config: &Config,
) -> Result<BTreeSet<(Server, Gun)>, Error> {
    let mut wanted = BTreeSet::new();
    for Image { image, .. } in images {
        let bad = |error| format!("{image}: not an image reference: {error}");
        let pulled: Reference = image.parse().map_err(bad)?;
        let signed = config.signed_image(&pulled).map_err(bad)?;
        let gun = signed.gun();
        let servers = config.notary_servers().iter();
        let asked = servers.filter(|notary| config.pins(&notary.server, gun).is_some());
        wanted.extend(asked.map(|notary| (notary.server.clone(), gun.clone())));
    }
    Ok(wanted)
}

/// Everything that the configuration selects: what is stored of it, and what it spells out.
pub(super) fn everything(
    store: &Store,
    config: &Config,
) -> Result<BTreeSet<(Server, Gun)>, StoreError> {
    let stored = store.repositories()?.into_iter();
    let mut wanted: BTreeSet<(Server, Gun)> = stored
        .filter(|(server, gun)| config.mirrors(server, gun))
        .collect();
    wanted.extend(named(config));
    Ok(wanted)
}

/// What the configuration spells out.
pub(super) fn named(config: &Config) -> BTreeSet<(Server, Gun)> {
    let servers = config.notary_servers().iter();
    let named = servers.flat_map(|notary| {
        let named = config.named_repositories(&notary.server).into_iter();
        named.map(|gun| (notary.server.clone(), gun))
    });
    named.collect()
}

/// The images of every object in a file, found as admission finds them.
fn of_manifests(file: &Path, config: &Config) -> Result<Vec<Image>, Error> {
    let documents = input::documents(&input::read(file)?, file)?;
    let objects = documents.into_iter().flat_map(input::objects);
    let clock = Arc::new(FixedClock(SystemClock.now()));
    let nothing = Box::new(|_: &Query| Ok(Evidence::Unknown));
    let admission = Admission::new(config.clone(), nothing, clock, Metrics::new(Vec::new()));
    let mut found = Vec::new();
    for value in &objects.collect::<Vec<_>>() {
        let object = Object::read(value, DEFAULT_NAMESPACE)?;
        if !object.runs_images() {
            continue;
        }
        let review = object.review().to_string();
        let deadline = Instant::now() + PATIENCE;
        let examined = admission.examine(Webhook::Mutate, review.as_bytes(), deadline);
        if examined.images.is_empty() {
            let (kind, name, file) = (object.kind, object.name, file.display());
            return Err(
                format!("{file}: {kind} {name}: it cannot be told which images it runs").into(),
            );
        }
        found.extend(examined.images.into_iter().map(|report| Image {
            image: report.image,
            namespace: object.namespace.to_owned(),
        }));
    }
    Ok(found)
}

const DEFAULT_NAMESPACE: &str = "default";
const PATIENCE: Duration = Duration::from_mins(1);
