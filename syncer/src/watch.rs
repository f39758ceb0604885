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
    sleep_until(until, || syncer.now()).await;
    if expiry.is_some() {
        Scope::Expired
    } else {
        Scope::Due
    }
}

/// Sleeps until `clock` shows `until`, and no longer than it was off at first: a clock that was
/// ahead is set back, and the time by which is judged then stands still until it has caught up.
async fn sleep_until(until: Timestamp, clock: impl Fn() -> Timestamp) {
    let off = |now| Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let mut most = off(clock());
    // In short steps, since the clock may be set, and a machine may sleep.
    loop {
        let step = off(clock()).min(most).min(STEP);
        if step.is_zero() {
            return;
        }
        sleep(step).await;
        most = most.saturating_sub(step);
    }
}

const STEP: Duration = Duration::from_secs(1);
const BETWEEN_EXPIRIES: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_set_back_or_stands_still_prolongs_no_sleep() {
        let start = Timestamp::UNIX_EPOCH;
        let looked = Cell::new(0);
        let set_back = || {
            looked.set(looked.get() + 1);
            if looked.get() == 1 {
                start
            } else {
                start - SignedDuration::from_hours(24)
            }
        };
        let soon = start + SignedDuration::from_millis(200);
        let patience = Duration::from_secs(30);
        timeout(patience, sleep_until(soon, set_back))
            .await
            .unwrap();
        timeout(patience, sleep_until(soon, || start))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_is_set_ahead_ends_the_sleep() {
        let start = Timestamp::UNIX_EPOCH;
        let later = start + SignedDuration::from_hours(24);
        let looked = Cell::new(0);
        let set_ahead = || {
            looked.set(looked.get() + 1);
            if looked.get() < 3 { start } else { later }
        };
        let patience = Duration::from_secs(30);
        timeout(patience, sleep_until(later, set_ahead))
            .await
            .unwrap();
    }
}
