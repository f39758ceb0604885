use super::*;

/// What Connaisseur does with an image and what Vouchsafe does.
enum Row {
    /// Both choose this rule.
    Same(&'static str),
    /// Vouchsafe chooses another rule, or none.
    Differs(&'static str, Option<&'static str>),
    /// Vouchsafe refuses the policy because of a pattern.
    BadPattern,
    /// Vouchsafe refuses the policy because two rules tie.
    Tie,
}

/// Every row of the table of examples that were run on Connaisseur.
#[test]
fn rules_win_as_in_connaisseur_except_where_that_is_unsafe() {
    use Row::{BadPattern, Differs, Same, Tie};
    let digested = format!("nginx@sha256:{HEX}");
    let redis = format!("redis:7@sha256:{HEX}");
    let quay = format!("quay.io/xx@sha256:{HEX}");
    let pinned = format!("docker.io/library/redis@sha256:{HEX}");
    let pinned: &'static str = pinned.leak();
    let default = [
        "*:*",
        pinned,
        "docker.io/securesystemsengineering/*:*",
        "registry.k8s.io/*:*",
    ];
    let rows: [(&str, &[&str], Row); 25] = [
        ("nginx", &["*:*"], Same("*:*")),
        (&digested, &["*:*"], Same("*:*")),
        // Connaisseur takes `*:*`: its pinned pattern ends where the tag begins. Runtimes pull by
        // the digest and ignore the tag, so the rule about the digest is the one about the image.
        (&redis, &default, Differs("*:*", Some(pinned))),
        // Patterns are anchored.
        (
            "my.reg/allow-me-not:1",
            &["*:*", "my.reg/allow-me"],
            Differs("my.reg/allow-me", Some("*:*")),
        ),
        (
            "my.reg/allow-me/sub:1",
            &["*:*", "my.reg/allow-me"],
            Differs("my.reg/allow-me", Some("*:*")),
        ),
        (
            "ghcr.io/attacker/registry.k8s.io/malware:1",
            &default,
            Differs("registry.k8s.io/*:*", Some("*:*")),
        ),
        (
            "notregistry.k8s.io/malware:1",
            &default,
            Differs("registry.k8s.io/*:*", Some("*:*")),
        ),
        (
            "evil.example/docker.io/securesystemsengineering/x1:1",
            &default,
            Differs("docker.io/securesystemsengineering/*:*", Some("*:*")),
        ),
        (
            "my.reg/a/b/c:1",
            &["my.reg/*:*", "my.reg/a/*:*", "*/*/*/*:*"],
            Same("*/*/*/*:*"),
        ),
        (
            "my.reg/app:1.0",
            &["my.reg/*:1.*", "my.reg/app:*"],
            Same("my.reg/app:*"),
        ),
        // `?` as a character would silently match nothing.
        (
            "my.reg/app:1.0",
            &["my.reg/app:1?0", "my.reg/app:1.*"],
            BadPattern,
        ),
        (
            "my.reg/app:1.0",
            &["my.reg/app:*", "my.reg/app:?"],
            BadPattern,
        ),
        (
            "quay.io/xx:11",
            &["quay.io/xx:1", "quay.io/xx:*"],
            Differs("quay.io/xx:1", Some("quay.io/xx:*")),
        ),
        (
            "quay.io/xx:latest",
            &["quay.io/xx:*", "quay.io/xx"],
            Same("quay.io/xx:*"),
        ),
        // Connaisseur finds no rule; the tag part `*` leaves tag and digest open here.
        (&quay, &["quay.io/xx:*"], Differs("", Some("quay.io/xx:*"))),
        (
            "quay.io/team/app:1",
            &["quay.io/*:*", "*/team/app:1"],
            Same("*/team/app:1"),
        ),
        (
            "quay.io/team/app:1",
            &["*/*/app:1", "*/team/*"],
            Same("*/team/*"),
        ),
        (
            "quay.io/team/app:1",
            &["quay*/*/app:1", "quay.*/*/*"],
            Same("quay.*/*/*"),
        ),
        // The two names of Docker Hub are one registry, so these are the same pattern.
        (
            "docker.io/team/app:1",
            &["docker.io/*/*:*", "index.docker.io/*/*:*", "*/team/*:*"],
            Tie,
        ),
        (
            "docker.io/test:tag",
            &["docker.io/*:*", "docker.io/test:*"],
            Same("docker.io/*:*"),
        ),
        // Neither is anchored at the registry.
        (
            "test:tag",
            &["library/*", "test"],
            Differs("library/*", None),
        ),
        // Connaisseur reads `localhost` as a name on Docker Hub; runtimes read a registry.
        (
            "localhost/x1:1",
            &["localhost/*", "docker.io/*"],
            Differs("docker.io/*", Some("localhost/*")),
        ),
        ("quay.io/x1/y1:1", &["docker.io/*:*"], Same("")),
        // Connaisseur crashes on these two.
        ("quay.io/xx:1", &["quay.io/[x"], BadPattern),
        (
            "quay.io/x1/y1:1",
            &["{docker.io/foo,quay.io/x1}/*"],
            BadPattern,
        ),
    ];
    for (image, patterns, row) in rows {
        let chosen = choose(image, patterns);
        let image = format!("{image} {patterns:?}");
        match row {
            Same("") => assert_eq!(chosen, Ok(None), "{image}"),
            Same(winner) => assert_eq!(chosen, Ok(Some(winner.to_owned())), "{image}"),
            Differs(theirs, ours) => {
                let ours = ours.map(str::to_owned);
                assert_ne!(ours.as_deref().unwrap_or_default(), theirs, "{image}");
                assert_eq!(chosen, Ok(ours), "{image}");
            }
            BadPattern => assert!(
                matches!(chosen, Err(Problem::Pattern { .. })),
                "{image} {chosen:?}"
            ),
            Tie => assert!(matches!(chosen, Err(Problem::Tie { .. })), "{image}"),
        }
    }
}
