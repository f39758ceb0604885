//! Broken glass, keys on the deny list, and nowhere to sync from.

use super::*;

const GLASS: &str = "breakGlass: [{gun: quay.io/x, from: 2026-11-25T00:00:00Z, until: \
                     2026-12-25T00:00:00Z, reason: lost}]";

#[test]
fn broken_glass_is_read() {
    let config = parsed(GLASS);
    let [glass] = config.break_glass() else {
        panic!("{:?}", config.break_glass());
    };
    assert_eq!(glass.gun, gun("quay.io/x"));
    assert_eq!(glass.from.to_string(), "2026-11-25T00:00:00Z");
    assert_eq!(glass.until.to_string(), "2026-12-25T00:00:00Z");
    assert_eq!(glass.reason, "lost");
    assert!(parsed("").break_glass().is_empty());
    assert!(parsed("breakGlass: []").break_glass().is_empty());
    // Other ways to write a moment.
    let offset = GLASS.replace(
        "from: 2026-11-25T00:00:00Z",
        "from: '2026-11-25T01:30:00+01:30'",
    );
    assert_eq!(parsed(&offset).break_glass()[0].from, glass.from);
}

#[test]
fn a_fault_in_broken_glass_names_its_place() {
    let with = |from: &str, to: &str| {
        let text = GLASS.replacen(from, to, 1);
        assert_ne!(text, GLASS, "{from}");
        fault(&text)
    };
    let span = "`until` has to be after `from`, and at most 30 days after it";
    for (from, to, expected) in [
        ("2026-12-25T00:00:00Z", "2026-11-25T00:00:00Z", span),
        ("2026-12-25T00:00:00Z", "2026-11-24T00:00:00Z", span),
        (
            "2026-12-25T00:00:00Z",
            "2026-12-25T00:00:00.000000001Z",
            span,
        ),
    ] {
        assert_eq!(
            with(from, to),
            format!("config.yaml:32:66: {expected}"),
            "{to}"
        );
    }
    let moment = "write a moment such as `2026-11-25T14:00:00Z`";
    for (from, to, expected) in [
        (
            "2026-12-25T00:00:00Z",
            "tomorrow",
            format!("config.yaml:32:66: `until` cannot be `tomorrow`; {moment}"),
        ),
        (
            "2026-11-25T00:00:00Z",
            "2026-11-25",
            format!("config.yaml:32:37: `from` cannot be `2026-11-25`; {moment}"),
        ),
        (
            "reason: lost",
            "reason: ' '",
            "config.yaml:32:96: `reason` has to say why the glass is broken".to_owned(),
        ),
        (
            ", reason: lost",
            "",
            "config.yaml:32:59: the key `reason` is missing".to_owned(),
        ),
        (
            "reason:",
            "reson:",
            "config.yaml:32:88: unknown key `reson`; did you mean `reason`?".to_owned(),
        ),
    ] {
        assert_eq!(with(from, to), expected, "{to}");
    }
    for gun in [
        "nginx",
        "docker.io/nginx",
        "quay.io/x:1",
        "quay.io/*",
        "quay.io",
    ] {
        let message = with("quay.io/x", &format!("'{gun}'"));
        let expected = format!(
            "config.yaml:32:20: `gun` cannot be `{gun}`; write one repository, spelled out: \
             `docker.io/library/nginx`"
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn a_denied_key_is_one_key_id() {
    let id = "ab".repeat(32);
    let config = parsed(&format!(
        "deny: [{{key: '{id}'}}, {{key: '{}'}}]",
        "0".repeat(64)
    ));
    assert!(config.deny_list().has_keys() && config.deny_list().needs_evidence());
    assert!(!parsed("").deny_list().has_keys());
    let only_one = "an entry of `deny` needs a `digest`, a `gun` or a `key`, and only one of these";
    for other in [
        "gun: quay.io/x".to_owned(),
        format!("digest: 'sha256:{id}'"),
    ] {
        let message = fault(&format!("deny: [{{key: '{id}', {other}}}]"));
        assert_eq!(message, format!("config.yaml:32:8: {only_one}"));
    }
    let upper = "AB".repeat(32);
    for (id, found) in [
        ("ab", "found 2 bytes"),
        (&format!("sha256:{id}"), "found 71 bytes"),
        (&upper, ""),
    ] {
        let message = fault(&format!("deny: [{{key: '{id}'}}]"));
        let expected =
            "config.yaml:32:14: `key` cannot be used: expected 64 lower-case hexadecimal digits";
        assert!(message.starts_with(expected), "{message}");
        assert!(message.ends_with(found), "{message}");
    }
    assert_eq!(
        fault(&format!("deny: [{{keyid: '{id}'}}]")),
        "config.yaml:32:9: unknown key `keyid`; here belong `digest`, `gun`, `key`, `reason`"
    );
}

#[test]
fn a_schedule_may_be_never() {
    let sync = |text: &str| parsed(text).sync().clone();
    let never = sync("sync: {schedule: never}");
    assert!(never.is_off);
    let always = sync("");
    assert!(!always.is_off && always.schedule == "*/5 * * * *");
    assert!(!sync("sync: {schedule: '0 3 * * *'}").is_off);
    for (other, expected) in [
        ("Never", "did you mean `never`?"),
        ("nevr", "did you mean `never`?"),
        (
            "weekly",
            "write a cron expression of five fields such as `*/5 * * * *`, or `never`",
        ),
    ] {
        assert_eq!(
            fault(&format!("sync: {{schedule: {other}}}")),
            format!("config.yaml:32:18: `schedule` cannot be `{other}`; {expected}")
        );
    }
    // What a bundle is pulled by has to fire.
    for schedule in ["never", "hourly"] {
        let text = format!("bundles: {{pull: {{reference: r/x, schedule: {schedule}}}}}");
        assert_eq!(
            fault(&text),
            format!(
                "config.yaml:32:44: `{schedule}` is not a cron expression of five fields (minute, hour, \
                 day of month, month, day of week)"
            )
        );
    }
}
