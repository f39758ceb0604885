//! Whole repositories: what `verify` accepts, the independent checker must agree with.

use vouchsafe_tests::vector::repository::Metadata;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::update::Expiry;
use vouchsafe_trust::{Gun, RepositoryMetadata, Timestamp};

use crate::agreement::Judge;
use crate::input::Input;
use crate::program::{self, BASES, GUN, pins};

/// Judges what a program makes of a repository, and then what it makes of the next one.
pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let judge = judge(&mut input);
    let base = input.below(BASES.len());
    // The one before is as it was, or never was.
    let before = input
        .flag()
        .then(|| judge.judge(&BASES[base], None).ok())
        .flatten();
    let length = usize::from(input.byte());
    let mut first = Input::new(input.bytes(length));
    let files = program::run(base, &mut first);
    let first = judge.judge(&files, before.as_ref());
    if input.is_empty() {
        return first.is_ok();
    }
    let next = input.below(BASES.len());
    let files = program::run(next, &mut input);
    judge.judge(&files, first.ok().or(before).as_ref()).is_ok()
}

fn judge(input: &mut Input<'_>) -> Judge {
    let check = |record| {
        if record {
            Check::Record
        } else {
            Check::Enforce
        }
    };
    let pinned = input.one_of(&PINNED);
    let pem = |index: &usize| pins()[*index].clone();
    let now = *input.one_of(&TIMES);
    let expiry = [Expiry::Enforce, Expiry::EnforceAuthority, Expiry::Record];
    Judge {
        gun: GUN.parse().expect("a GUN"),
        pins: pinned.iter().map(pem).collect(),
        now: now.parse::<Timestamp>().expect("a time"),
        expiry: *input.one_of(&expiry),
        certificate_name: check(input.flag()),
        certificate_validity: check(input.flag()),
    }
}

/// The files of a repository as `trust` takes them.
///
/// # Panics
///
/// Where a delegation has no name that one may have.
pub fn metadata(gun: &Gun, files: &Metadata) -> RepositoryMetadata {
    let Metadata {
        roots,
        timestamp,
        snapshot,
        targets,
        delegations,
    } = files.clone();
    let delegations = delegations.into_iter();
    RepositoryMetadata {
        gun: gun.clone(),
        roots,
        timestamp,
        snapshot,
        targets,
        delegations: delegations
            .map(|(name, bytes)| (name.parse().expect("a delegation's name"), bytes))
            .collect(),
    }
}

/// What is pinned: indices of [`pins`].
const PINNED: [&[usize]; 5] = [&[0], &[1], &[0, 1], &[3, 0], &[3, 2]];
/// Around the ends of what the vectors' files and certificates are valid for.
const TIMES: [&str; 6] = [
    "2026-11-24T00:00:00Z",
    "2020-06-01T00:00:00Z",
    "2019-12-31T12:00:00Z",
    "2100-01-01T00:00:00Z",
    "2100-01-01T00:00:01Z",
    "2021-01-01T00:00:00Z",
];
