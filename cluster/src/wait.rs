//! Whether the webhook can be called: a replica is ready, and there is a certificate to call it by.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::ListParams;
use vouchsafe_trust::Clock;

use crate::Connection;
use crate::certificate::{Bundle, KeptIn, Names};

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Awaited {
    /// The Service.
    pub service: String,
    /// The Secret with the certificate, where the replicas make it themselves.
    pub secret: Option<String>,
    /// By what time the certificate is judged.
    pub clock: Arc<dyn Clock>,
}

/// Why the webhook cannot be called yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotYet {
    /// The certificate would not be trusted, or there is none.
    #[error("the Secret `{secret}` holds no certificate to serve with: {cause}")]
    Certificate {
        /// The Secret.
        secret: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No replica is ready.
    #[error("no replica behind the Service `{service}` is ready")]
    NoReplica {
        /// The Service.
        service: String,
    },
    /// The API server does not say.
    #[error("the API server does not say: {0}")]
    Unknown(#[from] kube::Error),
}

impl Awaited {
    /// Looks once.
    ///
    /// # Errors
    ///
    /// [`NotYet`] with the first thing that is missing.
    pub async fn look(&self, connection: &Connection) -> Result<(), NotYet> {
        let Connection { client, namespace } = connection;
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
        let of_service = format!("kubernetes.io/service-name={}", self.service);
        let slices = slices
            .list(&ListParams::default().labels(&of_service))
            .await?;
        if !slices.items.iter().any(has_ready) {
            let service = self.service.clone();
            return Err(NotYet::NoReplica { service });
        }
        let Some(secret) = &self.secret else {
            return Ok(());
        };
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let found = secrets.get_opt(secret).await?;
        self.check(found, namespace)
            .map_err(|cause| NotYet::Certificate {
                secret: secret.clone(),
                cause,
            })
    }

    fn check(&self, found: Option<Secret>, namespace: &str) -> Result<(), String> {
        let (_, contents) = KeptIn::take(found.ok_or("it is not there")?);
        let names = Names {
            service: self.service.clone(),
            namespace: namespace.to_owned(),
        };
        let bundle = Bundle::read(&contents, &names, self.clock.now());
        let bundle = bundle.map_err(|fault| fault.to_string())?;
        Ok(bundle.serves()?)
    }
}

/// Whether a replica is ready. What says nothing counts as ready (Kubernetes, `EndpointConditions`).
fn has_ready(slice: &EndpointSlice) -> bool {
    slice.endpoints.iter().flatten().any(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|it| it.ready).unwrap_or(true)
    })
}
