//! One look at everything that runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use vouchsafe_cluster::reports::{self, Judged, Report};
use vouchsafe_cluster::workloads::{Pod, Running, Workloads};
use vouchsafe_policy::Config;
use vouchsafe_trust::{Evidence, Query};

use super::judge::{Finding, Verdict, judge};

/// What was found of everything that runs.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How many images, one for each Pod that runs it, came to what.
    pub(super) images: BTreeMap<Verdict, u64>,
    /// How many Pods did, each by the worst of its images.
    pub(super) pods: BTreeMap<Verdict, u64>,
    /// The report of each namespace.
    pub(super) reports: BTreeMap<Arc<str>, Report>,
}

/// What was found of one image, in both forms that it may take.
struct Known {
    finding: Finding,
    plain: Arc<Judged>,
    /// Made when the first Pod needs it.
    readmitted: Option<Arc<Judged>>,
}

impl Findings {
    /// Judges everything that runs. What many Pods run is judged once for each namespace.
    pub(super) fn of<E: fmt::Display>(
        workloads: &Workloads,
        config: &Config,
        evidence: impl Fn(&Query) -> Result<Evidence, E>,
        now: Timestamp,
    ) -> Self {
        let mut findings = Self::default();
        let mut known = BTreeMap::<(Arc<str>, Running), Known>::new();
        let approves = config.kubernetes().owners && config.features().child_approval;
        for pod in workloads.pods() {
            let mut worst = Verdict::Trusted;
            for running in pod.entry.runs.iter() {
                let key = (Arc::clone(&pod.namespace), running.clone());
                let known = known.entry(key).or_insert_with(|| {
                    Known::of(judge(config, &evidence, &pod.namespace, running, now))
                });
                let verdict = known.finding.verdict;
                worst = worst.max(verdict);
                let count = findings.images.entry(verdict).or_default();
                *count = count.saturating_add(1);
                let readmitted = approves
                    && known.finding.is_approvable
                    && is_named_by_owner(workloads, &pod, &running.image);
                let finding = reports::Finding {
                    pod: pod.clone(),
                    judged: known.judged(readmitted),
                };
                let report = findings.reports.entry(Arc::clone(&pod.namespace));
                report.or_default().push(finding);
            }
            let count = findings.pods.entry(worst).or_default();
            *count = count.saturating_add(1);
        }
        findings
    }
}

impl Known {
    fn of(finding: Finding) -> Self {
        Self {
            plain: Arc::new(finding.judged.clone()),
            finding,
            readmitted: None,
        }
    }

    fn judged(&mut self, readmitted: bool) -> Arc<Judged> {
        if !readmitted {
            return Arc::clone(&self.plain);
        }
        let plain = &self.plain;
        let readmitted = self.readmitted.get_or_insert_with(|| {
            let mut judged = Judged::clone(plain);
            judged.properties.insert("readmitted", "true".to_owned());
            judged.message.push_str(READMITTED);
            Arc::new(judged)
        });
        Arc::clone(readmitted)
    }
}

/// Whether an owner that is known to be one names the image, so that it would be admitted as its child.
fn is_named_by_owner(workloads: &Workloads, pod: &Pod, image: &str) -> bool {
    pod.entry.owners.iter().any(|owner| {
        let known = workloads.owner(owner.kind, &pod.namespace, &owner.name);
        known.is_some_and(|known| {
            *known.uid == *owner.uid && known.images.iter().any(|it| **it == *image)
        })
    })
}

const READMITTED: &str =
    "; its owner still names it, so that `features.automaticChildApproval` admits it again";
