//! Registries that lie, stall, or want what is not theirs.

use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe_airgap::registry::{Credentials, RegistryClient, RegistryOptions};
use vouchsafe_tests::harness::scripted_server::access::{Access, Login};
use vouchsafe_tests::harness::scripted_server::{Answer, LoggedRequest, Reply, Route};
use vouchsafe_tests::harness::{Certificates, ScriptedServer};

use super::scripted::{Hostile, MANIFEST, blob, path};
use super::support::{Bundle, client, folder, quick};

fn with_password() -> RegistryClient {
    RegistryClient::new(RegistryOptions {
        credentials: Some(Credentials::Inline {
            username: "courier".to_owned(),
            password: "hunter2".into(),
        }),
        ..quick()
    })
    .unwrap()
}

fn carried_credentials(requests: &[LoggedRequest]) -> usize {
    let headers = requests.iter().map(|r| r.request.header("authorization"));
    headers.flatten().count()
}

#[tokio::test]
async fn contents_that_are_not_what_was_stated_are_not_kept() {
    let pause = Duration::ZERO;
    let announced = |length| Answer::Announced {
        length,
        bytes: b"x".to_vec(),
    };
    let endless = Answer::Endless {
        piece: vec![b'a'; 4096],
        pause,
    };
    let cases = [
        (Reply::ok("b".repeat(100_000)).into(), "digest_mismatch"),
        (Reply::ok("a".repeat(100_001)).into(), "size_mismatch"),
        (Reply::ok("a".repeat(99_999)).into(), "size_mismatch"),
        (Reply::ok("").into(), "size_mismatch"),
        (announced(1 << 60), "size_mismatch"),
        (announced(100_000), "interrupted"),
        (endless, "size_mismatch"),
    ];
    for (answer, label) in cases {
        let hostile = Hostile::new();
        let shown = format!("{answer:?}").chars().take(60).collect::<String>();
        hostile.server.script(hostile.pack(), answer);
        let error = hostile.refusal(&client()).await;
        assert_eq!(error.label(), label, "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_none_or_too_large_is_refused() {
    let endless = Answer::Endless {
        piece: vec![b' '; 65_536],
        pause: Duration::ZERO,
    };
    let mut foreign: Value = serde_json::from_slice(&Bundle::new("a").manifest).unwrap();
    foreign["artifactType"] = json!("application/vnd.example+json");
    let mut vast: Value = serde_json::from_slice(&Bundle::new("a").manifest).unwrap();
    vast["layers"][0]["size"] = json!(u64::MAX);
    let lying = Reply::ok(Bundle::new("a").manifest).with_header(
        "Docker-Content-Digest",
        &format!("sha256:{}", "0".repeat(64)),
    );
    let cases = [
        (endless, "too_large"),
        (Reply::ok("<html>").into(), "not_a_bundle"),
        (Reply::json(&foreign).into(), "not_a_bundle"),
        (Reply::json(&vast).into(), "too_large"),
        (lying.into(), "digest_mismatch"),
        (Reply::error(404, "MANIFEST_UNKNOWN").into(), "not_found"),
        (Reply::error(403, "DENIED").into(), "denied"),
        (Reply::error(418, "TEAPOT").into(), "status"),
    ];
    for (answer, label) in cases {
        let hostile = Hostile::new();
        let shown = format!("{answer:?}").chars().take(60).collect::<String>();
        hostile.server.script(path(MANIFEST), answer);
        let error = hostile.refusal(&client()).await;
        assert_eq!(error.label(), label, "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_digest_in_the_reference_is_what_counts() {
    let hostile = Hostile::new();
    let pinned = "0".repeat(64);
    let other = Bundle::new("b").manifest;
    let route = path(&format!("/v2/trust/bundles/manifests/sha256:{pinned}"));
    hostile.server.script(route, Reply::ok(other).into());
    let place = format!("{}/trust/bundles@sha256:{pinned}", hostile.server.url());
    let place = place.parse().unwrap();
    let (client, into) = (client(), folder());
    for error in [
        client.pull(&place, into.path()).await.unwrap_err(),
        client.resolve(&place).await.unwrap_err(),
    ] {
        assert_eq!(error.label(), "digest_mismatch", "{error}");
    }
}

#[tokio::test]
async fn credentials_do_not_follow_to_the_store_behind_a_registry() {
    let store = ScriptedServer::plain().unwrap();
    let hostile = Hostile::new();
    let login = Login::new("courier", "hunter2");
    hostile.server.clear_script();
    hostile.server.demand(Access::Basic(login));
    // The script goes before what is demanded; so the demand is scripted too, once.
    let challenge = Reply::error(401, "UNAUTHORIZED");
    let challenge = challenge.with_header("Www-Authenticate", "Basic realm=\"registry\"");
    let manifest = Reply::ok(hostile.bundle.manifest.clone());
    hostile.server.script(path(MANIFEST), manifest.into());
    hostile
        .server
        .script_times(1, path(MANIFEST), challenge.into());
    for (name, bytes) in hostile.bundle.contents() {
        let there = format!("{}/{name}?signature=secret", store.url());
        let redirect = Reply::redirect(307, &there);
        hostile.server.script(blob(&name), redirect.into());
        store.script(path(&format!("/{name}")), Reply::ok(bytes).into());
    }
    hostile.pulled(&with_password()).await;
    assert_eq!(carried_credentials(&hostile.server.requests()), 5);
    assert_eq!(store.requests().len(), 4);
    assert_eq!(carried_credentials(&store.requests()), 0);

    // What the store refuses is not answered with credentials either.
    let (again, challenge) = (folder(), Reply::error(401, "UNAUTHORIZED"));
    let challenge = challenge.with_header("Www-Authenticate", "Basic realm=\"store\"");
    store.script(Route::Any, challenge.into());
    let refused = with_password().pull(&hostile.place(), again.path()).await;
    let error = refused.unwrap_err();
    assert_eq!(error.label(), "unauthorized", "{error}");
    assert_eq!(carried_credentials(&store.requests()), 0);
}

#[tokio::test]
async fn redirects_end_and_do_not_leave_tls() {
    let certificates = Certificates::new().unwrap();
    let store = ScriptedServer::plain().unwrap();
    let hostile = Hostile::on(ScriptedServer::tls(&certificates).unwrap());
    let client = RegistryClient::new(RegistryOptions {
        certificates: Some(certificates.authority_pem().to_owned()),
        ..quick()
    })
    .unwrap();
    let own = hostile.server.url();
    let targets = [
        format!("{}/pack?signature=hunter2", store.url()),
        format!(
            "{own}/v2/trust/bundles/blobs/sha256:{}",
            hostile.bundle.blobs[1].digest
        ),
        "file:///etc/passwd".to_owned(),
    ];
    for target in targets {
        let redirect = Reply::redirect(307, &target);
        hostile.server.script(hostile.pack(), redirect.into());
        hostile.server.forget_requests();
        let error = hostile.refusal(&client).await;
        assert_eq!(error.label(), "redirected", "{target}: {error}");
        assert!(hostile.server.count(&hostile.pack()) <= 5, "{target}");
    }
    assert!(store.requests().is_empty());
}

#[tokio::test]
async fn an_upload_elsewhere_gets_no_credentials() {
    let store = ScriptedServer::plain().unwrap();
    let hostile = Hostile::new();
    hostile.server.clear_script();
    let challenge = Reply::error(401, "UNAUTHORIZED");
    let challenge = challenge.with_header("Www-Authenticate", "Basic realm=\"registry\"");
    let uploads = path("/v2/trust/bundles/blobs/uploads/");
    let there = Reply::redirect(202, &format!("{}/upload?state=x", store.url()));
    hostile.server.script(uploads.clone(), there.into());
    hostile.server.script_times(1, uploads, challenge.into());
    let created = Reply {
        status: 201,
        ..Reply::ok("")
    };
    store.script(path("/upload"), created.clone().into());
    hostile.server.script(path(MANIFEST), created.into());
    let bundle = &hostile.bundle;
    let pushed = with_password()
        .push(&hostile.place(), &bundle.manifest, &bundle.blobs)
        .await;
    assert_eq!(pushed.unwrap().sent, 4);
    assert_eq!(store.requests().len(), 4);
    assert_eq!(carried_credentials(&store.requests()), 0);
    assert!(carried_credentials(&hostile.server.requests()) > 4);
    let sent: Vec<String> = store
        .requests()
        .iter()
        .flat_map(|request| request.request.query("digest"))
        .collect();
    assert!(sent.contains(&format!("sha256:{}", bundle.blobs[1].digest)));
}

#[tokio::test]
async fn an_upload_elsewhere_names_no_place_for_credentials() {
    let store = ScriptedServer::plain().unwrap();
    let hostile = Hostile::new();
    hostile.server.clear_script();
    let there = Reply::redirect(202, &format!("{}/upload?state=x", store.url()));
    hostile
        .server
        .script(path("/v2/trust/bundles/blobs/uploads/"), there.into());
    let challenge = format!("Bearer realm=\"{}/token\",service=\"x\"", store.url());
    let refused = Reply::error(401, "UNAUTHORIZED").with_header("Www-Authenticate", &challenge);
    store.script(path("/upload"), refused.into());
    let token = Reply::json(&json!({"token": "t"}));
    store.script(Route::Token, token.into());
    let bundle = &hostile.bundle;
    let pushed = with_password()
        .push(&hostile.place(), &bundle.manifest, &bundle.blobs)
        .await;
    assert_eq!(pushed.unwrap_err().label(), "unauthorized");
    assert_eq!(store.requests().len(), 1);
    assert_eq!(carried_credentials(&store.requests()), 0);
}

#[tokio::test]
async fn a_registry_that_is_never_content_is_given_up() {
    let hostile = Hostile::new();
    let own = hostile.server.url();
    let challenges = [
        "Basic realm=\"x\"".to_owned(),
        "Negotiate".to_owned(),
        String::new(),
        format!("Bearer realm=\"{own}/token\",service=\"x\""),
        format!("Bearer realm=\"{own}/token\",error=\"invalid_token\""),
    ];
    for challenge in challenges {
        let reply = Reply::error(401, "UNAUTHORIZED");
        let reply = reply.with_header("Www-Authenticate", &challenge);
        hostile.server.script(Route::Any, reply.into());
        let token = Reply::json(&json!({"token": "t"}));
        hostile.server.script(Route::Token, token.into());
        hostile.server.forget_requests();
        let error = hostile.refusal(&with_password()).await;
        assert_eq!(error.label(), "unauthorized", "{challenge}: {error}");
        let requests = hostile.server.requests().len();
        assert!(requests <= 8, "{challenge}: {requests} requests");
    }
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_no_password_without_tls() {
    let hostile = Hostile::new();
    let challenge = "Bearer realm=\"http://elsewhere.example/token\"";
    let reply = Reply::error(401, "UNAUTHORIZED").with_header("Www-Authenticate", challenge);
    hostile.server.script(Route::Any, reply.into());
    let error = hostile.refusal(&with_password()).await;
    assert_eq!(error.label(), "token_realm", "{error}");
}

#[tokio::test]
async fn a_proxy_that_takes_no_long_body_is_named() {
    let hostile = Hostile::new();
    hostile.server.clear_script();
    let there = Reply::redirect(202, "/upload");
    let uploads = path("/v2/trust/bundles/blobs/uploads/");
    hostile.server.script(uploads, there.into());
    let too_long = Reply {
        status: 413,
        ..Reply::ok("<html>")
    };
    hostile.server.script(path("/upload"), too_long.into());
    let (client, place, bundle) = (client(), hostile.place(), &hostile.bundle);
    let push = client.push(&place, &bundle.manifest, &bundle.blobs);
    // It can be moved between threads, as any of them.
    let push: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(push);
    let error = push.await.unwrap_err();
    assert!(
        error.hint().unwrap().contains("client_max_body_size"),
        "{error}"
    );
}
