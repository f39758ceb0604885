//! The webhook configurations as a whole: whom they trust, and that they go.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::api::DeleteParams;
use kube::{Api, Client};
use serde::de::DeserializeOwned;

use crate::failure::is_status;

/// Deletes the webhook configurations of both kinds of this name; the kinds of which there was one. It is no error if there is none.
///
/// # Errors
///
/// [`kube::Error`] if one cannot be deleted.
pub async fn remove_webhooks(
    client: &Client,
    name: &str,
) -> Result<Vec<&'static str>, kube::Error> {
    let mut removed = Vec::new();
    if remove::<MutatingWebhookConfiguration>(client, name).await? {
        removed.push("MutatingWebhookConfiguration");
    }
    if remove::<ValidatingWebhookConfiguration>(client, name).await? {
        removed.push("ValidatingWebhookConfiguration");
    }
    Ok(removed)
}

async fn remove<K>(client: &Client, name: &str) -> Result<bool, kube::Error>
where
    K: Clone + std::fmt::Debug + DeserializeOwned + kube::Resource<DynamicType = ()>,
{
    let api: Api<K> = Api::all(client.clone());
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(true),
        Err(error) if is_status(&error, 404) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whom the API server trusts when it calls the first webhook of this `ValidatingWebhookConfiguration`, PEM; none if it is told nothing.
///
/// # Errors
///
/// [`kube::Error`] if it cannot be read, or is not there.
pub async fn announced(client: &Client, name: &str) -> Result<Option<Vec<u8>>, kube::Error> {
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let webhooks = api.get(name).await?.webhooks.unwrap_or_default();
    let first = webhooks.into_iter().next();
    Ok(first.and_then(|webhook| webhook.client_config.ca_bundle.map(|bundle| bundle.0)))
}
