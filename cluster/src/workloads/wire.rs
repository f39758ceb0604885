//! Objects as the API server sends them, as far as they are looked at: the rest is not even built.

use std::borrow::Cow;

use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope, ObjectMeta};
use serde::Deserialize;

use super::kind::Kind;

/// An object of any kind that runs images.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Wire")]
pub(super) struct Object {
    /// Only what a watch needs of it.
    meta: ObjectMeta,
    pub(super) wire: Wire,
}

/// What is read of it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    pub(super) metadata: Metadata,
    spec: Option<Spec>,
    template: Option<Template>,
    pub(super) status: Option<Status>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) uid: String,
    resource_version: Option<String>,
    deletion_timestamp: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) owner_references: Vec<OwnerReference>,
}

impl Metadata {
    pub(super) const fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerReference {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) uid: String,
}

impl OwnerReference {
    /// The owner's kind, if it is one that runs images.
    pub(super) fn kind(&self) -> Option<Kind> {
        let group = self.api_version.rsplit_once('/');
        Kind::of(group.map_or("", |(group, _)| group), &self.kind)
    }
}

/// The specification of a Pod, or of what makes Pods.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
    template: Option<Box<Template>>,
    job_template: Option<Box<Template>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Template {
    spec: Option<Spec>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Container {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Volume {
    image: Option<ImageVolume>,
}

#[derive(Clone, Debug, Deserialize)]
struct ImageVolume {
    #[serde(default)]
    reference: String,
}

/// The status of a Pod; those of other kinds have none of this.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Option<String>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    ephemeral_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ContainerStatus {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, rename = "imageID")]
    pub(super) image_id: String,
}

impl Wire {
    /// The specification of the Pods that an object of this kind is or makes.
    pub(super) fn pod_spec(&self, kind: Kind) -> Option<&Spec> {
        let spec = self.spec.as_ref();
        match kind {
            Kind::Pod => spec,
            Kind::PodTemplate => self.template.as_ref()?.spec.as_ref(),
            Kind::CronJob => spec?.job_template.as_ref()?.spec.as_ref()?.template(),
            Kind::DaemonSet
            | Kind::Deployment
            | Kind::Job
            | Kind::ReplicaSet
            | Kind::ReplicationController
            | Kind::StatefulSet => spec?.template(),
        }
    }
}

impl Spec {
    fn template(&self) -> Option<&Self> {
        self.template.as_ref()?.spec.as_ref()
    }

    /// Every container, whatever it is for.
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        let lists = [
            &self.init_containers,
            &self.containers,
            &self.ephemeral_containers,
        ];
        lists.into_iter().flatten().flatten()
    }

    /// The images that are mounted (KEP-4639).
    pub(super) fn mounted(&self) -> impl Iterator<Item = &str> {
        let volumes = self.volumes.iter().flatten();
        volumes.filter_map(|volume| Some(volume.image.as_ref()?.reference.as_str()))
    }
}

impl Status {
    /// What is known of every container that there is.
    pub(super) fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        let lists = [
            &self.init_container_statuses,
            &self.container_statuses,
            &self.ephemeral_container_statuses,
        ];
        lists.into_iter().flatten().flatten()
    }
}

impl From<Wire> for Object {
    fn from(wire: Wire) -> Self {
        let meta = ObjectMeta {
            name: Some(wire.metadata.name.clone()),
            namespace: Some(wire.metadata.namespace.clone()),
            resource_version: wire.metadata.resource_version.clone(),
            ..ObjectMeta::default()
        };
        Self { meta, wire }
    }
}

impl Resource for Object {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
