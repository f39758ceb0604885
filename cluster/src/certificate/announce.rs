//! The webhook configurations, which tell the API server whom to trust.

use std::fmt::Debug;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::failure::is_conflict;

/// A webhook configuration of either kind.
pub(super) trait Configuration:
    Clone + Debug + DeserializeOwned + Resource<DynamicType = ()> + Send + 'static
{
    /// Its webhooks, by their names.
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)>;
}

impl Configuration for MutatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        let each = self.webhooks.iter().flatten();
        each.map(|it| (it.name.as_str(), &it.client_config))
            .collect()
    }
}

impl Configuration for ValidatingWebhookConfiguration {
    fn webhooks(&self) -> Vec<(&str, &WebhookClientConfig)> {
        let each = self.webhooks.iter().flatten();
        each.map(|it| (it.name.as_str(), &it.client_config))
            .collect()
    }
}

/// What is known of a webhook configuration.
#[derive(Clone, Debug)]
pub(super) enum Known<K> {
    /// Nothing yet.
    Unknown,
    /// There is none; nobody is called by it.
    Absent,
    /// There is this one.
    Present(K),
}

impl<K: Configuration> Known<K> {
    pub(super) fn seen(object: Option<K>) -> Self {
        object.map_or(Self::Absent, Self::Present)
    }

    /// Whether every webhook of it names exactly these authorities.
    pub(super) fn names(&self, authorities: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Absent => true,
            Self::Present(object) => patch(object, authorities).is_none(),
        }
    }

    /// Has every webhook of it name these authorities, if it is still as it was read; whether something was written.
    pub(super) async fn announce(
        &mut self,
        client: &Client,
        authorities: &str,
    ) -> Result<bool, kube::Error> {
        let Self::Present(object) = self else {
            return Ok(false);
        };
        let Some(patch) = patch(object, authorities) else {
            return Ok(false);
        };
        let api: Api<K> = Api::all(client.clone());
        let patch = Patch::Strategic(patch);
        let (name, parameters) = (object.name_any(), PatchParams::default());
        match api.patch(&name, &parameters, &patch).await {
            Ok(patched) => {
                *object = patched;
                Ok(true)
            }
            // Whoever wrote it first is seen by the watch.
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What is to be changed of a configuration, if anything is.
fn patch<K: Configuration>(object: &K, authorities: &str) -> Option<Value> {
    let differing: Vec<Value> = object
        .webhooks()
        .into_iter()
        .filter(|(_, client)| {
            let announced = client.ca_bundle.as_ref();
            announced.is_none_or(|bundle| bundle.0 != authorities.as_bytes())
        })
        .map(|(name, _)| {
            let bundle = k8s_openapi::ByteString(authorities.as_bytes().to_vec());
            json!({"name": name, "clientConfig": {"caBundle": bundle}})
        })
        .collect();
    let version = object.meta().resource_version.as_deref();
    (!differing.is_empty())
        .then(|| json!({"metadata": {"resourceVersion": version}, "webhooks": differing}))
}
