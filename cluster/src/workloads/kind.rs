//! The kinds of objects that run images.

use kube::core::{ApiResource, GroupVersionKind};

/// A kind of object that runs images: those that admission judges.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is named as the API has it")]
pub enum Kind {
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pod,
    PodTemplate,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::CronJob,
        Self::DaemonSet,
        Self::Deployment,
        Self::Job,
        Self::Pod,
        Self::PodTemplate,
        Self::ReplicaSet,
        Self::ReplicationController,
        Self::StatefulSet,
    ];

    /// The kind of an API group by its name, in whatever version.
    pub fn of(group: &str, name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| (kind.group(), kind.name()) == (group, name))
    }

    /// Its API group, empty for the core one.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::PodTemplate | Self::ReplicationController => "",
            Self::DaemonSet | Self::Deployment | Self::ReplicaSet | Self::StatefulSet => "apps",
            Self::CronJob | Self::Job => "batch",
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CronJob => "CronJob",
            Self::DaemonSet => "DaemonSet",
            Self::Deployment => "Deployment",
            Self::Job => "Job",
            Self::Pod => "Pod",
            Self::PodTemplate => "PodTemplate",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::StatefulSet => "StatefulSet",
        }
    }

    /// The resource as it is asked for. Every API server that is still maintained serves it as `v1`.
    pub(super) fn resource(self) -> ApiResource {
        let kind = GroupVersionKind::gvk(self.group(), "v1", self.name());
        ApiResource::from_gvk_with_plural(&kind, &self.plural())
    }

    /// Its plural, as permissions name it.
    pub fn plural(self) -> String {
        format!("{}s", self.name().to_ascii_lowercase())
    }
}
