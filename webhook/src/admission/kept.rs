//! Images that an update leaves where they were, in objects whose images had better stay.
//!
//! An object that was there before the webhook may have tags. Pinning them when somebody changes a
//! label would have the API server refuse the update of a Job, whose template is immutable, and
//! the containers of a Pod restarted. Its images still have to be signed; new ones are pinned.

use std::collections::BTreeSet;

use crate::review::{Operation, Request};
use crate::workload::{Part, Place, Workload, images};

/// The images all of whose `places` had them before.
pub(super) fn kept<'r>(request: &'r Request<'_>, places: &[Place<'r>]) -> BTreeSet<&'r str> {
    let kind = &request.kind;
    let workload = Workload::of(kind.group.as_str(), kind.kind.as_str());
    let workload = workload.filter(|workload| workload.keeps_its_images());
    let old = request.old_object.as_ref();
    let old = old.filter(|_| request.operation == Operation::Update);
    let (Some(workload), Some(old)) = (workload, old) else {
        return BTreeSet::new();
    };
    let key = |place: &Place<'r>| (place.list, place.name, place.image);
    let before: BTreeSet<_> = images(workload, old, Part::Whole)
        .map(|place| key(&place))
        .collect();
    let (stay, come): (Vec<&Place<'r>>, Vec<&Place<'r>>) = places
        .iter()
        .partition(|place| before.contains(&key(place)));
    let come: BTreeSet<&str> = come.iter().map(|place| place.image).collect();
    let stay = stay.iter().map(|place| place.image);
    stay.filter(|image| !come.contains(image)).collect()
}
