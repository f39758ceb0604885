use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::Server;

use crate::testing::{gun, image, now, open, server, states};
use crate::{Cursor, ServerState};

#[test]
fn what_is_forgotten_is_looked_for_in_the_changefeed_again() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let (here, other) = (server(), "other.example.com".parse().unwrap());
    let read = ServerState {
        cursor: Some(Cursor {
            id: "7".to_owned(),
            created_at: String::new(),
            sha256: String::new(),
            gun: "a/b".to_owned(),
        }),
        selection: Some(image("selection")),
        last_pass: Some(now()),
        ..ServerState::default()
    };
    let cleared = ServerState {
        last_pass: Some(now()),
        ..ServerState::default()
    };
    let remembered = |server: &Server| store.server_state(server).unwrap().unwrap();
    store.set_server_state(&here, &read).unwrap();
    store.set_server_state(&other, &read).unwrap();
    store.commit(&here, &states()[0]).unwrap();
    assert_eq!(store.forget(None, &gun("app")).unwrap(), 1);
    assert_eq!(remembered(&here), cleared);
    assert_eq!(remembered(&other), read);
    let swapped = store.swap_server_state(&here, Some(&read), &read);
    assert!(!swapped.unwrap(), "a pass that began before notices");
    assert_eq!(remembered(&here), cleared);

    // Known from the feed alone.
    assert_eq!(store.forget(Some(&other), &gun("feed")).unwrap(), 0);
    assert_eq!(remembered(&other), cleared);
    store.set_server_state(&other, &read).unwrap();
    assert_eq!(store.forget(None, &gun("feed")).unwrap(), 0);
    assert_eq!(remembered(&other), cleared);
}
