//! One history, followed by the client and by Vouchsafe.

use std::fmt;

use vouchsafe_tests::harness::reference::Outcome;
use vouchsafe_tests::history::{History, Step};
use vouchsafe_tests::vector::Files;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_trust::{Gun, Pins, Timestamp, TrustRoot};

use crate::client::{Client, Memory, Question};
use crate::collected::{Collected, Site};
use crate::compared::{Answer, View};
use crate::rules::{Stricter, TWO_IDS};
use crate::tally::Tally;
use crate::verified::Verified;

/// Who follows histories, one after the other.
#[derive(Debug)]
pub(crate) struct Follower {
    client: Client,
    site: Site,
    now: Timestamp,
}

/// A difference that no rule explains.
#[derive(Debug)]
pub(crate) struct Unexplained {
    pub(crate) history: History,
    /// What came of each step before the one at fault.
    before: Vec<&'static str>,
    what: String,
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            history,
            before,
            what,
        } = self;
        let step = before.len() + 1;
        let replay = "VOUCHSAFE_HISTORIES=1 VOUCHSAFE_HISTORY_SEED=";
        write!(
            f,
            "step {step}: {what}\n{history}before: {}\nto see it again: {replay}{}",
            before.join(", "),
            history.seed
        )
    }
}

/// What follows beside the client.
enum Vouchsafe<'a> {
    Collected(Collected<'a>),
    Verified(Box<Verified>),
}

impl Vouchsafe<'_> {
    fn url(&self) -> Option<String> {
        match self {
            Self::Collected(collected) => Some(collected.url()),
            Self::Verified(_) => None,
        }
    }
}

impl Follower {
    pub(crate) fn new() -> Self {
        let now = Timestamp::now();
        Self {
            client: Client::new(),
            site: Site::new(now),
            now,
        }
    }

    /// Follows `history` from step to step.
    pub(crate) fn follow(
        &mut self,
        history: &History,
        tally: &mut Tally,
    ) -> Result<(), Box<Unexplained>> {
        for memory in [Memory::Own, Memory::Agreed, Memory::Before] {
            self.client.forget(memory);
        }
        let Self { client, site, now } = self;
        let (gun, pins): (Gun, _) = (history.gun.parse().unwrap(), pins(&history.pins));
        let over_http = history.seed.is_multiple_of(ONE_OVER_HTTP);
        let vouchsafe = if over_http {
            Vouchsafe::Collected(site.collect(gun, pins, *now))
        } else {
            Vouchsafe::Verified(Box::new(Verified::new(gun, pins)))
        };
        tally.histories += 1;
        tally.over_http += u64::from(over_http);
        let mut course = Course {
            client,
            vouchsafe,
            history,
            tally,
            now: *now,
        };
        let mut before = Vec::new();
        for step in &history.steps {
            match course.take(step) {
                Ok(Came { what, parted }) => {
                    before.push(what);
                    if parted {
                        break;
                    }
                }
                Err(what) => {
                    let history = history.clone();
                    return Err(Box::new(Unexplained {
                        history,
                        before,
                        what,
                    }));
                }
            }
        }
        Ok(())
    }
}

/// A history under way.
pub(crate) struct Course<'a> {
    pub(crate) client: &'a mut Client,
    vouchsafe: Vouchsafe<'a>,
    pub(crate) history: &'a History,
    tally: &'a mut Tally,
    now: Timestamp,
}

impl Course<'_> {
    /// Has both update; returns what came of it.
    fn take(&mut self, step: &Step) -> Result<Came, String> {
        let kind = step.kind;
        self.client.copy(Memory::Own, Memory::Before);
        let answer = match &mut self.vouchsafe {
            Vouchsafe::Collected(collected) => {
                collected.serve(&step.files);
                collected.update()
            }
            Vouchsafe::Verified(verified) => verified.update(&step.files, self.now),
        };
        let pins = ids(&self.history.pins);
        let outcome = self.ask(&pins, step);
        match (answer, outcome.accepted) {
            (Answer::Accepted(view), true) => {
                if kind == TWO_IDS && view.has_under_signed() {
                    *self.tally.stricter.entry(Stricter::DROPPED).or_default() += 1;
                    self.tally.count(kind, |it| &mut it.stricter);
                    return Ok(Came::parted(Stricter::DROPPED));
                }
                self.agree(&view, &outcome)?;
                self.tally.count(kind, |it| &mut it.accepted);
                Ok(Came::together("both accept"))
            }
            (Answer::Refused { .. }, false) => {
                self.tally.count(kind, |it| &mut it.refused);
                Ok(Came::together("both refuse"))
            }
            (Answer::Refused { role, label, words }, true) => {
                let rule = Stricter::of(&self.refusal(&role, label, step));
                let rule =
                    rule.ok_or_else(|| format!("the client accepts it: {role}, {label}: {words}"))?;
                *self.tally.stricter.entry(rule.name).or_default() += 1;
                self.tally.count(kind, |it| &mut it.stricter);
                // Both go on from the same.
                self.client.copy(Memory::Before, Memory::Own);
                Ok(Came::together(rule.name))
            }
            (Answer::Accepted(view), false) => {
                let shown = self.lenient(step, &view, &outcome);
                let (rule, shown) =
                    shown.ok_or_else(|| format!("the client refuses it: {outcome:?}"))?;
                *self.tally.lenient.entry(rule.name()).or_default() += 1;
                self.tally.count(kind, |it| &mut it.lenient);
                let Some(shown) = shown else {
                    return Ok(Came::parted(rule.name()));
                };
                let agreed = self.agree(&view, &shown);
                agreed.map_err(|what| format!("{rule:?}: {what}"))?;
                Ok(Came::together(rule.name()))
            }
        }
    }

    fn agree(&mut self, view: &View, outcome: &Outcome) -> Result<(), String> {
        let agreed = view.compare(outcome, self.now)?;
        self.tally.digests += agreed.digests;
        for fallback in agreed.fallbacks {
            *self.tally.fallbacks.entry(fallback.name()).or_default() += 1;
        }
        self.client.copy(Memory::Own, Memory::Agreed);
        Ok(())
    }

    /// Has the client update from where Vouchsafe does.
    fn ask(&mut self, pins: &[String], step: &Step) -> Outcome {
        let server = self.vouchsafe.url();
        let question = Question {
            gun: &self.history.gun,
            pins,
            server: server.as_deref(),
            files: &step.files,
        };
        self.client.update(question)
    }

    /// Has the client update from files that may not be served now.
    pub(crate) fn ask_of(&mut self, pins: &[String], files: &Files) -> Outcome {
        let gun = &self.history.gun;
        let question = Question {
            gun,
            pins,
            server: None,
            files,
        };
        self.client.update(question)
    }
}

/// What came of a step.
struct Came {
    what: &'static str,
    /// Whether the two have accepted different things, so that what follows compares nothing.
    parted: bool,
}

impl Came {
    const fn together(what: &'static str) -> Self {
        Self {
            what,
            parted: false,
        }
    }

    const fn parted(what: &'static str) -> Self {
        Self { what, parted: true }
    }
}

pub(crate) fn ids(keys: &[Key]) -> Vec<String> {
    keys.iter().map(Key::id).collect()
}

fn pins(keys: &[Key]) -> Pins {
    let roots = keys
        .iter()
        .map(|key| TrustRoot::from_pem(&key.public_key_pem()).unwrap());
    Pins {
        roots: roots.collect(),
        ..Pins::default()
    }
}

/// One of so many histories is collected over HTTP.
const ONE_OVER_HTTP: u64 = 8;
