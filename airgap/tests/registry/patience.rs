//! Registries that stall, and what is tried again.

use std::time::Duration;

use vouchsafe_airgap::registry::RegistryClient;
use vouchsafe_tests::harness::scripted_server::{Answer, Reply};

use super::scripted::{Hostile, MANIFEST, path};
use super::support::{client, quick};

#[tokio::test]
async fn what_stalls_is_given_up() {
    let trickled = Answer::Trickled {
        size: 10,
        pause: Duration::from_secs(5),
    };
    for (answer, label) in [(trickled, "too_slow"), (Answer::Silent, "unreachable")] {
        let hostile = Hostile::before_a_registry().await;
        hostile.server.script(hostile.pack(), answer);
        let error = hostile.refusal(&client()).await;
        assert_eq!(error.label(), label, "{error}");
    }
    // However little is missing to each deadline: the whole has one.
    let hostile = Hostile::before_a_registry().await;
    let slow = Answer::Trickled {
        size: 1,
        pause: Duration::from_millis(50),
    };
    hostile.server.script(hostile.pack(), slow);
    let mut options = quick();
    options.timeouts.total = Duration::from_secs(1);
    let error = hostile
        .refusal(&RegistryClient::new(options).unwrap())
        .await;
    assert_eq!(error.label(), "timeout", "{error}");
}

#[tokio::test]
async fn an_upload_that_nobody_takes_is_given_up() {
    let hostile = Hostile::new();
    hostile.server.clear_script();
    let uploads = path("/v2/trust/bundles/blobs/uploads/");
    let there = Reply::redirect(202, "/upload");
    hostile.server.script(uploads, there.into());
    hostile.server.script(path("/upload"), Answer::Silent);
    let bundle = &hostile.bundle;
    let mut options = quick();
    options.timeouts.answer = Duration::from_millis(300);
    options.backoff.attempts = 1;
    let client = RegistryClient::new(options).unwrap();
    let pushed = client
        .push(&hostile.place(), &bundle.manifest, &bundle.blobs)
        .await;
    let error = pushed.unwrap_err();
    assert_eq!(error.label(), "unreachable", "{error}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let busy = Reply::error(429, "TOOMANYREQUESTS").with_header("Retry-After", "0");
    let failures = [
        Answer::Reply(Reply::error(503, "UNAVAILABLE")),
        Answer::Reply(busy),
        Answer::Closed,
        Answer::Truncated(5000),
    ];
    for failure in failures {
        let hostile = Hostile::before_a_registry().await;
        hostile
            .server
            .script_times(2, hostile.pack(), failure.clone());
        hostile
            .server
            .script_times(2, path(MANIFEST), Answer::Closed);
        hostile.pulled(&client()).await;
        assert!(hostile.server.count(&hostile.pack()) >= 3, "{failure:?}");
    }
    // An hour is longer than anybody waits.
    let hostile = Hostile::before_a_registry().await;
    let busy = Reply::error(429, "TOOMANYREQUESTS").with_header("Retry-After", "3600");
    hostile.server.script(hostile.pack(), busy.into());
    let error = hostile.refusal(&client()).await;
    assert_eq!(error.label(), "unreachable", "{error}");
    assert_eq!(hostile.server.count(&hostile.pack()), 1);
}
