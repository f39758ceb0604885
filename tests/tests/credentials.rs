//! Logging in to a Notary server: what is sent, what is refused, and what is never written down.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vouchsafe_tests::harness::scripted_server::access::{Access, Login, TokenService};
use vouchsafe_tests::harness::scripted_server::{RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

use vouchsafe_syncer::Options;

use in_process::{InProcess, impatient};

#[path = "support/in_process.rs"]
mod in_process;

#[test]
fn one_token_serves_many_repositories() {
    let guarded = Guarded::new(token_service());
    // One after another: a token is for the scopes that come next, and which those are is chance otherwise.
    let options = Options {
        per_server: 1,
        ..impatient()
    };
    let syncer = InProcess::with(&guarded.configuration(PASSWORD), options);
    let report = syncer.pass(&GUNS);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(guarded.server.count(&Route::Token), 1);

    // The same tokens, which the server knows no more.
    guarded.server.demand(Access::Token(token_service()));
    guarded.server.forget_requests();
    let report = syncer.pass(&GUNS);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(guarded.server.count(&Route::Token), 1);
}

#[test]
fn a_token_service_that_grants_one_scope_only_is_asked_for_each() {
    let guarded = Guarded::new(TokenService {
        scopes_per_token: 1,
        grants_catalog: false,
        lifetime: None,
        ..token_service()
    });
    let syncer = InProcess::new(&guarded.configuration(PASSWORD));
    let report = syncer.pass(&GUNS);
    assert!(report.is_complete(), "{report:?}");
}

#[test]
fn a_repository_that_the_login_may_not_read_fails_alone() {
    let refused = GUNS[3];
    let guarded = Guarded::new(TokenService {
        refused: BTreeSet::from([refused.to_owned()]),
        ..token_service()
    });
    let syncer = InProcess::new(&guarded.configuration(PASSWORD));
    let report = syncer.pass(&GUNS);
    let failures = &report.servers[0].failures;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].gun.as_ref().unwrap().as_str(), refused);
    assert_eq!(failures[0].label, "unauthorized");
    assert!(syncer.verdict(&format!("{}:signed", GUNS[4])).is_ok());
}

#[test]
fn a_wrong_password_is_said_and_takes_nothing_away() {
    for (access, label) in [
        (Access::Token(token_service()), "token_service"),
        (Access::Basic(Login::new(USER, PASSWORD)), "unauthorized"),
    ] {
        let guarded = Guarded::open();
        let vouchsafe = guarded.vouchsafe(PASSWORD);
        assert_eq!(vouchsafe.sync(&GUNS).unwrap().code, Some(0));
        guarded.server.demand(access);
        assert_eq!(vouchsafe.sync(&GUNS).unwrap().code, Some(0));

        vouchsafe
            .configure(&guarded.configuration("another").to_string())
            .unwrap();
        let synced = vouchsafe.sync(&GUNS).unwrap();
        assert_eq!(synced.code, Some(2), "{synced:?}");
        let labels: BTreeSet<String> = synced.labels().into_iter().collect();
        assert_eq!(labels, BTreeSet::from([label.to_owned()]), "{synced:?}");
        let image = format!("{}:signed", GUNS[0]);
        assert!(vouchsafe.check_one(&image).unwrap().is_ok());
    }
}

#[test]
fn no_credential_is_ever_logged() {
    for access in [
        Access::Token(token_service()),
        Access::Basic(Login::new(USER, PASSWORD)),
    ] {
        let guarded = Guarded::open();
        guarded.server.demand(access);
        for password in [PASSWORD, "not-the-password-either"] {
            let vouchsafe = guarded.vouchsafe(password);
            for format in ["text", "json"] {
                let arguments = ["sync", "-vv", "--log-format", format, "--full"];
                let finished = vouchsafe.run(&arguments).unwrap();
                let log = finished.stdout + &finished.stderr;
                // It does log what it does.
                assert!(
                    log.contains("/v2/") || log.contains(&guarded.server.host()),
                    "{log}"
                );
                let basic = STANDARD.encode(format!("{USER}:{password}"));
                for secret in [password, basic.as_str(), "token-1", "token-2"] {
                    assert!(!log.contains(secret), "{secret} in: {log}");
                }
            }
        }
    }
}

#[test]
fn tokens_that_expire_during_a_pass_are_renewed() {
    let guarded = Guarded::new(TokenService {
        lifetime: Some(Duration::from_millis(50)),
        ..token_service()
    });
    let syncer = InProcess::new(&guarded.configuration(PASSWORD));
    let report = syncer.pass(&GUNS);
    assert!(report.is_complete(), "{report:?}");
}

/// Repositories on a server that demands credentials.
struct Guarded {
    certificates: Certificates,
    server: ScriptedServer,
}

impl Guarded {
    fn new(service: TokenService) -> Self {
        let guarded = Self::open();
        guarded.server.demand(Access::Token(service));
        guarded
    }

    /// The same, without the demand.
    fn open() -> Self {
        let certificates = Certificates::new().unwrap();
        let server = ScriptedServer::tls(&certificates).unwrap();
        for gun in GUNS {
            let files = Repository::plain(gun).files();
            server.serve(gun, RoleFiles::new().with_files(files));
        }
        Self {
            certificates,
            server,
        }
    }

    fn configuration(&self, password: &str) -> Configuration {
        let authority = Some(self.certificates.authority_pem());
        let key = Key::p256("root").public_key_pem();
        let configuration = Configuration::new()
            .notary(&self.server.url(), authority, &key)
            .with("auth", json!({"username": USER, "password": password}));
        GUNS.iter().fold(configuration, |configuration, gun| {
            configuration.rule(&format!("{gun}:*"))
        })
    }

    fn vouchsafe(&self, password: &str) -> Vouchsafe {
        Vouchsafe::new(&self.configuration(password).to_string()).unwrap()
    }
}

fn token_service() -> TokenService {
    TokenService {
        login: Some(Login::new(USER, PASSWORD)),
        ..TokenService::default()
    }
}

const USER: &str = "robot$mirror";
const PASSWORD: &str = "correct horse battery staple";
const GUNS: [&str; 12] = [
    "registry.example.com/team/app-00",
    "registry.example.com/team/app-01",
    "registry.example.com/team/app-02",
    "registry.example.com/team/app-03",
    "registry.example.com/team/app-04",
    "registry.example.com/team/app-05",
    "registry.example.com/team/app-06",
    "registry.example.com/team/app-07",
    "registry.example.com/team/app-08",
    "registry.example.com/team/app-09",
    "registry.example.com/team/app-10",
    "registry.example.com/team/app-11",
];
