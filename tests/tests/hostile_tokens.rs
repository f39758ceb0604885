//! Token services that loop, lie, never end or send elsewhere: no repository is brought up to date, what is stored stays, credentials
//! go nowhere else, and no secret is written down.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vouchsafe_tests::harness::scripted_server::{Answer, Reply, RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use in_process::InProcess;

#[path = "support/in_process.rs"]
mod in_process;

#[test]
fn no_token_service_gets_further_than_its_own_server() {
    let elsewhere = ScriptedServer::plain().unwrap();
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for misdeed in misdeeds(&scene.server, &elsewhere) {
        wrong.extend(scene.found_wrong(&misdeed));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(elsewhere.requests(), [], "credentials went elsewhere");
}

#[test]
fn what_a_server_knows_it_cannot_have_written_down() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    server.serve(GUN, served(&Repository::plain(GUN)));
    let basic = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let configuration = configuration(&server, &certificates).to_string();
    // Each sends back what it was sent, where errors quote what servers say.
    let secrets = [PASSWORD, &basic, TOKEN];
    let challenged = challenge(&format!("{}/token", server.url()));
    for secret in secrets {
        let location = format!("https://example.com/{secret}/x?{secret}");
        let with_login = format!("https://{USER}:{PASSWORD}@example.com/");
        let said: Vec<(Route, Answer)> = vec![
            (
                Route::Repository(GUN.to_owned()),
                Reply::redirect(302, &location).into(),
            ),
            (
                Route::Repository(GUN.to_owned()),
                Reply::redirect(302, &with_login).into(),
            ),
            (
                Route::Repository(GUN.to_owned()),
                Reply::error(403, &secret.to_uppercase()).into(),
            ),
            (
                Route::Repository(GUN.to_owned()),
                Answer::Raw(format!("HTTP/1.1 {secret}\r\n\r\n").into_bytes()),
            ),
            (
                Route::Repository(GUN.to_owned()),
                challenge(&format!("ftp://example.com/{secret}")).into(),
            ),
            (
                Route::Repository(GUN.to_owned()),
                challenge(&format!("{}/{secret}?{secret}", server.url())).into(),
            ),
            (
                Route::Feed,
                Reply::ok(format!("{{\"records\": \"{secret}\"}}")).into(),
            ),
            (Route::Token, Reply::redirect(302, &location).into()),
            (Route::Token, Reply::ok(format!("\"{secret}\"")).into()),
        ];
        for (number, (route, answer)) in said.into_iter().enumerate() {
            server.clear_script();
            let token = json!({"token": TOKEN, "expires_in": 300});
            server.script(Route::Token, Reply::json(&token).into());
            server.script_times(1, Route::Ping, challenged.clone().into());
            server.script(route, answer);
            let vouchsafe = Vouchsafe::new(&configuration).unwrap();
            let finished = vouchsafe.run(&["sync", "-vv", "-o", "json"]).unwrap();
            let log = finished.stdout + &finished.stderr;
            assert!(log.contains(&server.host()), "it logs what it does: {log}");
            let status = vouchsafe.run(&["status", "-o", "json"]).unwrap();
            let log = log + &status.stdout + &status.stderr;
            for secret in secrets {
                assert!(!log.contains(secret), "case {number}: {secret} in: {log}");
            }
        }
    }
}

/// What a token service does, and what is said about it.
struct Misdeed {
    case: &'static str,
    /// What the Notary server answers to everything.
    challenge: Answer,
    /// What the token service answers.
    token: Answer,
    label: &'static str,
}

fn misdeeds(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    let mut all = realms(server, elsewhere);
    all.extend(tokens(server));
    all.extend(no_tokens(server, elsewhere));
    all.extend(logins());
    all
}

/// Token services that must not be asked.
fn realms(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    let with_realm = |case, realm: &str| Misdeed {
        case,
        challenge: challenge(realm).into(),
        token: good(),
        label: "token_realm",
    };
    let plain = server.url().replace("https:", "http:");
    let long = format!("https://{}/", "x".repeat(50_000));
    vec![
        with_realm(
            "elsewhere without TLS",
            &format!("{}/token", elsewhere.url()),
        ),
        with_realm("itself without TLS", &format!("{plain}/token")),
        with_realm("a file", "file:///etc/passwd"),
        with_realm("another protocol", "ftp://example.com/"),
        with_realm("nothing", ""),
        with_realm("no address", "https://"),
        Misdeed {
            label: "token_service",
            ..with_realm("a host of 50,000 letters", &long)
        },
    ]
}

/// What the server's own token service gives for a token.
fn tokens(server: &ScriptedServer) -> Vec<Misdeed> {
    let own = challenge(&format!("{}/token", server.url()));
    let with_token = |case, token: Answer, label| Misdeed {
        case,
        challenge: own.clone().into(),
        token,
        label,
    };
    let reply = |body: String| Answer::from(Reply::ok(body));
    let endless = Answer::Endless {
        piece: vec![b' '; 64 << 10],
        pause: Duration::ZERO,
    };
    let slow = Answer::Forever {
        first: b"HTTP/1.1 200 OK\r\n\r\n{".to_vec(),
        again: b" ".to_vec(),
        pause: Duration::from_millis(50),
    };
    let huge = format!("{{\"token\":\"{}\"}}", "x".repeat(60_000));
    let lasting = format!("{{\"token\":\"{TOKEN}\",\"expires_in\":18446744073709551615}}");
    vec![
        with_token("new tokens that are never good", good(), "unauthorized"),
        with_token(
            "a token that lasts for ages and is not good",
            reply(lasting),
            "unauthorized",
        ),
        with_token(
            "a token of 60,000 letters that is not good",
            reply(huge),
            "unauthorized",
        ),
        with_token("no JSON", reply("<html>".to_owned()), "token_service"),
        with_token("nothing", reply(String::new()), "token_service"),
        with_token(
            "an empty token",
            reply("{\"token\":\"\"}".to_owned()),
            "token_service",
        ),
        with_token(
            "a token on two lines",
            reply("{\"token\":\"a\\r\\nX: y\"}".to_owned()),
            "token_service",
        ),
        with_token("lists in lists", reply("[".repeat(50_000)), "token_service"),
        with_token("a token without an end", endless, "token_service"),
        with_token("a token, a byte at a time", slow, "token_service"),
    ]
}

/// What it does instead of giving one.
fn no_tokens(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    let own = challenge(&format!("{}/token", server.url()));
    let with_token = |case, token: Answer, label| Misdeed {
        case,
        challenge: own.clone().into(),
        token,
        label,
    };
    vec![
        with_token("silence", Answer::Silent, "token_service"),
        with_token("a closed connection", Answer::Closed, "token_service"),
        with_token("a challenge", own.clone().into(), "token_service"),
        with_token(
            "an error",
            Reply::error(500, "UNKNOWN").into(),
            "token_service",
        ),
        with_token(
            "elsewhere",
            Reply::redirect(307, &format!("{}/token", elsewhere.url())).into(),
            "token_service",
        ),
        with_token(
            "a circle",
            Reply::redirect(302, "/token").into(),
            "token_service",
        ),
    ]
}

/// Demands that nobody can meet.
fn logins() -> Vec<Misdeed> {
    vec![
        Misdeed {
            case: "no way to log in",
            challenge: Reply::error(401, "UNAUTHORIZED").into(),
            token: good(),
            label: "unauthorized",
        },
        Misdeed {
            case: "a hundred ways to log in",
            challenge: Reply::error(401, "UNAUTHORIZED")
                .with_header("Www-Authenticate", &"Other realm=\"x\", ".repeat(100))
                .into(),
            token: good(),
            label: "unauthorized",
        },
        Misdeed {
            case: "a login that is refused",
            challenge: Reply::error(401, "UNAUTHORIZED")
                .with_header("Www-Authenticate", "Basic realm=\"x\"")
                .into(),
            token: good(),
            label: "unauthorized",
        },
    ]
}

/// A token that looks like one.
fn good() -> Answer {
    Reply::json(&json!({"token": TOKEN})).into()
}

/// A server on which everything needs a token.
struct Scene {
    server: ScriptedServer,
    certificates: Certificates,
}

impl Scene {
    fn new() -> Self {
        let certificates = Certificates::new().unwrap();
        let server = ScriptedServer::tls(&certificates).unwrap();
        Self {
            server,
            certificates,
        }
    }

    fn found_wrong(&self, misdeed: &Misdeed) -> Vec<String> {
        let Misdeed {
            case,
            challenge,
            token,
            label,
        } = misdeed;
        let server = &self.server;
        server.clear_script();
        server.serve(GUN, served(&Repository::plain(GUN)));
        // It knows nothing of tokens before the first one is asked for.
        let syncer = InProcess::new(&configuration(server, &self.certificates));
        if !syncer.pass(&[GUN]).is_complete() {
            return vec![format!("{case}: not synced before")];
        }
        server.script(Route::Any, challenge.clone());
        server.script(Route::Token, token.clone());
        server.forget_requests();
        let started = Instant::now();
        let report = syncer.pass(&[GUN]);
        let took = started.elapsed();
        let mut wrong = Vec::new();
        match &report.servers[0].failures[..] {
            [failure] if failure.label == *label => {}
            failures => wrong.push(format!("{case}: {failures:?}")),
        }
        let requests = server.requests().len();
        if requests > MOST_REQUESTS {
            wrong.push(format!("{case}: {requests} requests"));
        }
        if took > BOUND {
            wrong.push(format!("{case}: took {took:?}"));
        }
        let stored = syncer.verdict(&format!("{GUN}:signed"));
        if stored.as_deref() != Ok(digest_of("image").trim_start_matches("sha256:")) {
            wrong.push(format!("{case}: {stored:?}"));
        }
        wrong
    }
}

fn configuration(server: &ScriptedServer, certificates: &Certificates) -> Configuration {
    let key = Key::p256("root").public_key_pem();
    Configuration::new()
        .notary(&server.url(), Some(certificates.authority_pem()), &key)
        .with("auth", json!({"username": USER, "password": PASSWORD}))
        .rule(&format!("{GUN}:*"))
}

fn challenge(realm: &str) -> Reply {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"notary\",scope=\"x\"");
    Reply::error(401, "UNAUTHORIZED").with_header("Www-Authenticate", &challenge)
}

fn served(repository: &Repository) -> RoleFiles {
    RoleFiles::new().with_files(repository.files())
}

const GUN: &str = "registry.example.com/team/app";
const USER: &str = "robot";
const PASSWORD: &str = "correct-horse-battery-staple";
const TOKEN: &str = "dG9rZW4tdGhhdC1ub2JvZHktbWF5LXNlZQ";
const BOUND: Duration = Duration::from_secs(30);
/// One request, asked again with what a challenge gave three times at most, and as many for tokens, redirected three times each.
const MOST_REQUESTS: usize = 20;
