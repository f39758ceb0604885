//! Owners for child approval: those that the cluster's watches know.

use std::sync::Arc;

use tokio::sync::watch;
use vouchsafe_cluster::workloads::{Kind, Workloads};
use vouchsafe_policy::Config;
use vouchsafe_webhook::{Owner, OwnerKey, Owners};

/// The objects that are watched, where the configuration has that.
///
/// Nobody is asked because of a request. An owner that the watch does not know yet, as one that was made milliseconds
/// before, is no owner: what it owns is judged like anything else.
pub(super) struct Watched {
    pub(super) workloads: Workloads,
    pub(super) configs: watch::Receiver<Arc<Config>>,
}

impl Owners for Watched {
    fn owner(&self, reference: &OwnerKey<'_>) -> Option<Owner> {
        if !self.configs.borrow().kubernetes().owners {
            return None;
        }
        let kind = Kind::of(reference.group, reference.kind)?;
        let known = self
            .workloads
            .owner(kind, reference.namespace, reference.name)?;
        Some(Owner {
            uid: known.uid.to_string(),
            images: known.images.iter().map(ToString::to_string).collect(),
        })
    }
}
