//! The objects as the API server gives them: of any form, since whoever may write them may write anything.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::{Stream, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Connection;
use crate::failure::is_status;
use crate::intake::Refused;
use crate::trust_repository::{
    Claim, TrustRepository, TrustRepositoryPart, TrustRepositoryStatus, UnpackError, claim,
};

/// An object whose form is not relied on: one of another form must not keep the others from being read.
pub(crate) type Object = DynamicObject;

/// The objects of a namespace.
#[derive(Clone)]
pub(crate) struct Objects {
    connection: Connection,
}

impl Objects {
    pub(crate) fn new(connection: &Connection) -> Self {
        let connection = connection.clone();
        Self { connection }
    }

    /// Any of the repositories.
    pub(crate) fn api(&self) -> Api<Object> {
        let resource = ApiResource::erase::<TrustRepository>(&());
        let Connection { client, namespace } = &self.connection;
        Api::namespaced_with(client.clone(), namespace, &resource)
    }

    /// Any of the parts.
    pub(crate) fn parts_api(&self) -> Api<Object> {
        let resource = ApiResource::erase::<TrustRepositoryPart>(&());
        let Connection { client, namespace } = &self.connection;
        Api::namespaced_with(client.clone(), namespace, &resource)
    }

    /// Objects of one kind, in the form that this writes.
    pub(crate) fn typed<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        let Connection { client, namespace } = &self.connection;
        Api::namespaced(client.clone(), namespace)
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<Object>, kube::Error> {
        self.api().get_opt(name).await
    }

    /// The data of the parts that `claim` names, by name.
    pub(crate) async fn parts(&self, claim: &Claim) -> Result<BTreeMap<String, String>, Refused> {
        let api = self.parts_api();
        let mut parts = BTreeMap::new();
        for name in claim.parts() {
            let unreachable = |error: kube::Error| Refused::for_now("unreachable", &error);
            let part = api.get_opt(name).await.map_err(unreachable)?;
            let data = part
                .as_ref()
                .and_then(|part| part.data.pointer("/spec/data"));
            let Some(data) = data.and_then(Value::as_str) else {
                let name = name.to_owned();
                return Err(UnpackError::PartMissing { name }.into());
            };
            parts.insert(name.to_owned(), data.to_owned());
        }
        Ok(parts)
    }

    /// Writes what the status of an object says; false if the object is gone.
    pub(crate) async fn write_status(
        &self,
        name: &str,
        status: &TrustRepositoryStatus,
    ) -> Result<bool, kube::Error> {
        let patch = Patch::Merge(json!({ "status": status }));
        let (api, params) = (self.api(), PatchParams::default());
        match api.patch_status(name, &params, &patch).await {
            Ok(_) => Ok(true),
            Err(error) if is_status(&error, 404) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Every object of `api`, a page at a time: together they may be large.
pub(crate) fn every<K>(api: &Api<K>) -> impl Stream<Item = Result<K, kube::Error>> + '_
where
    K: Clone + DeserializeOwned + fmt::Debug,
{
    let first = Some(ListParams::default().limit(PAGE));
    let pages = stream::try_unfold(first, async |page| {
        let Some(page) = page else {
            return Ok::<_, kube::Error>(None);
        };
        let list = api.list(&page).await?;
        let token = list.metadata.continue_.filter(|token| !token.is_empty());
        let next = token.map(|token| page.continue_token(&token));
        Ok(Some((stream::iter(list.items.into_iter().map(Ok)), next)))
    });
    pages.try_flatten()
}

/// What an object claims.
pub(crate) fn read(object: &Object) -> Result<Claim, UnpackError> {
    let none = Value::Null;
    claim(name(object), object.data.get("spec").unwrap_or(&none))
}

pub(crate) fn name(object: &Object) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

/// What its status says, if that has the form of one.
pub(crate) fn status(object: &Object) -> Option<TrustRepositoryStatus> {
    let status = object.data.get("status")?;
    serde::Deserialize::deserialize(status).ok()
}

/// How many objects are asked for at once: each may have a MiB, where somebody means harm.
pub(crate) const PAGE: u32 = 16;
