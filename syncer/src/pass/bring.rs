//! One repository of a pass.

use std::sync::Arc;

use vouchsafe_store::StoreError;
use vouchsafe_trust::update::{Expiry, Terms};
use vouchsafe_trust::{Gun, Pins, Timestamp};

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

/// Brings one repository of the server of `lane` up to date.
pub(super) async fn bring_one(
    inner: Arc<Inner>,
    lane: Arc<Lane>,
    gun: Gun,
    now: Timestamp,
) -> Done {
    let failed = |label, message: String| {
        let failure = Failure {
            gun: Some(gun.clone()),
            ..Failure::of_server(&lane.server, label, message)
        };
        Outcome::Failed(Box::new(failure))
    };
    let (mut unreachable, mut transient) = (false, false);
    let outcome = match (&lane.client, inner.mirror.pins(&lane.server, &gun)) {
        (Ok(client), Some(pins)) => match bring(&inner, client, &gun, &pins, now).await {
            Ok(Ok(outcome)) => outcome,
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
    Done {
        gun,
        outcome,
        unreachable,
        transient,
    }
}

type Attempt = Result<Outcome, CollectError>;

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
    Ok(Ok(match collected {
        Collected::Unchanged => Outcome::Unchanged,
        Collected::Updated(repository) => {
            inner.ledger.commit(server, repository).await?;
            tracing::info!(%server, %gun, "updated");
            Outcome::Updated
        }
        Collected::Withdrawn => {
            inner.ledger.withdraw(server, gun, now).await?;
            tracing::warn!(%server, %gun, "withdrawn: the server no longer has it");
            Outcome::Withdrawn
        }
    }))
}
