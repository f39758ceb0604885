//! What was decided about each image, for who wants to know more than the answer says.

use vouchsafe_trust::Sha256;
use vouchsafe_trust::evidence::Freshness;

use super::judge::Judged;
use super::verdict::Verdict;
use crate::metrics::Outcome;

/// A review that was answered, and what was decided about each of its images.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The answer, as the API server gets it.
    pub answer: Vec<u8>,
    /// The distinct images in the order in which they stand in the object; none where the request
    /// was answered without judging any.
    pub images: Vec<ImageReport>,
}

/// What was decided about one image.
#[derive(Clone, Debug)]
pub struct ImageReport {
    /// The image as it is written.
    pub image: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The pattern of the rule that decided; `None` if none did.
    pub rule: Option<String>,
    /// The validator that the rule asked.
    pub validator: Option<String>,
    /// The signed digest.
    pub digest: Option<Sha256>,
    /// How old the proof is.
    pub freshness: Option<Freshness>,
    /// What the image is replaced by.
    pub pinned: Option<String>,
    /// Why it is denied or warned about, and what to do next.
    pub message: Option<String>,
}

/// The reports of all images.
pub(super) fn reports(judged: &Judged<'_>) -> Vec<ImageReport> {
    let report = |(image, verdict): &(&str, Verdict)| {
        let outcome = judged.outcome_of(verdict);
        let image = (*image).to_owned();
        match verdict {
            Verdict::Allow(allowed) => {
                let proof = allowed.proof();
                ImageReport {
                    image,
                    outcome,
                    rule: Some(allowed.pattern.clone()),
                    validator: Some(allowed.validator.clone()),
                    digest: proof.map(|proof| proof.digest),
                    freshness: proof.map(|proof| proof.freshness.clone()),
                    pinned: allowed.patched.clone(),
                    message: None,
                }
            }
            Verdict::Deny(denied) => {
                let denial = denied.denial.as_ref();
                ImageReport {
                    image,
                    outcome,
                    rule: denial.and_then(|denial| denial.pattern.clone()),
                    validator: denial.and_then(|denial| denial.validator.clone()),
                    digest: None,
                    freshness: None,
                    pinned: None,
                    message: Some(denied.line.clone()),
                }
            }
        }
    };
    judged.verdicts().iter().map(report).collect()
}
