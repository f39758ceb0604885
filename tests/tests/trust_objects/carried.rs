//! What reaches the webhooks, and what kubectl shows of it.

use serde_json::json;
use vouchsafe_tests::harness::Certificates;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::webhook::Webhook;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use crate::cluster::{Cluster, condition, newer, until};
use crate::published::{GUN, image};

#[test]
fn a_sync_reaches_every_webhook_and_none_of_them_asks_the_server() {
    let cluster = Cluster::new();
    let done = cluster.publish();
    assert_eq!(done["published"]["written"], 1, "{done:#}");
    assert_eq!(cluster.publish()["published"]["unchanged"], 1);
    let asked = cluster.server.requests().len();
    let replicas = [cluster.serving(), cluster.serving()];
    let answers = |tag: &str, holds: &dyn Fn(&str) -> bool| {
        for replica in &replicas {
            let ask = || replica.ask("/mutate", "default", &image(tag)).unwrap();
            until(|| format!("{:?}", ask()), |answer| holds(answer));
        }
    };
    answers("signed", &|answer| answer.contains(&digest_of("image")));
    answers("unsigned", &|answer| answer.contains("403"));

    let shown = until(
        || cluster.api.succeed(&["get", "trust"]).unwrap(),
        |shown| shown.contains("Fresh"),
    );
    for part in ["GUN", "STATE", "TAGS", "EXPIRES", "SYNCED", "AGE", GUN] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let object = cluster.object();
    for kind in ["Ready", "Verified", "Fresh"] {
        assert_eq!(condition(&object, kind).0, "True", "{object:#}");
    }

    // A tag moves on.
    cluster.serve_files(&newer());
    assert_eq!(cluster.publish()["published"]["written"], 1);
    answers("signed", &|answer| answer.contains(&digest_of("newer")));

    // The server no longer has it: nobody else said so, and every replica denies.
    cluster.server.withdraw(GUN);
    let done = cluster.publish();
    assert_eq!(done["servers"][0]["withdrawn"], 1, "{done:#}");
    answers("signed", &|answer| answer.contains("403"));
    until(
        || cluster.object(),
        |object| object["status"]["state"] == "Withdrawn",
    );
    let requests = cluster.server.requests();
    let by_syncer = requests.len() - asked;
    assert!(by_syncer < 12, "{by_syncer} requests, of two syncs");
}

#[test]
fn a_replica_with_nothing_on_its_disk_is_not_ready_before_it_has_everything() {
    let cluster = Cluster::new();
    let certificates = Certificates::new().unwrap();
    let replica = cluster.replica();
    let serving = replica.serve_unready(&certificates).unwrap();
    let page = serving.page("/ready").unwrap();
    assert_eq!(page.0, 503, "{page:?}");
    assert!(page.1.contains("first-feed"), "{page:?}");
    cluster.publish();
    serving
        .wait_for("/ready", |page| page.ends_with("\nready\n"))
        .unwrap();
    replica.succeed(&["check", &image("signed")]).unwrap();
}

#[test]
fn an_api_server_that_is_gone_takes_nothing_away() {
    let cluster = Cluster::new();
    cluster.publish();
    let certificates = Certificates::new().unwrap();
    let replica = cluster.replica();
    drop(replica.serve(&certificates).unwrap());
    cluster.api.stop().unwrap();
    drop(cluster.server);
    // The store is there, so the process is ready without anybody.
    let replica = Webhook::new(replica, certificates, &[]).unwrap();
    let answer = replica.ask("/mutate", "default", &image("signed")).unwrap();
    assert!(format!("{answer:?}").contains(&digest_of("image")));
    assert_eq!(
        replica.metric("vouchsafe_api_server_up").unwrap(),
        Some(0.0)
    );
}

#[test]
fn a_repository_that_is_larger_than_an_object_may_be_is_split() {
    let cluster = Cluster::new();
    // With the one that is there already.
    let tags = 20_000;
    let large = (1..tags).fold(Repository::plain(GUN), |repository, at| {
        repository.tag("targets", &format!("v{at}"), &format!("image {at}"))
    });
    cluster.serve_files(&large);
    cluster.publish();
    let parts = cluster
        .api
        .succeed(&["get", "trustrepositoryparts", "-o", "name"])
        .unwrap();
    assert!(parts.lines().count() >= 2, "{parts}");
    let replica = cluster.serving();
    let answer = replica.ask("/mutate", "default", &image("v19999")).unwrap();
    let digest = digest_of("image 19999");
    assert!(format!("{answer:?}").contains(&digest), "{answer:?}");
    let object = until(
        || cluster.object(),
        |object| object["status"]["tags"] == json!(tags),
    );
    assert_eq!(condition(&object, "Verified").0, "True");
    // A syncer that begins with nothing writes nothing anew.
    let other = cluster.other_syncer();
    let done = other
        .json(&["sync", "--publish", "kubernetes", "-o", "json"], &[0])
        .unwrap();
    assert_eq!(done["published"]["unchanged"], 1, "{done:#}");
}

#[test]
fn a_bundle_is_published_where_no_server_can_be_reached() {
    let cluster = Cluster::new();
    let connected = cluster.other_syncer();
    let folder = connected.directory().path().display().to_string();
    let create = ["bundle", "create", "-o", "json", "--directory", &folder];
    let made = connected.json(&create, &[0]).unwrap();
    let bundle = made["files"][0].as_str().unwrap();
    let asked = cluster.server.requests().len();
    let gapped = cluster.other_syncer();
    let import = [
        "bundle",
        "import",
        bundle,
        "--publish",
        "kubernetes",
        "-o",
        "json",
    ];
    let done = gapped.json(&import, &[0]).unwrap();
    assert_eq!(done["outcome"], "done", "{done:#}");
    assert_eq!(done["published"]["written"], 1, "{done:#}");
    let replica = cluster.serving();
    let answer = replica.ask("/mutate", "default", &image("signed")).unwrap();
    assert!(format!("{answer:?}").contains(&digest_of("image")));
    assert_eq!(
        cluster.server.requests().len(),
        asked,
        "nobody asks the server"
    );
}

#[test]
fn what_is_stored_and_no_longer_asked_about_is_taken_away() {
    let cluster = Cluster::new();
    cluster.publish();
    let narrow = cluster
        .configuration()
        .to_string()
        .replace(GUN, "registry.example.com/team/other");
    cluster.syncer.configure(&narrow).unwrap();
    cluster
        .server
        .serve("registry.example.com/team/other", RoleFiles::new());
    let done = cluster
        .syncer
        .run(&["sync", "--publish", "kubernetes", "-o", "json"])
        .unwrap();
    assert!(done.stdout.contains("\"removed\": 1"), "{done:?}");
    assert_eq!(cluster.list()["items"], json!([]));
}
