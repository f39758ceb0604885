//! Older files that are offered in such a way that the Notary client does not know any more what it had.

use super::super::super::case::{Case, RELEASES, delegated, root_key};
use super::super::super::key::Key;
use super::super::super::repository::Repository;
use super::{two_generations, under};

pub(super) fn cases() -> Vec<Case> {
    vec![
        shorter_snapshot(),
        shorter_targets(),
        offered_again(),
        forked_root(),
        unfinished(),
    ]
}

const LENGTH: &str = "what it remembers is longer than what is stated now, so it lays that aside, \
                      version and all";

fn shorter_snapshot() -> Case {
    let (old, new) = two_generations();
    let older = new
        .clone()
        .publish(&["timestamp"])
        .version("snapshot", 4)
        .unpublished("targets/alice");
    let shows = "an older snapshot that is shorter than the one accepted before";
    Case::new("rollback-snapshot-shorter", shows)
        .accepted(old)
        .accepted(new)
        .refused(older, "snapshot", "rollback")
        .client_differs(LENGTH)
}

fn shorter_targets() -> Case {
    let (old, _) = two_generations();
    let tagged = |it: Repository| it.tag("targets", "further", "image");
    let new = tagged(old.clone()).publish(&["targets", "snapshot", "timestamp"]);
    let older = old
        .clone()
        .version("targets", 4)
        .version("snapshot", 9)
        .version("timestamp", 9);
    let shows = "older targets that are shorter than those accepted before";
    Case::new("rollback-targets-shorter", shows)
        .accepted(old)
        .accepted(new)
        .refused(older, "targets", "rollback")
        .client_differs(LENGTH)
}

/// What a client keeps of an update that it refuses does not fit what it had.
fn offered_again() -> Case {
    let (old, new) = two_generations();
    let targets = under("targets", &old.files());
    let replay = |times: usize| {
        let above = (0..times).fold(new.clone(), |it, _| it.publish(&["snapshot", "timestamp"]));
        above.edit_bytes("targets", targets.clone())
    };
    let shows =
        "the genuine older targets, listed by newer files above them, and then by newer ones yet";
    Case::new("replay-targets-twice", shows)
        .accepted(
            new.clone()
                .tag("targets", "further", "image")
                .untag("targets", "further"),
        )
        .refused(replay(1), "targets", "rollback")
        .refused(replay(2), "targets", "rollback")
        .client_differs(
            "the snapshot that it kept of the update that it refused does not list the targets \
             that it has, so it compares no versions",
        )
}

fn forked_root() -> Case {
    let rotated =
        delegated().rotate_root(&Key::p256("root 2").certified(super::super::super::case::GUN));
    let forked = rotated
        .clone()
        .expires("root", "2099-01-01T00:00:00Z")
        .publish(&["snapshot", "timestamp"]);
    let shows = "the version of the root accepted before, with other bytes, after the pinned key was replaced";
    Case::new("equivocation-root-after-rotation", shows)
        .pinned(&[root_key()])
        .accepted(delegated())
        .accepted(rotated)
        .refused(forked, "root", "equivocation")
        .client_differs("it compares versions alone, which a genuine server never repeats")
        .answers(
            "signed",
            &[],
            &format!(
                "signed {}",
                super::super::super::repository::digest_of("image")
            ),
        )
        .client_lists(RELEASES, Some("image"))
}

fn unfinished() -> Case {
    let (old, new) = two_generations();
    let broken = new
        .clone()
        .version("timestamp", 9)
        .edit_served("snapshot", |file| file[10] ^= 1);
    let shows = "a timestamp over a snapshot that is not the one it states, and then a lower one, \
                 newer than what was accepted";
    Case::new("unfinished-update", shows)
        .accepted(old)
        .refused(broken, "snapshot", "wrong_hash")
        .accepted(new)
        .client_differs("it remembers the timestamp of the update that came to nothing")
        .signed("signed", &[], "newer image")
}
