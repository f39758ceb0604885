//! The Secret with the certificate, as a test reads and writes it.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use tokio::time::sleep;
use vouchsafe_cluster::Connection;
use vouchsafe_cluster::certificate::{Bundle, Contents, KeptIn, Names};
use vouchsafe_trust::Clock as _;

use super::connected::SystemClock;

pub(crate) fn names() -> Names {
    Names {
        service: "vouchsafe".to_owned(),
        namespace: "default".to_owned(),
    }
}

pub(crate) async fn read(connection: &Connection, name: &str) -> Option<(KeptIn, Contents)> {
    let found = secrets(connection).get_opt(name).await.unwrap();
    found.map(KeptIn::take)
}

pub(crate) async fn read_bundle(connection: &Connection, name: &str) -> Bundle {
    let (_, contents) = read(connection, name).await.unwrap();
    Bundle::read(&contents, &names(), SystemClock.now()).unwrap()
}

/// Puts other contents there, once nobody else does meanwhile.
pub(crate) async fn write(connection: &Connection, name: &str, contents: &Contents) {
    let parameters = PostParams::default();
    let Some((kept, _)) = read(connection, name).await else {
        let new = KeptIn::default().with(name, contents);
        secrets(connection).create(&parameters, &new).await.unwrap();
        return;
    };
    let new = kept.with(name, contents);
    secrets(connection)
        .replace(name, &parameters, &new)
        .await
        .unwrap();
}

/// Waits until something is so; how long that took.
pub(crate) async fn until(
    what: &str,
    patience: Duration,
    mut is_so: impl AsyncFnMut() -> bool,
) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(
            started.elapsed() < patience,
            "{what}: not within {patience:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

fn secrets(connection: &Connection) -> Api<Secret> {
    Api::namespaced(connection.client.clone(), &connection.namespace)
}
