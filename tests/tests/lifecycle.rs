//! The life of a repository on a real Notary server. After every change the real `notary` client and Vouchsafe are asked the same:
//! those that followed from the start, and fresh ones that hold the first pin.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::fs;

use vouchsafe_tests::harness::NotaryClient;
use vouchsafe_tests::harness::docker_trust::DockerTrust;
use vouchsafe_tests::harness::notary_client::{RotatedRole, Tag, digest};

use in_process::InProcess;
use life::Who::{Following, Fresh};
use life::{Difference, GUN, Life, Transport, Watch, differ, image};

#[path = "support/in_process.rs"]
mod in_process;
#[path = "support/life.rs"]
mod life;

/// Everything in which client and Vouchsafe differ over all states below.
const DIFFERENCES: [Difference; 10] = [
    differ("root key rotated", Fresh, "update", "rotation-from-old-pin"),
    differ("signed after it", Fresh, "update", "rotation-from-old-pin"),
    differ(
        "root key rotated twice",
        Fresh,
        "update",
        "rotation-from-old-pin",
    ),
    differ(
        "tag beside releases",
        Following,
        "targets-only by default",
        "digests-releases-before-targets",
    ),
    differ(
        "tag beside releases",
        Fresh,
        "targets-only by default",
        "digests-releases-before-targets",
    ),
    differ("server stopped", Following, "update", "server-out-of-reach"),
    differ(
        "server without its data",
        Following,
        "update",
        "deleted-without-tls",
    ),
    differ(
        "deleted without TLS",
        Following,
        "update",
        "deleted-without-tls",
    ),
    differ(
        "deleted over TLS",
        Following,
        "1.0 by default",
        "deleted-over-tls",
    ),
    differ("made anew", Fresh, "update", "pin-of-a-key"),
];

#[test]
fn the_differences_over_a_life_are_documented() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/differences-from-notary.md"
    );
    let text = fs::read_to_string(path).unwrap();
    let missing: Vec<_> = DIFFERENCES
        .iter()
        .filter(|difference| !text.contains(&format!("`{}`", difference.reason)))
        .collect();
    assert!(missing.is_empty(), "not in {path}: {missing:?}");
}

#[test]
fn a_plain_repository_is_followed_over_tags_and_rotations_of_every_key() {
    let life = Life::begin(Transport::Tls);
    life.publisher.init(GUN).unwrap();
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("published without a tag");
    life.sign("1.0", "one");
    watch.agrees("first tag");
    assert_eq!(
        watch.following.check_one(&image("1.0")).unwrap(),
        Ok(digest("one"))
    );
    life.sign("2.0", "two");
    watch.agrees("second tag");
    life.sign("1.0", "one again");
    watch.agrees("tag moved");
    life.publisher.remove(GUN, "2.0", &[]).unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("tag removed");
    assert_eq!(
        watch.following.check_one(&image("2.0")).unwrap(),
        Err("not_signed".to_owned())
    );
    for (role, state) in [
        (RotatedRole::Timestamp, "timestamp key rotated"),
        (
            RotatedRole::SnapshotToServer,
            "snapshot key given to the server",
        ),
        (RotatedRole::Snapshot, "snapshot key taken back"),
        (RotatedRole::Targets, "targets key rotated"),
        (RotatedRole::Root, "root key rotated"),
    ] {
        life.publisher.rotate(GUN, role).unwrap();
        watch.agrees(state);
    }
    life.sign("3.0", "three");
    watch.agrees("signed after it");
    life.publisher.rotate(GUN, RotatedRole::Root).unwrap();
    life.publisher.rotate(GUN, RotatedRole::Root).unwrap();
    watch.agrees("root key rotated twice");
    assert_eq!(watch.following.versions(GUN).unwrap()["root"], 8);
}

#[test]
fn several_signers_are_told_apart_as_the_client_does() {
    let life = Life::begin(Transport::Signer);
    let repository = DockerTrust::init(&life.publisher, GUN, &["alice", "bob"]).unwrap();
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("delegated, nothing signed");
    repository.sign(&Tag::of("1.0", "one"), "alice").unwrap();
    watch.agrees("signed by one of two");
    assert_eq!(
        watch.check("both", "1.0"),
        Err("delegation_not_published".to_owned())
    );
    repository.sign(&Tag::of("1.0", "one"), "bob").unwrap();
    watch.agrees("signed by both");
    assert_eq!(watch.check("both", "1.0"), Ok(digest("one")));
    repository.sign(&Tag::of("1.0", "two"), "bob").unwrap();
    watch.agrees("two signers, two digests");
    assert_eq!(
        watch.check("both", "1.0"),
        Err("digests_conflict".to_owned())
    );
    assert_eq!(watch.check("default", "1.0"), Ok(digest("two")));

    life.publisher
        .add(GUN, &Tag::of("targets-only", "three"), &[])
        .unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("tag beside releases");
    let bob = ["targets/bob"];
    life.publisher.remove(GUN, "1.0", &bob).unwrap();
    life.publisher.remove(GUN, "targets-only", &[]).unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("removed by one signer");
    assert_eq!(watch.check("both", "1.0"), Err("not_signed".to_owned()));

    let carol = life.publisher.generate_signer("carol").unwrap();
    life.publisher
        .delegate(GUN, "targets/alice", &[&carol], &[])
        .unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("a second key for a signer");
    life.publisher
        .undelegate(GUN, "targets/alice", Some(repository.key("alice").unwrap()))
        .unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("a signer's first key taken away");
    life.publisher.undelegate(GUN, "targets/bob", None).unwrap();
    life.publisher.publish(GUN).unwrap();
    watch.agrees("a delegation removed");
    assert_eq!(watch.check("bob", "1.0"), Err("not_delegated".to_owned()));
}

#[test]
fn a_server_that_is_down_or_lost_its_data_takes_nothing_away() {
    let mut life = Life::begin(Transport::Plain);
    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "one");
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("one tag");
    let before = watch.following.versions(GUN).unwrap();

    life.server.stop().unwrap();
    watch.agrees("server stopped");
    let synced = watch.following.sync(&[]).unwrap();
    assert_eq!(synced.code, Some(2), "{synced:?}");
    assert_eq!(synced.labels(), ["connect"]);
    assert!(synced.stderr.contains("what is stored stays"), "{synced:?}");
    assert_eq!(watch.check("default", "1.0"), Ok(digest("one")));
    assert_eq!(watch.following.versions(GUN).unwrap(), before);

    life.server.restart().unwrap();
    watch.agrees("server without its data");
    assert_eq!(watch.check("default", "1.0"), Ok(digest("one")));
    assert_eq!(watch.following.versions(GUN).unwrap(), before);

    // The feed of the restarted server starts over, below where it was read to.
    let other = "registry.example.com/team/other";
    life.publisher.init(other).unwrap();
    life.publisher
        .sign(other, &Tag::of("1.0", "other"), &[])
        .unwrap();
    let pinned = life.publisher.root_public_key(other).unwrap();
    watch
        .following
        .configure(&life.configured(&pinned).to_string())
        .unwrap();
    watch.following.sync(&[]).unwrap();
    let verdict = watch.following.check_one(&format!("{other}:1.0"));
    assert_eq!(verdict.unwrap(), Ok(digest("other")));
}

#[test]
fn a_server_that_hangs_is_given_up_and_takes_nothing_away() {
    let life = Life::begin(Transport::Tls);
    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "one");
    let pinned = life.publisher.root_public_key(GUN).unwrap();
    let syncer = InProcess::new(&life.configured(&pinned));
    assert!(syncer.pass(&[GUN]).is_complete());
    life.sign("1.0", "two");
    life.server.freeze().unwrap();
    let report = syncer.pass(&[GUN]);
    life.server.thaw().unwrap();
    let failure = &report.servers[0].failures[0];
    assert_eq!(failure.gun.as_ref().unwrap().as_str(), GUN);
    assert!(["connect", "timeout"].contains(&failure.label), "{failure}");
    assert_eq!(syncer.verdict(&image("1.0")), Ok(digest("one")));
    assert!(syncer.pass(&[GUN]).is_complete());
    assert_eq!(syncer.verdict(&image("1.0")), Ok(digest("two")));
}

#[test]
fn a_deletion_is_believed_over_tls_and_its_floors_stay_until_it_is_forgotten() {
    let life = Life::begin(Transport::Tls);
    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "one");
    life.sign("1.0", "two");
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("one tag");
    life.publisher.delete(GUN).unwrap();
    watch.agrees("deleted over TLS");
    assert_eq!(watch.check("default", "1.0"), Err("withdrawn".to_owned()));

    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "three");
    watch.agrees("made anew");
    let synced = watch.following.sync(&[GUN]).unwrap();
    assert_eq!(synced.code, Some(3), "{synced:?}");
    assert_eq!(watch.check("default", "1.0"), Err("withdrawn".to_owned()));
    watch.following.succeed(&["forget", "--yes", GUN]).unwrap();
    assert_eq!(watch.following.sync(&[GUN]).unwrap().code, Some(0));
    assert_eq!(watch.check("default", "1.0"), Ok(digest("three")));
}

#[test]
fn a_deletion_without_tls_is_not_believed() {
    let life = Life::begin(Transport::Plain);
    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "one");
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("one tag");
    life.publisher.delete(GUN).unwrap();
    watch.agrees("deleted without TLS");
    assert_eq!(watch.check("default", "1.0"), Ok(digest("one")));
    let synced = watch.following.sync(&[GUN]).unwrap();
    assert_eq!(synced.labels(), ["gone_without_tls"]);
}

#[test]
fn a_repository_made_anew_under_another_key_is_refused_even_when_forgotten() {
    let life = Life::begin(Transport::Tls);
    life.publisher.init(GUN).unwrap();
    life.sign("1.0", "one");
    let watch = life.watch(&DIFFERENCES);
    watch.agrees("one tag");
    life.publisher.delete(GUN).unwrap();
    let authority = life.certificates.authority_file();
    let thief = NotaryClient::publisher(&life.server.url(), Some(&authority)).unwrap();
    thief.init(GUN).unwrap();
    thief.sign(GUN, &Tag::of("1.0", "evil"), &[]).unwrap();
    watch.agrees("made anew by another");
    let refused = |watch: &Watch| {
        let synced = watch.following.sync(&[GUN]).unwrap();
        assert_eq!(
            (synced.code, synced.labels()),
            (Some(3), vec!["not_pinned".to_owned()])
        );
    };
    refused(&watch);
    // It was not withdrawn: the server never said that it is gone.
    assert_eq!(watch.check("default", "1.0"), Ok(digest("one")));
    watch.following.succeed(&["forget", "--yes", GUN]).unwrap();
    refused(&watch);
    assert_eq!(watch.check("default", "1.0"), Err("not_synced".to_owned()));
}
