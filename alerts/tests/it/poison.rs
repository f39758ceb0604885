use jiff::SignedDuration;
use vouchsafe_tests::harness::receiver::{Receiver, Reply};

use crate::support::{Log, Scene, now, numbers, queue, queue_at, uids, until};

#[tokio::test]
async fn an_alert_that_alone_is_answered_with_errors_is_dropped_after_some_attempts() {
    for status in [500, 501, 401, 403, 404, 410, 499] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.answer_to(&body(0), Reply::Status(status));
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..5);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        assert_eq!(receiver.texts("uid"), often(0, 8, 1..5), "{status}");
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused, counts.failed_attempts),
            (4, 1, 8),
            "{status}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn each_of_several_poison_alerts_is_told_from_the_good_ones() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    receiver.answer_to(&body(0), Reply::Status(500));
    receiver.answer_to(&body(2), Reply::Status(404));
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..5);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    let told = [often(0, 8, 1..2), often(2, 8, 3..5)].concat();
    assert_eq!(receiver.texts("uid"), told);
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (3, 2));
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_answers_everything_with_errors_loses_nothing() {
    for next in [
        Reply::Status(500),
        Reply::Status(401),
        Reply::Status(503),
        Reply::With(429, "retry-after: 0"),
        Reply::Never,
    ] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        let script = [[Reply::Status(500); 8].as_slice(), &[next]].concat();
        receiver.script(&script.repeat(2));
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..3);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        // The second one is tried twice only, and both are delivered in their order.
        let told = [often(0, 8, 1..2), often(0, 8, 1..2), numbers(0..3)].concat();
        assert_eq!(receiver.texts("uid"), told, "{next:?}");
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused, counts.failed_attempts),
            (3, 0, 18),
            "{next:?}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn a_receiver_that_is_down_loses_nothing() {
    let (scene, mut receiver) = (Scene::new(), Receiver::down().unwrap());
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..3);
    let running = scene.deliver(&store, &alerting);
    until(|| running.counts("reject/uids/0").failed_attempts > 20).await;
    assert_eq!(store.outbox_len(), 3);
    receiver.listen().unwrap();
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), numbers(0..3));
    running.stop().await;
}

#[tokio::test]
async fn a_status_that_is_about_the_moment_sets_no_alert_against_another() {
    for reply in [
        Reply::Status(302),
        Reply::Status(408),
        Reply::Status(425),
        Reply::Status(429),
        Reply::Status(502),
        Reply::Status(503),
        Reply::Status(504),
        Reply::With(500, "retry-after: 0"),
    ] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.script(&[reply; 12]);
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..3);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        assert_eq!(receiver.texts("uid"), often(0, 13, 1..3), "{reply:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn only_attempts_that_the_receiver_answered_count() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    let answered = [Reply::Status(500); 7];
    receiver.script(&[answered.as_slice(), &[Reply::Status(503); 5]].concat());
    receiver.script(&[Reply::Status(500)]);
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..3);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), often(0, 13, 1..3));
    assert_eq!(running.counts("reject/uids/0").refused, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_poison_alert_that_is_alone_waits_until_another_one_comes() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    receiver.answer_to(&body(0), Reply::Status(500));
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..1);
    let running = scene.deliver(&store, &alerting);
    until(|| receiver.requests().len() > 20).await;
    assert_eq!(store.outbox_len(), 1);
    queue(&store, &alerting, 1..2);
    until(|| store.outbox_len() == 0).await;
    let told = receiver.texts("uid");
    assert_eq!(told.last().unwrap(), "1");
    assert!(told[..told.len() - 1].iter().all(|uid| uid == "0"));
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (1, 1));
    running.stop().await;
}

#[tokio::test]
async fn what_is_refused_or_not_written_says_nothing_about_the_one_before() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    let template = "{% if request_id != '2' %}{\"uid\": \"{{ request_id }}\"}{% endif %}";
    scene.dir.write("templates/most.json", template).unwrap();
    receiver.script(&[Reply::Status(500); 8]);
    receiver.answer_to(&body(1), Reply::Status(400));
    let store = scene.store();
    let url = receiver.url("/");
    let alerting = scene.alerting(&[format!("template: most, receiverUrl: '{url}'")]);
    queue(&store, &alerting, 0..3);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(
        receiver.texts("uid"),
        [often(0, 8, 1..2), numbers([0])].concat()
    );
    let counts = running.counts("reject/most/0");
    assert_eq!(
        (counts.delivered, counts.refused, counts.unwritten),
        (1, 1, 1)
    );
    running.stop().await;
}

#[tokio::test]
async fn an_alert_that_is_too_old_is_dropped_as_such() {
    let mut scene = Scene::new();
    scene.pace.probe_after = 1;
    let receiver = Receiver::new().unwrap();
    receiver.answer_to(&body(0), Reply::Status(500));
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue_at(&store, &alerting, 0, now() - SignedDuration::from_hours(24));
    queue(&store, &alerting, 1..2);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), ["0", "1"]);
    let counts = running.counts("reject/uids/0");
    assert_eq!(
        (counts.delivered, counts.expired, counts.refused),
        (1, 1, 0)
    );
    running.stop().await;
}

#[tokio::test]
async fn the_log_says_once_which_alert_was_dropped_and_why() {
    let log = Log::of_all_tests();
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    receiver.answer_to(&body(4711), Reply::Status(501));
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 4711..4714);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    running.stop().await;
    let log = log.text();
    let told = log.lines().filter(|line| line.contains("uid=\"4711\""));
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 1, "{log}");
    for words in ["ERROR", "reject/uids/0", "status=501", "dropped an alert"] {
        assert!(told[0].contains(words), "{words}: {log}");
    }
}

/// What only the body of this alert says.
fn body(uid: u32) -> String {
    format!("\"uid\":\"{uid}\"")
}

/// The same alert so many times, and then the others.
fn often(uid: u32, times: usize, others: std::ops::Range<u32>) -> Vec<String> {
    [vec![uid.to_string(); times], numbers(others)].concat()
}
