//! One test for each weakness that Connaisseur has with Notary v1: what an operator of Vouchsafe sees in its place. Each test's
//! name says what Vouchsafe does, its comment what Connaisseur does; `docs/migrate-from-connaisseur.md` links to them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::json;
use vouchsafe_tests::harness::notary_client::Tag;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

mod operation;
mod trust_data;

/// A Vouchsafe that was never told anything.
fn configured(configuration: &Configuration) -> Vouchsafe {
    let quiet = json!({"schedule": "0 0 1 1 *"});
    let configuration = configuration.clone().setting("sync", quiet);
    Vouchsafe::new(&configuration.to_string()).unwrap()
}

fn serving(repository: &Repository) -> ScriptedServer {
    let server = ScriptedServer::plain().unwrap();
    server.serve(GUN, RoleFiles::new().with_files(repository.files()));
    server
}

/// Runs a command, which has to end with this status and to say all of these words.
fn says(vouchsafe: &Vouchsafe, command: &[&str], code: i32, words: &[&str]) {
    let finished = vouchsafe.run(command).unwrap();
    let said = finished.stdout + &finished.stderr;
    assert_eq!(finished.code, Some(code), "{command:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{command:?}: no {word} in: {said}");
    }
}

/// What [`Repository::delegated`] is signed with.
fn root_key() -> Key {
    Key::p256("root").certified(GUN)
}

/// A tag that points to the digest of something that is called as it is.
fn tag(name: &str) -> Tag {
    Tag::of(name, name)
}

fn image(tag: &str) -> String {
    format!("{GUN}:{tag}")
}

/// The repository, unless a test needs several.
const GUN: &str = "registry.example.com/team/app";
const RULE: &str = "registry.example.com/team/app:*";
/// The tag of [`Repository::delegated`].
const TAG: &str = "signed";
