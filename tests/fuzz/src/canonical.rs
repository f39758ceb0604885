//! Canonical JSON: the bytes are those that Go's encoder and the independent checker give.

use std::sync::{LazyLock, Mutex, PoisonError};

use vouchsafe_tests::checker::json::Value;
use vouchsafe_tests::harness::Reference;
use vouchsafe_trust::canonical::to_vec;
use vouchsafe_trust::json::Json;

pub(crate) fn run(data: &[u8]) -> bool {
    let (ours, theirs) = (Json::parse(data), Value::parse(data));
    let ours = match (ours, theirs) {
        (Ok(ours), Some(theirs)) => {
            let bytes = to_vec(&ours);
            assert_eq!(bytes, theirs.canonical().as_bytes(), "the checker");
            ours
        }
        (Ok(_), None) => panic!("accepted, but it is not strict JSON"),
        (Err(_), None) => return false,
        (Err(error), Some(_)) => panic!("refused strict JSON: {error}"),
    };
    let bytes = to_vec(&ours);
    // The canonical form of a control character is no JSON.
    if let Ok(again) = Json::parse(&bytes) {
        assert_eq!(again, ours, "read again");
    }
    assert_eq!(go(data), Ok(bytes), "Go");
    true
}

/// What Go's encoder makes of it.
fn go(data: &[u8]) -> Result<Vec<u8>, String> {
    static GO: LazyLock<Mutex<Reference>> =
        LazyLock::new(|| Mutex::new(Reference::canonical().expect("Notary's own code runs")));
    let mut go = GO.lock().unwrap_or_else(PoisonError::into_inner);
    go.canonical_form(data).expect("it answers")
}
