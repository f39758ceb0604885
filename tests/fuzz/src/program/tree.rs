//! Places in a JSON document, and documents as they are served.

use vouchsafe_tests::checker::json::Value;

use crate::input::Input;

/// A place: an index a level.
pub(super) type Path = Vec<usize>;

/// Chooses a place in `value`.
pub(super) fn choose(value: &Value, input: &mut Input<'_>) -> Path {
    let mut path = Vec::new();
    let mut here = value;
    while path.len() < DEEPEST {
        let count = children(here).len();
        let choice = input.byte();
        if count == 0 || choice == STAY {
            break;
        }
        let next = usize::from(choice) % count;
        path.push(next);
        here = children(here)[next];
    }
    path
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(items) => items.iter().collect(),
        Value::Members(members) => members.iter().map(|(_, value)| value).collect(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => Vec::new(),
    }
}

/// What is at `path`.
pub(super) fn at<'v>(value: &'v Value, path: &[usize]) -> &'v Value {
    path.iter()
        .fold(value, |here, index| children(here)[*index])
}

/// What is at `path`, to be changed.
pub(super) fn at_mut<'v>(value: &'v mut Value, path: &[usize]) -> &'v mut Value {
    path.iter().fold(value, |here, index| match here {
        Value::List(items) => &mut items[*index],
        Value::Members(members) => &mut members[*index].1,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => {
            panic!("a path leads through lists and objects")
        }
    })
}

/// The member `name` of an object, also where it is null.
pub(super) fn member_mut<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let Value::Members(members) = value else {
        return None;
    };
    let found = members.iter_mut().find(|(member, _)| member == name);
    found.map(|(_, value)| value)
}

pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Members(members.map(|(name, value)| (name.to_owned(), value)).into())
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The bytes that are served for `value`.
pub(super) fn wire(value: &Value) -> String {
    let quote = |text: &String| serde_json::to_string(text).unwrap_or_default();
    match value {
        Value::Text(text) => quote(text),
        Value::List(items) => format!("[{}]", items.iter().map(wire).collect::<Vec<_>>().join(",")),
        Value::Members(members) => {
            let member = |(name, value): &(String, Value)| quote(name) + ":" + &wire(value);
            format!(
                "{{{}}}",
                members.iter().map(member).collect::<Vec<_>>().join(",")
            )
        }
        Value::Null | Value::Bool(_) | Value::Int(_) => value.canonical(),
    }
}

/// The choice that goes no deeper.
const STAY: u8 = 255;
const DEEPEST: usize = 12;
