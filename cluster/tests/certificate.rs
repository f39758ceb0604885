//! The certificate that replicas make themselves, on a real API server that calls them by it.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test, and figures are shown"
)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_cluster::certificate::Bundle;
use vouchsafe_cluster::webhooks;
use vouchsafe_tests::harness::Certificates;
use vouchsafe_tests::harness::namespace::Namespace;
use vouchsafe_tests::harness::process::Signal;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_trust::Clock as _;

use called::{ADDRESS, Called, SECRET, pinned};
use connected::SystemClock;
use load::Load;
use published::image;
use secret::{names, read_bundle, until, write};

#[path = "support/called.rs"]
mod called;
#[path = "support/connected.rs"]
mod connected;
#[path = "support/load.rs"]
mod load;
#[expect(dead_code, reason = "other tests sync beforehand")]
#[path = "../../tests/tests/support/published.rs"]
mod published;
#[path = "support/secret.rs"]
mod secret;

#[test]
#[expect(clippy::too_many_lines, reason = "one story under one load")]
fn leaf_and_authority_are_replaced_under_load_without_a_failed_request() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let now = SystemClock.now();
        let days = |count: i64| now - jiff::SignedDuration::from_hours(24 * count);
        // An authority that is due, with a leaf that is not.
        let old = Bundle::make(&names(), days(365 * 9)).unwrap();
        let old = old.with_new_leaf(&names(), days(10)).unwrap();
        called
            .runtime
            .block_on(write(&called.connection, SECRET, &old.contents()));

        let vouchsafe = called.vouchsafe();
        let mut serving = called.serve(&vouchsafe);
        serving.wait_until_ready().unwrap();
        called.call(serving.port());
        let took = called
            .runtime
            .block_on(until("a first call", WHILE, async || called.is_called()));
        println!("webhooks that named nobody: called after {took:?}");
        assert!(
            called
                .dry_run(&image("unsigned"))
                .unwrap_err()
                .contains("denied the request")
        );

        let url = format!("https://{ADDRESS}:{}", serving.port());
        let load = Load::start(
            &called.runtime,
            &called.connection,
            &url,
            (image("signed"), pinned()),
        );
        let (by_new, took) = called.wait("a leaf by the new authority", LONG, |seen| {
            seen.leaf != old.contents().chain
        });
        assert_eq!(by_new.authorities, 2);
        println!("authority that was due: announced, then served by after {took:?}");

        let due = called
            .runtime
            .block_on(read_bundle(&called.connection, SECRET));
        let due = due.with_new_leaf(&names(), days(270)).unwrap().contents();
        called
            .runtime
            .block_on(write(&called.connection, SECRET, &due));
        let (renewed, took) = called.wait("a renewed leaf", WHILE, |seen| {
            seen.leaf != due.chain && seen.leaf != by_new.leaf
        });
        assert_eq!(renewed.authorities, 2);
        println!("leaf that was due: renewed after {took:?}");

        called
            .cluster
            .succeed(&["delete", "secret", SECRET])
            .unwrap();
        let (back, took) = called.wait("the Secret again", WHILE, |seen| seen.authorities == 3);
        assert_eq!(back.leaf, renewed.leaf);
        println!("Secret that was deleted: there again after {took:?}");
        let (anew, took) = called.wait("a leaf by the third authority", LONG, |seen| {
            seen.leaf != renewed.leaf
        });
        println!("and with a leaf by a new authority after {took:?}");

        let garbage = STANDARD.encode("garbage");
        for keys in [
            &["tls.crt"][..],
            &["ca.crt"],
            &["ca.crt", "ca.key", "tls.crt", "tls.key"],
        ] {
            let data: Value = keys
                .iter()
                .map(|key| ((*key).to_owned(), json!(garbage)))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let patch = json!({"data": data}).to_string();
            called
                .cluster
                .succeed(&["patch", "secret", SECRET, "-p", &patch])
                .unwrap();
            let (_, took) = called.wait("what was broken", WHILE, |seen| *seen == anew);
            println!("garbage in {keys:?}: as before after {took:?}");
        }

        let counted = called.runtime.block_on(load.stop());
        println!("{counted}");
        assert!(counted.failed.is_empty(), "{counted}");
        assert!(
            counted.through_api_server > 500 && counted.handshakes > 100,
            "{counted}"
        );
        let expiry = serving.metric("vouchsafe_tls_not_after_seconds").unwrap();
        assert!(expiry.unwrap() > 1.8e9, "{expiry:?}");
    });
}

#[test]
fn whom_to_trust_is_told_again_whatever_becomes_of_the_webhooks() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let vouchsafe = called.vouchsafe();
        let mut serving = called.serve(&vouchsafe);
        serving.wait_until_ready().unwrap();
        called.call(serving.port());
        called
            .runtime
            .block_on(until("a first call", WHILE, async || called.is_called()));
        let kinds = [
            "mutatingwebhookconfiguration",
            "validatingwebhookconfiguration",
        ];

        for kind in kinds {
            let wiped = r#"[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]"#;
            called
                .cluster
                .succeed(&["patch", kind, "vouchsafe", "--type=json", "-p", wiped])
                .unwrap();
        }
        let took = called
            .runtime
            .block_on(until("a healed bundle", WHILE, async || {
                let client = &called.connection.client;
                let announced = webhooks::announced(client, "vouchsafe").await;
                announced.unwrap().is_some() && called.is_called()
            }));
        println!("caBundle that was wiped: called again after {took:?}");

        for kind in kinds {
            called
                .cluster
                .succeed(&["delete", kind, "vouchsafe"])
                .unwrap();
        }
        called.create_webhooks(serving.port());
        let took = called
            .runtime
            .block_on(until("new webhooks", WHILE, async || called.is_called()));
        println!("webhooks that were made anew: called after {took:?}");
    });
}

#[test]
fn replicas_start_from_nothing_and_one_keeps_what_the_killed_one_kept() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let (one, other) = (called.vouchsafe(), called.vouchsafe());
        let started = std::time::Instant::now();
        let (mut first, mut second) = (called.serve(&one), called.serve(&other));
        first.wait_until_ready().unwrap();
        second.wait_until_ready().unwrap();
        println!(
            "two replicas from nothing: ready after {:?}",
            started.elapsed()
        );
        let kind = ["get", "secret", SECRET, "-o", "jsonpath={.type}"];
        assert_eq!(called.cluster.succeed(&kind).unwrap(), "kubernetes.io/tls");
        let leads = |serving: &Serving| serving.log().contains("leading");
        assert_ne!(leads(&first), leads(&second));
        let (leader, follower) = if leads(&first) {
            (&mut first, &second)
        } else {
            (&mut second, &first)
        };
        assert!(!follower.log().contains("PRIVATE KEY") && !leader.log().contains("PRIVATE KEY"));
        leader.process().kill().unwrap();
        called
            .cluster
            .succeed(&["delete", "secret", SECRET])
            .unwrap();
        let (_, took) = called.wait("the Secret again", Duration::from_secs(25), |seen| {
            seen.authorities > 0
        });
        println!("leader killed and Secret deleted: there again after {took:?}");
        assert!(leads(follower));
    });
}

#[test]
fn the_commands_of_an_installation_tell_yes_from_no_and_from_not_knowing() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let vouchsafe = called.vouchsafe();
        let kubeconfig = called.cluster.kubeconfig();
        let environment = [("KUBECONFIG", kubeconfig.to_str().unwrap())];
        let status = |arguments: &[&str]| {
            let arguments = [&["cluster"], arguments].concat();
            let done = vouchsafe.run_with(&environment, &arguments).unwrap();
            println!("{arguments:?}: {done:?}");
            (done.code.unwrap(), done.stdout + &done.stderr)
        };
        let soon = ["wait", "--timeout", "2s"];
        let (code, text) = status(&soon);
        assert!(code == 1 && text.contains("no replica"), "{text}");
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "vouchsafe-1", "labels": {"kubernetes.io/service-name": "vouchsafe"}},
            "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": true}}],
        });
        called.cluster.create(&slice).unwrap();
        let (code, text) = status(&soon);
        assert!(code == 1 && text.contains("it is not there"), "{text}");

        let mut serving = called.serve(&vouchsafe);
        serving.wait_until_ready().unwrap();
        assert_eq!(status(&soon).0, 0);

        let url = format!("https://{ADDRESS}:{}", serving.port());
        let probe = |more: &[&str]| {
            let server_name = "vouchsafe.default.svc";
            let whole = [&["probe", "--url", &url, "--server-name", server_name], more].concat();
            status(&whole)
        };
        // Nobody says yet whom to trust.
        assert_eq!(probe(&[]).0, 2);
        called.call(serving.port());
        called.runtime.block_on(until("a first call", WHILE, async || called.is_called()));
        let (signed, unsigned) = (image("signed"), image("unsigned"));
        assert_eq!(probe(&["--signed", &signed, "--unsigned", &unsigned]).0, 0);
        let ports = json!({"ports": [{"port": serving.port()}]}).to_string();
        let patch = ["patch", "endpointslice", "vouchsafe-1", "-p", &ports];
        called.cluster.succeed(&patch).unwrap();
        // By the EndpointSlice, with nothing named.
        assert_eq!(status(&["probe", "--signed", &signed]).0, 0);
        assert_eq!(probe(&["--signed", &unsigned]).0, 1);
        assert_eq!(probe(&["--unsigned", &pinned()]).0, 1);
        let foreign = Certificates::new().unwrap();
        assert_eq!(probe(&["--ca-file", foreign.authority_file().to_str().unwrap()]).0, 2);

        let (code, text) = status(&["remove-webhooks"]);
        assert!(code == 0 && text.matches("deleted").count() == 2, "{text}");
        let (code, text) = status(&["remove-webhooks"]);
        assert!(code == 0 && text.contains("no webhook configurations"), "{text}");

        // Two certificates are one too many.
        let (chain, key) = (foreign.leaf_file(), foreign.leaf_key_file());
        let files = [
            "--tls-cert",
            chain.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
        ];
        let both = [&["serve", "--listen", "127.0.0.1:0"], &files[..]].concat();
        drop(serving);
        let both = vouchsafe.run_with(&environment, &both).unwrap();
        assert!(both.code == Some(2) && both.stderr.contains("two certificates"), "{both:?}");
        drop(called.cluster);
        assert_eq!(status(&["wait", "--timeout", "1s"]).0, 2);
    });
}

#[test]
fn without_a_certificate_a_replica_is_not_ready() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let (vouchsafe, kubeconfig) = (called.vouchsafe(), called.cluster.kubeconfig());
        let kept = std::fs::read_to_string(&kubeconfig).unwrap();
        // Nobody listens there.
        let kept = kept.replace("https://127.0.0.1:", "https://127.0.0.9:");
        let nowhere = vouchsafe.directory().write("nowhere", kept).unwrap();
        let mut serving = vouchsafe.serve_in_cluster(&nowhere).unwrap();
        let shown = serving
            .wait_for("/ready", |text| text.contains("[+] first-feed"))
            .unwrap();
        assert!(shown.contains("[-] certificate"), "{shown}");
        assert!(
            serving.log().contains("lease cannot be looked at"),
            "{}",
            serving.log()
        );
        serving.process().signal(Signal::Term).unwrap();
        let ended = serving
            .process()
            .wait_for_exit(Duration::from_secs(10))
            .unwrap();
        assert!(ended.success());
    });
}

const WHILE: Duration = Duration::from_secs(15);
/// Announcing takes a minute.
const LONG: Duration = Duration::from_secs(100);
