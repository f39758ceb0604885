//! What servers answer: changefeeds, errors, challenges, tokens, a registry's manifests.

use serde_json::Value;
use vouchsafe_airgap::fuzzing::registry_manifest;
use vouchsafe_outbound::fuzzing::{challenges, error_code, token};
use vouchsafe_syncer::fuzzing::changefeed;

use crate::input::Input;

pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let kind = input.below(5);
    let body = input.rest();
    // What is skipped may be anything.
    let text = String::from_utf8_lossy(body);
    let json = || serde_json::from_str::<Value>(&text).ok();
    match kind {
        0 => {
            [0, 1, 1000].map(|wanted| {
                let records = changefeed(body, wanted);
                if let Some(records) = records {
                    let there = json().and_then(|json| Some(json["records"].as_array()?.len()));
                    assert_eq!(records, there.unwrap_or(0), "all records, or none");
                    assert!(
                        u32::try_from(records).expect("few") <= wanted,
                        "no more than asked for"
                    );
                }
                records.is_some()
            }) != [false; 3]
        }
        1 => error_code(body).is_some_and(|code| {
            let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            assert!(
                (1..=64).contains(&code.len()) && code.bytes().all(fits),
                "a code"
            );
            true
        }),
        2 => challenges(body).is_some_and(|count| {
            assert!(count <= 8, "few challenges");
            count > 0
        }),
        3 => {
            token(body) && {
                let json = json().expect("a token's answer is JSON");
                let is_text = |name: &str| json[name].as_str().is_some_and(|text| !text.is_empty());
                assert!(is_text("token") || is_text("access_token"), "a token");
                true
            }
        }
        _ => {
            registry_manifest(body) && {
                let json = json().expect("a manifest is JSON");
                assert_eq!(json["schemaVersion"], 2, "a known version");
                true
            }
        }
    }
}
