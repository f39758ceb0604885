//! `vouchsafe cluster wait`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use vouchsafe_cluster::Connection;
use vouchsafe_cluster::wait::{Awaited, NotYet};
use vouchsafe_policy::config::KubernetesSettings;

use super::named;
use crate::args::WaitArgs;
use crate::clock::SystemClock;
use crate::exit::{Error, Outcome};
use crate::printer::{note, print};

pub(super) async fn run(args: &WaitArgs, settings: &KubernetesSettings) -> Result<Outcome, Error> {
    let namespace = args.namespace.as_ref().or(settings.namespace.as_ref());
    let connection = Connection::new(namespace.map(String::as_str)).await?;
    let configured = settings.certificate.as_ref();
    let awaited = Awaited {
        service: named(args.service.as_ref(), configured.map(|it| &it.service)),
        secret: args
            .secret
            .clone()
            .or_else(|| configured.map(|it| it.secret.clone())),
        clock: Arc::new(SystemClock),
    };
    let end = Instant::now() + Duration::try_from(args.timeout)?;
    let mut said = String::new();
    loop {
        let missing = match timeout(LOOK, awaited.look(&connection)).await {
            Ok(Ok(())) => {
                print(&format!(
                    "the webhook behind the Service `{}` can be called\n",
                    awaited.service
                ))?;
                return Ok(Outcome::Yes);
            }
            Ok(Err(missing)) => Some(missing),
            Err(_) => None,
        };
        let text = missing.as_ref().map_or_else(
            || "the API server does not answer".to_owned(),
            ToString::to_string,
        );
        if text != said {
            note(&text);
            said.clone_from(&text);
        }
        if Instant::now() >= end {
            return match missing {
                None | Some(NotYet::Unknown(_)) => Err(text.into()),
                Some(_) => {
                    note("gave up waiting");
                    Ok(Outcome::No)
                }
            };
        }
        sleep(PAUSE).await;
    }
}

/// How long the API server may take for one look.
const LOOK: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);
