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
        // The poison alert gets one more try when the receiver has taken another one.
        let told = [often(0, 8, 1..2), numbers(0..1), numbers(2..5)].concat();
        assert_eq!(receiver.texts("uid"), told, "{status}");
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused, counts.failed_attempts),
            (4, 1, 9),
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
    let told = [
        often(0, 8, 1..2),
        numbers(0..1),
        often(2, 8, 3..4),
        numbers(2..3),
        numbers(4..5),
    ]
    .concat();
    assert_eq!(receiver.texts("uid"), told);
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (3, 2));
    running.stop().await;
}

#[tokio::test]
async fn poison_alerts_in_a_row_are_dropped_together() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    for (uid, status) in [(0, 500), (1, 404), (2, 500)] {
        receiver.answer_to(&body(uid), Reply::Status(status));
    }
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..6);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    let told = [often(0, 8, 1..4), numbers(0..3), numbers(4..6)].concat();
    assert_eq!(receiver.texts("uid"), told);
    let counts = running.counts("reject/uids/0");
    assert_eq!(
        (counts.delivered, counts.refused, counts.failed_attempts),
        (3, 3, 13)
    );
    running.stop().await;
}

#[tokio::test]
async fn more_poison_alerts_in_a_row_than_are_tried_at_once_are_passed_the_next_time() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    for uid in 0..10 {
        receiver.answer_to(&body(uid), Reply::Status(500));
    }
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..13);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    let told = [
        often(0, 8, 1..9),
        often(0, 8, 9..11),
        vec!["0".to_owned(), "9".to_owned()],
        // Those of the first time once more, and a good one after them.
        numbers(1..9),
        numbers(11..12),
        numbers(1..9),
        numbers(12..13),
    ];
    assert_eq!(receiver.texts("uid"), told.concat());
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (3, 10));
    running.stop().await;
}

#[tokio::test]
async fn dozens_of_poison_alerts_end_and_the_good_ones_keep_their_order() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    for uid in 0..40 {
        receiver.answer_to(&body(uid), Reply::Status(500));
    }
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    queue(&store, &alerting, 0..60);
    let running = scene.deliver(&store, &alerting);
    until(|| store.outbox_len() == 0).await;
    let mut told = receiver.texts("uid");
    told.retain(|uid| uid.parse::<u32>().unwrap() >= 40);
    assert_eq!(told, numbers(40..60));
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (20, 40));
    running.stop().await;
}

#[tokio::test]
async fn what_was_answered_with_errors_while_the_receiver_was_at_fault_is_not_dropped() {
    for (waiting, tried) in [(3, 2), (12, 8)] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.answer_to(&body(0), Reply::Status(500));
        receiver.script(&vec![Reply::Status(500); tried]);
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..waiting);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused),
            (u64::from(waiting) - 1, 1),
            "{waiting}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn a_receiver_that_answers_everything_with_errors_loses_nothing() {
    for status in [500, 401] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.script(&[Reply::Status(status); 64]);
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..20);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        // Each time other ones are tried, and in the end all are delivered in their order.
        let told = [
            often(0, 8, 1..9),
            often(0, 8, 9..17),
            often(0, 8, 17..20),
            often(0, 8, 1..9),
            often(0, 6, 1..20),
        ];
        assert_eq!(receiver.texts("uid"), told.concat(), "{status}");
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused, counts.failed_attempts),
            (20, 0, 64),
            "{status}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn a_receiver_that_goes_away_while_others_are_tried_loses_nothing() {
    for next in [
        Reply::Status(503),
        Reply::With(429, "retry-after: 0"),
        Reply::Never,
    ] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        let script = [[Reply::Status(500); 9].as_slice(), &[next]].concat();
        receiver.script(&script.repeat(2));
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        queue(&store, &alerting, 0..4);
        let running = scene.deliver(&store, &alerting);
        until(|| store.outbox_len() == 0).await;
        // The first two of the others are tried twice only, and all are delivered in their order.
        let told = [often(0, 8, 1..3), often(0, 8, 1..3), numbers(0..4)].concat();
        assert_eq!(receiver.texts("uid"), told, "{next:?}");
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.refused, counts.failed_attempts),
            (4, 0, 20),
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
    // The receiver was at fault, and takes the first one as well when it is well again.
    let told = [often(0, 13, 1..2), numbers(0..1), numbers(2..3)].concat();
    assert_eq!(receiver.texts("uid"), told);
    let counts = running.counts("reject/uids/0");
    assert_eq!((counts.delivered, counts.refused), (3, 0));
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
    assert_eq!(told[told.len() - 2..], ["1", "0"]);
    assert!(told[..told.len() - 2].iter().all(|uid| uid == "0"));
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
