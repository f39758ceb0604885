//! The documentation lists every vector on which Vouchsafe and the Notary client differ.

use vouchsafe_tests::vector::load_all;

#[test]
fn every_difference_from_the_notary_client_is_documented() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/differences-from-notary.md"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let listed: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !name.contains(' '))
        .collect();
    let is_listed = |name: &str| {
        listed.iter().any(|listed| match listed.strip_suffix('*') {
            Some(prefix) => !prefix.is_empty() && name.starts_with(prefix),
            None => *listed == name,
        })
    };
    let missing: Vec<String> = load_all()
        .unwrap()
        .into_iter()
        .filter(|vector| vector.steps.iter().any(|step| step.client_reason.is_some()))
        .filter(|vector| !is_listed(&vector.name))
        .map(|vector| vector.name)
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/differences-from-notary.md: {missing:?}"
    );
}
