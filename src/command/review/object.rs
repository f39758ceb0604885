//! A manifest's object, and the review that the API server would send of it.

use serde_json::{Value, json};
use vouchsafe_webhook::runs_images;

use super::input::text;
use crate::exit::Error;

/// A manifest's object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'o> {
    pub(crate) group: &'o str,
    pub(crate) kind: &'o str,
    pub(crate) namespace: &'o str,
    pub(crate) name: &'o str,
    version: &'o str,
    value: &'o Value,
}

impl<'o> Object<'o> {
    /// Reads an object, which is in `namespace` if it names none.
    pub(crate) fn read(value: &'o Value, namespace: &'o str) -> Result<Self, Error> {
        let (api_version, kind) = (text(value, "apiVersion"), text(value, "kind"));
        if kind.is_empty() {
            return Err("an object without `kind`: not a Kubernetes manifest".into());
        }
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let metadata = value.get("metadata").unwrap_or(&Value::Null);
        let namespace = metadata
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or(namespace);
        let names = [text(metadata, "name"), text(metadata, "generateName")];
        let name = names.into_iter().find(|name| !name.is_empty());
        Ok(Self {
            group,
            kind,
            namespace,
            name: name.unwrap_or_default(),
            version,
            value,
        })
    }

    /// Whether objects of its kind run images.
    pub(crate) fn runs_images(&self) -> bool {
        runs_images(self.group, self.kind)
    }

    /// The review of its creation.
    pub(crate) fn review(&self) -> Value {
        let gvk = json!({"group": self.group, "version": self.version, "kind": self.kind});
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "review", "kind": gvk, "requestKind": gvk, "operation": "CREATE",
            "namespace": self.namespace, "name": self.name, "object": self.value,
        }})
    }
}
