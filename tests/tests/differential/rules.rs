//! The rules by which Vouchsafe and Notary's client may differ. `docs/differences-from-notary.md` gives the reason for each.

use std::collections::BTreeSet;

use vouchsafe_tests::history::Kind;

/// A rule by which Vouchsafe refuses what the client accepts.
#[derive(Debug)]
pub(crate) struct Stricter {
    /// Its name in the table of results.
    pub(crate) name: &'static str,
    /// The cause that Vouchsafe gives; nothing for a rule that shows under any.
    label: Option<&'static str>,
    /// Whether it is about such a refusal, besides the cause.
    fits: fn(&Refusal<'_>) -> bool,
}

/// A refusal of Vouchsafe's, and what is known about it besides.
#[derive(Clone, Debug)]
pub(crate) struct Refusal<'a> {
    /// The role whose file is at fault.
    pub(crate) role: &'a str,
    /// The cause.
    pub(crate) label: &'a str,
    /// Whose doing the step is.
    pub(crate) kind: Kind,
    /// What else was found.
    pub(crate) signs: BTreeSet<Sign>,
}

/// Something found about a file that Vouchsafe refuses and the client accepts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sign {
    /// It is another one of the version that the client remembers.
    Fork,
    /// It is a root of a version further than the next one after what both accepted.
    Further,
    /// A client refuses it that did not see what both refused before.
    Repeated,
    /// It is shorter than the one that the client remembers, or than the one that both accepted.
    Shorter,
}

/// What Vouchsafe accepts and the client refuses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Lenient {
    /// The client reads a time as it is written, without undoing JSON's escapes.
    EscapedTime,
    /// The client does the same in its next run.
    FloorReset,
    /// The client would, had it been there while the pinned key was the newest.
    OldPin,
    /// The client pins certificates; the key in it is the pinned one.
    PinOfAKey,
    /// The client counts pinned keys alone, and not all of the root's are.
    SomeKeysPinned,
    /// The client remembers files of an update that came to nothing.
    Unfinished,
    /// The client fails over the form of a delegation's file that nobody signed.
    UnsignedAndMalformed,
    /// The client fails over a delegation's weak key, which counts for nothing here.
    WeakDelegation,
}

/// A tag that Docker would take from `targets`, and Vouchsafe denies.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fallback {
    /// The snapshot no longer states `targets/releases`.
    Hidden,
    /// `targets/releases` speaks alone.
    ReleasesSpeaks,
}

/// The names of all rules.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let lenient = Lenient::ALL.map(Lenient::name);
    let fallbacks = [Fallback::Hidden, Fallback::ReleasesSpeaks].map(Fallback::name);
    let stricter = STRICTER.iter().map(|rule| rule.name);
    stricter.chain(lenient).chain(fallbacks)
}

impl Stricter {
    /// The rule by which a delegation drops itself here, and not for the client.
    pub(crate) const DROPPED: &'static str = "one key under two key IDs";

    /// The rule that explains a refusal, if one does.
    pub(crate) fn of(refusal: &Refusal<'_>) -> Option<&'static Self> {
        STRICTER.iter().find(|rule| {
            rule.label.is_none_or(|label| label == refusal.label) && (rule.fits)(refusal)
        })
    }
}

impl Lenient {
    const ALL: [Self; 8] = [
        Self::EscapedTime,
        Self::FloorReset,
        Self::OldPin,
        Self::PinOfAKey,
        Self::SomeKeysPinned,
        Self::Unfinished,
        Self::UnsignedAndMalformed,
        Self::WeakDelegation,
    ];

    /// Its name in the table of results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EscapedTime => "a time that is written with escapes",
            Self::FloorReset => {
                "a lower version of a role after the root took away one of its keys"
            }
            Self::OldPin => "a pin on an old root key",
            Self::PinOfAKey => "`pin-of-a-key`",
            Self::SomeKeysPinned => "a root with several keys, of which some are pinned",
            Self::Unfinished => "an older timestamp than that of an update that came to nothing",
            Self::UnsignedAndMalformed => "a delegation's file that nobody signed, in any form",
            Self::WeakDelegation => "a delegation with a weak key or certificate",
        }
    }
}

impl Fallback {
    /// Its name in the table of results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hidden => {
                "a tag of `targets` after the snapshot stopped stating `targets/releases`"
            }
            Self::ReleasesSpeaks => "`digests-releases-before-targets`",
        }
    }
}

/// A rule about whatever has a cause.
const fn rule(name: &'static str, label: &'static str) -> Stricter {
    Stricter {
        name,
        label: Some(label),
        fits: |_| true,
    }
}

/// A rule about a cause that only a change of one value shows.
const fn of_changed(name: &'static str, label: &'static str) -> Stricter {
    Stricter {
        name,
        label: Some(label),
        fits: |it| matches!(it.kind, Kind::Resigned | Kind::NotResigned),
    }
}

/// The attack in which one key fills a threshold of two.
pub(crate) const TWO_IDS: Kind = Kind::Attack("one key under two IDs");

/// The first that fits explains a refusal.
const STRICTER: &[Stricter] = &[
    rule("a root version left out", "root_version_gap"),
    Stricter {
        name: "a root version left out",
        label: None,
        fits: |it| it.role == "root" && it.signs.contains(&Sign::Further),
    },
    Stricter {
        name: "the same version with other contents",
        label: None,
        fits: |it| it.role == "root" && it.signs.contains(&Sign::Fork),
    },
    of_changed("two spellings of one member", "ambiguous_member"),
    of_changed("a member twice", "duplicate_member"),
    of_changed("invalid UTF-8, lone surrogates", "malformed_json"),
    of_changed("more than 64 levels of JSON", "too_deep"),
    of_changed(
        "a member missing that Notary always writes",
        "missing_member",
    ),
    of_changed(
        "a member missing that Notary always writes",
        "invalid_delegation",
    ),
    rule(
        "numbers with a fraction or exponent, or beyond ±2^53",
        "not_an_integer",
    ),
    rule("a value that Notary never writes", "invalid_member"),
    rule("the same version with other contents", "equivocation"),
    rule("a file shorter or longer than stated", "too_large"),
    rule("`deleted-without-tls`", "gone_without_tls"),
    rule("a file shorter or longer than stated", "wrong_length"),
    rule("a file shorter or longer than stated", "root_mismatch"),
    of_changed(
        "a key listed under an ID that is not its own",
        "key_id_mismatch",
    ),
    rule("a delegation's file stated without a SHA-256", "no_hash"),
    Stricter {
        name: Stricter::DROPPED,
        label: Some("threshold_not_met"),
        fits: |it| it.kind == TWO_IDS,
    },
    Stricter {
        name: "an older file that is shorter than the one before",
        label: Some("rollback"),
        fits: |it| it.signs.contains(&Sign::Shorter) && !matches!(it.role, "root" | "timestamp"),
    },
    Stricter {
        name: "an older file that was refused once",
        label: Some("rollback"),
        fits: |it| it.signs.contains(&Sign::Repeated) && !matches!(it.role, "root" | "timestamp"),
    },
    Stricter {
        name: "a delegation that falls back",
        label: Some("rollback"),
        fits: |it| it.role.starts_with("targets/"),
    },
    Stricter {
        name: "`deleted-without-tls`",
        label: Some("not_found"),
        fits: |it| it.role == "timestamp",
    },
    Stricter {
        name: "`deleted-without-tls`",
        label: Some("file_missing"),
        fits: |it| it.role == "timestamp",
    },
    Stricter {
        name: "what an update left behind that came to nothing",
        label: None,
        fits: |it| it.signs.contains(&Sign::Repeated),
    },
];
