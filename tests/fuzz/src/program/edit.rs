//! One change of a repository.

use vouchsafe_tests::checker::json::Value;

use super::base::{BASES, ids, keys, listed};
use super::draft::{Draft, File, Forgery};
use super::tree::{Path, at, at_mut, choose, member_mut, text};
use crate::input::Input;

/// Reads one change from `input` and makes it.
pub(super) fn apply(draft: &mut Draft, input: &mut Input<'_>) {
    let operation = input.below(OPERATIONS.len());
    let file = input.below(draft.files.len());
    OPERATIONS[operation](draft, file, input);
}

type Operation = fn(&mut Draft, usize, &mut Input<'_>);

const OPERATIONS: [Operation; 16] = [
    |draft, file, input| {
        let value = value(input);
        change(draft, file, input, |place| *place = value);
    },
    |draft, file, input| {
        let path = choose(&draft.files[file].signed, input);
        within(
            &mut draft.files[file],
            path,
            |container, index| match container {
                Value::List(items) => drop(items.remove(index)),
                Value::Members(members) => drop(members.remove(index)),
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => {}
            },
        );
    },
    |draft, file, input| {
        let path = choose(&draft.files[file].signed, input);
        let name = input.flag().then(|| name(input));
        within(
            &mut draft.files[file],
            path,
            |container, index| match container {
                Value::List(items) => items.push(items[index].clone()),
                Value::Members(members) => {
                    let (old, value) = members[index].clone();
                    members.push((name.unwrap_or(old), value));
                }
                Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => {}
            },
        );
    },
    |draft, file, input| {
        let from = &draft.files[input.below(draft.files.len())].signed;
        let copy = at(from, &choose(from, input)).clone();
        change(draft, file, input, |place| *place = copy);
    },
    |draft, file, input| {
        let (name, value) = (name(input), value(input));
        change(draft, file, input, |place| match place {
            Value::List(items) => items.push(value),
            Value::Members(members) => members.push((name, value)),
            Value::Text(text) => text.push_str(&name),
            Value::Null | Value::Bool(_) | Value::Int(_) => {}
        });
    },
    |draft, file, input| {
        let step = i64::from(input.byte()) - 128;
        change(draft, file, input, |place| {
            if let Value::Int(number) = place {
                *number = (*number + step).clamp(-(1 << 53), 1 << 53);
            }
        });
    },
    |draft, file, input| {
        let count = input.below(5);
        let signers = (0..count).map(|_| input.below(keys().len()));
        draft.files[file].signers = signers.collect();
        draft.files[file].is_changed = true;
    },
    |draft, file, input| {
        let at = input.below(8);
        let member = *input.one_of(&["sig", "method", "keyid"]);
        let value = match member {
            "method" => text(input.one_of::<&str>(&METHODS)),
            "keyid" => text(input.one_of::<String>(ids())),
            _ => text(&input.text()),
        };
        draft.files[file].forged.push(Forgery { at, member, value });
        draft.files[file].is_changed = true;
    },
    |draft, file, input| {
        let place = position(input);
        draft.files[file].stated.push(place);
    },
    |draft, file, input| {
        let place = position(input);
        draft.files[file].served.push(place);
    },
    |draft, file, _| draft.files[file].stale = true,
    |draft, file, _| draft.files[file].is_gone = true,
    // The next root: a copy of the newest one, to be changed further.
    |draft, _, _| {
        let newest = draft.files.iter().rposition(|file| file.role == "root");
        let Some(newest) = newest.filter(|_| draft.files.len() < MOST_FILES) else {
            return;
        };
        let mut next = draft.files[newest].clone();
        if let Some(Value::Int(version)) = member_mut(&mut next.signed, "version") {
            *version = (*version + 1).min(1 << 53);
        }
        next.is_changed = true;
        draft.files.insert(newest + 1, next);
    },
    // Lists another key, and lets a role be signed by it.
    |draft, file, input| {
        let key = input.below(keys().len());
        let id = &ids()[key];
        let choice = input.below(8);
        let file = &mut draft.files[file];
        let Some(lists) = lists(file) else {
            return;
        };
        if let Some(Value::Members(keys)) = member_mut(lists, "keys") {
            keys.retain(|(other, _)| other != id);
            keys.push((id.clone(), listed()[key].clone()));
        }
        let role = member_mut(lists, "roles").and_then(|roles| child(roles, choice));
        if let Some(Value::List(ids)) = role.and_then(|role| member_mut(role, "keyids")) {
            ids.push(text(id));
        }
        file.is_changed = true;
    },
    // Another delegation: a copy of one that there is.
    |draft, file, input| {
        let role = name(input);
        let is_new = draft.files.iter().all(|file| file.role != role);
        if is_new && is_delegation(&role) && draft.files.len() < MOST_FILES {
            let mut copy = draft.files[file].clone();
            copy.role = role;
            copy.is_changed = true;
            let targets = draft.files.iter().position(|file| file.role == "targets");
            draft.files.insert(targets.unwrap_or(0), copy);
        }
    },
    // A file of another repository, signed as it was there.
    |draft, file, input| {
        let other = Draft::of(input.one_of(&BASES));
        let role = draft.files[file].role.clone();
        if let Some(other) = other.files.into_iter().rfind(|file| file.role == role) {
            draft.files[file] = other;
        }
    },
];

/// Changes a place of the file.
fn change(draft: &mut Draft, file: usize, input: &mut Input<'_>, change: impl FnOnce(&mut Value)) {
    let file = &mut draft.files[file];
    let path = choose(&file.signed, input);
    change(at_mut(&mut file.signed, &path));
    file.is_changed = true;
}

/// Changes the container of a place.
fn within(file: &mut File, mut path: Path, change: impl FnOnce(&mut Value, usize)) {
    if let Some(last) = path.pop() {
        change(at_mut(&mut file.signed, &path), last);
        file.is_changed = true;
    }
}

/// What has the keys and roles that a file lists.
fn lists(file: &mut File) -> Option<&mut Value> {
    if file.role == "root" {
        Some(&mut file.signed)
    } else {
        member_mut(&mut file.signed, "delegations")
    }
}

/// One of the values of a list or object.
fn child(value: &mut Value, choice: usize) -> Option<&mut Value> {
    match value {
        Value::List(items) => {
            let count = items.len().max(1);
            items.get_mut(choice % count)
        }
        Value::Members(members) => {
            let count = members.len().max(1);
            members.get_mut(choice % count).map(|(_, value)| value)
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => None,
    }
}

fn is_delegation(role: &str) -> bool {
    role.parse::<vouchsafe_trust::DelegationName>().is_ok()
}

fn position(input: &mut Input<'_>) -> (usize, u8) {
    let at = usize::from(input.byte()) * 256 + usize::from(input.byte());
    (at, input.byte())
}

/// A member's name, or another text.
fn name(input: &mut Input<'_>) -> String {
    let known = input.below(NAMES.len() + 1);
    NAMES
        .get(known)
        .map_or_else(|| input.text(), |name| (*name).to_owned())
}

fn value(input: &mut Input<'_>) -> Value {
    match input.below(10) {
        0 => Value::Null,
        1 => Value::Bool(input.flag()),
        2 => Value::Int(i64::from(input.byte())),
        3 => Value::Int(-1),
        4 => Value::Int(1 << 53),
        5 => Value::List(Vec::new()),
        6 => Value::Members(Vec::new()),
        7 => text(input.one_of::<String>(ids())),
        _ => Value::Text(name(input)),
    }
}

const METHODS: [&str; 6] = ["ecdsa", "ECDSA", "eddsa", "rsapss", "rsapkcs1v15", "none"];
const MOST_FILES: usize = 16;
/// Names and texts that mean something.
const NAMES: [&str; 40] = [
    "_type",
    "Root",
    "Targets",
    "Snapshot",
    "Timestamp",
    "version",
    "Version",
    "expires",
    "EXPIRES",
    "keys",
    "roles",
    "keyids",
    "threshold",
    "Threshold",
    "paths",
    "name",
    "meta",
    "targets",
    "delegations",
    "hashes",
    "sha256",
    "sha512",
    "length",
    "custom",
    "keytype",
    "keyval",
    "public",
    "ecdsa",
    "ecdsa-x509",
    "rsa",
    "ed25519",
    "targets/releases",
    "targets/releases/x",
    "targets/team",
    "targets/team/a",
    "v1",
    "",
    "2026-11-24T00:00:00Z",
    "2025-01-01T00:00:00.5+01:00",
    "\u{17f}igned\u{0}\"\\\u{2028}",
];
