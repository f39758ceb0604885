//! What the policy makes of one set of signatures: namespaces, mirrors and the deny list, through the webhook.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::json;
use vouchsafe_tests::harness::{Certificates, Configuration, Webhook};
use vouchsafe_tests::vector::repository::digest_of;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn namespaces_open_a_rule_or_make_it_stricter() {
    let published = Published::new();
    let pattern = format!("{GUN}:*");
    let configuration = published
        .configuration()
        .fixed("deny", false)
        .rule_of(json!({"pattern": "docker.io/library/*:*", "validator": "deny"}))
        .rule_of(json!({"pattern": "docker.io/library/busybox", "validator": "allow", "namespaces": ["sandbox-*"]}))
        .rule_in("prod-*", &pattern, &["alice", "security"])
        .rule_of(json!({"pattern": pattern, "namespaces": ["tags"], "with": {"mode": "insecureValidateOnly"}}));
    let webhook = serve(&published, &configuration);

    for path in ["/mutate", "/validate"] {
        let whitelisted = webhook.ask(path, "sandbox-1", "busybox:1.36").unwrap();
        assert!(whitelisted.is_allowed(), "{whitelisted:?}");
        assert!(whitelisted.replaced().is_empty(), "{whitelisted:?}");
    }
    webhook
        .ask("/mutate", "sandbox-1", "redis")
        .unwrap()
        .assert_denied("static_deny", &["docker.io/library/*:*"]);
    webhook
        .ask("/mutate", "default", "busybox:1.36")
        .unwrap()
        .assert_denied("static_deny", &["busybox"]);

    assert!(
        webhook
            .ask("/mutate", "default", &image("signed"))
            .unwrap()
            .is_allowed()
    );
    let production = webhook.ask("/mutate", "prod-eu", &image("signed")).unwrap();
    production.assert_denied("not_delegated", &["security"]);
    assert!(
        webhook
            .ask("/mutate", "preprod", &image("signed"))
            .unwrap()
            .is_allowed()
    );

    // The tag stays, so that `/validate` has to take it.
    for path in ["/mutate", "/validate"] {
        let signed = webhook.ask(path, "tags", &image("signed")).unwrap();
        assert!(
            signed.is_allowed() && signed.replaced().is_empty(),
            "{signed:?}"
        );
        webhook
            .ask(path, "tags", &image("unsigned"))
            .unwrap()
            .assert_denied("not_signed", &[]);
    }
}

#[test]
fn a_mirror_is_judged_by_what_it_stands_for_and_keeps_its_name() {
    let published = Published::new();
    let configuration = published.configuration().setting(
        "mirrors",
        json!([
            {"from": "registry.internal", "to": "docker.io"},
            {"from": "registry.internal/hub", "to": "quay.io/elsewhere"},
            {"from": "registry.internal/hub/ours", "to": "registry.example.com/team"},
        ]),
    );
    let webhook = serve(&published, &configuration);
    let mirrored = "registry.internal/hub/ours/app";

    let tag = format!("{mirrored}:signed");
    let mutated = webhook.ask("/mutate", "default", &tag).unwrap();
    assert_eq!(mutated.replaced(), [pinned(&tag, "image")], "{mutated:?}");
    // By its digest, whatever tag that has.
    for name in [tag.as_str(), mirrored] {
        let validated = webhook
            .ask("/validate", "default", &pinned(name, "image"))
            .unwrap();
        assert!(validated.is_allowed(), "{validated:?}");
    }
    let other = webhook
        .ask("/validate", "default", &pinned(mirrored, "another image"))
        .unwrap();
    other.assert_denied("not_signed", &[mirrored, GUN]);
    // Neither a shorter mirror nor half a component.
    let shorter = webhook
        .ask("/mutate", "default", "registry.internal/hub/app:1")
        .unwrap();
    shorter.assert_denied("no_rule", &["quay.io/elsewhere/app:1"]);
    let half = webhook
        .ask("/mutate", "default", "registry.internal/hub/oursapp:1")
        .unwrap();
    half.assert_denied("no_rule", &["quay.io/elsewhere/oursapp:1"]);
    let shortest = webhook
        .ask("/mutate", "default", "registry.internal/redis:7")
        .unwrap();
    shortest.assert_denied("no_rule", &["docker.io/library/redis:7"]);
}

#[test]
fn the_deny_list_overrides_signatures_approvals_and_rules_that_warn() {
    let published = Published::new();
    let configuration = published
        .configuration()
        .rule_of(json!({"pattern": "quay.io/*", "validator": "allow"}))
        .rule_of(json!({"pattern": "registry.example.com/team/*", "namespaces": ["trial"], "mode": "warn"}))
        .setting(
            "deny",
            json!([
                {"digest": digest_of("image"), "reason": "CVE-2026-1234"},
                {"gun": "quay.io/retired/*", "reason": "nobody looks after it"},
            ]),
        );
    let webhook = serve(&published, &configuration);
    let signed = image("signed");
    for (namespace, image, words) in [
        // By tag, for what it would be pinned to, and by digest.
        (
            "default",
            signed.clone(),
            ["CVE-2026-1234", "`deny` in the configuration"],
        ),
        (
            "default",
            pinned(&signed, "image"),
            ["CVE-2026-1234", "`deny` in the configuration"],
        ),
        (
            "trial",
            signed.clone(),
            ["CVE-2026-1234", "`deny` in the configuration"],
        ),
        (
            "lenient",
            pinned("registry.example.com/x/y", "image"),
            ["CVE-2026-1234", "x/y"],
        ),
        (
            "default",
            "quay.io/retired/app:1".to_owned(),
            ["nobody looks after it", "retired/app"],
        ),
    ] {
        for path in ["/mutate", "/validate"] {
            webhook
                .ask(path, namespace, &image)
                .unwrap()
                .assert_denied("deny_list", &words);
        }
    }
    let warned = webhook.ask("/mutate", "trial", &image("unsigned")).unwrap();
    assert!(warned.is_allowed(), "{warned:?}");
    assert!(
        webhook
            .ask("/mutate", "default", "quay.io/retired:1")
            .unwrap()
            .is_allowed()
    );
}

/// A webhook that has the published repository, and judges it by this policy.
fn serve(published: &Published, configuration: &Configuration) -> Webhook {
    let vouchsafe = published.synced();
    vouchsafe.configure(&configuration.to_string()).unwrap();
    Webhook::new(vouchsafe, Certificates::new().unwrap(), &[]).unwrap()
}

/// An image by the digest of what is called so.
fn pinned(image: &str, content: &str) -> String {
    format!("{image}@{}", digest_of(content))
}
