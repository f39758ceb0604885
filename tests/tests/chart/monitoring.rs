//! Alerts and dashboard.

use std::fs;

use serde_json::Value;

use super::{INSTALLS, chart, named, of_kind, root};

/// The names of metrics in a text.
fn metrics(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |it: char| it.is_ascii_lowercase() || it == '_';
    let words = text.split(move |it| !is_of_name(it));
    let metrics = words.filter(|word| word.starts_with("vouchsafe_"));
    metrics.map(|metric| metric.trim_end_matches("_bucket"))
}

#[test]
fn every_metric_of_alerts_and_dashboard_exists_or_is_named_as_still_to_come() {
    let install = INSTALLS.iter().find(|it| it.name.ends_with("switched on"));
    let objects = install.unwrap().objects();
    let rules = of_kind(&objects, "PrometheusRule").next().unwrap();
    let rules = rules.to_string();
    let dashboard = named(&objects, "ConfigMap", "vouchsafe-dashboard");
    let dashboard = dashboard["data"]["vouchsafe.json"].as_str().unwrap();
    drop(serde_json::from_str::<Value>(dashboard).unwrap());
    let documented = fs::read_to_string(root().join("docs/commands.md")).unwrap();
    let values = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let mut seen = 0;
    for metric in metrics(&rules).chain(metrics(dashboard)) {
        let exists = documented.contains(&format!("| `{metric}` |"));
        let to_come = values.contains(&format!("`{metric}`"));
        assert!(exists || to_come, "{metric}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} metrics");
}
