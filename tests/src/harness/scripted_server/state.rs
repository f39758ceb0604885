//! What the connections of one server share.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, Reply};
use super::content::{Content, forwarded};
use super::route::Route;
use crate::harness::http::Request;

/// A request in a server's log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoggedRequest {
    /// The request.
    pub request: Request,
    /// When it had arrived.
    pub at: Instant,
    /// The number of its connection.
    pub connection: u64,
}

impl LoggedRequest {
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.request.path()
    }
}

/// Content, script, log and counters.
#[derive(Debug)]
pub(super) struct State {
    base: String,
    content: Mutex<Content>,
    script: Mutex<Vec<Instruction>>,
    log: Mutex<Vec<LoggedRequest>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    stopped: AtomicBool,
}

/// How often an instruction still applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Times {
    Always,
    Left(u32),
}

/// Counts a request as being answered as long as it lives.
#[derive(Debug)]
pub(super) struct InFlight<'state>(&'state State);

#[derive(Debug)]
struct Instruction {
    route: Route,
    answer: Answer,
    times: Times,
}

impl State {
    pub(super) fn new(base: String) -> Self {
        Self {
            base,
            content: Mutex::default(),
            script: Mutex::default(),
            log: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut lock(&self.content));
    }

    pub(super) fn script(&self, route: Route, answer: Answer, times: Times) {
        lock(&self.script).push(Instruction {
            route,
            answer,
            times,
        });
    }

    pub(super) fn clear_script(&self) {
        lock(&self.script).clear();
    }

    /// The newest instruction for a path that still applies; this uses it up once.
    pub(super) fn scripted(&self, path: &str) -> Option<Answer> {
        let mut script = lock(&self.script);
        let instruction = script.iter_mut().rev().find(|instruction| {
            instruction.times != Times::Left(0) && instruction.route.matches(path)
        })?;
        if let Times::Left(left) = &mut instruction.times {
            *left -= 1;
        }
        Some(instruction.answer.clone())
    }

    /// What is served without a script. The lock is not held while a server behind is asked.
    pub(super) fn served(&self, request: &Request) -> Reply {
        let answer = lock(&self.content).answer(&self.base, request);
        answer.unwrap_or_else(|upstream| forwarded(upstream, request))
    }

    pub(super) fn log(&self, request: &Request, connection: u64) -> InFlight<'_> {
        lock(&self.log).push(LoggedRequest {
            request: request.clone(),
            at: Instant::now(),
            connection,
        });
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlight(self)
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.log).clone()
    }

    pub(super) fn forget_requests(&self) {
        lock(&self.log).clear();
        self.most_in_flight.store(0, Ordering::SeqCst);
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sleeps, but not beyond the server's end; says whether it is still running.
    pub(super) fn sleep(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while !self.stopped() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
        false
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A panicking test thread must not hide its own message behind a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
