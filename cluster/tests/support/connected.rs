//! A connection to a real API server, as its administrator.

use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use vouchsafe_cluster::Connection;
use vouchsafe_tests::harness::ApiServer;
use vouchsafe_trust::Clock;

pub(crate) async fn connect(cluster: &ApiServer) -> Connection {
    // One provider of cryptography; it can be installed once only, and every test would.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let file = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(file, &options);
    Connection {
        client: Client::try_from(config.await.unwrap()).unwrap(),
        namespace: "default".to_owned(),
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
