//! Whether the webhook can be called: a replica is ready, and there is a certificate to call it by.

use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
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
        if ready_replica(connection, &self.service).await?.is_none() {
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

/// Where a replica behind this Service that is ready can be called, such as `10.1.2.3:8443`; none if none is.
///
/// # Errors
///
/// [`kube::Error`] if the API server does not say.
pub async fn ready_replica(
    connection: &Connection,
    service: &str,
) -> Result<Option<SocketAddr>, kube::Error> {
    let slices: Api<EndpointSlice> =
        Api::namespaced(connection.client.clone(), &connection.namespace);
    let of_service = format!("kubernetes.io/service-name={service}");
    let of_service = ListParams::default().labels(&of_service);
    let slices = slices.list(&of_service).await?;
    Ok(slices.items.iter().find_map(ready_in))
}

/// The address of the first replica that is ready. What says nothing counts as ready (Kubernetes, `EndpointConditions`).
fn ready_in(slice: &EndpointSlice) -> Option<SocketAddr> {
    let is_ready = |endpoint: &&Endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|it| it.ready).unwrap_or(true)
    };
    let endpoint = slice.endpoints.iter().flatten().find(is_ready)?;
    let address = endpoint.addresses.first()?.parse().ok()?;
    let port = slice.ports.iter().flatten().find_map(|port| port.port);
    let port = port.and_then(|port| u16::try_from(port).ok());
    Some(SocketAddr::new(address, port.unwrap_or(HTTPS)))
}

/// The port of a slice that names none.
const HTTPS: u16 = 443;
