//! The changes that one value can undergo.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a change is about some kinds of values, and does one thing to all others"
)]

use crate::history::random::Random;
use crate::vector::json::Json;

/// A change of a value in a file's JSON.
pub(super) type Change = fn(&mut Json, &mut Random);

/// All changes, with their names and how often they are made.
pub(super) const CHANGES: [(usize, (&str, Change)); 17] = [
    (12, ("remove", remove)),
    (6, ("repeat", repeat)),
    (6, ("respell name", respell_name)),
    (6, ("rename", rename)),
    (6, ("insert", insert)),
    (8, ("make null", make_null)),
    (8, ("change type", change_type)),
    (14, ("change number", change_number)),
    (12, ("change text", change_text)),
    (5, ("change list", change_list)),
    (4, ("invalid text", invalid_text)),
    (4, ("escape", escape)),
    (4, ("nest", nest)),
    (4, ("make empty", make_empty)),
    (2, ("swap order", swap_order)),
    (2, ("blow up", blow_up)),
    (3, ("reflect", reflect)),
];

fn member<'a>(
    json: &'a mut Json,
    random: &mut Random,
) -> Option<(usize, &'a mut Vec<(String, Json)>)> {
    match json {
        Json::Object(members) if !members.is_empty() => {
            Some((random.below(members.len()), members))
        }
        _ => None,
    }
}

fn remove(json: &mut Json, random: &mut Random) {
    match json {
        Json::Object(members) if !members.is_empty() => {
            members.remove(random.below(members.len()));
        }
        Json::Array(items) if !items.is_empty() => {
            items.remove(random.below(items.len()));
        }
        other => *other = Json::Null,
    }
}

fn repeat(json: &mut Json, random: &mut Random) {
    let other = other_value(random);
    if let Some((at, members)) = member(json, random) {
        let (name, value) = members[at].clone();
        let value = if random.percent(50) { value } else { other };
        members.insert(random.below(members.len()), (name, value));
    }
}

fn respell_name(json: &mut Json, random: &mut Random) {
    let add = random.percent(50);
    if let Some((at, members)) = member(json, random) {
        let (name, value) = members[at].clone();
        let first = name.chars().next().map(char::is_lowercase);
        let respelt = match (random.below(3), first) {
            // Go takes the long s and the Kelvin sign for letters of ASCII, too.
            (0, _) => name
                .replacen('s', "\u{17f}", 1)
                .replacen('k', "\u{212a}", 1),
            (1, Some(true)) => name.to_uppercase(),
            _ => name
                .chars()
                .enumerate()
                .map(|(at, letter)| {
                    if at == 0 {
                        letter.to_ascii_uppercase()
                    } else {
                        letter
                    }
                })
                .collect(),
        };
        if add {
            members.push((respelt, value));
        } else {
            members[at].0 = respelt;
        }
    }
}

fn rename(json: &mut Json, random: &mut Random) {
    let names = [
        "",
        "x",
        "targets",
        "targets/releases",
        "targets/a/../b",
        "root",
        "sha256",
        "snapshot",
        "1.0",
    ];
    if let Some((at, members)) = member(json, random) {
        (*random.pick(&names)).clone_into(&mut members[at].0);
    }
}

fn insert(json: &mut Json, random: &mut Random) {
    let value = other_value(random);
    match json {
        Json::Object(members) => {
            let names = [
                "x",
                "X",
                "",
                "custom",
                "spec_version",
                "name",
                "\u{0}",
                "targets/alice",
            ];
            members.push(((*random.pick(&names)).to_owned(), value));
        }
        Json::Array(items) => items.push(value),
        other => *other = value,
    }
}

fn make_null(json: &mut Json, _: &mut Random) {
    *json = Json::Null;
}

fn change_type(json: &mut Json, random: &mut Random) {
    *json = other_value(random);
}

fn other_value(random: &mut Random) -> Json {
    match random.below(8) {
        0 => Json::Null,
        1 => Json::Bool(random.percent(50)),
        2 => Json::Int(random.number() % 10),
        3 => Json::text("x"),
        4 => Json::Array(vec![]),
        5 => Json::Array(vec![Json::text("x")]),
        6 => Json::Object(vec![]),
        _ => Json::object([("x", Json::Int(1))]),
    }
}

fn change_number(json: &mut Json, random: &mut Random) {
    let old = match json {
        Json::Int(number) => *number,
        _ => 1,
    };
    let odd = [
        ("-1", "-1"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("1e2", "100"),
        ("-0", "0"),
        ("9007199254740993", "9007199254740992"),
        ("01", "1"),
        ("9223372036854775807", "9223372036854775807"),
    ];
    *json = match random.below(6) {
        0 => Json::Int(old + 1),
        1 => Json::Int(old.saturating_sub(1)),
        2 => Json::Int(0),
        3 => Json::Int(random.number() % (1 << 53)),
        _ => {
            let (wire, canonical) = *random.pick(&odd);
            Json::raw(wire, canonical)
        }
    };
}

fn change_text(json: &mut Json, random: &mut Random) {
    let Json::Text(text) = json else {
        return change_number(json, random);
    };
    let at = text
        .char_indices()
        .nth(random.below(text.chars().count().max(1)))
        .map_or(0, |(at, _)| at);
    match random.below(7) {
        0 => text.clear(),
        1 => text.push(*random.pick(&['x', ' ', '=', '\n', '\u{e9}', '\u{2028}', '<'])),
        2 => text.insert(at, *random.pick(&['0', 'a', '/', '.', ' ', '\u{0}'])),
        3 => drop((!text.is_empty()).then(|| text.remove(at))),
        4 => *text = text.to_uppercase(),
        5 => *text = text.chars().rev().collect(),
        _ => text.truncate(at),
    }
}

fn change_list(json: &mut Json, random: &mut Random) {
    let Json::Array(items) = json else {
        return insert(json, random);
    };
    match random.below(4) {
        0 => items.clear(),
        1 => items.reverse(),
        2 => items.extend(items.clone()),
        _ => {
            let first = items.first().cloned();
            items.extend(first);
        }
    }
}

/// What Go replaces by U+FFFD.
fn invalid_text(json: &mut Json, random: &mut Random) {
    let wires: [&[u8]; 4] = [
        b"\"\xff\"",
        b"\"\\ud800\"",
        b"\"\xc0\xaf\"",
        b"\"\\udc00x\"",
    ];
    let canonical: [&str; 4] = [
        "\"\u{fffd}\"",
        "\"\u{fffd}\"",
        "\"\u{fffd}\u{fffd}\"",
        "\"\u{fffd}x\"",
    ];
    let which = random.below(wires.len());
    *json = Json::raw(wires[which], canonical[which]);
}

/// The same text in other words.
fn escape(json: &mut Json, _: &mut Random) {
    if let Json::Text(text) = json {
        let mut escaped = "\"".to_owned();
        for unit in text.encode_utf16() {
            escaped.extend(["\\u".to_owned(), format!("{unit:04X}")]);
        }
        escaped.push('"');
        let canonical = json.canonical();
        *json = Json::raw(escaped, canonical);
    }
}

fn nest(json: &mut Json, random: &mut Random) {
    let levels = *random.pick(&[1, 40, 70, 300]);
    for _ in 0..levels {
        let within = std::mem::replace(json, Json::Null);
        *json = Json::Array(vec![within]);
    }
}

fn make_empty(json: &mut Json, _: &mut Random) {
    match json {
        Json::Array(items) => items.clear(),
        Json::Object(members) => members.clear(),
        Json::Text(text) => text.clear(),
        other => *other = Json::Int(0),
    }
}

fn swap_order(json: &mut Json, _: &mut Random) {
    if let Json::Object(members) = json {
        members.reverse();
    }
}

/// Very many of something.
fn blow_up(json: &mut Json, random: &mut Random) {
    match json {
        Json::Array(items) => {
            if let Some(first) = items.first().cloned() {
                items.extend(std::iter::repeat_n(first, random.between(20, 300)));
            }
        }
        Json::Text(text) => *text = text.repeat(random.between(2, 200)),
        other => *other = Json::text("x".repeat(5000)),
    }
}

/// A member's value in the place of another's.
fn reflect(json: &mut Json, random: &mut Random) {
    if let Some((at, members)) = member(json, random) {
        let value = members[at].1.clone();
        let other = random.below(members.len());
        members[other].1 = value;
    }
}
