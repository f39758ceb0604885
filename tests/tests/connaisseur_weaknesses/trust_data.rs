//! Trust data that Connaisseur believes.

use serde_json::json;
use vouchsafe_tests::harness::http::{Request, exchange};
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{
    Configuration, NotaryClient, NotaryServer, ScriptedServer, Vouchsafe,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use super::{GUN, RULE, TAG, configured, image, root_key, says, serving, tag};

/// Connaisseur falls back to `targets` where a delegation that the rule demands was never published, and admits what no
/// delegate signed.
#[test]
fn a_demanded_delegation_that_published_nothing_is_not_replaced_by_targets() {
    let server = NotaryServer::plain().unwrap();
    let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    let alice = publisher.generate_signer("alice").unwrap();
    let role = "targets/alice";
    publisher.delegate(GUN, role, &[&alice], &[]).unwrap();
    publisher.sign(GUN, &tag("signed"), &[]).unwrap();
    let key = publisher.root_public_key(GUN).unwrap();
    let vouchsafe = configured(
        &Configuration::new()
            .notary(&server.url(), None, &key)
            .rule_of(json!({"pattern": RULE, "with": {"delegations": ["alice"]}})),
    );
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);
    let words = ["may not run", "`targets/alice` has published nothing"];
    says(&vouchsafe, &["check", &image("signed")], 1, &words);

    publisher.sign(GUN, &tag("signed"), &[role]).unwrap();
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);
    let words = ["may run", "targets/alice", &digest_of("signed")];
    says(&vouchsafe, &["check", &image("signed")], 0, &words);
}

/// Connaisseur never looks at the name in the root certificate, so that all repositories of a publisher who has one root
/// key can be served in each other's place.
#[test]
fn the_tree_of_another_repository_under_the_same_root_key_is_refused() {
    let genuine = NotaryServer::plain().unwrap();
    let publisher = NotaryClient::publisher(&genuine.url(), None).unwrap();
    let (own, other) = (GUN, "registry.example.com/team/test");
    for gun in [own, other] {
        publisher.init(gun).unwrap();
        publisher.sign(gun, &tag(TAG), &[]).unwrap();
    }
    let key = publisher.root_public_key(own).unwrap();
    assert_eq!(key, publisher.root_public_key(other).unwrap());

    let between = ScriptedServer::plain().unwrap();
    between.serve(own, files_of(&genuine, other));
    between.serve(other, files_of(&genuine, other));
    let vouchsafe = configured(
        &Configuration::new()
            .notary(&between.url(), None, &key)
            .rule("registry.example.com/team/*:*"),
    );
    says(&vouchsafe, &["sync", other], 0, &["1 updated"]);
    let words = ["certificate_name", own, "made out to"];
    says(&vouchsafe, &["sync", own], 3, &words);
    let words = ["may not run", "no trust data"];
    says(&vouchsafe, &["check", &format!("{own}:{TAG}")], 1, &words);
    says(&vouchsafe, &["check", &format!("{other}:{TAG}")], 0, &[]);
}

/// Connaisseur verifies one signature per pinned key, whatever threshold the root states.
#[test]
fn a_root_that_fewer_keys_signed_than_it_demands_is_refused() {
    let both = [root_key(), Key::p256("second").certified(GUN)];
    let repository = Repository::delegated(GUN)
        .keys("root", &both)
        .threshold("root", 2);
    let one = repository.clone().signed_by("root", &both[..1]);
    let words = ["threshold_not_met", "1 valid signatures; 2 are needed"];
    refuses(&one, &words);
    accepts(&repository);
}

/// Connaisseur takes any signature by the pinned key on the root, though the root role lists only others.
#[test]
fn a_pinned_key_that_the_root_role_does_not_list_is_refused() {
    let another = Key::p256("second").certified(GUN);
    let unlisted = Repository::delegated(GUN)
        .keys("root", std::slice::from_ref(&another))
        .signed_by("root", &[another.clone(), root_key()]);
    let words = ["not_pinned", "none of the pinned keys is listed", "hint:"];
    refuses(&unlisted, &words);
    accepts(&Repository::delegated(GUN).keys("root", &[another, root_key()]));
}

/// Connaisseur does not read `paths`, so that a delegate for `rc-` can sign any tag.
#[test]
fn a_tag_outside_the_paths_of_its_delegation_is_refused() {
    let repository = Repository::plain(GUN)
        .delegate("targets/carol", &[Key::p256("carol")], &["rc-"])
        .tag("targets/carol", "rc-1", "image")
        .tag("targets/carol", TAG, "image");
    let server = serving(&repository);
    let vouchsafe = configured(
        &Configuration::new()
            .notary(&server.url(), None, &root_key().public_key_pem())
            .rule_of(json!({"pattern": RULE, "with": {"delegations": ["carol"]}})),
    );
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);
    says(&vouchsafe, &["check", &image("rc-1")], 0, &["may run"]);
    let words = ["may not run", "`targets/carol`", "does not cover it"];
    says(&vouchsafe, &["check", &image(TAG)], 1, &words);
}

/// Connaisseur remembers nothing, so that an older tree passes as long as it has not expired.
#[test]
fn an_older_tree_is_refused_even_before_it_expires() {
    let old = Repository::delegated(GUN);
    let newer = old
        .clone()
        .publish(&["targets/releases", "snapshot", "timestamp"])
        .tag("targets/releases", TAG, "newer");
    let (server, vouchsafe) = accepts(&newer);
    server.serve(GUN, RoleFiles::new().with_files(old.files()));
    says(
        &vouchsafe,
        &["sync", GUN],
        3,
        &["rollback", "older than version"],
    );
    says(
        &vouchsafe,
        &["check", &image(TAG)],
        0,
        &[&digest_of("newer")],
    );
}

/// Connaisseur reads the newest root only: after a rotation the operator has to pin anew, and a pin on the key that was retired
/// goes on to hold whatever that key signs.
#[test]
fn a_rotated_root_key_needs_no_new_pin_and_the_rotation_is_not_forgotten() {
    let new = Key::p256("new").certified(GUN);
    let rotated = Repository::delegated(GUN).rotate_root(&new);
    let (server, vouchsafe) = accepts(&rotated);
    let robbed = rotated
        .next_root()
        .keys("root", &[root_key()])
        .signed_by("root", &[root_key()]);
    server.serve(GUN, RoleFiles::new().with_files(robbed.files()));
    says(
        &vouchsafe,
        &["sync", GUN],
        3,
        &["root_not_chained", "hint:"],
    );
    says(&vouchsafe, &["check", &image(TAG)], 0, &["may run"]);
}

/// The server of a tree, and a Vouchsafe that pins [`root_key`] for it.
fn pinned(repository: &Repository) -> (ScriptedServer, Vouchsafe) {
    let server = serving(repository);
    let key = root_key().public_key_pem();
    let configuration = Configuration::new().notary(&server.url(), None, &key);
    let vouchsafe = configured(&configuration.rule(RULE));
    (server, vouchsafe)
}

/// Checks that a tree is fetched and its tag admitted.
fn accepts(repository: &Repository) -> (ScriptedServer, Vouchsafe) {
    let (server, vouchsafe) = pinned(repository);
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);
    says(&vouchsafe, &["check", &image(TAG)], 0, &["may run"]);
    (server, vouchsafe)
}

/// Checks that a tree is refused in these words, and nothing of it admitted.
fn refuses(repository: &Repository, words: &[&str]) {
    let (_server, vouchsafe) = pinned(repository);
    says(&vouchsafe, &["sync"], 3, words);
    let denied = ["may not run", "no trust data", "vouchsafe status"];
    says(&vouchsafe, &["check", &image(TAG)], 1, &denied);
}

/// What a server has of a repository now.
fn files_of(server: &NotaryServer, gun: &str) -> RoleFiles {
    ["root", "timestamp", "snapshot", "targets"]
        .into_iter()
        .fold(RoleFiles::new(), |files, role| {
            let request = Request {
                method: "GET".to_owned(),
                target: format!("/v2/{gun}/_trust/tuf/{role}.json"),
                headers: Vec::new(),
                body: Vec::new(),
            };
            let file = exchange(server.address(), &server.host(), &request).unwrap();
            assert_eq!(file.status, 200, "{role} of {gun}");
            files.with(role, file.body)
        })
}
