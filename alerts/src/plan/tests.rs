use vouchsafe_policy::Config;
use vouchsafe_store::AlertOutcome;
use vouchsafe_tests::harness::TempDir;

use super::*;

fn alerting(text: &str) -> Alerting {
    let text = format!(
        "validators: [{{name: allow, type: static, approve: true}}]
policy: [{{pattern: '*', validator: allow}}]
alerting:
{text}"
    );
    let config = Config::parse(&text, "config.yaml").unwrap_or_else(|error| panic!("{error}"));
    config.alerting().clone()
}

fn alert() -> Alert {
    Alert {
        outcome: AlertOutcome::Rejected,
        message: "x is not signed".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: "app".to_owned(),
        images: "x".to_owned(),
        uid: "1".to_owned(),
        at: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn templates_that_are_not_built_in_come_from_the_directory() {
    let dir = TempDir::new("alerts").unwrap();
    let receivers = format!(
        "  templateDirectory: {}
  rejectRequest: {{receivers: [{{template: own, receiverUrl: 'https://x'}}]}}
",
        dir.path().display()
    );
    let error = Plan::load(&alerting(&receivers)).unwrap_err().to_string();
    let path = dir.path().join("own.json");
    assert!(
        error.starts_with("alerting: the template of the receiver `reject/own/0` cannot be read")
    );
    assert!(error.contains(&*path.to_string_lossy()), "{error}");

    dir.write("own.json", "{\"a\": \"{{ nmespace }}\"}")
        .unwrap();
    let error = Plan::load(&alerting(&receivers)).unwrap_err().to_string();
    assert!(
        error.contains("`own` of the receiver `reject/own/0`"),
        "{error}"
    );

    dir.write("own.json", "{}").unwrap();
    let plan = Plan::load(&alerting(&receivers)).unwrap();
    assert_eq!(
        plan.warnings(),
        ["the template `own` writes nothing, so nothing is sent to the receiver `reject/own/0`"]
    );

    dir.write("own.json", vec![b' '; 300_000]).unwrap();
    assert!(Plan::load(&alerting(&receivers)).is_err());

    dir.write("own.json", "{\"a\": \"{{ namespace }}\"}")
        .unwrap();
    let plan = Plan::load(&alerting(&receivers)).unwrap();
    let (_, planned) = plan.receivers().first_key_value().unwrap();
    let body = planned.body(&alert(), "c", "p").unwrap().unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), r#"{"a":"shop"}"#);
    assert!(plan.warnings().is_empty());
}

#[test]
fn a_template_that_nobody_has_is_named() {
    let receivers = "  admitRequest: {receivers: [{template: slak, receiverUrl: 'https://x'}]}\n";
    assert_eq!(
        Plan::load(&alerting(receivers)).unwrap_err().to_string(),
        "alerting: the receiver `admit/slak/0` has no template `slak`: built in are `ecs-1-12-0`, \
         `keybase`, `msteams`, `opsgenie` and `slack`, and no `templateDirectory` is configured"
    );
}

#[test]
fn a_url_that_the_client_cannot_use_is_found_and_not_repeated() {
    let url = "https://1.2.3.4.5/hunter2";
    let receivers =
        format!("  admitRequest: {{receivers: [{{template: slack, receiverUrl: '{url}'}}]}}\n");
    assert_eq!(
        Plan::load(&alerting(&receivers)).unwrap_err().to_string(),
        "alerting: the URL of the receiver `admit/slack/0` cannot be used: the URL names no host"
    );
}

#[test]
fn payload_fields_overwrite_topmost_keys_and_are_no_templates() {
    let receivers = "  rejectRequest:
    receivers:
    - template: keybase
      receiverUrl: https://x
      payloadFields: {msg: {a: 1}, extra: '{{ namespace }}', none: null}
";
    let plan = Plan::load(&alerting(receivers)).unwrap();
    let (_, planned) = plan.receivers().first_key_value().unwrap();
    let body = planned.body(&alert(), "c", "p").unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"msg": {"a": 1}, "extra": "{{ namespace }}", "none": null})
    );
}
