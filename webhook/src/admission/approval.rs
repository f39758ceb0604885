//! Images that need no proof of their own: the object had them before, or its owner has them.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use vouchsafe_policy::{Approval, Features};

use crate::review::{Operation, Request};
use crate::workload::{Object, OldObject, OwnerReference, Part, Workload, images};

/// Where the owners of objects are found, without any request to anybody: what it does not know, is
/// no owner.
pub trait Owners: Send + Sync {
    /// The object that `reference` names, if it is known.
    fn owner(&self, reference: &OwnerKey<'_>) -> Option<Owner>;
}

/// What an object says of its owner (`metadata.ownerReferences`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OwnerKey<'a> {
    /// The owner's API group, empty for the core one.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// Its namespace, which is that of the object.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// An object that owns others, as it is known to be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Owner {
    /// Its UID: another object may have had its name.
    pub uid: String,
    /// The images that it runs, as they are written in it.
    pub images: BTreeSet<String>,
}

/// The approvals of one request.
pub(super) struct Approvals<'r> {
    features: Features,
    request: &'r Request<'r>,
    owners: Option<&'r dyn Owners>,
    /// Read when the first image asks.
    before: OnceCell<BTreeSet<String>>,
    owned: OnceCell<BTreeSet<String>>,
}

impl<'r> Approvals<'r> {
    pub(super) const fn new(
        features: Features,
        request: &'r Request<'r>,
        owners: Option<&'r dyn Owners>,
    ) -> Self {
        Self {
            features,
            request,
            owners,
            before: OnceCell::new(),
            owned: OnceCell::new(),
        }
    }

    /// Why `image` needs no proof of its own, if it does not. Images are compared byte by byte.
    pub(super) fn of(&self, image: &str) -> Option<Approval> {
        if self.features.unchanged_approval && self.before().contains(image) {
            Some(Approval::Unchanged)
        } else if self.features.child_approval && self.owned().contains(image) {
            Some(Approval::Child)
        } else {
            None
        }
    }

    /// The images of the object as it was, wherever it had them.
    fn before(&self) -> &BTreeSet<String> {
        self.before.get_or_init(|| {
            let old = self.request.old_object.as_ref();
            let old = old.filter(|_| self.request.operation == Operation::Update);
            let kind = &self.request.kind;
            let workload = Workload::of(kind.group.as_str(), kind.kind.as_str());
            let (Some(old), Some(workload)) = (old.and_then(OldObject::read), workload) else {
                return BTreeSet::new();
            };
            let places = images(workload, &old, Part::Whole);
            places.map(|place| place.image.to_owned()).collect()
        })
    }

    /// The images of the object's owners: of those that are known, have the UID that the object
    /// names, and run images themselves.
    fn owned(&self) -> &BTreeSet<String> {
        self.owned.get_or_init(|| {
            let Some(owners) = self.owners else {
                return BTreeSet::new();
            };
            let references = self.request.object.iter().flat_map(Object::owners);
            let of = |reference: &OwnerReference<'_>| {
                let key = reference.key(self.request.namespace.as_str())?;
                let owner = owners.owner(&key)?;
                (!owner.uid.is_empty() && owner.uid == reference.uid.as_str()).then_some(owner)
            };
            references
                .filter_map(of)
                .flat_map(|owner| owner.images)
                .collect()
        })
    }
}
