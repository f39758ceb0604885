use std::fs;
use std::future::pending;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tokio::runtime::Runtime;
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::Evidence;
use vouchsafe_trust::evidence::Retained;

use super::*;
use crate::testing::{gun, image, now, open, server, states, tag};
use crate::{Reader, Store};

/// A store that is served, and a runtime that serves it until dropped.
struct Served {
    store: Store,
    socket: PathBuf,
    runtime: Runtime,
    _dir: TempDir,
}

fn served(name: &str) -> Served {
    let dir = TempDir::new("socket").unwrap();
    let store = open(&dir.path().join("store"));
    let socket = dir.path().join(name);
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let runtime = Runtime::new().unwrap();
    let listener = {
        let _entered = runtime.enter();
        Listener::bind(&socket).unwrap()
    };
    runtime.spawn(listener.serve(store.clone(), pending()));
    Served {
        store,
        socket,
        runtime,
        _dir: dir,
    }
}

#[test]
fn what_the_store_answers_the_socket_answers() {
    let served = served(SOCKET);
    let store = &served.store;
    for state in &states()[..3] {
        store.commit(&server(), state).unwrap();
    }
    store.observe_time(now());
    let other = "https://other.example.com".parse().unwrap();
    store.commit(&other, &states()[0]).unwrap();
    store.withdraw(&other, &gun("app"), now()).unwrap();
    store
        .set_server_state(&server(), &crate::ServerState::default())
        .unwrap();

    let remote = RemoteStore::connect(&served.socket).unwrap();
    let (local, remote): (&dyn Reader, &dyn Reader) = (store, &remote);
    let gun = gun("app");
    for query in ["tag-1", "unheard-of"].map(|name| tag(&gun, name)) {
        let evidence = remote.evidence(&query).unwrap();
        assert_eq!(evidence, local.evidence(&query).unwrap());
    }
    assert_eq!(remote.status().unwrap(), local.status().unwrap());
    assert_eq!(remote.status().unwrap().len(), 2);
    assert_eq!(
        remote.repository_status(Some(&other), &gun).unwrap(),
        local.repository_status(Some(&other), &gun).unwrap()
    );
    let tags = remote.tags(&server(), &gun).unwrap();
    assert_eq!(tags, local.tags(&server(), &gun).unwrap());
    assert_eq!(tags.len(), 3);
    let history = remote.history(&server(), &gun, "tag-1").unwrap();
    assert_eq!(history, local.history(&server(), &gun, "tag-1").unwrap());
    assert_eq!(history[0].digest, image("image-1-1"));
    assert_eq!(remote.servers().unwrap(), local.servers().unwrap());
    assert_eq!(remote.latest_time().unwrap(), Some(now()));
    assert_eq!(remote.forget(None, &gun).unwrap(), 2);
    assert_eq!(local.status().unwrap(), []);
}

#[test]
fn what_was_stated_before_is_told_through_the_socket() {
    let served = served(SOCKET);
    for state in &states()[..3] {
        served.store.commit(&server(), state).unwrap();
    }
    let remote = RemoteStore::connect(&served.socket).unwrap();
    let mut query = tag(&gun("app"), "tag-1");
    query.retained = Some(Retained {
        digest: image("image-1-2"),
        since: now(),
    });
    let evidence = Reader::evidence(&remote, &query).unwrap();
    assert_eq!(evidence, served.store.evidence(&query).unwrap());
    let Evidence::Known(known) = evidence else {
        panic!("it was committed")
    };
    let signed = known.signed(&query, now()).unwrap();
    assert_eq!(signed.superseded, Some(now()));
}

#[test]
fn the_latest_time_is_reset_through_the_socket() {
    let served = served(SOCKET);
    served.store.observe_time(now());
    let remote = RemoteStore::connect(&served.socket).unwrap();
    let earlier = now() - jiff::SignedDuration::from_hours(5);
    let before = Reader::reset_latest_time(&remote, earlier).unwrap();
    assert_eq!(before, Some(now()));
    assert_eq!(served.store.latest_time(), Some(earlier));
}

#[test]
fn what_the_store_cannot_answer_is_said() {
    let served = served(SOCKET);
    served.store.commit(&server(), &states()[0]).unwrap();
    served.store.0.trees.page.clear().unwrap();
    let remote = RemoteStore::connect(&served.socket).unwrap();
    let refused = remote.tags(&server(), &gun("app")).unwrap_err();
    assert!(refused.to_string().contains("is damaged"), "{refused}");
}

#[test]
fn a_socket_is_its_owners_and_is_gone_afterwards() {
    let served = served(SOCKET);
    let mode = fs::metadata(&served.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(served.runtime);
    assert!(!served.socket.exists());
    assert!(matches!(
        RemoteStore::connect(&served.socket),
        Err(RemoteError::NotServed { .. })
    ));
}

#[test]
fn only_a_socket_without_anybody_behind_it_is_replaced() {
    let served = served(SOCKET);
    let bind = |path: &Path| {
        let _entered = served.runtime.enter();
        Listener::bind(path)
    };
    assert!(matches!(
        bind(&served.socket),
        Err(SocketError::InUse { .. })
    ));
    RemoteStore::connect(&served.socket).unwrap();
    let stale = served.socket.with_file_name("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    bind(&stale).unwrap();
    let file = served.socket.with_file_name("file");
    fs::write(&file, "precious").unwrap();
    assert!(matches!(bind(&file), Err(SocketError::NotASocket { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
}

#[test]
fn a_path_of_any_length_works() {
    let long = format!("{}/{SOCKET}", "a-rather-long-name/".repeat(12));
    let served = served(&long);
    assert!(served.socket.as_os_str().len() > 200);
    RemoteStore::connect(&served.socket).unwrap();
    drop(served.runtime);
    assert!(!served.socket.exists());
}

#[test]
fn nonsense_gets_an_answer_or_none_and_harms_nobody() {
    let served = served(SOCKET);
    let send = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&served.socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            // It did not read what it does not want.
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(send(b"\0\0\0\x02{}").contains("does not understand"));
    assert!(send(b"\0\0\0\x09\"unheard\"").contains("does not understand"));
    assert_eq!(send(b"\xff\xff\xff\xffGET / HTTP/1.1"), "");
    assert_eq!(send(b"\0\0\0\x09\"sta"), "");
    assert_eq!(send(b""), "");
    RemoteStore::connect(&served.socket).unwrap();
}

#[test]
fn peers_that_say_nothing_cannot_hold_it() {
    let served = served(SOCKET);
    let silent: Vec<_> = (0..20)
        .map(|_| UnixStream::connect(&served.socket).unwrap())
        .collect();
    // They are dropped one after another while the next ones wait.
    RemoteStore::connect(&served.socket).unwrap();
    drop(silent);
}
