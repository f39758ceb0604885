//! A report as it is written. Both kinds have the same members in these versions.

use serde_json::{Value, json};

use super::kind::ReportKind;
use super::{Finding, Outcome, Report};

/// The report of a namespace.
///
/// An object can only be so large, so the worst findings stand in it, and how many others there are; the summary counts
/// them all.
pub(super) fn of(kind: ReportKind, namespace: &str, findings: &Report) -> Value {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    // The order of the Pods among them stays.
    sorted.sort_by_key(|finding| finding.judged.outcome);
    let mut results = Vec::new();
    let mut room = MAX_BYTES;
    for finding in sorted.iter().take(MAX_RESULTS) {
        let result = result(namespace, finding);
        let Some(left) = room.checked_sub(result.to_string().len()) else {
            break;
        };
        room = left;
        results.push(result);
    }
    let left_out = sorted.len().saturating_sub(results.len());
    if left_out > 0 {
        results.push(json!({
            "source": MANAGER, "policy": MANAGER, "result": "skip",
            "message": format!("{left_out} more results are left out: a report can only be so large"),
            "properties": {"leftOut": left_out.to_string()},
        }));
    }
    let count = |outcome| {
        let same = |finding: &&Finding| finding.judged.outcome == outcome;
        findings.iter().filter(same).count()
    };
    let mut body = json!({
        "apiVersion": kind.resource().api_version,
        "kind": kind.name(),
        "metadata": {"name": NAME, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}},
        "summary": {
            "pass": count(Outcome::Pass), "warn": count(Outcome::Warn), "fail": count(Outcome::Fail),
            "error": count(Outcome::Error), "skip": usize::from(left_out > 0),
        },
        "results": results,
    });
    if let (ReportKind::OpenReports, Some(members)) = (kind, body.as_object_mut()) {
        members.insert("source".to_owned(), MANAGER.into());
    }
    body
}

fn result(namespace: &str, finding: &Finding) -> Value {
    let Finding { pod, judged } = finding;
    let (result, severity) = match judged.outcome {
        Outcome::Fail => ("fail", "high"),
        Outcome::Error => ("error", "medium"),
        Outcome::Warn => ("warn", "low"),
        Outcome::Pass => ("pass", "info"),
    };
    json!({
        "source": MANAGER,
        "policy": MANAGER,
        "rule": judged.rule,
        "category": "Image signatures",
        "severity": severity,
        "result": result,
        "scored": true,
        "resources": [{
            "apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": &*pod.name, "uid": &*pod.entry.uid,
        }],
        "message": judged.message,
        "properties": judged.properties,
    })
}

/// The name of every report.
pub(super) const NAME: &str = "vouchsafe";
/// Who writes it.
pub(super) const MANAGER: &str = "vouchsafe";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The selector of what was written here.
pub(super) const OURS: &str = "app.kubernetes.io/managed-by=vouchsafe";
/// The most results of a report.
const MAX_RESULTS: usize = 1000;
/// How much room they have: etcd takes 1.5 MiB, with the record of who wrote what.
const MAX_BYTES: usize = 768 << 10;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::reports::Judged;
    use crate::workloads::{Entry, Pod};

    fn finding(number: usize, outcome: Outcome, message: &str) -> Finding {
        let entry = Entry {
            uid: format!("uid-{number}").into(),
            is_deleting: false,
            images: Arc::default(),
            runs: Arc::default(),
            owners: Arc::default(),
        };
        Finding {
            pod: Pod {
                namespace: "shop".into(),
                name: format!("pod-{number}").into(),
                entry: Arc::new(entry),
            },
            judged: Arc::new(Judged {
                outcome,
                rule: "registry.example.com/*".to_owned(),
                message: message.to_owned(),
                properties: BTreeMap::from([("image", "registry.example.com/app:1".to_owned())]),
            }),
        }
    }

    #[test]
    fn the_worst_stands_first_and_everything_is_counted() {
        let findings = [Outcome::Pass, Outcome::Warn, Outcome::Error, Outcome::Fail]
            .into_iter()
            .cycle()
            .take(4002)
            .enumerate()
            .map(|(number, outcome)| finding(number, outcome, "why"))
            .collect();
        let body = of(ReportKind::PolicyReport, "shop", &findings);
        let counts = json!({"pass": 1001, "warn": 1001, "error": 1000, "fail": 1000, "skip": 1});
        assert_eq!(body["summary"], counts);
        let results = body["results"].as_array().unwrap();
        assert_eq!(results.len(), MAX_RESULTS + 1);
        let (last, shown) = results.split_last().unwrap();
        assert!(shown.iter().all(|result| result["result"] == "fail"));
        assert_eq!(shown[0]["resources"][0]["name"], "pod-3");
        assert_eq!(last["properties"]["leftOut"], "3002");
        assert!(body["source"].is_null());
        let open = of(ReportKind::OpenReports, "shop", &findings);
        assert_eq!(
            (&open["source"], &open["kind"]),
            (&json!("vouchsafe"), &json!("Report"))
        );
    }

    #[test]
    fn no_message_makes_a_report_too_large() {
        let long = "x".repeat(4096);
        let findings = (0..900).map(|number| finding(number, Outcome::Fail, &long));
        let body = of(ReportKind::OpenReports, "shop", &findings.collect());
        let size = body.to_string().len();
        assert!(
            (MAX_BYTES - 8192..MAX_BYTES + 1024).contains(&size),
            "{size}"
        );
        assert_eq!(body["summary"]["fail"], 900);
        let left_out =
            &body["results"].as_array().unwrap().last().unwrap()["properties"]["leftOut"];
        let left_out: usize = left_out.as_str().unwrap().parse().unwrap();
        assert!(left_out > 700, "{left_out}");
    }
}
