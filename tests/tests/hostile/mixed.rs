//! Genuine files in the wrong place: another role's, another repository's, another generation's.

use std::collections::BTreeMap;

use vouchsafe_tests::harness::scripted_server::{Answer, Reply};
use vouchsafe_tests::vector::repository::Repository;

use super::catalogue::{Misdeed, NOTHING, ROLES, gun_of, unstated};
use super::next;

type Files = BTreeMap<String, Vec<u8>>;

/// In the place of each role's file, the file of another role of the same repository, or of the same role of another repository.
pub(crate) fn other_files() -> Vec<Misdeed> {
    let instead = |number: usize| {
        let answers = std::array::from_fn(|at| {
            let files: Files = next(&gun_of(ROLES[at])).files().into_iter().collect();
            file(&files, ROLES[(at + number) % ROLES.len()])
        });
        // Nobody states these two; what they are is read first, unless nobody signed them.
        let mut labels = unstated("wrong_type", "wrong_length");
        labels[0] = "threshold_not_met";
        Misdeed::each(
            format!("the file of the role {number} further on"),
            answers,
            labels,
        )
    };
    // All are signed with the same keys, so that nothing but the files tells repositories apart.
    let all = ["targets", "targets/releases", "targets/alice"];
    let foreign = all
        .iter()
        .fold(next("registry.example.com/foreign"), |foreign, role| {
            foreign.tag(role, "foreign", "foreign")
        });
    let foreign: Files = foreign.files().into_iter().collect();
    let answers = std::array::from_fn(|at| file(&foreign, ROLES[at]));
    let mut labels = ["wrong_length"; 6];
    // What its timestamp leads to is not there, and its root is no successor of this one's.
    labels[..3].copy_from_slice(&["file_missing", "root_not_chained", "wrong_hash"]);
    let of_other = Misdeed::each(
        "the same role's file of another repository",
        answers,
        labels,
    );
    (1..ROLES.len()).map(instead).chain([of_other]).collect()
}

/// In the place of each role's file, that of the first generation, or of one that is not published yet.
pub(crate) fn other_generations() -> Vec<Misdeed> {
    let of = |case, repository: fn(&str) -> Repository, unstated: [&'static str; 2]| {
        let answers = std::array::from_fn(|at| {
            let files: Files = repository(&gun_of(ROLES[at])).files().into_iter().collect();
            file(&files, ROLES[at])
        });
        let mut labels = ["wrong_hash"; 6];
        labels[..2].copy_from_slice(&unstated);
        Misdeed::each(case, answers, labels)
    };
    vec![
        // That says that nothing happened, as it may until the timestamp runs out.
        of(
            "the file of the generation before",
            Repository::delegated,
            [NOTHING, "root_mismatch"],
        ),
        of(
            "the file of the generation after",
            |gun| {
                let all = ["targets", "targets/releases", "targets/alice"];
                next(gun).next_root().publish(&all)
            },
            ["file_missing", "root_version_gap"],
        ),
    ]
}

fn file(files: &Files, role: &str) -> Answer {
    Answer::Reply(Reply::ok(files[&format!("{role}.json")].clone()))
}
