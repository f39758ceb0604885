//! What of a request is judged.

use super::{MAX_NAME, Refusal};
use crate::bounded::MAX_PLACES;
use crate::review::{Operation, Request};
use crate::text::printable;
use crate::workload::{OldObject, Part, Place, Workload, images};

/// What of a request is judged.
pub(super) enum Scope<'r> {
    /// These places of its object.
    Judge(Vec<Place<'r>>),
    /// Nothing, since it can bring no image in; for this reason.
    Pass(&'static str),
    /// Nothing, since it cannot be.
    Refuse(Refusal),
}

pub(super) fn scope<'r>(request: &'r Request<'_>) -> Scope<'r> {
    if let Operation::Connect | Operation::Delete = request.operation {
        return Scope::Pass("not_judged");
    }
    let (group, kind) = (request.kind.group.as_str(), request.kind.kind.as_str());
    let Some(workload) = Workload::of(group, kind) else {
        let (group, kind) = (printable(group, MAX_NAME), printable(kind, MAX_NAME));
        return Scope::Refuse(Refusal::UnknownKind { group, kind });
    };
    // What is on its way out must not be held up: finalizers could not be taken off it.
    let old = request.old_object.as_ref();
    if request.operation == Operation::Update && old.is_some_and(OldObject::is_being_deleted) {
        return Scope::Pass("being_deleted");
    }
    let part = match request.sub_resource.as_str() {
        "ephemeralcontainers" => Part::EphemeralContainers,
        // The API server takes nothing but the status, or the resources, from these.
        "resize" | "status" => return Scope::Pass("not_judged"),
        _ => Part::Whole,
    };
    let Some(object) = &request.object else {
        return Scope::Refuse(Refusal::NoObject);
    };
    let places: Vec<Place<'_>> = images(workload, object, part).collect();
    if places.is_empty() && part == Part::Whole {
        return Scope::Refuse(Refusal::NoImage {
            kind: kind.to_owned(),
        });
    }
    if places.len() > MAX_PLACES {
        let places = places.len();
        return Scope::Refuse(Refusal::TooManyPlaces { places });
    }
    Scope::Judge(places)
}
