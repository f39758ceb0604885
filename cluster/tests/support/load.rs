//! Requests all the time, and what became of them.

use std::fmt;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vouchsafe_cluster::Connection;
use vouchsafe_cluster::probe::Probed;
use vouchsafe_cluster::webhooks::announced;

/// Two kinds of requests: Pods through the API server, which goes on by connections that it has, and webhook calls each by a new
/// connection that trusts whom the API server is told to trust at that moment.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<Counted>>,
    started: Instant,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) through_api_server: usize,
    pub(crate) handshakes: usize,
    pub(crate) failed: Vec<String>,
    pub(crate) took: Duration,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            through_api_server,
            handshakes,
            failed,
            took,
        } = self;
        write!(
            f,
            "{through_api_server} reviews through the API server and {handshakes} new connections in {took:?}, {} failed: {:?}",
            failed.len(),
            failed.iter().take(3).collect::<Vec<_>>()
        )
    }
}

impl Load {
    /// Asks for a Pod of `image`, which has to become `pinned`.
    pub(crate) fn start(
        runtime: &Runtime,
        connection: &Connection,
        url: &str,
        (image, pinned): (String, String),
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut workers = Vec::new();
        for _ in 0..3 {
            let (connection, stopped) = (connection.clone(), stopped.clone());
            let images = (image.clone(), pinned.clone());
            workers.push(runtime.spawn(through_api_server(connection, images, stopped)));
        }
        let (connection, url) = (connection.clone(), url.to_owned());
        workers.push(runtime.spawn(by_new_connections(connection, url, pinned, stopped)));
        Self {
            stop,
            workers,
            started: Instant::now(),
        }
    }

    pub(crate) async fn stop(self) -> Counted {
        self.stop.send_replace(true);
        let mut all = Counted {
            took: self.started.elapsed(),
            ..Counted::default()
        };
        for worker in self.workers {
            let counted = worker.await.unwrap();
            all.through_api_server += counted.through_api_server;
            all.handshakes += counted.handshakes;
            all.failed.extend(counted.failed);
        }
        all
    }
}

async fn through_api_server(
    connection: Connection,
    (image, pinned): (String, String),
    stopped: watch::Receiver<bool>,
) -> Counted {
    let pods: Api<Pod> = Api::namespaced(connection.client, &connection.namespace);
    let pod = json!({"metadata": {"name": "load"}, "spec": {"containers": [{"name": "load", "image": image}]}});
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let mut counted = Counted::default();
    while !*stopped.borrow() {
        counted.through_api_server += 1;
        match pods.create(&parameters, &pod).await {
            Ok(made) => {
                let container = made.spec.unwrap().containers.swap_remove(0);
                if container.image.as_ref() != Some(&pinned) {
                    counted
                        .failed
                        .push(format!("not pinned: {:?}", container.image));
                }
            }
            Err(error) => counted.failed.push(error.to_string()),
        }
    }
    counted
}

async fn by_new_connections(
    connection: Connection,
    url: String,
    pinned: String,
    stopped: watch::Receiver<bool>,
) -> Counted {
    let mut counted = Counted::default();
    while !*stopped.borrow() {
        counted.handshakes += 1;
        let trusted = announced(&connection.client, "vouchsafe").await.unwrap();
        let webhook = Probed::new(&url, &trusted.unwrap(), Some("vouchsafe.default.svc")).unwrap();
        match webhook.ask(false, &pinned, "default").await {
            Ok(answer) if answer.allowed => {}
            Ok(answer) => counted.failed.push(answer.message),
            Err(error) => counted.failed.push(format!("{error}: {error:?}")),
        }
    }
    counted
}
