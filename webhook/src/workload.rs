//! Kubernetes objects that run images, as far as admission has to know them.
//!
//! One shape covers every kind: [`Object`] holds whatever member of it can lead to containers, and
//! the [`Workload`] says which of them counts. That takes one pass over the request, whichever
//! order its members have, and builds no tree of what is not looked at.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::admission::OwnerKey;
use crate::bounded::{Bounded, Capped};
use crate::text::Text;

/// A kind of object that runs images.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Workload {
    /// `CronJob` of the group `batch`.
    CronJob,
    /// `Job` of the group `batch`.
    Job,
    /// `Pod` of the core group.
    Pod,
    /// `PodTemplate` of the core group.
    PodTemplate,
    /// Everything with a Pod template at `spec.template`.
    Template,
}

impl Workload {
    /// The workload of a group and kind, in whatever version: the images stand at the same place in
    /// all that an API server still serves.
    pub(crate) fn of(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("", "Pod") => Some(Self::Pod),
            ("", "PodTemplate") => Some(Self::PodTemplate),
            ("", "ReplicationController")
            | ("apps", "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet") => {
                Some(Self::Template)
            }
            ("batch", "Job") => Some(Self::Job),
            ("batch", "CronJob") => Some(Self::CronJob),
            _ => None,
        }
    }

    /// Where the Pod specification stands, as a JSON pointer (RFC 6901).
    const fn pod_spec_pointer(self) -> &'static str {
        match self {
            Self::CronJob => "/spec/jobTemplate/spec/template/spec",
            Self::Pod => "/spec",
            Self::PodTemplate => "/template/spec",
            Self::Job | Self::Template => "/spec/template/spec",
        }
    }

    /// Whether an update that replaces an image is refused by the API server (a Job's template), or
    /// restarts what runs (a Pod's container).
    pub(crate) const fn keeps_its_images(self) -> bool {
        match self {
            Self::Job | Self::Pod => true,
            Self::CronJob | Self::PodTemplate | Self::Template => false,
        }
    }

    fn pod_spec<'o, 'a>(self, object: &'o Object<'a>) -> Option<&'o Spec<'a>> {
        let spec = object.spec.as_ref();
        match self {
            Self::CronJob => spec?.job_template.as_ref()?.spec.as_ref()?.template(),
            Self::Pod => spec,
            Self::PodTemplate => object.template.as_ref()?.spec.as_ref(),
            Self::Job | Self::Template => spec?.template(),
        }
    }
}

/// The images that an object runs, each with its place.
///
/// `part` says which of them a request can change: the `ephemeralcontainers` subresource lets
/// nothing else of a Pod be changed, not even by a patch.
pub(crate) fn images<'o>(
    workload: Workload,
    object: &'o Object<'_>,
    part: Part,
) -> impl Iterator<Item = Place<'o>> {
    let pointer = workload.pod_spec_pointer();
    let spec = workload.pod_spec(object);
    let lists = spec.map_or_else(Vec::new, |spec| match part {
        Part::EphemeralContainers => vec![(EPHEMERAL_CONTAINERS, &spec.ephemeral_containers)],
        Part::Whole => vec![
            ("initContainers", &spec.init_containers),
            ("containers", &spec.containers),
            (EPHEMERAL_CONTAINERS, &spec.ephemeral_containers),
        ],
    });
    let containers = lists.into_iter().flat_map(move |(list, containers)| {
        let numbered = containers.iter().flatten().enumerate();
        numbered.map(move |(index, container)| Place {
            pointer,
            list,
            index,
            member: "image",
            name: container.name.as_str(),
            image: container.image.as_ref().map_or("", Text::as_str),
        })
    });
    let volumes = match part {
        Part::EphemeralContainers => None,
        Part::Whole => spec.and_then(|spec| spec.volumes.as_ref()),
    };
    let numbered = volumes.into_iter().flatten().enumerate();
    containers.chain(numbered.filter_map(move |(index, volume)| {
        let image = volume.image.as_ref()?;
        Some(Place {
            pointer,
            list: "volumes",
            index,
            member: "image/reference",
            name: volume.name.as_str(),
            image: image.reference.as_ref().map_or("", Text::as_str),
        })
    }))
}

/// What of an object a request can change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// A Pod's ephemeral containers alone.
    EphemeralContainers,
    /// All of it.
    Whole,
}

/// One place of an object that names an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'o> {
    pointer: &'static str,
    /// The list it is in: `containers`, `initContainers`, `ephemeralContainers` or `volumes`.
    pub(crate) list: &'static str,
    index: usize,
    member: &'static str,
    /// The container's or volume's name.
    pub(crate) name: &'o str,
    /// The image as it is written there; empty where there is none.
    pub(crate) image: &'o str,
}

impl Place<'_> {
    /// The image's JSON pointer. Nothing in it comes from the request but a number, so that nothing
    /// needs escaping.
    pub(crate) fn json_pointer(&self) -> String {
        let Self {
            pointer,
            list,
            index,
            member,
            ..
        } = self;
        format!("{pointer}/{list}/{index}/{member}")
    }
}

/// An object under review.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Object<'a> {
    #[serde(borrow, default)]
    pub(crate) metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: Option<Spec<'a>>,
    #[serde(borrow)]
    template: Option<Template<'a>>,
}

impl Object<'_> {
    /// Whether the object is being deleted.
    pub(crate) const fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// The objects that it says it belongs to.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &OwnerReference<'_>> {
        self.metadata.owner_references.iter().flatten()
    }
}

/// The metadata of an object, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) generate_name: Text<'a>,
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(borrow)]
    owner_references: Option<Capped<OwnerReference<'a>>>,
}

/// What an object says of its owner.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnerReference<'a> {
    #[serde(borrow, default)]
    api_version: Text<'a>,
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) uid: Text<'a>,
}

impl OwnerReference<'_> {
    /// Whether the owner is a Deployment.
    pub(crate) fn is_deployment(&self) -> bool {
        let group = self.api_version.as_str().rsplit_once('/');
        let group = group.map(|(group, _)| group);
        (group, self.kind.as_str()) == (Some("apps"), "Deployment")
    }

    /// The owner's key, where it is of a kind that runs images; it is in the namespace of what it
    /// owns.
    pub(crate) fn key<'k>(&'k self, namespace: &'k str) -> Option<OwnerKey<'k>> {
        let api_version = self.api_version.as_str();
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let kind = self.kind.as_str();
        Workload::of(group, kind)?;
        Some(OwnerKey {
            group,
            kind,
            namespace,
            name: self.name.as_str(),
        })
    }
}

/// The specification of a Pod, or of what makes Pods.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow)]
    containers: Option<Bounded<Container<'a>>>,
    #[serde(borrow)]
    init_containers: Option<Bounded<Container<'a>>>,
    #[serde(borrow)]
    ephemeral_containers: Option<Bounded<Container<'a>>>,
    #[serde(borrow)]
    volumes: Option<Bounded<Volume<'a>>>,
    #[serde(borrow)]
    template: Option<Box<Template<'a>>>,
    #[serde(borrow)]
    job_template: Option<Box<Template<'a>>>,
}

impl Spec<'_> {
    fn template(&self) -> Option<&Self> {
        self.template.as_ref()?.spec.as_ref()
    }
}

#[derive(Debug, Deserialize)]
struct Template<'a> {
    #[serde(borrow)]
    spec: Option<Spec<'a>>,
}

#[derive(Debug, Deserialize)]
struct Container<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow)]
    image: Option<Text<'a>>,
}

/// A volume, of which only the image source (KEP-4639) matters.
#[derive(Debug, Deserialize)]
struct Volume<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow)]
    image: Option<ImageVolume<'a>>,
}

#[derive(Debug, Deserialize)]
struct ImageVolume<'a> {
    #[serde(borrow)]
    reference: Option<Text<'a>>,
}

const EPHEMERAL_CONTAINERS: &str = "ephemeralContainers";
