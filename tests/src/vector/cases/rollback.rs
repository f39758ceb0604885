//! Older files after newer ones, in every disguise.

use super::super::case::{Case, RELEASES, ROLES, delegated, plain, slug};
use super::super::key::Key;
use super::super::repository::{Files, Repository};

mod forgotten;

pub(super) fn cases() -> Vec<Case> {
    let each = ROLES
        .into_iter()
        .flat_map(|role| [rolled_back(role), equivocated(role)]);
    each.chain(replays())
        .chain(forgotten::cases())
        .chain(floors())
        .chain(progress())
        .collect()
}

/// A repository with some history, and its next generation.
fn two_generations() -> (Repository, Repository) {
    let old = ROLES[1..]
        .iter()
        .fold(delegated(), |it, role| it.version(role, 5));
    let new = old
        .clone()
        .tag(RELEASES, "signed", "newer image")
        .publish(&[RELEASES, "targets", "snapshot", "timestamp"]);
    (old, new)
}

/// Puts the file of `role` among `files` in the place of another.
fn under(role: &str, files: &Files) -> impl Fn(&mut Vec<u8>) + Clone + 'static {
    let bytes = files[&format!("{role}.json")].clone();
    move |file| file.clone_from(&bytes)
}

fn rolled_back(role: &'static str) -> Case {
    let (old, new) = two_generations();
    let first = if role == "root" { new.next_root() } else { new };
    // Everything above the role is newer than before, so that only its own version gives it away.
    let second = match role {
        "root" => old.version("snapshot", 9).version("timestamp", 9),
        "timestamp" => first.clone().version(role, 5),
        _ => ["snapshot", "timestamp"]
            .into_iter()
            .fold(first.clone(), |it, above| it.version(above, 9))
            .version(role, 4),
    };
    let shows = format!("an older version than the one accepted before: {role}");
    let case = Case::new(format!("rollback-{}", slug(role)), shows)
        .accepted(first)
        .refused(second, role, "rollback");
    if role == RELEASES {
        case.client_differs(NO_FLOOR)
    } else {
        case
    }
}

fn equivocated(role: &'static str) -> Case {
    let (first, _) = two_generations();
    let second = first.clone().expires(role, "2099-01-01T00:00:00Z");
    let second = match role {
        "timestamp" => second,
        "snapshot" => second.publish(&["timestamp"]),
        _ => second.publish(&["snapshot", "timestamp"]),
    };
    let shows = format!("the version accepted before, with other bytes: {role}");
    Case::new(format!("equivocation-{}", slug(role)), shows)
        .accepted(first)
        .refused(second, role, "equivocation")
        .client_differs("it compares versions alone, which a genuine server never repeats")
}

fn replays() -> Vec<Case> {
    let (old, new) = two_generations();
    let (old_files, new_files) = (old.files(), new.files());
    let replay = |role: &'static str| {
        let above = if role == "snapshot" {
            &["timestamp"][..]
        } else {
            &["snapshot", "timestamp"]
        };
        let newest = new
            .clone()
            .publish(above)
            .edit_bytes(role, under(role, &old_files));
        let shows = format!("the genuine older file, listed by newer files above it: {role}");
        Case::new(format!("replay-{}", slug(role)), shows)
            .accepted(new.clone())
            .refused(newest, role, "rollback")
    };
    let mixed = |role: &'static str| {
        let shows = format!("newest files, but the older generation's {role} among them");
        Case::new(format!("mix-and-match-{}", slug(role)), shows).refused(
            new.clone().edit_served(role, under(role, &old_files)),
            role,
            "wrong_hash",
        )
    };
    let withheld = new
        .clone()
        .edit_served("timestamp", under("timestamp", &old_files));
    let early = old
        .clone()
        .edit_served("timestamp", under("timestamp", &new_files));
    vec![
        Case::new(
            "replay-everything",
            "a whole older generation, every signature genuine",
        )
        .accepted(new.clone())
        .refused(old, "timestamp", "rollback"),
        replay("snapshot"),
        replay("targets"),
        replay(RELEASES).client_differs(NO_FLOOR),
        replay_under_new_targets(),
        mixed("snapshot"),
        mixed("targets"),
        mixed(RELEASES),
        Case::new(
            "mix-and-match-old-timestamp",
            "an old timestamp over a newer snapshot",
        )
        .refused(withheld, "snapshot", "wrong_hash"),
        Case::new(
            "mix-and-match-new-timestamp",
            "a new timestamp over an older snapshot",
        )
        .refused(early, "snapshot", "wrong_hash"),
    ]
}

fn replay_under_new_targets() -> Case {
    let (old, new) = two_generations();
    let older = new
        .clone()
        .version(RELEASES, 5)
        .publish(&["targets", "snapshot", "timestamp"]);
    Case::new(
        "rollback-delegation-under-new-targets",
        "an older delegation under newer targets",
    )
    .accepted(old)
    .accepted(new)
    .refused(older, RELEASES, "rollback")
}

/// A role whose keys the root rotated starts again at any version.
fn floors() -> Vec<Case> {
    let floor = |role: &'static str| {
        let (old, _) = two_generations();
        let rotated = old
            .clone()
            .next_root()
            .keys(role, &[Key::p256("rotated")])
            .publish(&["snapshot", "timestamp"])
            .version(role, 1);
        let name = format!("floor-reset-{role}");
        Case::new(
            name,
            format!("the root rotated the keys of {role}, whose versions start again"),
        )
        .accepted(old)
        .accepted(rotated)
        .client_differs("it forgets the old version in the run after this one only")
        .signed("signed", &[], "image")
    };
    let (old, _) = two_generations();
    let kept = old.clone().next_root().version("timestamp", 1);
    vec![
        floor("timestamp"),
        floor("snapshot"),
        floor("targets"),
        Case::new(
            "floor-kept",
            "the root has a new version, but the timestamp's keys are the same",
        )
        .accepted(old)
        .refused(kept, "timestamp", "rollback"),
    ]
}

fn progress() -> Vec<Case> {
    let (old, new) = two_generations();
    let without = Repository::plain(super::super::case::GUN).tag("targets", "other", "image");
    let removed = without
        .clone()
        .edit("targets", |signed| {
            signed.at(&["targets"]).remove("signed");
        })
        .publish(&["targets", "snapshot", "timestamp"]);
    let renewed = plain().publish(&["timestamp"]);
    let leap = plain().version("timestamp", 2_147_483_648);
    vec![
        Case::new(
            "progress-retagged",
            "a tag points to another image in the next generation",
        )
        .accepted(old.clone())
        .accepted(new)
        .signed("signed", &[], "newer image")
        .signed("signed", &["alice"], "image"),
        Case::new("progress-unchanged", "the same files once more")
            .accepted(old.clone())
            .accepted(old)
            .signed("signed", &[], "image"),
        Case::new(
            "progress-tag-removed",
            "a tag is gone in the next generation",
        )
        .accepted(without)
        .accepted(removed)
        .answers("signed", &[], "not_signed")
        .signed("other", &[], "image"),
        Case::new(
            "progress-timestamp-renewed",
            "a newer timestamp over the same snapshot",
        )
        .accepted(plain())
        .accepted(renewed)
        .signed("signed", &[], "image"),
        Case::new(
            "progress-versions-skipped",
            "a timestamp version far ahead, beyond 32 bits",
        )
        .accepted(plain())
        .accepted(leap)
        .signed("signed", &[], "image"),
    ]
}

const NO_FLOOR: &str = "it knows a delegation's old version only where targets changed, too";
