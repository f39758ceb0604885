//! Slow, broken and hostile servers.

use std::time::{Duration, Instant};

use vouchsafe_syncer::fetch_root_keys;
use vouchsafe_syncer::notary::{NotaryClient, RequestError, RoleFile};
use vouchsafe_tests::harness::scripted_server::{Answer, Reply, Route};
use vouchsafe_tests::harness::{Certificates, ScriptedServer};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::Role;

use crate::support::{BACKOFF, QUICK, client, gun, publish};

const GUN: &str = "example.com/team/app";

async fn timestamp(client: &NotaryClient, limit: u64) -> Result<Vec<u8>, RequestError> {
    let newest = RoleFile::Newest(Role::Timestamp);
    client.role(&gun(GUN), newest, limit).await
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_cut_at_the_limit() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let announced = Answer::Announced {
        length: 1 << 40,
        bytes: b"{".to_vec(),
    };
    let endless = Answer::Endless {
        piece: vec![b' '; 4096],
        pause: Duration::ZERO,
    };
    for (answer, least) in [
        (announced, "at least 1099511627776"),
        (endless, "at least 1"),
    ] {
        server.script(Route::Any, answer);
        let error = timestamp(&client, 10_000).await.unwrap_err();
        assert_eq!(error.label(), "too_large");
        let text = error.to_string();
        assert!(text.contains(least), "{text}");
        assert!(text.contains("at most 10000"), "{text}");
        assert!(
            text.contains(GUN) && text.contains("timestamp.json"),
            "{text}"
        );
    }
    assert_eq!(server.requests().len(), 2, "size is no reason to try again");
}

#[tokio::test]
async fn a_trickle_and_silence_end_in_time() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, GUN, &Repository::plain(GUN));
    let trickle = Answer::Trickled {
        size: 1,
        pause: Duration::from_millis(100),
    };
    let endless = Answer::Endless {
        piece: vec![b' '; 200],
        pause: Duration::from_millis(100),
    };
    for (answer, label) in [
        (trickle, "too_slow"),
        (endless, "too_slow"),
        (Answer::Silent, "timeout"),
    ] {
        server.script(Route::Any, answer);
        let started = Instant::now();
        let error = timestamp(&client, 1 << 30).await.unwrap_err();
        assert_eq!(error.label(), label, "{error}");
        assert!(
            started.elapsed() < 2 * QUICK.total,
            "{:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, GUN, &Repository::plain(GUN));
    let busy: Answer = Reply::error(503, "UNKNOWN").into();
    let limited: Answer = Reply::error(429, "UNKNOWN")
        .with_header("Retry-After", "1")
        .into();
    for answer in [busy, limited, Answer::Closed, Answer::Truncated(20)] {
        server.forget_requests();
        server.script_times(1, Route::Any, answer.clone());
        timestamp(&client, 10_000).await.unwrap();
        assert_eq!(server.requests().len(), 2, "{answer:?}");
    }
    for (status, code, tries) in [
        (500, "UNKNOWN", 3),
        (404, "METADATA_NOT_FOUND", 1),
        (400, "INVALID_GUN", 1),
    ] {
        server.forget_requests();
        server.script(Route::Any, Reply::error(status, code).into());
        let error = timestamp(&client, 10_000).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
        assert!(error.to_string().contains(code), "{error}");
        assert_eq!(server.requests().len(), tries, "status {status}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_same_host_or_nowhere() {
    let other = ScriptedServer::plain().unwrap();
    publish(&other, GUN, &Repository::plain(GUN));
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, "example.com/elsewhere", &Repository::plain(GUN));
    let elsewhere = "/v2/example.com/elsewhere/_trust/tuf/timestamp.json";
    server.script(
        Route::role(GUN, "timestamp"),
        Reply::redirect(301, elsewhere).into(),
    );
    timestamp(&client, 10_000).await.unwrap();

    let away = format!("{}/v2/{GUN}/_trust/tuf/timestamp.json", other.url());
    server.script(
        Route::role(GUN, "timestamp"),
        Reply::redirect(307, &away).into(),
    );
    let error = timestamp(&client, 10_000).await.unwrap_err();
    assert_eq!(error.label(), "redirected");
    assert_eq!(other.requests().len(), 0);

    let around = format!("/v2/{GUN}/_trust/tuf/timestamp.json");
    server.script(
        Route::role(GUN, "timestamp"),
        Reply::redirect(302, &around).into(),
    );
    server.forget_requests();
    assert_eq!(
        timestamp(&client, 10_000).await.unwrap_err().label(),
        "redirected"
    );
    assert!(server.requests().len() <= 5);
}

#[tokio::test]
async fn configured_certificates_replace_the_systems() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    publish(&server, GUN, &Repository::plain(GUN));
    let trusting = client(&server, Some(&certificates), None);
    timestamp(&trusting, 10_000).await.unwrap();

    let strangers = Certificates::new().unwrap();
    let doubting = client(&server, Some(&strangers), None);
    let error = timestamp(&doubting, 10_000).await.unwrap_err();
    assert_eq!(error.label(), "connect");
    assert!(error.to_string().contains("certificate"), "{error}");

    for bad in [
        "",
        "not PEM",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let url = server.url().parse().unwrap();
        let refused = NotaryClient::new(url, Some(bad.to_owned()), None, QUICK, BACKOFF);
        assert!(refused.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn connections_are_kept() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, GUN, &Repository::plain(GUN));
    for _ in 0..5 {
        timestamp(&client, 10_000).await.unwrap();
    }
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.connection == requests[0].connection)
    );
    let agent = requests[0].request.header("user-agent").unwrap();
    assert!(agent.starts_with("vouchsafe/"), "{agent}");
}

#[tokio::test]
async fn root_keys_are_shown_as_an_operator_pins_them() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, GUN, &Repository::plain(GUN));
    let shown = fetch_root_keys(&client, &gun(GUN)).await.unwrap();
    assert_eq!(
        (shown.version.get(), shown.threshold, shown.keys.len()),
        (1, 1, 1)
    );
    let key = &shown.keys[0];
    assert_eq!(key.pem, Key::p256("root").public_key_pem());
    assert_eq!(key.common_name.as_deref(), Some(GUN));
    assert_eq!(
        key.key_id.to_string(),
        Key::p256("root").certified(GUN).id()
    );
    assert_eq!(key.canonical_key_id.to_string(), Key::p256("root").id());
    assert!(
        fetch_root_keys(&client, &gun("example.com/none"))
            .await
            .is_err()
    );
}
