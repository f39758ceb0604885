//! A registry that does what a test tells it to.

use vouchsafe_airgap::registry::{RegistryClient, RegistryError, RegistryRef};
use vouchsafe_tests::harness::scripted_server::{Reply, Route};
use vouchsafe_tests::harness::{Registry, ScriptedServer, TempDir};

use super::support::{Bundle, client, folder, layout, plain};

/// A server that has a bundle, as long as no later script says otherwise.
pub(crate) struct Hostile {
    pub(crate) server: ScriptedServer,
    pub(crate) bundle: Bundle,
    pub(crate) into: TempDir,
    _registry: Option<Registry>,
}

impl Hostile {
    pub(crate) fn new() -> Self {
        Self::on(ScriptedServer::plain().unwrap())
    }

    pub(crate) fn on(server: ScriptedServer) -> Self {
        let bundle = Bundle::new("a");
        for (name, bytes) in bundle.contents() {
            server.script(blob(&name), Reply::ok(bytes).into());
        }
        server.script(path(MANIFEST), Reply::ok(bundle.manifest.clone()).into());
        Self {
            server,
            bundle,
            into: folder(),
            _registry: None,
        }
    }

    pub(crate) fn place(&self) -> RegistryRef {
        let place = format!("{}/trust/bundles:latest", self.server.url());
        place.parse().unwrap()
    }

    /// A server that passes everything on to a real registry, which has the bundle.
    pub(crate) async fn before_a_registry() -> Self {
        let registry = Registry::start().unwrap();
        let server = ScriptedServer::plain().unwrap();
        server.forward_to(registry.address());
        let bundle = Bundle::new("a");
        let place = plain(&registry, "trust/bundles:latest");
        let pushed = client().push(&place, &bundle.manifest, &bundle.blobs).await;
        pushed.unwrap();
        Self {
            server,
            bundle,
            into: folder(),
            _registry: Some(registry),
        }
    }

    /// The route of the bundle's largest part.
    pub(crate) fn pack(&self) -> Route {
        blob(&self.bundle.blobs[1].digest.to_string())
    }

    pub(crate) async fn refusal(&self, client: &RegistryClient) -> RegistryError {
        let error = client.pull(&self.place(), self.into.path()).await;
        let error = error.unwrap_err();
        // Nothing that looks whole is left, nor a part.
        assert!(!self.into.path().join("index.json").exists());
        assert!(!self.into.path().join(".part").exists());
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        error
    }

    pub(crate) async fn pulled(&self, client: &RegistryClient) {
        client.pull(&self.place(), self.into.path()).await.unwrap();
        assert_eq!(layout(self.into.path()), self.bundle.contents());
    }
}

pub(crate) fn path(path: &str) -> Route {
    Route::Path(path.to_owned())
}

pub(crate) fn blob(digest: &str) -> Route {
    path(&format!("/v2/trust/bundles/blobs/sha256:{digest}"))
}

pub(crate) const MANIFEST: &str = "/v2/trust/bundles/manifests/latest";
