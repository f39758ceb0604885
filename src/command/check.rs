//! `vouchsafe check`: what admission would answer for an image, and why.

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_policy::{Decision, Purpose};
use vouchsafe_trust::evidence::Freshness;

use crate::args::{CheckArgs, Common};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::lookup::Lookup;
use crate::printer::{MAX_MESSAGE, Printer, printable};

/// The answer for one image. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// The image as it was given.
    image: String,
    /// Whether it may run.
    allowed: bool,
    /// The pattern of the rule that decided.
    rule: Option<String>,
    /// The validator that the rule asked.
    validator: Option<String>,
    /// The signed digest.
    digest: Option<String>,
    /// What the image would be replaced by.
    pinned: Option<String>,
    /// The roles that signed.
    signers: Vec<String>,
    /// How old the proof is.
    freshness: Option<Age>,
    /// What should be known besides.
    warnings: Vec<String>,
    /// Why it is denied: a stable, short name.
    reason: Option<&'static str>,
    /// Why it is denied, in words.
    message: Option<String>,
    /// What to do about it.
    next_step: Option<String>,
}

/// How old a proof is.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
enum Age {
    Fresh { until: Timestamp },
    Stale { since: Timestamp, until: Timestamp },
    Expired { role: String, at: Timestamp },
}

pub(crate) fn run(args: &CheckArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let lookup = Lookup::new(context::reader(common, &config)?);
    let now = context::judgement_time(lookup.reader())?;
    let answers: Vec<Answer> = args
        .images
        .iter()
        .map(|image| {
            let namespace = Some(args.namespace.as_str());
            let evidence = |query: &_| lookup.evidence(query);
            answer(
                image,
                config.decide(image, namespace, Purpose::Mutate, now, evidence),
            )
        })
        .collect();
    Printer::new(args.output.output)
        .print(&answers, |answers| answers.iter().map(text).collect())?;
    lookup.finish()?;
    let all = answers.iter().all(|answer| answer.allowed);
    Ok(if all { Outcome::Yes } else { Outcome::No })
}

fn answer(image: &str, decision: Decision) -> Answer {
    match decision {
        Decision::Allow(allowed) => Answer {
            image: image.to_owned(),
            allowed: true,
            rule: Some(allowed.pattern),
            validator: Some(allowed.validator),
            digest: allowed.digest.map(|digest| format!("sha256:{digest}")),
            pinned: allowed.patched,
            signers: allowed.signers.iter().map(ToString::to_string).collect(),
            freshness: allowed.freshness.map(Age::from),
            warnings: allowed.warnings,
            reason: None,
            message: None,
            next_step: None,
        },
        Decision::Deny(denial) => Answer {
            image: image.to_owned(),
            allowed: false,
            reason: Some(denial.label()),
            message: Some(denial.to_string()),
            next_step: Some(denial.next_step()),
            rule: denial.pattern,
            validator: denial.validator,
            digest: None,
            pinned: None,
            signers: Vec::new(),
            freshness: None,
            warnings: Vec::new(),
        },
    }
}

impl From<Freshness> for Age {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh { until } => Self::Fresh { until },
            Freshness::Stale { since, until } => Self::Stale { since, until },
            Freshness::Expired { role, at } => Self::Expired {
                role: role.to_string(),
                at,
            },
        }
    }
}

fn text(answer: &Answer) -> String {
    let verdict = if answer.allowed {
        "may run"
    } else {
        "may not run"
    };
    let age = answer.freshness.as_ref().map(|age| match age {
        Age::Fresh { until } => format!("fresh until {until:.0}"),
        Age::Stale { since, until } => format!("stale since {since:.0}, admitted until {until:.0}"),
        Age::Expired { role, at } => format!("`{role}` expired at {at:.0}"),
    });
    let rows = [
        ("why", answer.message.clone()),
        ("do", answer.next_step.clone()),
        ("rule", answer.rule.clone()),
        ("validator", answer.validator.clone()),
        ("digest", answer.digest.clone()),
        ("pinned", answer.pinned.clone()),
        (
            "signed by",
            Some(answer.signers.join(", ")).filter(|signers| !signers.is_empty()),
        ),
        ("proof", age),
    ];
    let warnings = answer
        .warnings
        .iter()
        .map(|warning| ("warning", Some(warning.clone())));
    let lines = rows.into_iter().chain(warnings);
    let lines = lines.filter_map(|(name, value)| {
        let value = printable(&value?, MAX_MESSAGE);
        Some(format!("  {name:<11}{value}"))
    });
    let heading = format!("{} {verdict}", printable(&answer.image, MAX_MESSAGE));
    [heading]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}
