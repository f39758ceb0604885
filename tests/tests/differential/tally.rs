//! What came of all histories.

use std::collections::BTreeMap;
use std::fmt;

use vouchsafe_tests::history::Kind;

/// Counts of steps, by what came of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) histories: u64,
    pub(crate) over_http: u64,
    pub(crate) kinds: BTreeMap<Kind, Outcomes>,
    pub(crate) digests: u64,
    pub(crate) stricter: BTreeMap<&'static str, u64>,
    pub(crate) lenient: BTreeMap<&'static str, u64>,
    pub(crate) fallbacks: BTreeMap<&'static str, u64>,
}

/// What came of steps of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) stricter: u64,
    pub(crate) lenient: u64,
}

impl Outcomes {
    const fn with(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            stricter: self.stricter + other.stricter,
            lenient: self.lenient + other.lenient,
        }
    }

    const fn all(self) -> u64 {
        self.accepted + self.refused + self.stricter + self.lenient
    }
}

impl Tally {
    /// Both together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.histories += other.histories;
        self.over_http += other.over_http;
        self.digests += other.digests;
        for (kind, outcomes) in other.kinds {
            let own = self.kinds.entry(kind).or_default();
            *own = own.with(outcomes);
        }
        for (own, others) in [
            (&mut self.stricter, other.stricter),
            (&mut self.lenient, other.lenient),
            (&mut self.fallbacks, other.fallbacks),
        ] {
            for (name, count) in others {
                *own.entry(name).or_default() += count;
            }
        }
        self
    }

    pub(crate) fn count(&mut self, kind: Kind, counted: impl FnOnce(&mut Outcomes) -> &mut u64) {
        *counted(self.kinds.entry(kind).or_default()) += 1;
    }

    /// Fails where so little was accepted or refused that the comparison proves nothing.
    pub(crate) fn says_something(&self) {
        let all = self.total();
        let outcomes = [all.accepted, all.refused, all.stricter];
        assert!(
            outcomes.iter().all(|&count| count * 20 > all.all()),
            "{all:?}"
        );
        assert!(self.digests > all.accepted, "{} digests", self.digests);
    }

    fn total(&self) -> Outcomes {
        self.kinds
            .values()
            .copied()
            .fold(Outcomes::default(), Outcomes::with)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.total();
        writeln!(
            f,
            "{} histories ({} over HTTP), {} steps; {} digests agreed on",
            self.histories,
            self.over_http,
            all.all(),
            self.digests
        )?;
        writeln!(
            f,
            "| steps | both accept | both refuse | Vouchsafe stricter | client stricter |"
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        let kinds = self
            .kinds
            .iter()
            .map(|(kind, outcomes)| (kind.to_string(), *outcomes));
        for (kind, it) in kinds.chain([("all".to_owned(), all)]) {
            let Outcomes {
                accepted,
                refused,
                stricter,
                lenient,
            } = it;
            writeln!(
                f,
                "| {kind} | {accepted} | {refused} | {stricter} | {lenient} |"
            )?;
        }
        for (title, counts) in [
            ("Vouchsafe is stricter", &self.stricter),
            ("the client is stricter", &self.lenient),
            (
                "a tag that Docker would take from `targets`",
                &self.fallbacks,
            ),
        ] {
            writeln!(f, "\n| {title} | |\n|---|---|")?;
            for (name, count) in counts {
                writeln!(f, "| {name} | {count} |")?;
            }
        }
        Ok(())
    }
}
