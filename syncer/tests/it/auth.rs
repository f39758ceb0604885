//! Basic authentication and tokens.

use vouchsafe_syncer::notary::{Credentials, NotaryClient, RequestError, RoleFile};
use vouchsafe_tests::harness::scripted_server::access::{Access, Login, TokenService};
use vouchsafe_tests::harness::scripted_server::{Reply, Route};
use vouchsafe_tests::harness::{Certificates, ScriptedServer, TempDir};
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::{Gun, Role};

use crate::support::{client, gun, publish};

fn credentials(password: &str) -> Credentials {
    Credentials::Inline {
        username: "robot".to_owned(),
        password: password.into(),
    }
}

fn login() -> Login {
    Login::new("robot", "s3cret")
}

fn repositories(server: &ScriptedServer, count: usize) -> Vec<Gun> {
    let names: Vec<String> = (0..count)
        .map(|n| format!("example.com/app{n:03}"))
        .collect();
    for name in &names {
        publish(server, name, &Repository::plain(name));
    }
    names.iter().map(|name| gun(name)).collect()
}

async fn timestamp(client: &NotaryClient, gun: &Gun) -> Result<Vec<u8>, RequestError> {
    client
        .role(gun, RoleFile::Newest(Role::Timestamp), 10_000)
        .await
}

#[tokio::test]
async fn basic_credentials_are_sent_once_asked_for() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 2);
    server.demand(Access::Basic(login()));
    let knowing = client(&server, None, Some(credentials("s3cret")));
    for gun in &guns {
        timestamp(&knowing, gun).await.unwrap();
    }
    assert_eq!(server.count(&Route::Ping), 1);
    assert_eq!(server.requests().len(), 3);

    for wrong in [Some(credentials("wrong")), None] {
        let wrong = client(&server, None, wrong);
        let error = timestamp(&wrong, &guns[0]).await.unwrap_err();
        assert_eq!(error.label(), "unauthorized");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn one_token_serves_many_repositories() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 60);
    server.demand(Access::Token(TokenService {
        login: Some(login()),
        ..TokenService::default()
    }));
    let client = client(&server, None, Some(credentials("s3cret")));
    client.plan(&guns).await;
    for gun in &guns {
        timestamp(&client, gun).await.unwrap();
    }
    let tokens = server.count(&Route::Token);
    assert!(
        tokens <= 4,
        "{tokens} tokens for {} repositories",
        guns.len()
    );
    assert_eq!(server.requests().len(), 1 + tokens + guns.len());
    let token = server
        .requests()
        .into_iter()
        .find(|r| r.path() == "/token")
        .unwrap();
    assert_eq!(token.request.query("service"), ["notary"]);
    assert_eq!(token.request.query("account"), ["robot"]);
    assert!(token.request.query("scope").len() > 10);
}

#[tokio::test]
async fn a_service_that_grants_one_scope_at_a_time_is_asked_so() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 60);
    server.demand(Access::Token(TokenService {
        scopes_per_token: 1,
        ..TokenService::default()
    }));
    let client = client(&server, None, None);
    client.plan(&guns).await;
    for gun in &guns {
        timestamp(&client, gun).await.unwrap();
    }
    let requests = server.requests().len();
    assert!(requests <= 2 * guns.len() + 12, "{requests}");
}

#[tokio::test]
async fn a_refused_repository_does_not_take_the_others_with_it() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 5);
    let mut service = TokenService {
        login: Some(login()),
        ..TokenService::default()
    };
    service.refused.insert(guns[2].to_string());
    server.demand(Access::Token(service));
    let client = client(&server, None, Some(credentials("s3cret")));
    client.plan(&guns).await;
    for (at, gun) in guns.iter().enumerate() {
        let answer = timestamp(&client, gun).await;
        assert_eq!(
            answer.map_err(|error| error.label()).is_ok(),
            at != 2,
            "{gun}"
        );
    }
    assert!(server.requests().len() <= 12, "{}", server.requests().len());
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 3);
    let client = client(&server, None, None);
    client.plan(&guns).await;
    for _ in 0..2 {
        // Tokens issued before are void from here on.
        server.demand(Access::Token(TokenService::default()));
        for gun in &guns {
            timestamp(&client, gun).await.unwrap();
        }
    }
    assert_eq!(server.count(&Route::Token), 2);
}

#[tokio::test]
async fn refused_credentials_are_said_without_showing_them() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 1);
    server.demand(Access::Token(TokenService {
        login: Some(login()),
        ..TokenService::default()
    }));
    let client = client(&server, None, Some(credentials("hunter2")));
    let error = timestamp(&client, &guns[0]).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(error.to_string().contains("token service"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains("account="),
        "{text}"
    );
    assert_eq!(server.count(&Route::Token), 1);
}

#[tokio::test]
async fn credentials_go_to_no_token_service_without_tls() {
    let elsewhere = ScriptedServer::plain().unwrap();
    let realm = format!(
        "Bearer realm=\"{}/token\"",
        elsewhere.url().replace("localhost", "127.0.0.1")
    );
    let challenge = Reply::error(401, "UNAUTHORIZED").with_header("WWW-Authenticate", &realm);
    let certificates = Certificates::new().unwrap();
    let tls = ScriptedServer::tls(&certificates).unwrap();
    let plain = ScriptedServer::plain().unwrap();
    for server in [&tls, &plain] {
        server.script(Route::Any, challenge.clone().into());
        let client = client(server, Some(&certificates), Some(credentials("s3cret")));
        let error = timestamp(&client, &gun("example.com/a")).await.unwrap_err();
        assert_eq!(error.label(), "token_realm", "{error}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn credentials_in_files_may_change_while_the_process_runs() {
    let server = ScriptedServer::plain().unwrap();
    let guns = repositories(&server, 1);
    let directory = TempDir::new("credentials").unwrap();
    let username = directory.write("username", "robot\n").unwrap();
    let password = directory.write("password", "s3cret\n").unwrap();
    let files = Credentials::Files { username, password };
    server.demand(Access::Basic(login()));
    let client = client(&server, None, Some(files));
    timestamp(&client, &guns[0]).await.unwrap();

    server.demand(Access::Basic(Login::new("robot", "rotated")));
    assert!(timestamp(&client, &guns[0]).await.is_err());
    directory.write("password", "rotated\n").unwrap();
    timestamp(&client, &guns[0]).await.unwrap();
}
