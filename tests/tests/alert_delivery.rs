//! Alerts from admission to their receivers: receivers that are down or broken hold up nothing and lose nothing, over restarts, too.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use vouchsafe_policy::Config;
use vouchsafe_store::{Alert, AlertOutcome, QueueError, Store};
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::process::Signal;
use vouchsafe_tests::harness::receiver::Reply;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{Certificates, Receiver, Vouchsafe, Webhook};
use vouchsafe_tests::vector::repository::digest_of;
use vouchsafe_trust::Sha256;

use published::{Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn receivers_that_fail_hold_up_nothing_and_get_all_in_order_when_they_are_mended() {
    let published = Published::new();
    let mut down = Receiver::down().unwrap();
    let [silent, broken, well] = std::array::from_fn(|_| Receiver::new().unwrap());
    silent.always(Reply::Never);
    broken.always(Reply::Status(500));
    let certificates = Certificates::new().unwrap();
    let vouchsafe = vouchsafe(&published, &[&down, &silent, &broken, &well]);
    let serving = vouchsafe.serve(&certificates).unwrap();

    deny(&serving, &certificates, "0");
    until(&serving, || {
        !silent.requests().is_empty() && !broken.requests().is_empty()
    });
    // The silent one has been told, and does not answer; who asks admission does not notice.
    let uids: Vec<String> = (0..30).map(|uid| uid.to_string()).collect();
    for uid in &uids[1..] {
        deny(&serving, &certificates, uid);
    }
    until(&serving, || well.requests().len() == uids.len());
    assert_eq!(well.texts("uid"), uids);
    for (receiver, waiting) in [(0, 30.0), (1, 30.0), (2, 30.0), (3, 0.0)] {
        let name = format!("{{receiver=\"reject/uids/{receiver}\"");
        until(&serving, || {
            serving
                .metric(&format!("vouchsafe_alerts_waiting{name}}}"))
                .unwrap()
                == Some(waiting)
        });
        let delivered = serving
            .metric(&format!(
                "vouchsafe_alerts_total{name},result=\"delivered\"}}"
            ))
            .unwrap();
        assert_eq!(delivered, Some(30.0 - waiting), "{receiver}");
        let oldest = serving
            .metric(&format!(
                "vouchsafe_alerts_oldest_timestamp_seconds{name}}}"
            ))
            .unwrap();
        assert_eq!(oldest.is_some(), waiting > 0.0, "{receiver}");
    }
    until(&serving, || {
        serving
            .metric("vouchsafe_alert_attempts_failed_total{receiver=\"reject/uids/0\"}")
            .unwrap()
            > Some(0.0)
    });

    down.listen().unwrap();
    silent.always(Reply::Status(204));
    broken.always(Reply::Status(200));
    for (number, receiver) in [&down, &silent, &broken].into_iter().enumerate() {
        let name = format!(
            "vouchsafe_alerts_total{{receiver=\"reject/uids/{number}\",result=\"delivered\"}}"
        );
        until(&serving, || serving.metric(&name).unwrap() == Some(30.0));
        // Each until it is taken, and then the next.
        let mut told = receiver.texts("uid");
        told.dedup();
        assert_eq!(told, uids, "{number}");
    }
}

#[test]
fn alerts_wait_over_restarts_until_their_receiver_is_up() {
    let published = Published::new();
    let mut down = Receiver::down().unwrap();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = vouchsafe(&published, &[&down]);
    let mut serving = vouchsafe.serve(&certificates).unwrap();
    deny(&serving, &certificates, "0");
    deny(&serving, &certificates, "1");
    serving.process().signal(Signal::Term).unwrap();
    let ended = serving
        .process()
        .wait_for_exit(Duration::from_secs(30))
        .unwrap();
    assert_eq!(ended.code(), Some(0));

    let mut serving = vouchsafe.serve(&certificates).unwrap();
    let waiting = "vouchsafe_alerts_waiting{receiver=\"reject/uids/0\"}";
    assert_eq!(serving.metric(waiting).unwrap(), Some(2.0));
    deny(&serving, &certificates, "2");
    deny(&serving, &certificates, "3");
    // At once: whoever was answered has been promised an alert.
    serving.process().kill().unwrap();

    let serving = vouchsafe.serve(&certificates).unwrap();
    deny(&serving, &certificates, "4");
    assert_eq!(serving.metric(waiting).unwrap(), Some(5.0));
    down.listen().unwrap();
    until(&serving, || serving.metric(waiting).unwrap() == Some(0.0));
    assert_eq!(down.texts("uid"), ["0", "1", "2", "3", "4"]);
}

#[test]
fn what_cannot_be_told_is_denied_where_the_receiver_says_so_and_lost_otherwise() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let down = Receiver::down().unwrap();
    let configured = |detection: bool, admit: bool, reject: bool| {
        let to = |strict: bool| json!({"receivers": [{"template": "slack", "receiverUrl": down.url("/"), "failIfAlertSendingFails": strict}]});
        let configuration = published
            .configuration()
            .setting("features", json!({"detectionMode": detection}))
            .setting(
                "alerting",
                json!({"admitRequest": to(admit), "rejectRequest": to(reject)}),
            );
        configuration.to_string()
    };
    let lenient = configured(false, false, true);
    fill(&vouchsafe, &lenient);
    let pinned = format!("{}@{}", image("signed"), digest_of("image"));

    vouchsafe.configure(&lenient).unwrap();
    let certificates = Certificates::new().unwrap();
    let serving = vouchsafe.serve(&certificates).unwrap();
    let ask = |serving: &Serving, path: &str, image: &str| {
        serving
            .ask(&certificates, path, &pod_review(&[image]))
            .unwrap()
    };
    let admitted = ask(&serving, "/validate", &pinned);
    assert!(admitted.is_allowed(), "{admitted:?}");
    assert_eq!(
        serving.metric("vouchsafe_alerts_not_queued_total").unwrap(),
        Some(1.0)
    );
    // What is denied anyway is denied for its own reason.
    ask(&serving, "/validate", &image("unsigned"))
        .assert_denied("not_signed", &[&image("unsigned")]);
    assert_eq!(
        serving.metric("vouchsafe_alerts_not_queued_total").unwrap(),
        Some(2.0)
    );
    for list in ["admit", "reject"] {
        let waiting = format!("vouchsafe_alerts_waiting{{receiver=\"{list}/slack/0\"}}");
        assert_eq!(serving.metric(&waiting).unwrap(), Some(5000.0));
        let log = serving.log();
        let lost = log
            .lines()
            .filter(|line| line.contains("is not queued, and lost") && line.contains(list));
        assert_eq!(lost.count(), 1, "{log}");
    }
    drop(serving);

    vouchsafe.configure(&configured(true, true, true)).unwrap();
    let serving = vouchsafe.serve(&certificates).unwrap();
    let words = ["could not be queued", "failIfAlertSendingFails"];
    ask(&serving, "/validate", &pinned).assert_denied("alert_not_queued", &words);
    let unsigned = ask(&serving, "/validate", &image("unsigned"));
    unsigned.assert_denied("alert_not_queued", &words);
    // `/mutate` has no final answer here, so there is nothing to tell.
    assert!(ask(&serving, "/mutate", &image("unsigned")).is_allowed());
    let denied = "vouchsafe_admission_requests_total{webhook=\"validate\",decision=\"deny\",reason=\"alert_not_queued\"}";
    assert_eq!(serving.metric(denied).unwrap(), Some(2.0));
}

#[test]
fn every_template_tells_in_valid_json_why_it_was_denied() {
    let published = Published::new();
    let receiver = Receiver::new().unwrap();
    let vouchsafe = published.synced();
    let names = [
        "slack",
        "msteams",
        "opsgenie",
        "keybase",
        "ecs-1-12-0",
        "ticket",
    ];
    let alerting = templates(&vouchsafe, &receiver, &names);
    let configuration = published.configuration().setting("alerting", alerting);
    vouchsafe.configure(&configuration.to_string()).unwrap();
    let webhook = Webhook::new(
        vouchsafe,
        Certificates::new().unwrap(),
        &["--pod-name", "vouchsafe-0"],
    )
    .unwrap();

    let hostile = "evil\"},{\"x\": \"\u{2028}\\";
    let denied = webhook
        .send("/mutate", &pod_review(&[&image("unsigned"), hostile]))
        .unwrap();
    denied.assert_denied("not_signed", &[&image("unsigned"), "evil"]);
    until(webhook.serving(), || {
        receiver.requests().len() == names.len()
    });
    let mut told = Vec::new();
    for (request, body) in receiver.requests().iter().zip(receiver.bodies()) {
        assert_eq!(request.header("authorization"), Some("GenieKey abc"));
        assert_eq!(body.pointer("/team"), Some(&json!("platform")), "{body}");
        let text = body.to_string();
        for words in [&image("unsigned"), "not signed", "evil", "production"] {
            assert!(
                text.contains(words),
                "no {words} for {}: {text}",
                request.path()
            );
        }
        told.push((request.path().trim_start_matches('/').to_owned(), body));
    }
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let body = |name: &str| &told.iter().find(|(found, _)| found == name).unwrap().1;
    // Word by word what the user was told.
    assert_eq!(
        body("ecs-1-12-0").pointer("/event/reason"),
        Some(&json!(denied.message()))
    );
    assert_eq!(
        body("opsgenie").pointer("/details/answered_by"),
        Some(&json!("vouchsafe-0"))
    );
    assert_eq!(body("opsgenie").pointer("/priority"), Some(&json!("P2")));
    let ticket = body("ticket");
    assert_eq!(
        ticket.pointer("/title"),
        Some(&json!("production: default/test rejected")),
        "{ticket}"
    );
    assert_eq!(ticket.pointer("/severity"), Some(&json!(2)), "{ticket}");
}

/// Tells one receiver by each of these templates, on a path of that name.
fn templates(vouchsafe: &Vouchsafe, receiver: &Receiver, names: &[&str]) -> Value {
    let ticket = r#"{"title": "{{ cluster }}: {{ namespace }}/{{ name }} {{ result }}", "text": "{{ alert_message }}", "severity": {{ priority }}}"#;
    vouchsafe
        .directory()
        .write("templates/ticket.json", ticket)
        .unwrap();
    let of = |name: &&str| {
        json!({"template": name, "receiverUrl": receiver.url(&format!("/{name}")), "priority": 2,
        "customHeaders": ["Authorization: GenieKey abc"], "payloadFields": {"team": "platform"}})
    };
    let receivers: Vec<Value> = names.iter().map(of).collect();
    json!({
        "clusterIdentifier": "production",
        "templateDirectory": vouchsafe.directory().path().join("templates"),
        "rejectRequest": {"receivers": receivers},
    })
}

/// A Vouchsafe that has the published repository, and tells these receivers the UIDs of what it denies.
fn vouchsafe(published: &Published, receivers: &[&Receiver]) -> Vouchsafe {
    let vouchsafe = published.synced();
    let folder = vouchsafe.directory();
    folder
        .write("templates/uids.json", "{\"uid\": \"{{ request_id }}\"}")
        .unwrap();
    let of =
        |receiver: &&Receiver| json!({"template": "uids", "receiverUrl": receiver.url("/hook")});
    let receivers: Vec<Value> = receivers.iter().map(of).collect();
    let alerting = json!({"templateDirectory": folder.path().join("templates"), "rejectRequest": {"receivers": receivers}});
    let configuration = published.configuration().setting("alerting", alerting);
    vouchsafe.configure(&configuration.to_string()).unwrap();
    vouchsafe
}

/// Has a request with this UID denied.
fn deny(serving: &Serving, certificates: &Certificates, uid: &str) {
    let mut review = pod_review(&[&image("unsigned")]);
    *review.pointer_mut("/request/uid").unwrap() = json!(uid);
    let reviewed = serving.ask(certificates, "/mutate", &review).unwrap();
    reviewed.assert_denied("not_signed", &[&image("unsigned")]);
}

/// Queues alerts for every receiver until no more fit.
fn fill(vouchsafe: &Vouchsafe, configuration: &str) {
    let config = Config::parse(configuration, "config.yaml").unwrap();
    let receivers = config.alerting().receivers();
    let receivers: Vec<Sha256> = receivers
        .map(|receiver| receiver.id.fingerprint())
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the machine that tests"
    )]
    let now = Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    let store = Store::open(&vouchsafe.store(), now).unwrap().store;
    let alert = Alert {
        outcome: AlertOutcome::Rejected,
        message: "it is not signed".to_owned(),
        namespace: "default".to_owned(),
        kind: "Pod".to_owned(),
        name: "test".to_owned(),
        images: image("unsigned"),
        uid: "waits".to_owned(),
        at: now,
    };
    // Many at a time share a sync of the disk.
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| while !is_full(&store, &alert, &receivers) {});
        }
    });
}

fn is_full(store: &Store, alert: &Alert, receivers: &[Sha256]) -> bool {
    match store.queue_alert(alert, receivers) {
        Ok(()) => false,
        Err(QueueError::Full { receivers: full }) => full.len() == receivers.len(),
        Err(error) => panic!("{error}"),
    }
}

fn until(serving: &Serving, condition: impl Fn() -> bool) {
    serving
        .wait_for("/metrics", |_metrics| condition())
        .unwrap();
}
