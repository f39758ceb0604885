//! Every replica's part: what stands in the Secret is what is served with.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use vouchsafe_trust::Clock;
use zeroize::Zeroizing;

use super::{Bundle, Contents, KeptIn, Names};
use crate::Connection;
use crate::failure::Failures;

/// What is to be served with, PEM.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it holds a private key")]
pub struct Followed {
    /// The certificate.
    pub chain: Vec<u8>,
    /// Its key.
    pub key: Zeroizing<Vec<u8>>,
    /// When it expires.
    pub not_after: Timestamp,
}

/// Hands every version of the Secret `name` that can be served with to `take`, the one that is there now first. What cannot be served
/// with is logged, and so is an API server that does not answer; it goes on nevertheless.
pub async fn follow(
    connection: &Connection,
    name: &str,
    names: Names,
    clock: Arc<dyn Clock>,
    mut take: impl FnMut(Followed) + Send,
) {
    let secrets: Api<Secret> = Api::namespaced(connection.client.clone(), &connection.namespace);
    let mut watched = watch_object(secrets, name).default_backoff().boxed();
    let mut failures = Failures::new(Duration::ZERO, Duration::ZERO);
    let mut before = Contents::default();
    while let Some(event) = watched.next().await {
        let read = match event {
            Ok(None) => Err("there is none yet".to_owned()),
            Err(error) => Err(error.to_string()),
            Ok(Some(secret)) => {
                let (_, contents) = KeptIn::take(secret);
                served(&contents, &names, clock.now()).map(|served| (contents, served))
            }
        };
        match read {
            Ok((contents, served)) => {
                failures.end();
                // Authorities that come and go are no news to who serves.
                if (&before.chain, &before.key) != (&contents.chain, &contents.key) {
                    take(served);
                }
                before = contents;
            }
            Err(error) => {
                let (_, is_news) = failures.add(&error);
                if is_news {
                    tracing::warn!(secret = name, error, "no other certificate to serve with");
                }
            }
        }
    }
}

fn served(contents: &Contents, names: &Names, now: Timestamp) -> Result<Followed, String> {
    let bundle = Bundle::read(contents, names, now).map_err(|fault| fault.to_string())?;
    bundle.serves()?;
    Ok(Followed {
        chain: contents.chain.clone(),
        key: contents.key.clone(),
        not_after: bundle.not_after().unwrap_or(now),
    })
}
