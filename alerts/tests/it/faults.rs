use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;
use vouchsafe_tests::harness::receiver::{Receiver, Reply};

use crate::support::{Scene, now, numbers, queue, queue_at, uids, until};

#[tokio::test]
async fn what_may_pass_is_tried_again_until_it_does() {
    for reply in [
        Reply::Status(500),
        Reply::Status(503),
        Reply::Status(429),
        Reply::Status(408),
        Reply::Status(401),
        Reply::Status(403),
        Reply::Status(404),
        Reply::Status(304),
        Reply::Never,
    ] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.script(&[reply, reply]);
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        let running = scene.deliver(&store, &alerting);
        queue(&store, &alerting, 0..3);
        until(|| store.outbox_len() == 0).await;
        assert_eq!(
            receiver.texts("uid"),
            ["0", "0", "0", "1", "2"],
            "{reply:?}"
        );
        let counts = running.counts("reject/uids/0");
        assert_eq!(
            (counts.delivered, counts.failed_attempts),
            (3, 2),
            "{reply:?}"
        );
        running.stop().await;
    }
}

#[tokio::test]
async fn an_alert_that_the_receiver_will_never_take_is_dropped_and_holds_up_no_other() {
    for status in [400, 413, 415, 422] {
        let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
        receiver.script(&[Reply::Status(status)]);
        let store = scene.store();
        let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
        let running = scene.deliver(&store, &alerting);
        queue(&store, &alerting, 0..3);
        until(|| store.outbox_len() == 0).await;
        assert_eq!(receiver.texts("uid"), numbers(0..3), "{status}");
        let counts = running.counts("reject/uids/0");
        assert_eq!((counts.delivered, counts.refused), (2, 1), "{status}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (scene, receiver) = (Scene::new(), Receiver::new().unwrap());
    for status in [301, 302, 303, 307, 308] {
        receiver.script(&[Reply::With(status, "location: /elsewhere")]);
    }
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/hook"))]);
    let running = scene.deliver(&store, &alerting);
    queue(&store, &alerting, 0..1);
    until(|| store.outbox_len() == 0).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 6);
    assert!(requests.iter().all(|request| request.path() == "/hook"));
    assert_eq!(running.counts("reject/uids/0").failed_attempts, 5);
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_is_given_the_pause_that_it_asks_for() {
    let mut scene = Scene::new();
    scene.pace.longest = Duration::from_mins(10);
    let receiver = Receiver::new().unwrap();
    receiver.script(&[Reply::With(429, "retry-after: 1")]);
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    let running = scene.deliver(&store, &alerting);
    queue(&store, &alerting, 0..1);
    until(|| receiver.requests().len() == 1).await;
    let first = Instant::now();
    until(|| receiver.requests().len() == 2).await;
    assert!(
        first.elapsed() > Duration::from_millis(900),
        "{:?}",
        first.elapsed()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_failure_is_the_last_of_what_is_too_old() {
    let scene = Scene::new();
    let mut receiver = Receiver::down().unwrap();
    let store = scene.store();
    let alerting = scene.alerting(&[uids(&receiver.url("/"))]);
    for (uid, hours) in [(0, 50), (1, 24), (2, 23)] {
        queue_at(
            &store,
            &alerting,
            uid,
            now() - SignedDuration::from_hours(hours),
        );
    }
    let running = scene.deliver(&store, &alerting);
    until(|| running.counts("reject/uids/0").expired == 2).await;
    receiver.listen().unwrap();
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), ["2"]);
    // Late is better than never, where the receiver can be reached.
    queue_at(&store, &alerting, 3, now() - SignedDuration::from_hours(50));
    until(|| store.outbox_len() == 0).await;
    assert_eq!(receiver.texts("uid"), ["2", "3"]);
    running.stop().await;
}
