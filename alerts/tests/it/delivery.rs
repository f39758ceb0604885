use vouchsafe_store::{Alert, AlertOutcome};
use vouchsafe_tests::harness::receiver::{Receiver, Reply};

use crate::support::{Scene, a_while, ids, now, numbers, queue, uids, until};

#[tokio::test]
async fn alerts_reach_their_receivers_in_order() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/hook"))]);
    // Both what waited before the start, and what is queued later.
    queue(&store, &alerting, 0..5);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    queue(&store, &alerting, 5..10);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), numbers(0..10));
    assert_eq!(running.counts("reject/uids/0").delivered, 10);
    let request = &receiver.requests()[0];
    assert_eq!(request.line(), "POST /hook");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        r#"{"message":"Vouchsafe rejected a request: registry.example.com/app:1 is not signed","uid":"0"}"#
    );
    running.stop().await;
}

#[tokio::test]
async fn headers_of_the_configuration_are_sent_and_may_say_another_content_type() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    let store = scene.store();
    let headers = "customHeaders: ['Authorization: GenieKey abc', 'Content-Type: text/x', 'x-a: 1', 'X-A: 2']";
    let alerting = scene.alerting(&[format!("{}, {headers}", uids(&receiver.url("/")))]);
    queue(&store, &alerting, 0..1);
    let running = scene.deliver(&store, &alerting);
    until(|| receiver.requests().len() == 1).await;
    let request = &receiver.requests()[0];
    assert_eq!(request.header("authorization"), Some("GenieKey abc"));
    let all = |name| {
        let of_name = request.headers.iter().filter(move |(key, _)| key == name);
        of_name.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(all("content-type"), ["text/x"]);
    assert_eq!(all("x-a"), ["1", "2"]);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_down_holds_up_no_other_and_loses_nothing() {
    let scene = Scene::new();
    let (mut down, slow, up) = (
        Receiver::down().unwrap(),
        Receiver::new().unwrap(),
        Receiver::new().unwrap(),
    );
    slow.always(Reply::Never);
    let store = scene.store();
    let alerting = scene.alerting(&[&down, &slow, &up].map(|receiver| uids(&receiver.url("/"))));
    queue(&store, &alerting, 0..20);
    let running = scene.deliver(&store, &alerting);
    until(|| up.requests().len() == 20).await;
    assert_eq!(up.texts("uid"), numbers(0..20));
    until(|| running.counts("reject/uids/0").failed_attempts > 0).await;
    assert_eq!(running.counts("reject/uids/1").delivered, 0);
    down.listen().unwrap();
    until(|| down.requests().len() == 20).await;
    assert_eq!(down.texts("uid"), numbers(0..20));
    until(|| store.outbox_len() == 20).await;
    running.stop().await;
    assert_eq!(store.outbox_receivers(), [ids(&alerting)[1]]);
}

#[tokio::test]
async fn what_waits_is_delivered_in_order_after_a_restart() {
    let scene = Scene::new();
    let mut receiver = Receiver::down().unwrap();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    let store = scene.store();
    let running = scene.deliver(&store, &alerting);
    queue(&store, &alerting, 0..10);
    until(|| running.counts("reject/uids/0").failed_attempts > 0).await;
    running.stop().await;
    drop(store);

    let store = scene.store();
    assert_eq!(store.outbox_len(), 10);
    receiver.script(&[Reply::Status(200); 4]);
    receiver.always(Reply::Status(503));
    receiver.listen().unwrap();
    let running = scene.deliver(&store, &alerting);
    until(|| receiver.requests().len() > 4).await;
    running.stop().await;
    drop(store);

    let store = scene.store();
    receiver.always(Reply::Status(204));
    let before = receiver.requests().len();
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    running.stop().await;
    let uids = receiver.texts("uid");
    assert_eq!(uids[..4], numbers(0..4));
    assert!(uids[4..before].iter().all(|uid| uid == "4"), "{uids:?}");
    assert_eq!(uids[before..], numbers(4..10));
}

#[tokio::test]
async fn a_new_configuration_is_taken_up_at_once() {
    let scene = Scene::new();
    let (down, old, new) = (
        Receiver::down().unwrap(),
        Receiver::new().unwrap(),
        Receiver::new().unwrap(),
    );
    let store = scene.store();
    let before = scene.alerting(&[uids(&down.url("/")), uids(&old.url("/"))]);
    let running = scene.deliver(&store, &before);
    queue(&store, &before, 0..3);
    until(|| old.requests().len() == 3).await;
    // Admission may know of a receiver before delivery does.
    let after = scene.alerting(&[uids(&old.url("/")), uids(&new.url("/"))]);
    queue(&store, &after, 3..4);
    running.reload(&after);
    until(|| new.requests().len() == 1 && old.requests().len() == 4).await;
    assert_eq!(new.texts("uid"), numbers(3..4));
    assert_eq!(old.texts("uid"), numbers(0..4));
    // What waits for a receiver that is gone is dropped, after a while.
    until(|| store.outbox_len() == 0).await;
    until(|| running.counters.orphaned() == 3).await;
    // And it may come back.
    running.reload(&before);
    queue(&store, &before, 4..5);
    until(|| old.requests().len() == 5).await;
    a_while().await;
    assert_eq!(store.outbox_receivers(), [ids(&before)[0]]);
    running.stop().await;
}

#[tokio::test]
async fn a_mended_receiver_is_tried_at_once() {
    let mut scene = Scene::new();
    // Longer than the test waits.
    scene.pace.first = std::time::Duration::from_mins(10);
    scene.pace.longest = std::time::Duration::from_mins(10);
    let receiver = Receiver::new().unwrap();
    receiver.script(&[Reply::Status(401)]);
    let store = scene.store();
    let header = "customHeaders: ['Authorization: old']";
    let alerting = scene.alerting(&[format!("{}, {header}", uids(&receiver.url("/")))]);
    let running = scene.deliver(&store, &alerting);
    queue(&store, &alerting, 0..2);
    until(|| running.counts("reject/uids/0").failed_attempts == 1).await;
    let header = "customHeaders: ['Authorization: new']";
    running.reload(&scene.alerting(&[format!("{}, {header}", uids(&receiver.url("/")))]));
    until(|| store.outbox_len() == 0).await;
    let requests = receiver.requests();
    let sent: Vec<_> = requests.iter().map(|r| r.header("authorization")).collect();
    assert_eq!(sent, [Some("old"), Some("new"), Some("new")]);
    assert_eq!(receiver.texts("uid"), ["0", "0", "1"]);
    running.stop().await;
}

#[tokio::test]
async fn an_alert_of_which_the_template_makes_nothing_is_skipped() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    let template = "{% if error %}{\"uid\": \"{{ request_id }}\"}{% endif %}";
    scene.dir.write("templates/denials.json", template).unwrap();
    let store = scene.store();
    let url = receiver.url("/");
    let alerting = scene.alerting(&[format!("template: denials, receiverUrl: '{url}'")]);
    let admitted = Alert {
        outcome: AlertOutcome::Admitted,
        message: String::new(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: "app".to_owned(),
        images: String::new(),
        uid: "0".to_owned(),
        at: now(),
    };
    store.queue_alert(&admitted, &ids(&alerting)).unwrap();
    queue(&store, &alerting, 1..2);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), ["1"]);
    let counts = running.counts("reject/denials/0");
    assert_eq!((counts.delivered, counts.unwritten), (1, 1));
    running.stop().await;
}
