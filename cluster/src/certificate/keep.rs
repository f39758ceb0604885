//! The leader's part: the Secret and the webhook configurations are as they have to be, whatever becomes of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use vouchsafe_trust::Clock;

use super::announce::{Configuration, Known};
use super::{Bundle, Contents, Fault, KeptIn, Names, Plan, plan};
use crate::Connection;
use crate::failure::{Failures, is_conflict};

/// What is kept.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "the client holds credentials and has no Debug"
)]
pub struct Keeper {
    /// Where.
    pub connection: Connection,
    /// The name of the Secret.
    pub secret: String,
    /// The name of the webhook configurations, of both kinds.
    pub webhook: String,
    /// Of whom the certificate speaks.
    pub names: Names,
    /// By what time certificates are made.
    pub clock: Arc<dyn Clock>,
}

/// Keeps the certificate while this process leads.
pub async fn keep(keeper: Keeper, mut leads: watch::Receiver<bool>) {
    // Ends with whoever says who leads.
    while leads.wait_for(|leads| *leads).await.is_ok() {
        tokio::select! {
            never = State::new(&keeper).lead() => match never {},
            _ = leads.wait_for(|leads| !*leads) => {}
        }
    }
}

/// What a leader knows.
struct State<'k> {
    keeper: &'k Keeper,
    /// The Secret as it was seen last, once that is known; without its contents if there is none.
    found: Option<(KeptIn, Option<Contents>)>,
    /// What was good last, to go on from when the Secret is gone or broken.
    good: Option<Bundle>,
    mutating: Known<MutatingWebhookConfiguration>,
    validating: Known<ValidatingWebhookConfiguration>,
    /// What every webhook configuration names, and since when.
    announced: Option<(String, Instant)>,
    failures: Failures,
}

impl<'k> State<'k> {
    const fn new(keeper: &'k Keeper) -> Self {
        Self {
            keeper,
            found: None,
            good: None,
            mutating: Known::Unknown,
            validating: Known::Unknown,
            announced: None,
            failures: Failures::new(LOOK, LOOK),
        }
    }

    async fn lead(mut self) -> Infallible {
        let Keeper {
            connection,
            secret,
            webhook,
            ..
        } = self.keeper;
        let client = || connection.client.clone();
        let secrets: Api<Secret> = Api::namespaced(client(), &connection.namespace);
        let mut secrets = watch_object(secrets, secret).default_backoff().boxed();
        let mut mutating = watch_object(Api::all(client()), webhook)
            .default_backoff()
            .boxed();
        let mut validating = watch_object(Api::all(client()), webhook)
            .default_backoff()
            .boxed();
        loop {
            let seen = tokio::select! {
                Some(event) = secrets.next() => event.map(|secret| self.see(secret)),
                Some(event) = mutating.next() => event.map(|it| self.mutating = Known::seen(it)),
                Some(event) = validating.next() => event.map(|it| self.validating = Known::seen(it)),
                () = sleep(LOOK) => Ok(()),
            };
            let done = match seen {
                Ok(()) => self.act().await,
                Err(error) => Err(Failure::Watch(error)),
            };
            self.note(done);
        }
    }

    fn see(&mut self, secret: Option<Secret>) {
        self.found = Some(match secret {
            None => (KeptIn::default(), None),
            Some(secret) => {
                let (kept, contents) = KeptIn::take(secret);
                (kept, Some(contents))
            }
        });
    }

    /// Says what fails, once.
    fn note(&mut self, done: Result<(), Failure>) {
        match done {
            Ok(()) => {
                if self.failures.end() {
                    tracing::info!("the certificate can be kept again");
                }
            }
            Err(error) => {
                let (_, is_news) = self.failures.add(&error.to_string());
                if is_news {
                    tracing::error!(%error, "the certificate cannot be kept as it has to be");
                }
            }
        }
    }

    /// Does what is due.
    async fn act(&mut self) -> Result<(), Failure> {
        let Some((_, contents)) = &self.found else {
            return Ok(());
        };
        let now = self.keeper.clock.now();
        let names = &self.keeper.names;
        let read = contents.as_ref().ok_or(Fault::Missing);
        let read = read.and_then(|contents| Bundle::read(contents, names, now));
        let (plan, next) = self.next(&read, now)?;
        let stored = match (next, read) {
            (Some(next), _) => self.write(plan, next).await?,
            (None, Ok(bundle)) => Some(bundle),
            (None, Err(_)) => None,
        };
        let Some(bundle) = stored else {
            return Ok(());
        };
        let announced = bundle.announced();
        if bundle.serves().is_ok() {
            self.good = Some(bundle);
        }
        self.announce(&announced).await
    }

    /// What is due, and what has to stand in the Secret then, where that is something else.
    fn next(
        &self,
        read: &Result<Bundle, Fault>,
        now: jiff::Timestamp,
    ) -> Result<(Plan, Option<Bundle>), Failure> {
        let names = &self.keeper.names;
        let is_whole = read.as_ref().is_ok_and(|bundle| bundle.serves().is_ok());
        let good = self.good.as_ref().and_then(|good| {
            let again = Bundle::read(&good.contents(), names, now).ok()?;
            again.serves().is_ok().then_some(again)
        });
        if let (false, Some(good)) = (is_whole, good) {
            // Somebody who deletes it wants another one; somebody who breaks it does not.
            let (plan, next) = match read {
                Err(Fault::Missing) => (Plan::RotateAuthority, good.with_new_authority(now)?),
                Ok(_) | Err(_) => (Plan::Keep, good),
            };
            return Ok((plan, Some(next)));
        }
        let plan = plan(read.as_ref(), now, self.announced_for());
        let next = plan.carried_out(read.as_ref().ok(), names, now)?;
        Ok((plan, next))
    }

    fn announced_for(&self) -> Option<Duration> {
        self.announced.as_ref().map(|(_, since)| since.elapsed())
    }

    /// Writes the Secret if it is still as it was read; what stands there then, if that is known.
    async fn write(&mut self, plan: Plan, next: Bundle) -> Result<Option<Bundle>, Failure> {
        let Some((kept, _)) = &self.found else {
            return Ok(None);
        };
        let Keeper {
            connection, secret, ..
        } = self.keeper;
        let secrets: Api<Secret> =
            Api::namespaced(connection.client.clone(), &connection.namespace);
        let object = kept.with(secret, &next.contents());
        let parameters = PostParams::default();
        let written = if kept.is_new() {
            secrets.create(&parameters, &object).await
        } else {
            secrets.replace(secret, &parameters, &object).await
        };
        match written {
            Ok(written) => {
                self.see(Some(written));
                let not_after = next.not_after().map(tracing::field::display);
                tracing::info!(secret, ?plan, not_after, "wrote the certificate");
                Ok(Some(next))
            }
            // Whoever wrote it first is seen by the watch.
            Err(error) if is_conflict(&error) => Ok(None),
            Err(error) => Err(Failure::Secret(error)),
        }
    }

    /// Has both webhook configurations name these authorities.
    async fn announce(&mut self, authorities: &str) -> Result<(), Failure> {
        let client = &self.keeper.connection.client;
        let mutating = tell(&mut self.mutating, client, authorities).await;
        let validating = tell(&mut self.validating, client, authorities).await;
        let all = self.mutating.names(authorities) && self.validating.names(authorities);
        let before = self.announced.take();
        self.announced = all.then(|| {
            before
                .filter(|(named, _)| named == authorities)
                .unwrap_or_else(|| (authorities.to_owned(), Instant::now()))
        });
        mutating.and(validating)
    }
}

async fn tell<K: Configuration>(
    known: &mut Known<K>,
    client: &kube::Client,
    authorities: &str,
) -> Result<(), Failure> {
    let kind = K::kind(&());
    let told = known.announce(client, authorities).await;
    if told.map_err(|error| Failure::Configuration(kind.to_string(), error))? {
        tracing::info!(%kind, "told the API server whom to trust");
    }
    Ok(())
}

/// Why the certificate is not as it has to be.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("a {0} cannot be patched: {1}")]
    Configuration(String, #[source] kube::Error),
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the Secret cannot be written: {0}")]
    Secret(#[source] kube::Error),
    #[error("it is not known what stands there: {0}")]
    Watch(#[source] watcher::Error),
}

/// How often to look at what time alone changes.
const LOOK: Duration = Duration::from_secs(5);
