use super::*;
use crate::plan::BUILT_IN;

fn alert(outcome: AlertOutcome, text: &str) -> Alert {
    Alert {
        outcome,
        message: text.to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: "app".to_owned(),
        images: "registry.example.com/app:1, registry.example.com/side:2".to_owned(),
        uid: "0d2c5a1e-8f33-4f0e-9a3e-9d1f3c1f0b11".to_owned(),
        at: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}

/// What a template makes of an alert, one key a line.
fn written(source: &str, alert: &Alert, cluster: &str) -> String {
    let template = Template::compile(source.to_owned()).unwrap();
    let values = Values {
        alert,
        cluster,
        pod_id: "vouchsafe-7d9c",
        priority: 2,
    };
    let object = template.write(&values).unwrap().unwrap();
    serde_json::to_string_pretty(&object).unwrap()
}

#[test]
fn the_built_in_templates_write_what_their_services_read() {
    let alert = alert(
        AlertOutcome::Rejected,
        "registry.example.com/app:1 is not signed",
    );
    for (name, source) in BUILT_IN {
        insta::assert_snapshot!(name, written(source, &alert, "production"));
    }
}

#[test]
fn the_template_of_the_documentation_works() {
    let page = include_str!("../../../docs/alerting.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (source, _) = rest.split_once("```").unwrap();
    let alert = alert(AlertOutcome::Rejected, "not signed");
    let object = written(source, &alert, "production");
    assert!(object.contains("production: shop/app rejected"), "{object}");
}

const HOSTILE: &str =
    "\"}], \"x\": {{ cluster }} {% if %} \\u0022 \\ \u{0}\u{1b}\u{7f}\r\n\t</script> ${x} '🦀";

#[test]
fn no_text_breaks_out_of_its_string() {
    let hostile = Alert {
        namespace: HOSTILE.to_owned(),
        kind: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
        images: HOSTILE.to_owned(),
        uid: HOSTILE.to_owned(),
        ..alert(AlertOutcome::Rejected, HOSTILE)
    };
    let own = "{\"a\": \"{{ alert_message }}|{{ images }}\", \"b\": {\"{{ name }}\": [\"{{ cluster }}\"]}}";
    insta::assert_snapshot!("hostile", written(own, &hostile, HOSTILE));
    for (name, source) in BUILT_IN {
        let harmless = written(source, &alert(AlertOutcome::Rejected, "x"), "x");
        let harmless: serde_json::Value = serde_json::from_str(&harmless).unwrap();
        let hostile: serde_json::Value =
            serde_json::from_str(&written(source, &hostile, HOSTILE)).unwrap();
        assert_eq!(shape(&hostile), shape(&harmless), "{name}");
        assert!(hostile.to_string().contains("🦀"), "{name}");
    }
}

/// A value without its texts.
fn shape(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::String(_) => serde_json::Value::String(String::new()),
        serde_json::Value::Array(values) => values.iter().map(shape).collect(),
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            value.clone()
        }
    }
}

#[test]
fn placeholders_stand_for_what_they_stood_for_in_connaisseur() {
    let all = "{\"m\": \"{{ alert_message }}\", \"p\": {{priority}}, \"pod\": \"{{connaisseur_pod_id}}\", \
               \"n\": \"{{ namespace }}\", \"c\": \"{{ cluster }}\", \"t\": \"{{ timestamp }}\", \
               \"id\": \"{{ request_id }}\", \"i\": \"{{ images }}\", \"r\": \"{{ result }}\", \
               \"e\": \"{{ error }}\"}";
    let rejected = written(all, &alert(AlertOutcome::Rejected, "why"), "c");
    insta::assert_snapshot!("placeholders", rejected);
    let admitted = written(all, &alert(AlertOutcome::Admitted, ""), "c");
    let admitted: serde_json::Value = serde_json::from_str(&admitted).unwrap();
    assert_eq!(admitted["m"], "Vouchsafe admitted a request");
    assert_eq!(
        (&admitted["r"], &admitted["e"]),
        (&"admitted".into(), &"".into())
    );
    let stale = written(all, &alert(AlertOutcome::Admitted, "stale"), "c");
    let stale: serde_json::Value = serde_json::from_str(&stale).unwrap();
    assert_eq!(stale["m"], "Vouchsafe admitted a request: stale");
    assert_eq!(stale["e"], "");
    let warned = written(all, &alert(AlertOutcome::Warned, "why"), "c");
    let warned: serde_json::Value = serde_json::from_str(&warned).unwrap();
    assert_eq!(warned["m"], "Vouchsafe only warned about a request: why");
    assert_eq!(
        (&warned["r"], &warned["e"]),
        (&"warned".into(), &"why".into())
    );
}

#[test]
fn a_template_that_cannot_work_is_found_before_the_first_alert() {
    let mut errors = Vec::new();
    for source in [
        "{\"a\": \"{{ alert_mesage }}\"}",
        "{\"a\": \"{{ images }\"}",
        "{\"a\": {{ images }}}",
        "[\"{{ images }}\"]",
        "{\"a\": 1}}",
        "{\"a\": {{ priority.x }}}",
        "{\"a\": {{ priority > 1 }}}",
        "{% include 'x' %}",
        "not JSON",
    ] {
        let error = Template::compile(source.to_owned()).unwrap_err();
        errors.push(format!("{source}\n    {error}"));
    }
    insta::assert_snapshot!("errors", errors.join("\n"));
}

#[test]
fn a_template_may_write_nothing() {
    for source in ["", " \n", "{}", " { } "] {
        let template = Template::compile(source.to_owned()).unwrap();
        assert!(template.writes_nothing(), "{source:?}");
    }
    let only_denials = "{% if error %}{\"a\": \"{{ error }}\"}{% endif %}";
    let template = Template::compile(only_denials.to_owned()).unwrap();
    assert!(!template.writes_nothing());
}

#[test]
fn a_template_that_writes_without_measure_is_refused() {
    let source = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_TEXT));
    let error = Template::compile(source).unwrap_err();
    assert!(matches!(error, TemplateError::TooLong { .. }), "{error}");
}
