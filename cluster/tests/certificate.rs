//! The certificate that replicas make themselves, on a real API server that calls them by it.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test, and figures are shown"
)]

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use vouchsafe_cluster::certificate::Bundle;
use vouchsafe_cluster::{Connection, probe::Probed, webhooks};
use vouchsafe_tests::harness::namespace::Namespace;
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{ApiServer, Certificates, Vouchsafe};
use vouchsafe_tests::vector::repository::digest_of;
use vouchsafe_trust::Clock as _;

use connected::{SystemClock, connect};
use load::Load;
use published::{Published, image};
use secret::{names, read, read_bundle, until, write};

#[path = "support/connected.rs"]
mod connected;
#[path = "support/load.rs"]
mod load;
#[path = "../../tests/tests/support/published.rs"]
mod published;
#[path = "support/secret.rs"]
mod secret;

/// A cluster that calls a replica by its Service, in a network of its own, where the address of that Service is.
struct Called {
    cluster: ApiServer,
    connection: Connection,
    published: Published,
    runtime: Runtime,
}

impl Called {
    fn new() -> Self {
        let to_lo = ["address", "add", &format!("{ADDRESS}/32"), "dev", "lo"];
        run(Command::new("ip").args(to_lo)).unwrap();
        let cluster = ApiServer::start().unwrap();
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(connect(&cluster));
        Self {
            cluster,
            connection,
            published: Published::new(),
            runtime,
        }
    }

    fn vouchsafe(&self) -> Vouchsafe {
        let kept = json!({"secret": SECRET, "service": "vouchsafe", "webhook": "vouchsafe"});
        let configuration = self
            .published
            .configuration()
            .setting("kubernetes", json!({"certificate": kept}));
        Vouchsafe::new(&configuration.to_string())
            .unwrap()
            .listening_everywhere()
    }

    fn serve(&self, vouchsafe: &Vouchsafe) -> Serving {
        vouchsafe
            .serve_in_cluster(&self.cluster.kubeconfig())
            .unwrap()
    }

    /// A Service by which the API server calls a port of this machine, and webhooks that do not say whom to trust.
    fn call(&self, port: u16) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "vouchsafe"},
            "spec": {"clusterIP": ADDRESS, "ports": [{"port": port}]},
        });
        self.cluster.create(&service).unwrap();
        self.create_webhooks(port);
    }

    fn create_webhooks(&self, port: u16) {
        for (kind, path, policy) in [
            ("MutatingWebhookConfiguration", "/mutate", "Ignore"),
            ("ValidatingWebhookConfiguration", "/validate", "Fail"),
        ] {
            let service =
                json!({"name": "vouchsafe", "namespace": "default", "port": port, "path": path});
            let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]});
            let configuration = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "vouchsafe"},
                "webhooks": [{
                    "name": "images.vouchsafe.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                    "failurePolicy": policy, "clientConfig": {"service": service}, "rules": [rule],
                }],
            });
            self.cluster.create(&configuration).unwrap();
        }
    }

    /// What a Pod's image becomes, or why there is none.
    fn dry_run(&self, image: &str) -> Result<String, String> {
        let arguments = [
            "run",
            "probe",
            &format!("--image={image}"),
            "--dry-run=server",
        ];
        let output = ["-o", "jsonpath={.spec.containers[*].image}"];
        let done = self
            .cluster
            .kubectl(&[&arguments[..], &output].concat())
            .unwrap();
        if done.code == Some(0) {
            Ok(done.stdout)
        } else {
            Err(done.stderr)
        }
    }

    fn is_called(&self) -> bool {
        self.dry_run(&image("signed")).as_ref() == Ok(&pinned())
    }

    /// Waits for something of the Secret; what its leaf and its authorities are then, and how long it took.
    fn wait(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Seen) -> bool,
    ) -> (Seen, Duration) {
        let (mut seen, took) = (
            None,
            self.runtime.block_on(until(what, patience, async || {
                read(&self.connection, SECRET)
                    .await
                    .is_some_and(|(_, contents)| wanted(&Seen::of(&contents)))
            })),
        );
        if let Some((_, contents)) = self.runtime.block_on(read(&self.connection, SECRET)) {
            seen = Some(Seen::of(&contents));
        }
        (seen.unwrap(), took)
    }
}

/// What of the Secret is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    leaf: Vec<u8>,
    authorities: usize,
}

impl Seen {
    fn of(contents: &vouchsafe_cluster::certificate::Contents) -> Self {
        let text = String::from_utf8_lossy(&contents.authorities);
        Self {
            leaf: contents.chain.clone(),
            authorities: text.matches("BEGIN CERTIFICATE").count(),
        }
    }
}

#[test]
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
        let expiry = serving
            .metric("vouchsafe_tls_not_after_seconds")
            .unwrap();
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
            .block_on(until("a healed bundle", WHILE, async || called.is_called()));
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
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": true}}],
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
        assert_eq!(probe(&["--signed", &unsigned]).0, 1);
        assert_eq!(probe(&["--unsigned", &pinned()]).0, 1);
        let foreign = Certificates::new().unwrap();
        assert_eq!(probe(&["--ca-file", foreign.authority_file().to_str().unwrap()]).0, 2);

        let (code, text) = status(&["remove-webhooks"]);
        assert!(code == 0 && text.matches("deleted").count() == 2, "{text}");
        let (code, text) = status(&["remove-webhooks"]);
        assert!(code == 0 && text.contains("no webhook configurations"), "{text}");

        // Two certificates are one too many.
        let files = [foreign.leaf_file(), foreign.leaf_key_file()].map(|it| it.to_str().unwrap().to_owned());
        let both = ["serve", "--tls-cert", &files[0], "--tls-key", &files[1], "--listen", "127.0.0.1:0", "--store", "/nonexistent/never"];
        drop(serving);
        let both = vouchsafe.run_with(&environment, &both[..7]).unwrap();
        assert!(both.code == Some(2) && both.stderr.contains("two certificates"), "{both:?}");
        drop(called.cluster);
        let (code, text) = {
            let done = vouchsafe.run_with(&environment, &["cluster", "wait", "--timeout", "1s"]).unwrap();
            (done.code, done.stderr)
        };
        assert_eq!(code, Some(2), "{text}");
    });
}

#[test]
fn without_a_certificate_a_replica_is_not_ready() {
    Namespace::new().unwrap().inside(|| {
        let called = Called::new();
        let (vouchsafe, kubeconfig) = (called.vouchsafe(), called.cluster.kubeconfig());
        let kept = std::fs::read_to_string(&kubeconfig).unwrap();
        let kept = kept
            .replace(".crt\"}", ".crt\"}")
            .replace("https://127.0.0.1:", "https://127.0.0.9:");
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
        serving
            .process()
            .signal(vouchsafe_tests::harness::process::Signal::Term)
            .unwrap();
        let ended = serving
            .process()
            .wait_for_exit(Duration::from_secs(10))
            .unwrap();
        assert!(ended.success());
    });
}

/// The signed image as it runs.
fn pinned() -> String {
    format!("{}@{}", image("signed"), digest_of("image"))
}

/// Among the addresses that Services of the test's API server have.
const ADDRESS: &str = "10.96.0.77";
const SECRET: &str = "vouchsafe-tls";
const WHILE: Duration = Duration::from_secs(15);
/// Announcing takes a minute.
const LONG: Duration = Duration::from_secs(100);
