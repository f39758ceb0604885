//! Tells alerts that their receiver stumbles at from a receiver that is down.

use vouchsafe_store::{OutboxKey, StoreError, Waiting};

use super::{Outcome, Queue};
use crate::plan::{Plan, Planned};
use crate::post::Failure;

/// An alert that may be at fault itself, if its receiver takes others.
pub(super) struct Suspect {
    key: OutboxKey,
    /// How often the receiver answered so, since other alerts were last tried.
    answers: u32,
}

/// How far the receiver's alerts were tried out of turn.
#[derive(Clone, Copy)]
pub(super) struct Front {
    /// The last one. Those before it that still wait were all answered in a way that may be about
    /// them.
    key: OutboxKey,
    /// Whether the receiver took that one, and has not been away since.
    taken: bool,
}

/// An alert, and what the receiver has against it, or against all.
struct Rejected {
    waiting: Waiting,
    failure: Failure,
}

impl Queue {
    /// Notes that the receiver may have something against the alert, and says whether it is time to
    /// try others.
    pub(super) fn suspects(&mut self, first: &Waiting, failure: &Failure) -> bool {
        if failure.rejection().is_none() {
            self.doubt();
            return false;
        }
        let known = self.suspect.take().filter(|known| known.key == first.key);
        let answers = known.map_or(0, |known| known.answers).saturating_add(1);
        let key = first.key;
        self.suspect = Some(Suspect { key, answers });
        // One that was tried in vain before the receiver took a later one need not wait as long.
        let passed = self
            .front
            .is_some_and(|front| front.taken && key < front.key);
        passed || answers >= self.delivery.pace.probe_after
    }

    /// Tries the alerts after `first` once each, until the receiver takes one, and then drops those
    /// that it answered before. Otherwise, returns what failed last: all wait.
    ///
    /// Has to come right after `first` failed, and drops only what was answered since: what was
    /// answered earlier may have met a receiver that was at fault then.
    pub(super) async fn probe(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        first: Waiting,
        failure: Failure,
    ) -> Result<Option<Failure>, StoreError> {
        let front = self.front.filter(|front| front.key > first.key);
        let mut last = first.key;
        let waiting = first;
        let mut rejected = vec![Rejected { waiting, failure }];
        while rejected.len() <= REACH
            && let Some(next) = self.next_to_try(front, &last, rejected.len())?
        {
            last = next.key;
            match self.hand_over(plan, planned, &next).await? {
                Outcome::Delivered => {
                    self.failures = 0;
                    self.suspect = None;
                    // If it was tried in vain before, that was not about it, nor about its neighbours.
                    let beyond = front.is_none_or(|front| front.key < last);
                    self.front = beyond.then_some(Front {
                        key: last,
                        taken: true,
                    });
                    self.drop_rejected(plan, planned, rejected).await?;
                    return Ok(None);
                }
                // Says nothing about those before; the next may.
                Outcome::Refused | Outcome::Unwritten => {}
                Outcome::Waits(failure) if failure.rejection().is_some() => {
                    let waiting = next;
                    rejected.push(Rejected { waiting, failure });
                }
                Outcome::Waits(failure) => {
                    self.suspect = None;
                    self.doubt();
                    return Ok(Some(failure));
                }
            }
        }
        if rejected.len() > 1 {
            self.suspect = None;
            self.front = Some(Front {
                key: last,
                taken: false,
            });
        }
        Ok(rejected.pop().map(|rejected| rejected.failure))
    }

    /// The alert after `last`, or that after the front, if there is one and it is its turn: at once
    /// while the receiver took none; and as the last to try if it did, so that those before the
    /// front are tried again and dropped together.
    fn next_to_try(
        &self,
        front: Option<Front>,
        last: &OutboxKey,
        rejected: usize,
    ) -> Result<Option<Waiting>, StoreError> {
        let store = &self.delivery.store;
        if let Some(Front { key, taken }) = front
            && *last < key
            && rejected == if taken { REACH } else { 1 }
            && let Some(next) = store.outbox_after(&key)?
        {
            return Ok(Some(next));
        }
        store.outbox_after(last)
    }

    /// Tries each once more, now that the receiver takes others, and drops what it still does not
    /// take. It may have been at fault itself until a moment ago.
    async fn drop_rejected(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        rejected: Vec<Rejected>,
    ) -> Result<(), StoreError> {
        let name = &planned.receiver.name;
        for Rejected { waiting, .. } in rejected {
            let failure = match self.hand_over(plan, planned, &waiting).await? {
                Outcome::Delivered | Outcome::Refused | Outcome::Unwritten => continue,
                Outcome::Waits(failure) => failure,
            };
            if failure.rejection().is_none() {
                self.doubt();
                return Ok(());
            }
            self.take_out(&waiting).await?;
            self.count(name, |counts| counts.refused += 1);
            tracing::error!(
                receiver = name,
                uid = waiting.alert.uid,
                status = failure.rejection(),
                %failure,
                "dropped an alert that its receiver does not take, while it takes a later one"
            );
        }
        Ok(())
    }

    /// The receiver is away: that it took an alert says nothing about the next answers.
    const fn doubt(&mut self) {
        if let Some(front) = &mut self.front {
            front.taken = false;
        }
    }
}

/// How many alerts may be answered with an error, after the first, before the others wait on.
const REACH: usize = 8;
