//! One change of a role file that a publisher made, wherever it may be.

mod change;

use change::CHANGES;

use super::random::Random;
use crate::vector::json::Json;

/// Changes one value of `json`, chosen by `seed` alone; returns where and how.
pub(super) fn mutate(json: &mut Json, seed: u64) -> String {
    let mut random = Random::new(seed);
    let (name, change) = *random.weighted(&CHANGES);
    let mut at = random.below(count(json));
    let mut path = Vec::new();
    let value = nth(json, &mut at, &mut path).expect("it is below their number");
    change(value, &mut random);
    let (path, value) = (path.join("."), value.wire());
    let shown: String = String::from_utf8_lossy(&value)
        .chars()
        .take(SHOWN)
        .collect();
    format!("{name} {path}: {shown}")
}

/// Changes some bytes of a file, chosen by `seed` alone.
pub(super) fn mutate_bytes(bytes: &mut Vec<u8>, seed: u64) {
    let mut random = Random::new(seed);
    let at = random.below(bytes.len().max(1));
    match random.below(12) {
        0..=2 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        3 if !bytes.is_empty() => drop(bytes.remove(at)),
        4 => bytes.insert(at, *random.pick(b"\0 \"{}[],:0aA\\\xff")),
        5 => bytes.truncate(at),
        6 => bytes.extend_from_slice(random.pick::<&[u8]>(&[b" ", b"\n", b"\0", b"{}", b"x"])),
        7 => bytes
            .splice(
                0..0,
                random
                    .pick::<&[u8]>(&[b" ", b"\xef\xbb\xbf", b"\n\t"])
                    .iter()
                    .copied(),
            )
            .for_each(drop),
        8 => space_out(bytes),
        9 => bytes.clear(),
        10 => swap_case(bytes, at),
        _ => bytes
            .splice(at..at, b"\\u0061".iter().copied())
            .for_each(drop),
    }
}

/// A blank after every colon and comma that is not within a text.
fn space_out(bytes: &mut Vec<u8>) {
    let mut within = false;
    let mut before = 0;
    let spaced = bytes.iter().flat_map(|&byte| {
        within ^= byte == b'"' && before != b'\\';
        before = byte;
        let blank = !within && matches!(byte, b':' | b',');
        std::iter::once(byte).chain(blank.then_some(b' '))
    });
    *bytes = spaced.collect();
}

/// The first letter from `at` on.
fn swap_case(bytes: &mut [u8], at: usize) {
    let mut from = bytes.iter_mut().skip(at);
    if let Some(letter) = from.find(|byte| byte.is_ascii_alphabetic()) {
        *letter ^= 0x20;
    }
}

fn count(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(count).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| count(value)).sum(),
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Text(_) | Json::Raw { .. } => 0,
    }
}

/// The value number `at`, each before those within it, and the path to it.
fn nth<'a>(json: &'a mut Json, at: &mut usize, path: &mut Vec<String>) -> Option<&'a mut Json> {
    if *at == 0 {
        return Some(json);
    }
    *at -= 1;
    let mut within = |name: String, value: &'a mut Json| {
        path.push(name);
        let found = nth(value, at, path);
        if found.is_none() {
            path.pop();
        }
        found
    };
    match json {
        Json::Array(items) => {
            let mut numbered = items.iter_mut().enumerate();
            numbered.find_map(|(number, item)| within(number.to_string(), item))
        }
        Json::Object(members) => members
            .iter_mut()
            .find_map(|(name, value)| within(name.clone(), value)),
        Json::Null | Json::Bool(_) | Json::Int(_) | Json::Text(_) | Json::Raw { .. } => None,
    }
}

/// How much of a changed value is shown.
const SHOWN: usize = 60;
