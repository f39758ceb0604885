//! Passes on a schedule.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use jiff::SignedDuration;
use tokio::time::sleep;
use vouchsafe_trust::{Server, Timestamp};

use crate::pass::{Scope, Syncer};
use crate::report::{Progress, ServerReport};
use crate::schedule::Schedule;

/// Makes a pass now and then one at each moment of `schedule`, until `shutdown` is done.
///
/// Every server keeps to the schedule on its own, so that a slow one holds up none of the others;
/// a pass that takes longer than the schedule allows skips the moments that it missed. Between
/// them, repositories are looked at when their timestamp runs out. `report` gets what became of
/// each pass over a server.
pub async fn watch(
    syncer: &Syncer,
    schedule: &Schedule,
    progress: &Arc<dyn Progress>,
    report: impl Fn(ServerReport),
    shutdown: impl Future<Output = ()>,
) {
    let report = &report;
    let servers: Vec<Server> = syncer.servers().cloned().collect();
    let watches = servers.iter().map(|server| async move {
        let mut scope = Scope::Due;
        while let Some(done) = syncer.pass_server(server, &scope, progress).await {
            report(done);
            scope = wait(syncer, schedule, server).await;
        }
    });
    let watches = std::pin::pin!(join_all(watches));
    let shutdown = std::pin::pin!(shutdown);
    match select(shutdown, watches).await {
        Either::Left(((), _)) => {}
        // There is no server, or they all stopped: what remains is to wait.
        Either::Right((_, shutdown)) => shutdown.await,
    }
}

/// Waits for the next moment, and says what is due then.
async fn wait(syncer: &Syncer, schedule: &Schedule, server: &Server) -> Scope {
    let from = syncer.now();
    let scheduled = schedule.next_after(from).unwrap_or(Timestamp::MAX);
    // Those that run out shortly after one another are looked at together.
    let soonest = from.checked_add(BETWEEN_EXPIRIES).unwrap_or(from);
    let expiry = syncer
        .next_expiry(server)
        .await
        .map(|expiry| expiry.max(soonest))
        .filter(|expiry| *expiry < scheduled);
    let until = expiry.unwrap_or(scheduled);
    // In short steps, since the clock may be set, and a machine may sleep.
    loop {
        let left = until.duration_since(syncer.now());
        let Some(left) = Duration::try_from(left).ok().filter(|left| !left.is_zero()) else {
            break;
        };
        sleep(left.min(STEP)).await;
    }
    if expiry.is_some() {
        Scope::Expired
    } else {
        Scope::Due
    }
}

const STEP: Duration = Duration::from_secs(1);
const BETWEEN_EXPIRIES: SignedDuration = SignedDuration::from_secs(10);
