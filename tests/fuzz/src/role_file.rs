//! Role files: read, and whatever is read in them is what the checker reads.

use vouchsafe_tests::checker;
use vouchsafe_trust::metadata::{Common, Envelope, Root, Snapshot, SnapshotMeta, Targets};
use vouchsafe_trust::{DelegationName, Role};

use crate::input::Input;

pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let kind = input.below(5);
    let bytes = input.rest();
    let Ok(envelope) = Envelope::parse(bytes) else {
        return false;
    };
    let signed = envelope.signed();
    let (name, common) = match kind {
        0 => ("Root", root(&envelope)),
        1 => (
            "Timestamp",
            SnapshotMeta::read(signed).ok().map(|it| it.common),
        ),
        2 => ("Snapshot", Snapshot::read(signed).ok().map(|it| it.common)),
        3 => ("Targets", targets(&Role::Targets, &envelope)),
        _ => {
            let releases = Role::Delegation(DelegationName::releases());
            ("Targets", targets(&releases, &envelope))
        }
    };
    let Some(Common { version, expires }) = common else {
        return false;
    };
    let theirs = checker::common(name, bytes);
    let ours = (version.get(), expires.as_nanosecond());
    assert_eq!(Ok(ours), theirs, "version and expiry");
    true
}

fn root(envelope: &Envelope) -> Option<Common> {
    let root = Root::read(envelope.signed()).ok()?;
    for role in [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp] {
        let keys = root.role_keys(&role).expect("a root has the four roles");
        assert!(keys.threshold() > 0, "a threshold of {role}");
        let signers = envelope.signatures().signers(&keys);
        assert!(signers.is_subset(&keys.fingerprints()), "signers of {role}");
    }
    Some(root.common)
}

fn targets(role: &Role, envelope: &Envelope) -> Option<Common> {
    let targets = Targets::read(role, envelope.signed()).ok()?;
    for delegation in &targets.delegations {
        assert_eq!(delegation.name.parent(), *role, "a child of its own");
        let signers = envelope.signatures().signers(&delegation.keys);
        assert!(
            signers.is_subset(&delegation.keys.fingerprints()),
            "signers"
        );
    }
    Some(targets.common)
}
