//! One look at everything, for whoever does not stay to watch.

use std::time::Duration;

use kube::api::ListParams;
use kube::{Api, Client};

use super::entry::Entry;
use super::kind::Kind;
use super::pool::Pools;
use super::wire::Object;
use super::{Named, PAGE};

/// Why the objects of a kind could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be listed: {cause}", kind.plural())]
pub struct ListError {
    /// The kind.
    pub kind: Kind,
    /// Why.
    pub cause: ListFailure,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListFailure {
    /// The API server refused, or could not be asked.
    #[error("{0}")]
    Asked(#[from] kube::Error),
    /// It did not answer.
    #[error("the API server did not answer within {} seconds", PATIENCE.as_secs())]
    Late,
}

/// The images that the objects of the cluster name now, and which kinds of objects could not be listed.
pub async fn list(client: &Client) -> (Named, Vec<ListError>) {
    let (mut named, mut errors) = (Named::default(), Vec::new());
    let pools = Pools::default();
    for kind in Kind::ALL {
        if let Err(cause) = list_kind(client, kind, &pools, &mut named).await {
            errors.push(ListError { kind, cause });
        }
    }
    (named, errors)
}

async fn list_kind(
    client: &Client,
    kind: Kind,
    pools: &Pools,
    named: &mut Named,
) -> Result<(), ListFailure> {
    let api = Api::<Object>::all_with(client.clone(), &kind.resource());
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = tokio::time::timeout(PATIENCE, api.list(&params));
        let page = page.await.map_err(|_elapsed| ListFailure::Late)??;
        for object in &page.items {
            let entry = Entry::of(kind, &object.wire, pools);
            named.add(
                &pools.texts.share(&object.wire.metadata.namespace),
                &entry.images,
            );
        }
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(());
        }
    }
}

/// How long the API server may take for a page.
const PATIENCE: Duration = Duration::from_mins(1);
