use vouchsafe_store::ServerState;
use vouchsafe_syncer::{Failure, Source};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::Timestamp;

use super::*;

struct Surroundings {
    store: Store,
    readiness: Readiness,
    _dir: TempDir,
}

fn empty() -> Surroundings {
    let dir = TempDir::new("feed").unwrap();
    let opened = Store::open(dir.path(), Timestamp::UNIX_EPOCH).unwrap();
    Surroundings {
        store: opened.store,
        readiness: Readiness::new(),
        _dir: dir,
    }
}

impl Surroundings {
    fn is_fed(&self) -> bool {
        self.readiness.holds(Condition::FirstFeed)
    }
}

fn server(name: &str) -> Server {
    format!("https://{name}.example.com").parse().unwrap()
}

fn pass(server: &Server, error: Option<&'static str>) -> ServerReport {
    ServerReport {
        server: server.clone(),
        source: Source::Changefeed,
        unchanged: 0,
        updated: 0,
        withdrawn: 0,
        failed: 0,
        skipped: 0,
        absent: 0,
        left_out: 0,
        requests: 1,
        failures: Vec::new(),
        error: error.map(|label| Failure {
            server: server.clone(),
            gun: None,
            role: None,
            label,
            message: label.to_owned(),
            hint: None,
            refused: false,
        }),
        changefeed: None,
        goes_on: false,
    }
}

#[test]
fn an_empty_store_waits_for_every_attempt_and_for_one_server_at_least() {
    let surroundings = empty();
    let servers = ["down", "up"].map(server);
    let [down, up] = &servers;
    let first = FirstFeed::new(&surroundings.store, &surroundings.readiness);
    first.publish(&servers);
    assert!(!surroundings.is_fed());
    first.take(&pass(up, None), &servers);
    assert!(!surroundings.is_fed(), "the other one was not tried");
    first.take(&pass(down, Some("unreachable")), &servers);
    assert!(surroundings.is_fed());
}

#[test]
fn an_empty_store_is_not_ready_while_no_server_was_reached() {
    let surroundings = empty();
    let servers = ["one", "two"].map(server);
    let first = FirstFeed::new(&surroundings.store, &surroundings.readiness);
    for server in &servers {
        first.take(&pass(server, Some("unreachable")), &servers);
    }
    assert!(!surroundings.is_fed());
    first.take(&pass(&servers[0], None), &servers);
    assert!(surroundings.is_fed());
}

#[test]
fn a_server_that_was_reached_by_an_earlier_process_is_not_waited_for() {
    let surroundings = empty();
    let servers = ["known", "new"].map(server);
    let state = ServerState {
        last_pass: Some(Timestamp::UNIX_EPOCH),
        ..ServerState::default()
    };
    surroundings
        .store
        .set_server_state(&servers[0], &state)
        .unwrap();
    let first = FirstFeed::new(&surroundings.store, &surroundings.readiness);
    first.publish(&servers);
    assert!(!surroundings.is_fed(), "the new one was not tried");
    first.publish(&servers[..1]);
    assert!(surroundings.is_fed());
}

#[test]
fn a_server_that_is_added_later_takes_nothing_away() {
    let surroundings = empty();
    let servers = ["one", "added"].map(server);
    let first = FirstFeed::new(&surroundings.store, &surroundings.readiness);
    first.take(&pass(&servers[0], None), &servers[..1]);
    assert!(surroundings.is_fed());
    first.publish(&servers);
    first.take(&pass(&servers[1], Some("unreachable")), &servers);
    assert!(surroundings.is_fed());
}

#[test]
fn without_a_server_there_is_nothing_to_wait_for() {
    let surroundings = empty();
    FirstFeed::new(&surroundings.store, &surroundings.readiness).publish(&[]);
    assert!(surroundings.is_fed());
}
