//! How the API server is reached, and where Vouchsafe's own objects are.

use std::time::Duration;

use kube::config::InferConfigError;
use kube::{Client, Config};

/// The API server, and the namespace of Vouchsafe's own objects.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "the client holds credentials and has no Debug"
)]
pub struct Connection {
    /// The client; cheap to clone.
    pub client: Client,
    /// The namespace of Vouchsafe's own objects.
    pub namespace: String,
}

/// Why the API server cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither a service account nor a kubeconfig says where it is.
    #[error("no API server is known: {0}\nhint: outside a Pod, name a kubeconfig with KUBECONFIG")]
    Unknown(#[from] InferConfigError),
    /// What says where it is cannot be used.
    #[error("the API server cannot be spoken to: {0}")]
    Setup(#[from] kube::Error),
}

impl Connection {
    /// Reads where the API server is: from `KUBECONFIG`, then from the Pod's service account. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if nothing says where it is, or if that cannot be used.
    pub async fn new(namespace: Option<&str>) -> Result<Self, ConnectError> {
        let mut config = Config::infer().await?;
        // A watch whose peer is gone without a word would wait for ever, and what it keeps with it.
        config.read_timeout = Some(SILENCE);
        let namespace = namespace.unwrap_or(&config.default_namespace).to_owned();
        let client = Client::try_from(config)?;
        Ok(Self { client, namespace })
    }
}

/// A watch is ended by the API server before this, however little happens (kube asks for 290 seconds).
const SILENCE: Duration = Duration::from_secs(310);
