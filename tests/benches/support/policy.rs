//! A policy as a large cluster has it.

use serde_json::{Value, json};
use vouchsafe_tests::harness::Configuration;

/// Adds what stands beside the rules, and as many rules as make it `rules` with the `own` that
/// `configuration` has.
///
/// Everything else is denied; one registry has a path for each team; a fifth of the teams have rules
/// of their own in their namespaces; some rules are about a name in any registry. Besides, 100
/// digests and 20 repositories are denied, and there are five mirrors.
pub(crate) fn fill(configuration: Configuration, rules: usize, own: usize) -> Configuration {
    let configuration = configuration.fixed("deny", false);
    let filled = (own..rules).fold(configuration, |configuration, n| {
        configuration.rule_of(rule(n - own))
    });
    filled
        .setting("deny", denied())
        .setting("mirrors", mirrors())
}

fn rule(n: usize) -> Value {
    match n % 10 {
        _ if n == 0 => json!({"pattern": "*:*", "validator": "deny"}),
        1 | 2 => {
            let mode = if n % 4 == 1 { "warn" } else { "enforce" };
            json!({
                "pattern": format!("registry.example.com/team-{}/*:*", n / 2),
                "namespaces": [format!("team-{n}"), format!("team-{n}-*")],
                "mode": mode,
            })
        }
        3 => json!({"pattern": format!("*/base-{n}:*")}),
        _ => json!({"pattern": format!("registry.example.com/team-{n}/*:*")}),
    }
}

fn denied() -> Value {
    let digests = (0..100).map(|n| json!({"digest": format!("sha256:{n:064x}")}));
    let repositories = (0..20).map(|n| {
        let gun = if n % 2 == 0 {
            format!("registry.example.com/team-{n}/withdrawn-*")
        } else {
            format!("docker.io/badname-{n}/*")
        };
        json!({"gun": gun, "reason": "known to be harmful"})
    });
    digests.chain(repositories).collect()
}

fn mirrors() -> Value {
    (0..5)
        .map(|n| {
            let to = format!("registry-{n}.example.com");
            json!({"from": format!("mirror.internal/hub-{n}"), "to": to})
        })
        .collect()
}
