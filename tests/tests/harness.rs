//! The harness against the real programs: what every other end-to-end test takes for granted.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::docker_trust::DockerTrust;
use vouchsafe_tests::harness::notary_client::{ListedTarget, RotatedRole, Tag, TrustPinning};
use vouchsafe_tests::harness::reference::Step;
use vouchsafe_tests::harness::scripted_server::access::{Access, Login, TokenService};
use vouchsafe_tests::harness::scripted_server::{Answer, Reply, RoleFiles, Route};
use vouchsafe_tests::harness::token_issuer::TokenIssuer;
use vouchsafe_tests::harness::{
    Certificates, HarnessError, Namespace, NotaryClient, NotaryServer, Reference, Registry,
    ScriptedServer, TempDir, process,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

const GUN: &str = "docker.io/library/app";

fn tag(name: &str) -> Tag {
    Tag {
        name: name.to_owned(),
        sha256: "ab".repeat(32),
        size: 528,
    }
}

fn listed(name: &str, role: &str) -> ListedTarget {
    ListedTarget {
        name: name.to_owned(),
        sha256: "ab".repeat(32),
        size: 528,
        role: role.to_owned(),
    }
}

/// `curl`, as a client that is neither Notary's nor ours: exit code and body.
fn fetch(
    certificates: Option<&Certificates>,
    url: &str,
) -> Result<(Option<i32>, String), HarnessError> {
    let mut curl = Command::new("curl");
    curl.args([
        "-fsS",
        "--max-time",
        "5",
        "-H",
        "Accept: */*, application/vnd.oci.image.manifest.v1+json",
        url,
    ]);
    if let Some(certificates) = certificates {
        curl.arg("--cacert").arg(certificates.authority_file());
    }
    let finished = process::finish(&mut curl)?;
    Ok((finished.code, finished.stdout))
}

#[test]
fn a_signed_tag_is_listed_by_a_client_that_pins_the_root_and_is_gone_after_a_restart() {
    let certificates = Certificates::new().unwrap();
    let mut server = NotaryServer::tls(&certificates).unwrap();
    let authority = certificates.authority_file();
    let publisher = NotaryClient::publisher(&server.url(), Some(&authority)).unwrap();
    publisher.init(GUN).unwrap();
    publisher.sign(GUN, &tag("1.0"), &[]).unwrap();

    let pinning = TrustPinning::RootKeyIds {
        gun: GUN.to_owned(),
        key_ids: publisher.root_key_ids(GUN).unwrap(),
    };
    let verifier = NotaryClient::verifier(&server.url(), Some(&authority), &pinning).unwrap();
    assert_eq!(verifier.list(GUN, &[]).unwrap(), [listed("1.0", "targets")]);

    let pinning = TrustPinning::RootKeyIds {
        gun: GUN.to_owned(),
        key_ids: vec!["00".repeat(32)],
    };
    let stranger = NotaryClient::verifier(&server.url(), Some(&authority), &pinning).unwrap();
    assert!(matches!(
        stranger.list(GUN, &[]),
        Err(HarnessError::Command { .. })
    ));

    let root = format!("{}/v2/{GUN}/_trust/tuf/root.json", server.url());
    assert!(
        fetch(Some(&certificates), &root)
            .unwrap()
            .1
            .contains("\"_type\":\"Root\"")
    );
    server.stop().unwrap();
    assert_eq!(fetch(Some(&certificates), &root).unwrap().0, Some(7));
    server.restart().unwrap();
    assert_eq!(fetch(Some(&certificates), &root).unwrap().0, Some(22));
}

#[test]
fn the_root_key_to_pin_is_the_one_in_the_metadata_and_changes_with_a_rotation() {
    let server = NotaryServer::plain().unwrap();
    let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    let first = publisher.root_public_key(GUN).unwrap();
    assert!(first.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    publisher.rotate(GUN, RotatedRole::Root).unwrap();
    assert_ne!(publisher.root_public_key(GUN).unwrap(), first);
    for role in [
        RotatedRole::Targets,
        RotatedRole::Snapshot,
        RotatedRole::SnapshotToServer,
        RotatedRole::Timestamp,
    ] {
        publisher.rotate(GUN, role).unwrap();
    }
    publisher.sign(GUN, &tag("1.0"), &[]).unwrap();
    publisher.remove(GUN, "1.0", &[]).unwrap();
    publisher.publish(GUN).unwrap();
    assert_eq!(publisher.list(GUN, &[]).unwrap(), []);
    publisher.delete(GUN).unwrap();
    let fresh = NotaryClient::verifier(&server.url(), None, &TrustPinning::FirstUse).unwrap();
    assert!(matches!(
        fresh.list(GUN, &[]),
        Err(HarnessError::Command { .. })
    ));
}

#[test]
fn docker_trust_leaves_releases_and_signer_roles_with_keys_in_a_signer_process() {
    let certificates = Certificates::new().unwrap();
    let server = NotaryServer::with_signer(&certificates).unwrap();
    let registry = Registry::start().unwrap();
    let image = registry.push("team/app", "1.0", "hello").unwrap();
    let publisher =
        NotaryClient::publisher(&server.url(), Some(&certificates.authority_file())).unwrap();
    let repository = DockerTrust::init(&publisher, &image.repository, &["alice", "bob"]).unwrap();
    repository.sign(&image.tag, "alice").unwrap();

    let manifest = format!(
        "http://{}/v2/team/app/manifests/sha256:{}",
        registry.host(),
        image.tag.sha256
    );
    assert_eq!(
        u64::try_from(fetch(None, &manifest).unwrap().1.len()).unwrap(),
        image.tag.size
    );
    let roles: Vec<String> = ["targets/releases", "targets/alice"]
        .iter()
        .flat_map(|role| publisher.list(repository.gun(), &[role]).unwrap())
        .map(|target| format!("{} {} {}", target.name, target.sha256, target.role))
        .collect();
    assert_eq!(
        roles[0],
        format!("1.0 {} targets/releases", image.tag.sha256)
    );
    assert_eq!(roles[1], format!("1.0 {} targets/alice", image.tag.sha256));

    publisher
        .undelegate(&image.repository, "targets/alice", None)
        .unwrap();
    publisher
        .undelegate(
            &image.repository,
            "targets/releases",
            Some(repository.key("bob").unwrap()),
        )
        .unwrap();
    publisher.publish(&image.repository).unwrap();
    assert_eq!(
        publisher
            .list(&image.repository, &["targets/alice"])
            .unwrap(),
        []
    );
}

#[test]
fn a_scripted_server_passes_a_real_repository_through_and_breaks_it_on_demand() {
    let upstream = NotaryServer::plain().unwrap();
    let front = ScriptedServer::plain().unwrap();
    front.forward_to(upstream.address());
    let publisher = NotaryClient::publisher(&front.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    publisher.sign(GUN, &tag("1.0"), &[]).unwrap();

    let fresh = || NotaryClient::verifier(&front.url(), None, &TrustPinning::FirstUse).unwrap();
    front.forget_requests();
    assert_eq!(fresh().list(GUN, &[]).unwrap(), [listed("1.0", "targets")]);
    let asked: Vec<String> = front
        .requests()
        .iter()
        .map(|request| request.path().to_owned())
        .collect();
    // Four files and the ping.
    assert_eq!(asked.len(), 5, "{asked:?}");
    assert_eq!(front.count(&Route::role(GUN, "targets")), 1);

    // The real client starts over once, with the newest root, before it gives up.
    front.script_times(1, Route::role(GUN, "targets"), Answer::Truncated(10));
    assert!(fresh().list(GUN, &[]).is_ok());
    assert_eq!(front.count(&Route::role(GUN, "targets")), 3);
    front.script(Route::role(GUN, "targets"), Answer::Truncated(10));
    assert!(fresh().list(GUN, &[]).is_err());
    front.clear_script();
    front.script(
        Route::role(GUN, "root"),
        Reply::error(500, "UNKNOWN").into(),
    );
    assert!(fresh().list(GUN, &[]).is_err());
    front.clear_script();
    front.demand(Access::Basic(Login::new("user", "secret")));
    assert!(fresh().list(GUN, &[]).is_err());
}

#[test]
fn a_real_server_takes_the_tokens_that_a_scripted_token_service_signs() {
    let issuer = Arc::new(TokenIssuer::new().unwrap());
    let tokens = ScriptedServer::plain().unwrap();
    let service = |refused: &[&str]| {
        let refused = refused.iter().map(|gun| (*gun).to_owned()).collect();
        let issuer = Some(Arc::clone(&issuer));
        Access::Token(TokenService {
            issuer,
            refused,
            ..TokenService::default()
        })
    };
    tokens.demand(service(&[]));
    let server = NotaryServer::with_tokens(&format!("{}/token", tokens.url()), &issuer).unwrap();
    let root = format!("{}/v2/{GUN}/_trust/tuf/root.json", server.url());
    let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    // Curl brings no token.
    assert_eq!(fetch(None, &root).unwrap().0, Some(22));
    let fresh = || NotaryClient::verifier(&server.url(), None, &TrustPinning::FirstUse).unwrap();
    assert!(fresh().list(GUN, &[]).is_ok());
    tokens.demand(service(&[GUN]));
    assert!(fresh().list(GUN, &[]).is_err());
}

#[test]
fn a_scripted_server_serves_files_by_name_version_and_hash() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    let newest = r#"{"signed":{"version":2}}"#;
    server.serve(
        GUN,
        RoleFiles::new()
            .with("targets/releases", newest)
            .with_version("targets/releases", 1, "old"),
    );
    let get = |file: &str| {
        fetch(
            Some(&certificates),
            &format!("{}/v2/{GUN}/_trust/tuf/{file}.json", server.url()),
        )
        .unwrap()
    };
    // sha256sum of `old`.
    let old = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";
    assert_eq!(get("targets/releases").1, newest);
    assert_eq!(get("2.targets/releases").1, newest);
    assert_eq!(get("1.targets/releases").1, "old");
    assert_eq!(get(&format!("targets/releases.{old}")).1, "old");
    assert_eq!(
        get(&format!("targets/releases.{}", "00".repeat(32))).0,
        Some(22)
    );
    server.serve(GUN, RoleFiles::hostile().with("targets/releases", newest));
    assert_eq!(
        get(&format!("targets/releases.{}", "00".repeat(32))).1,
        newest
    );
    server.withdraw(GUN);
    assert_eq!(get("targets/releases").0, Some(22));
}

#[test]
fn a_scripted_server_ends_although_a_client_still_waits_for_it() {
    let server = ScriptedServer::plain().unwrap();
    server.script(Route::Ping, Answer::Silent);
    let url = format!("{}/v2/", server.url());
    let client = std::thread::spawn(move || fetch(None, &url).unwrap().0);
    while server.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.most_in_flight(), 1);
    let started = Instant::now();
    drop(server);
    // Curl's code for an empty reply.
    assert_eq!(client.join().unwrap(), Some(52));
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn what_runs_in_a_namespace_reaches_nobody_is_counted_and_ends_with_it() -> Result<(), HarnessError>
{
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = outside.local_addr().unwrap();
    let namespace = Namespace::new()?;
    let before = namespace.departures()?;
    let refused = namespace.inside(|| TcpStream::connect(address).is_err());
    assert!(refused, "it reached {address}");
    let elsewhere = namespace.inside(|| TcpStream::connect("192.0.2.1:80").is_err());
    assert!(elsewhere);
    let after = namespace.departures()?;
    // Where there is no route, nothing is tried.
    assert_eq!(after.connects, before.connects + 1);

    let directory = TempDir::new("namespace")?;
    let log = directory.path().join("log");
    let mut sleeper =
        namespace.inside(|| process::Process::start(Command::new("sleep").arg("600"), &log))?;
    drop(namespace);
    let ended = sleeper.wait_for_exit(Duration::from_secs(10))?;
    assert!(!ended.success(), "{ended}");
    Ok(())
}

#[test]
fn notarys_own_code_answers_one_question_after_the_other() {
    let mut canonical = Reference::canonical().unwrap();
    for _ in 0..2 {
        let form = canonical.canonical_form(br#"{"b":1.0,"a":"\n</>"}"#);
        assert_eq!(form.unwrap().unwrap(), b"{\"a\":\"\n</>\",\"b\":1}");
        let words = canonical.canonical_form(b"1.5").unwrap().unwrap_err();
        assert_eq!(words, "json: unsupported value: 1.5");
    }

    let repository = Repository::delegated(GUN);
    let directory = TempDir::new("reference").unwrap();
    let mut client = Reference::client().unwrap();
    let step = Step {
        gun: GUN,
        pins: &[Key::p256("root").certified(GUN).id()],
        cache: directory.path(),
        server: None,
        files: &repository.files(),
    };
    let outcome = client.update(&step).unwrap();
    assert_eq!(outcome.versions, repository.versions(), "{outcome:?}");
    let roles: Vec<_> = outcome.targets.iter().map(|target| &*target.role).collect();
    assert_eq!(roles, ["targets/alice", "targets/releases"]);

    let server = ScriptedServer::plain().unwrap();
    let over_http = Step {
        server: Some(&server.url()),
        cache: &directory.path().join("another"),
        ..step
    };
    assert_eq!(
        client.update(&over_http).unwrap().error_type,
        "client.ErrRepositoryNotExist"
    );
}
