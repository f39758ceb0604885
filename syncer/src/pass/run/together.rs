//! Repositories of a pass, a few at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use vouchsafe_store::SyncOutcome;
use vouchsafe_trust::Gun;

use super::Run;
use crate::pass::batch::Batch;
use crate::pass::bring::{self, Done, Step};
use crate::pass::records::Records;
use crate::report::{Event, Failure, Outcome, ServerReport, Source};

impl Run<'_> {
    /// Brings repositories up to date, a few at a time.
    pub(super) async fn bring_up_to_date(
        &self,
        (guns, sighted): (BTreeSet<Gun>, &BTreeSet<Gun>),
        records: &mut Records,
        report: &mut ServerReport,
    ) {
        let server = &self.lane.server;
        let guns: Vec<Gun> = guns.into_iter().collect();
        let total = guns.len();
        self.progress.event(Event::Planned { server, total });
        self.client.plan(&guns).await;
        let per_server = self.inner.options.per_server.max(1);
        let mut waiting = guns.into_iter();
        let mut asked = JoinSet::new();
        let mut verified = Batch::default();
        // One at a time: meanwhile the next come together, and share the wait for the disk.
        let mut committing = JoinSet::new();
        let mut settled = Settled::default();
        let mut contact = Contact::new((2 * per_server).max(MIN_PATIENCE));
        let mut handed_over = 0;
        loop {
            let in_hand = per_server + if contact.answers { BESIDE } else { 0 };
            while asked.len() < in_hand && !verified.is_full() && !contact.is_lost {
                let Some(gun) = waiting.next() else { break };
                let (inner, lane) = (Arc::clone(self.inner), Arc::clone(self.lane));
                asked.spawn(bring::ask(inner, lane, gun, self.now));
            }
            if committing.is_empty() && verified.is_due(asked.is_empty()) {
                let (inner, lane) = (Arc::clone(self.inner), Arc::clone(self.lane));
                let repositories = verified.take();
                handed_over = repositories.len();
                committing.spawn(bring::commit(inner, lane, repositories));
            }
            if settled.is_due() {
                self.record(&mut settled, records).await;
            }
            let is_idle = asked.is_empty() && committing.is_empty();
            let commits = verified.due().filter(|_| committing.is_empty());
            let dues = [commits, settled.due()].into_iter().flatten();
            let waits = dues.min().filter(|_| !is_idle);
            let done = tokio::select! {
                Some(step) = asked.join_next() => match step {
                    Ok(Step::Verified(repository)) => {
                        contact.note(true);
                        verified.add(*repository);
                        continue;
                    }
                    Ok(Step::Done(done)) => {
                        contact.note(!done.unreachable);
                        vec![*done]
                    }
                    Err(error) => {
                        lose(&error, records, report);
                        continue;
                    }
                },
                Some(done) = committing.join_next() => done.unwrap_or_else(|_panicked| {
                    report.failed += u64::try_from(handed_over).unwrap_or(u64::MAX);
                    records.lost = true;
                    Vec::new()
                }),
                () = sleep_until(waits.unwrap_or_else(Instant::now)), if waits.is_some() => continue,
                else => break,
            };
            for done in done {
                let done = of_a_sighting(done, sighted);
                self.settle(done, records, &mut settled, report).await;
            }
            if contact.is_lost {
                asked.abort_all();
            }
        }
        self.record(&mut settled, records).await;
        report.skipped += u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        self.conclude(total, contact.unreachable, settled.strangers, report);
    }

    /// Says what the outcomes of `total` repositories come to: so many in a row without an answer, so many to
    /// whose credentials the server objects.
    fn conclude(
        &self,
        total: usize,
        unreachable: usize,
        strangers: usize,
        report: &mut ServerReport,
    ) {
        let server = &self.lane.server;
        if report.skipped > 0 || (total > 0 && unreachable == total) {
            let message =
                format!("{server}: no answer about {unreachable} of {total} repositories");
            report.error = Some(Failure::of_server(server, "unreachable", message));
        } else if report.source == Source::Poll && total > 0 && strangers == total {
            // Every one, and no changefeed that would show that the server is there: it is not about
            // one of them.
            let message = format!("{server}: not authorised for any of {total} repositories");
            report.error = Some(Failure::of_server(server, "unauthorized", message));
        }
    }

    async fn settle(
        &self,
        done: Done,
        records: &mut Records,
        settled: &mut Settled,
        report: &mut ServerReport,
    ) {
        let (server, Done { gun, outcome, .. }) = (&self.lane.server, &done);
        if let Outcome::Failed(failure) = outcome {
            let role = failure.role.as_ref().map(tracing::field::display);
            tracing::warn!(
                %server, %gun, role, reason = failure.label, error = failure.message,
                hint = failure.hint,
                "not brought up to date"
            );
        }
        {
            let mut backlog = self.lane.backlog.lock().await;
            let is_of_no_use = matches!(outcome, Outcome::Absent | Outcome::Failed(_));
            if is_of_no_use && !done.unreachable {
                backlog.failed(gun, self.now);
            } else {
                backlog.succeeded(gun);
            }
        }
        settled.strangers += usize::from(outcome.is_of_credentials());
        report.count(outcome);
        self.progress.event(Event::Done {
            server,
            gun,
            outcome,
        });
        if records.take(gun, outcome, done.transient) {
            let outcome = outcome.recorded(self.now);
            settled.since.get_or_insert_with(Instant::now);
            settled.unrecorded.push((done.gun, outcome));
        }
    }

    /// Has the store remember the outcomes that it has not been told yet.
    async fn record(&self, settled: &mut Settled, records: &mut Records) {
        settled.since = None;
        let outcomes = std::mem::take(&mut settled.unrecorded);
        if outcomes.is_empty() {
            return;
        }
        let server = &self.lane.server;
        let failed = self.inner.ledger.record(server, outcomes).await;
        // What is to be tried again nobody would know of.
        records.lost |= !matches!(&failed, Ok(failed) if failed.is_empty());
        match failed {
            Ok(failed) => {
                for (gun, error) in failed {
                    let reason = error.label();
                    tracing::error!(%server, %gun, reason, %error, "outcome not recorded");
                }
            }
            Err(error) => {
                tracing::error!(%server, reason = error.label(), %error, "outcomes not recorded");
            }
        }
    }
}

/// A repository of which only an image was sighted need not be there: whoever named the image need not have signed it.
fn of_a_sighting(done: Done, sighted: &BTreeSet<Gun>) -> Done {
    if done.outcome.is_of_no_trust_data() && sighted.contains(&done.gun) {
        let outcome = Outcome::Absent;
        return Done { outcome, ..done };
    }
    done
}

/// Counts a repository whose task did not get to its end; its name went with it.
fn lose(error: &JoinError, records: &mut Records, report: &mut ServerReport) {
    let is_left_alone = error.is_cancelled();
    report.skipped += u64::from(is_left_alone);
    // A panic is the failure of one repository.
    report.failed += u64::from(!is_left_alone);
    records.lost |= !is_left_alone;
}

/// What the repositories that are done leave to be said.
#[derive(Default)]
struct Settled {
    /// How many of them the server refused because of the credentials.
    strangers: usize,
    /// Outcomes for the store.
    unrecorded: Vec<(Gun, SyncOutcome)>,
    /// Since when the first of them waits.
    since: Option<Instant>,
}

impl Settled {
    /// Until when outcomes may wait for more.
    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + RECORDED_WITHIN)
    }

    /// Whether they are to be recorded.
    fn is_due(&self) -> bool {
        let due = self.due().is_some_and(|due| due <= Instant::now());
        due || self.unrecorded.len() >= MOST_UNRECORDED
    }
}

/// Whether the server answers.
struct Contact {
    /// How many repositories in a row found no answer.
    unreachable: usize,
    /// How many may.
    patience: usize,
    answers: bool,
    last_answer: Instant,
    /// Whether the server is left alone: each of ten thousand repositories would wait for the same.
    is_lost: bool,
}

impl Contact {
    fn new(patience: usize) -> Self {
        Self {
            unreachable: 0,
            patience,
            answers: false,
            last_answer: Instant::now(),
            is_lost: false,
        }
    }

    /// Notes whether the server answered about a repository.
    fn note(&mut self, answers: bool) {
        if self.is_lost {
            return;
        }
        self.answers = answers;
        if answers {
            (self.unreachable, self.last_answer) = (0, Instant::now());
        } else {
            self.unreachable += 1;
            self.is_lost =
                self.unreachable >= self.patience || self.last_answer.elapsed() >= MAX_SILENCE;
        }
    }
}

/// So many repositories are in hand beside those that a server is asked about, once it answers: they are verified
/// meanwhile, or wait to be asked about.
const BESIDE: usize = 2;
/// How many outcomes are recorded at once: each would wait for another thread otherwise.
const MOST_UNRECORDED: usize = 64;
/// How long an outcome waits for others: whoever looks into the store meanwhile sees the one before.
const RECORDED_WITHIN: Duration = Duration::from_secs(1);
/// After so many repositories in a row that found no answer, the server is left alone: more than are in hand, so that
/// a moment in which it is started anew is not the end.
const MIN_PATIENCE: usize = 8;
/// It is also left alone where it has said nothing for so long: one that hangs lets each request wait.
const MAX_SILENCE: Duration = Duration::from_mins(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_left_alone_after_many_in_a_row_and_for_good() {
        let mut contact = Contact::new(3);
        for answers in [false, false, true, false, false] {
            contact.note(answers);
            assert_eq!((contact.answers, contact.is_lost), (answers, false));
        }
        contact.note(false);
        assert!(contact.is_lost);
        // What was under way may still be done; how many found no answer is told.
        contact.note(true);
        assert!(contact.is_lost);
        assert_eq!(contact.unreachable, 3);
    }

    #[test]
    fn a_server_that_hangs_is_left_alone_sooner() {
        let mut contact = Contact::new(100);
        contact.note(false);
        assert!(!contact.is_lost);
        contact.last_answer = Instant::now().checked_sub(MAX_SILENCE).unwrap();
        contact.note(false);
        assert!(contact.is_lost);
    }
}
