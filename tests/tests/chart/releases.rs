//! What a real helm makes of a release, in a real API server.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;
use vouchsafe_tests::harness::process::{Finished, finish};
use vouchsafe_tests::harness::{ApiServer, helm};

use super::INSTALLS;

const KINDS: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Runs helm against a cluster, whatever comes of it.
fn attempt(cluster: &ApiServer, arguments: &[&str]) -> Finished {
    let mut helm = Command::new(helm::program().unwrap());
    helm.arg("--kubeconfig").arg(cluster.kubeconfig());
    helm.args(["--namespace", "vouchsafe"]).args(arguments);
    finish(&mut helm).unwrap()
}

/// Runs helm against a cluster; it has to succeed.
fn release(cluster: &ApiServer, arguments: &[&str]) -> String {
    let finished = attempt(cluster, arguments);
    assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    finished.stdout
}

/// The same with hooks, whose Jobs are said to be done meanwhile, as the controller would: what they wait for is there.
fn release_and_wait(cluster: &ApiServer, arguments: &[&str]) {
    thread::scope(|scope| {
        let helm = scope.spawn(|| release(cluster, arguments));
        while !helm.is_finished() {
            let jobs = [
                "get",
                "jobs",
                "--namespace=vouchsafe",
                "--selector=app.kubernetes.io/component=hooks",
                "--output=name",
            ];
            for job in cluster.succeed(&jobs).unwrap().lines() {
                complete(cluster, job);
            }
            thread::sleep(Duration::from_millis(200));
        }
        drop(helm.join().unwrap());
    });
}

/// Says of a Job that it is done. That fails where this was said before, or where helm took the Job away.
fn complete(cluster: &ApiServer, job: &str) {
    let is = |condition: &str| json!({"type": condition, "status": "True"});
    let status = json!({"status": {
        "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z",
        "conditions": [is("SuccessCriteriaMet"), is("Complete")],
    }});
    let patch = format!("--patch={status}");
    let arguments = [
        "patch",
        job,
        "--namespace=vouchsafe",
        "--subresource=status",
        "--type=merge",
        &patch,
    ];
    drop(cluster.kubectl(&arguments).unwrap());
}

/// How many of the two webhook configurations there are.
fn configurations(cluster: &ApiServer) -> usize {
    let of_kind = |kind: &&str| {
        let of = format!("{kind}/vouchsafe");
        cluster.kubectl(&["get", &of]).unwrap().code == Some(0)
    };
    KINDS.iter().filter(|kind| of_kind(kind)).count()
}

/// The UIDs of the two.
fn identities(cluster: &ApiServer) -> [String; 2] {
    KINDS.map(|kind| {
        let of = format!("{kind}/vouchsafe");
        let uid = ["get", &of, "--output=jsonpath={.metadata.uid}"];
        cluster.succeed(&uid).unwrap()
    })
}

/// What the notes of an install with Connaisseur's values say of them.
fn assert_unused_are_named(notes: &str) {
    for unused in [
        "kubernetes.deployment.image\n",
        "kubernetes.deployment.securityContext\n",
        "kubernetes.service\n",
        "application.features.cache\n",
        "application.logLevel: warn",
    ] {
        assert!(notes.contains(unused), "{unused}: {notes}");
    }
    for used in ["kubernetes.deployment.replicasCount", "kubernetes.webhook"] {
        assert!(!notes.contains(used), "{used}: {notes}");
    }
}

#[test]
fn an_upgrade_takes_over_what_the_hooks_of_the_install_made_and_keeps_its_authority() {
    let cluster = ApiServer::start().unwrap();
    let chart = super::chart();
    let chart = chart.to_str().unwrap();
    // No controller runs that could end the Jobs of hooks, so what they leave is made here.
    let values = super::values("connaisseur.yaml");
    let values = values.to_str().unwrap();
    let notes = release(
        &cluster,
        &[
            "install",
            "vouchsafe",
            chart,
            "--create-namespace",
            "--no-hooks",
            "--values",
            values,
        ],
    );
    assert_unused_are_named(&notes);
    let authority =
        r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "Zm9v"}]"#;
    let objects = INSTALLS[0].objects();
    for kind in KINDS {
        let of = format!("{kind}/vouchsafe");
        assert_ne!(cluster.kubectl(&["get", &of]).unwrap().code, Some(0));
        cluster
            .create(super::named(&objects, kind, "vouchsafe"))
            .unwrap();
        // As the replica that leads does once it has made its certificate.
        let patch = ["patch", &of, "--type=json", "--patch", authority];
        cluster.succeed(&patch).unwrap();
    }

    let seconds = "webhook.validating.timeoutSeconds=5";
    let notes = release(
        &cluster,
        &[
            "upgrade",
            "vouchsafe",
            chart,
            "--no-hooks",
            "--reset-values",
            "--set",
            seconds,
        ],
    );
    assert!(notes.contains("WARNING: nothing is denied."), "{notes}");
    let field = |kind: &str, path: &str| {
        let of = format!("{kind}/vouchsafe");
        let output = format!("jsonpath={{.webhooks[0].{path}}}");
        cluster.succeed(&["get", &of, "--output", &output]).unwrap()
    };
    for kind in KINDS {
        assert_eq!(field(kind, "clientConfig.caBundle"), "Zm9v", "{kind}");
    }
    assert_eq!(
        field("ValidatingWebhookConfiguration", "timeoutSeconds"),
        "5"
    );
    // What was there for the install alone is gone.
    let first = ["get", "job/vouchsafe-sync-first", "--namespace=vouchsafe"];
    assert_ne!(cluster.kubectl(&first).unwrap().code, Some(0));

    // The Job of the uninstall deletes them, and without hooks nobody does.
    release(&cluster, &["uninstall", "vouchsafe", "--no-hooks"]);
    assert_eq!(configurations(&cluster), 2);
    // Trust data outlives the release.
    let definition = "customresourcedefinition/trustrepositories.vouchsafe.dev";
    cluster.succeed(&["get", definition]).unwrap();
}

#[test]
fn a_way_back_takes_no_webhook_configuration_away_nor_makes_it_anew() {
    let cluster = ApiServer::start().unwrap();
    let chart = super::chart();
    let chart = chart.to_str().unwrap();
    release_and_wait(
        &cluster,
        &["install", "vouchsafe", chart, "--create-namespace"],
    );
    let before = identities(&cluster);
    release_and_wait(&cluster, &["upgrade", "vouchsafe", chart]);
    assert_eq!(identities(&cluster), before);
    // The first revision does not list them, since hooks made them.
    release_and_wait(&cluster, &["rollback", "vouchsafe", "1"]);
    assert_eq!(identities(&cluster), before);
    // Nor does it keep an upgrade from going on with them.
    release_and_wait(&cluster, &["upgrade", "vouchsafe", chart]);
    assert_eq!(identities(&cluster), before);
    // So it is where an upgrade fails and helm goes back by itself; that waits for replicas, which nobody runs here.
    release_and_wait(&cluster, &["rollback", "vouchsafe", "1"]);
    let atomic = ["upgrade", "vouchsafe", chart, "--atomic", "--timeout=3s"];
    let failed = attempt(&cluster, &atomic);
    assert!(failed.stderr.contains("rolling back"), "{failed:?}");
    let history = release(&cluster, &["history", "vouchsafe"]);
    // The seventh is the way back to the fifth.
    assert!(
        history.contains(
            "
7 "
        ),
        "{history}"
    );
    assert_eq!(identities(&cluster), before);
}

#[test]
fn no_webhook_configuration_is_made_before_a_replica_is_ready_whichever_try_it_is() {
    let cluster = ApiServer::start().unwrap();
    let chart = super::chart();
    let chart = chart.to_str().unwrap();
    let impatient = "--timeout=3s";
    let install = [
        "install",
        "vouchsafe",
        chart,
        "--create-namespace",
        impatient,
    ];
    for arguments in [&install[..], &["upgrade", "vouchsafe", chart, impatient]] {
        let failed = attempt(&cluster, arguments);
        assert!(failed.stderr.contains("timed out"), "{failed:?}");
        assert_eq!(configurations(&cluster), 0, "{arguments:?}");
    }
    // Trust data is not waited for until the schedule comes round.
    let first = ["get", "job/vouchsafe-sync-first-2", "--namespace=vouchsafe"];
    cluster.succeed(&first).unwrap();
    release_and_wait(&cluster, &["upgrade", "vouchsafe", chart]);
    assert_eq!(configurations(&cluster), 2);

    // What somebody deleted in an emergency comes back the same way, and nothing else is touched.
    let [mutating, _] = identities(&cluster);
    let delete = ["delete", "validatingwebhookconfiguration", "vouchsafe"];
    cluster.succeed(&delete).unwrap();
    let failed = attempt(&cluster, &["upgrade", "vouchsafe", chart, impatient]);
    assert!(failed.stderr.contains("timed out"), "{failed:?}");
    assert_eq!(configurations(&cluster), 1);
    release_and_wait(&cluster, &["upgrade", "vouchsafe", chart]);
    assert_eq!(configurations(&cluster), 2);
    let [now, _] = identities(&cluster);
    assert_eq!(now, mutating);
    release_and_wait(&cluster, &["upgrade", "vouchsafe", chart]);

    // Another release of this name would make them its own, and so take them from this one.
    let mut other = Command::new(helm::program().unwrap());
    other.arg("--kubeconfig").arg(cluster.kubeconfig());
    other.args(["install", "vouchsafe", chart, "--no-hooks"]);
    other.args(["--namespace=other", "--create-namespace"]);
    let refused = finish(&mut other).unwrap();
    assert_ne!(refused.code, Some(0));
    let told = refused.stderr;
    assert!(told.contains("fullnameOverride:"), "{told}");
}
