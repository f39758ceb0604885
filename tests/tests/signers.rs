//! Who has to have signed: several real servers with one name, several trust roots, delegations, and the digest that a tag had before.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::{Value, json};
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::docker_trust::DockerTrust;
use vouchsafe_tests::harness::notary_client::{RotatedRole, Tag, digest};
use vouchsafe_tests::harness::{
    Certificates, Configuration, NotaryClient, NotaryServer, Vouchsafe, Webhook,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::digest_of;

#[test]
fn two_servers_with_one_name_keep_their_signatures_apart() {
    let certificates = Certificates::new().unwrap();
    let ours = Publisher::new(&certificates);
    let theirs = Publisher::new(&certificates);
    ours.publisher.init(GUN).unwrap();
    theirs.publisher.init(GUN).unwrap();
    ours.sign("1.0", "ours");
    theirs.sign("1.0", "theirs");
    let authority = Some(certificates.authority_pem());
    let (our_key, their_key) = (ours.key(), theirs.key());
    let pattern = format!("{GUN}:*");
    let configuration = Configuration::new()
        .validator(
            "default",
            &ours.server.url(),
            authority,
            &[("default", &our_key)],
        )
        .validator(
            "theirs",
            &theirs.server.url(),
            authority,
            &[("default", &their_key)],
        )
        .validator(
            "crossed",
            &theirs.server.url(),
            authority,
            &[("default", &our_key)],
        )
        .rule(&pattern)
        .rule_of(json!({"pattern": pattern, "validator": "theirs", "namespaces": ["theirs"]}))
        .rule_of(json!({"pattern": pattern, "validator": "crossed", "namespaces": ["crossed"]}));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    // The repository of the crossed key is refused.
    assert_eq!(vouchsafe.sync(&[]).unwrap().code, Some(0));
    let webhook = Webhook::new(vouchsafe, certificates, &[]).unwrap();

    let tag = image("1.0");
    for (namespace, content) in [("default", "ours"), ("theirs", "theirs")] {
        let mutated = webhook.ask("/mutate", namespace, &tag).unwrap();
        assert_eq!(mutated.replaced(), [pinned(&tag, content)], "{mutated:?}");
        let validated = webhook
            .ask("/validate", namespace, &pinned(&tag, content))
            .unwrap();
        assert!(validated.is_allowed(), "{validated:?}");
    }
    for (namespace, content) in [("default", "theirs"), ("theirs", "ours")] {
        let validated = webhook
            .ask("/validate", namespace, &pinned(&tag, content))
            .unwrap();
        validated.assert_denied("digest_mismatch", &["is signed"]);
    }
    // The right name and the right server under the key of the other one.
    webhook
        .ask("/mutate", "crossed", &tag)
        .unwrap()
        .assert_denied("not_anchored", &["crossed"]);
}

#[test]
fn every_trust_root_has_to_hold_where_the_rule_says_so() {
    let certificates = Certificates::new().unwrap();
    let ours = Publisher::new(&certificates);
    ours.publisher.init(GUN).unwrap();
    ours.sign("1.0", "image");
    let old = ours.key();
    let configured = |new: &str| {
        let roots = [("default", old.as_str()), ("new", new)];
        let pattern = format!("{GUN}:*");
        let rule = |namespace: &str, root: &str| json!({"pattern": pattern, "namespaces": [namespace], "with": {"trustRoot": root}});
        Configuration::new()
            .validator(
                "default",
                &ours.server.url(),
                Some(certificates.authority_pem()),
                &roots,
            )
            .rule(&pattern)
            .rule_of(rule("new", "new"))
            .rule_of(rule("every", "*"))
    };
    let somebody = Key::p256("somebody").public_key_pem();
    let vouchsafe = Vouchsafe::new(&configured(&somebody).to_string()).unwrap();
    vouchsafe.succeed(&["sync"]).unwrap();
    let verdicts = |expected: [bool; 3]| {
        for (namespace, holds) in ["default", "new", "every"].into_iter().zip(expected) {
            let verdict = vouchsafe
                .check(namespace, &[image("1.0")])
                .unwrap()
                .remove(0);
            let refused = verdict == Err("not_anchored".to_owned());
            assert_eq!(
                (verdict.is_ok(), refused),
                (holds, !holds),
                "{namespace}: {verdict:?}"
            );
        }
    };
    verdicts([true, false, false]);

    ours.publisher.rotate(GUN, RotatedRole::Root).unwrap();
    vouchsafe
        .configure(&configured(&ours.key()).to_string())
        .unwrap();
    // The new key is pinned, but nothing that is stored was signed by it.
    verdicts([true, false, false]);
    vouchsafe.succeed(&["sync"]).unwrap();
    verdicts([true, true, true]);
}

#[test]
fn a_rule_with_delegations_stands_beside_one_without() {
    let certificates = Certificates::new().unwrap();
    let ours = Publisher::new(&certificates);
    let repository = DockerTrust::init(&ours.publisher, GUN, &["alice", "bob"]).unwrap();
    repository.sign(&Tag::of("1.0", "one"), "alice").unwrap();
    let pattern = format!("{GUN}:*");
    let configuration = Configuration::new()
        .notary(
            &ours.server.url(),
            Some(certificates.authority_pem()),
            &ours.key(),
        )
        .rule(&pattern)
        .rule_in("prod-*", &pattern, &["alice", "bob"]);
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let check = |namespace: &str| {
        vouchsafe.succeed(&["sync", GUN]).unwrap();
        vouchsafe
            .check(namespace, &[image("1.0")])
            .unwrap()
            .remove(0)
    };
    assert_eq!(check("default"), Ok(digest("one")));
    assert_eq!(check("prod-eu"), Err("delegation_not_published".to_owned()));
    // Both sign, and do not agree.
    repository.sign(&Tag::of("1.0", "two"), "bob").unwrap();
    assert_eq!(check("default"), Ok(digest("two")));
    assert_eq!(check("prod-eu"), Err("digests_conflict".to_owned()));
    repository.sign(&Tag::of("1.0", "two"), "alice").unwrap();
    assert_eq!(check("prod-eu"), Ok(digest("two")));
}

#[test]
fn a_digest_that_the_tag_had_before_runs_for_as_long_as_it_is_retained() {
    let certificates = Certificates::new().unwrap();
    let ours = Publisher::new(&certificates);
    ours.publisher.init(GUN).unwrap();
    ours.sign("1.0", "old");
    let configured = |retain: &str, deny: Value| {
        Configuration::new()
            .notary(
                &ours.server.url(),
                Some(certificates.authority_pem()),
                &ours.key(),
            )
            .rule(&format!("{GUN}:*"))
            .setting("history", json!({"retain": retain}))
            .setting("deny", deny)
            .to_string()
    };
    let vouchsafe = Vouchsafe::new(&configured("7d", json!([]))).unwrap();
    vouchsafe.succeed(&["sync"]).unwrap();
    ours.sign("1.0", "new");
    vouchsafe.succeed(&["sync"]).unwrap();

    let before = pinned(&image("1.0"), "old");
    let check = || {
        vouchsafe
            .json(&["check", "-o", "json", &before], &[0, 1])
            .unwrap()
    };
    let told = check();
    assert_eq!(told.pointer("/0/allowed"), Some(&json!(true)), "{told}");
    let warnings = told.pointer("/0/warnings").unwrap().to_string();
    assert!(warnings.contains("1.0"), "{told}");
    // What is pinned from now on is new, and the unsigned never was.
    let verdict = vouchsafe.check_one(&image("1.0")).unwrap();
    assert_eq!(verdict, Ok(digest("new")));
    let never = vouchsafe
        .check_one(&pinned(&image("1.0"), "never"))
        .unwrap();
    assert_eq!(never, Err("digest_mismatch".to_owned()));
    let serving = vouchsafe.serve(&certificates).unwrap();
    let validated = serving
        .ask(&certificates, "/validate", &pod_review(&[&before]))
        .unwrap();
    assert!(validated.is_allowed(), "{validated:?}");
    assert!(!validated.warnings().is_empty(), "{validated:?}");
    assert!(
        serving
            .metric(
                "vouchsafe_image_decisions_total{decision=\"allow\",reason=\"signed_superseded\"}"
            )
            .unwrap()
            == Some(1.0)
    );
    drop(serving);

    let listed = json!([{"digest": digest_of("old"), "reason": "CVE-2026-1234"}]);
    for (retain, deny, label) in [
        ("7d", listed, "deny_list"),
        ("0s", json!([]), "digest_mismatch"),
    ] {
        vouchsafe.configure(&configured(retain, deny)).unwrap();
        let told = check();
        assert_eq!(told.pointer("/0/reason"), Some(&json!(label)), "{told}");
    }
}

/// A real server and whoever publishes on it.
struct Publisher {
    server: NotaryServer,
    publisher: NotaryClient,
}

impl Publisher {
    fn new(certificates: &Certificates) -> Self {
        let server = NotaryServer::tls(certificates).unwrap();
        let authority = certificates.authority_file();
        let publisher = NotaryClient::publisher(&server.url(), Some(&authority)).unwrap();
        Self { server, publisher }
    }

    fn sign(&self, tag: &str, content: &str) {
        self.publisher
            .sign(GUN, &Tag::of(tag, content), &[])
            .unwrap();
    }

    fn key(&self) -> String {
        self.publisher.root_public_key(GUN).unwrap()
    }
}

fn image(tag: &str) -> String {
    format!("{GUN}:{tag}")
}

/// An image by the digest of what is called so.
fn pinned(image: &str, content: &str) -> String {
    format!("{image}@{}", digest_of(content))
}

/// The repository, on every server.
const GUN: &str = "registry.example.com/team/app";
