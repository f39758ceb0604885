//! Images that an update leaves where they were, in objects whose images had better stay.
//!
//! An object that was there before the webhook may have tags. Pinning them when somebody changes a
//! label would have the API server refuse the update of a Job, whose template is immutable, and
//! the containers of a Pod restarted. Its images still have to be signed; new ones are pinned.
//!
//! A Deployment knows its `ReplicaSet` by a template that is equal to its own. If only the
//! `ReplicaSet` were pinned, it would not find it any more, make another one, have that pinned as
//! well, and never end. So the Deployment says what its template has, and the Pods are pinned.

use std::collections::BTreeSet;

use crate::review::{Operation, Request};
use crate::workload::{Object, OldObject, OwnerReference, Part, Place, Workload, images};

/// The images that stay as they are: those all of whose `places` had them before, and all of the
/// `ReplicaSet` of a Deployment.
pub(super) fn kept<'r>(request: &'r Request<'_>, places: &[Place<'r>]) -> BTreeSet<&'r str> {
    if is_of_deployment(request) {
        return places.iter().map(|place| place.image).collect();
    }
    let kind = &request.kind;
    let workload = Workload::of(kind.group.as_str(), kind.kind.as_str());
    let workload = workload.filter(|workload| workload.keeps_its_images());
    let old = request.old_object.as_ref();
    let old = old.filter(|_| workload.is_some() && request.operation == Operation::Update);
    let old = old.and_then(OldObject::read);
    let (Some(workload), Some(old)) = (workload, &old) else {
        return BTreeSet::new();
    };
    let before = images(workload, old, Part::Whole);
    let before: BTreeSet<_> = before.map(|place| key(&place)).collect();
    let (stay, come): (Vec<&Place<'r>>, Vec<&Place<'r>>) = places
        .iter()
        .partition(|place| before.contains(&key(place)));
    let come: BTreeSet<&str> = come.iter().map(|place| place.image).collect();
    let stay = stay.iter().map(|place| place.image);
    stay.filter(|image| !come.contains(image)).collect()
}

fn key<'p>(place: &Place<'p>) -> (&'static str, &'p str, &'p str) {
    (place.list, place.name, place.image)
}

/// Whether the request is about a `ReplicaSet` that says it belongs to a Deployment. Whether that is so
/// does not matter: its Pods are judged by themselves, and pinned where what they have is signed, also
/// if the `ReplicaSet` approves it as its owner.
fn is_of_deployment(request: &Request<'_>) -> bool {
    let (group, kind) = (request.kind.group.as_str(), request.kind.kind.as_str());
    let mut owners = request.object.iter().flat_map(Object::owners);
    (group, kind) == ("apps", "ReplicaSet") && owners.any(OwnerReference::is_deployment)
}
