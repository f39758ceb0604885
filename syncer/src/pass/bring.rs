//! One repository of a pass: asked for, then committed.

use std::sync::Arc;

use vouchsafe_store::StoreError;
use vouchsafe_trust::update::{Expiry, Terms};
use vouchsafe_trust::{Gun, Pins, Timestamp, VerifiedRepository};

use super::{Inner, Lane};
use crate::collect::{CollectError, Collected, collect};
use crate::notary::NotaryClient;
use crate::report::{Failure, Outcome};

/// What became of one repository.
pub(super) struct Done {
    pub(super) gun: Gun,
    pub(super) outcome: Outcome,
    /// Whether the server could not be reached for it.
    pub(super) unreachable: bool,
    /// Whether it may well succeed next time.
    pub(super) transient: bool,
}

/// How far one repository is.
pub(super) enum Step {
    /// The server has nothing more to do with it: it is to be committed.
    Verified(Box<VerifiedRepository>),
    /// At its end.
    Done(Box<Done>),
}

/// Asks the server of `lane` for one repository, and verifies what is new.
pub(super) async fn ask(inner: Arc<Inner>, lane: Arc<Lane>, gun: Gun, now: Timestamp) -> Step {
    let failed =
        |label, message: String| Outcome::Failed(Box::new(failure(&lane, &gun, label, message)));
    let (mut unreachable, mut transient) = (false, false);
    let outcome = match (&lane.client, inner.mirror.pins(&lane.server, &gun)) {
        (Ok(client), Some(pins)) => match bring(&inner, client, &gun, &pins, now).await {
            Ok(Ok(Collected::Updated(repository))) => return Step::Verified(repository),
            Ok(Ok(Collected::Unchanged)) => Outcome::Unchanged,
            Ok(Ok(Collected::Withdrawn)) => Outcome::Withdrawn,
            Ok(Err(error)) => {
                (unreachable, transient) = (error.is_unreachable(), error.is_transient());
                Outcome::Failed(Box::new(Failure::of_collect(&lane.server, &gun, &error)))
            }
            Err(error) => failed(error.label(), format!("{gun}: {error}")),
        },
        (Ok(_), None) => failed(
            "not_configured",
            format!(
                "{gun}: no validator on {} can be asked about it",
                lane.server
            ),
        ),
        (Err(error), _) => failed("tls_setup", error.to_string()),
    };
    Step::Done(Box::new(Done {
        gun,
        outcome,
        unreachable,
        transient,
    }))
}

/// Commits what [`ask`] verified.
pub(super) async fn commit(
    inner: Arc<Inner>,
    lane: Arc<Lane>,
    repositories: Vec<VerifiedRepository>,
) -> Vec<Done> {
    let server = &lane.server;
    let guns = repositories.iter().map(|it| it.facts().gun.clone());
    let guns: Vec<Gun> = guns.collect();
    let committed = inner.ledger.commit_all(server, repositories).await;
    let failed = |gun: &Gun, error: &StoreError| {
        let message = format!("{gun}: {error}");
        Outcome::Failed(Box::new(failure(&lane, gun, error.label(), message)))
    };
    let done = |gun, outcome| Done {
        gun,
        outcome,
        unreachable: false,
        transient: false,
    };
    let commits = match committed {
        Ok(commits) => commits,
        Err(error) => {
            let all = guns.into_iter().map(|gun| {
                let outcome = failed(&gun, &error);
                done(gun, outcome)
            });
            return all.collect();
        }
    };
    let each = commits.into_iter().map(|(gun, commit)| {
        let outcome = match commit {
            Ok(_) => {
                tracing::info!(%server, %gun, "updated");
                Outcome::Updated
            }
            Err(error) => failed(&gun, &error),
        };
        done(gun, outcome)
    });
    each.collect()
}

fn failure(lane: &Lane, gun: &Gun, label: &'static str, message: String) -> Failure {
    Failure {
        gun: Some(gun.clone()),
        ..Failure::of_server(&lane.server, label, message)
    }
}

type Attempt = Result<Collected, CollectError>;

async fn bring(
    inner: &Inner,
    client: &NotaryClient,
    gun: &Gun,
    pins: &Pins,
    now: Timestamp,
) -> Result<Attempt, StoreError> {
    let server = client.server();
    let before = inner.ledger.before(server, gun).await?;
    let terms = Terms {
        pins,
        accepted: before.accepted.as_ref(),
        now,
        expiry: Expiry::Enforce,
        limits: inner.options.limits,
    };
    let collected = match collect(client, gun, before.stored.as_ref(), terms).await {
        Ok(collected) => collected,
        Err(error) => return Ok(Err(error)),
    };
    if matches!(collected, Collected::Withdrawn) {
        inner.ledger.withdraw(server, gun, now).await?;
        tracing::warn!(%server, %gun, "withdrawn: the server no longer has it");
    }
    Ok(Ok(collected))
}
