//! `vouchsafe check`: what admission would answer for an image, and why.

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_policy::{Asked, Decision, Denial, Enforcement, Purpose};

use crate::age::Age;
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
    /// `allow`, `deny`, or `warn` where it may run although it is denied.
    decision: &'static str,
    /// Its repository, by the name that it is signed under.
    gun: Option<String>,
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
    /// The bundle whose signature vouches for its freshness, where the timestamp alone would not do.
    vouched: Option<String>,
    /// Until when the glass is broken, where it only counts for that.
    glass_broken_until: Option<Timestamp>,
    /// What should be known besides.
    warnings: Vec<String>,
    /// Why it is denied: a stable, short name.
    reason: Option<&'static str>,
    /// Why it is denied, in words.
    message: Option<String>,
    /// What to do about it.
    next_step: Option<String>,
}

pub(crate) fn run(args: &CheckArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let lookup = Lookup::new(context::reader(common, &config)?);
    let config = context::with_bundles(&config, lookup.reader())?;
    let now = context::judgement_time(lookup.reader())?;
    let answers: Vec<Answer> = args
        .images
        .iter()
        .map(|image| {
            let asked = Asked {
                image,
                namespace: Some(args.namespace.as_str()),
                purpose: Purpose::Mutate,
                now,
            };
            let evidence = |query: &_| lookup.evidence(query);
            let decision = config.decide(&asked, evidence, || None);
            answer(image, decision, config.features().detection_mode)
        })
        .collect();
    Printer::new(args.output.output)
        .print(&answers, |answers| answers.iter().map(text).collect())?;
    lookup.finish()?;
    let all = answers.iter().all(|answer| answer.allowed);
    Ok(if all { Outcome::Yes } else { Outcome::No })
}

fn answer(image: &str, decision: Decision, detection_mode: bool) -> Answer {
    match decision {
        Decision::Allow(allowed) => {
            let proof = allowed.proof().cloned();
            let signers = proof.iter().flat_map(|proof| &proof.signers);
            Answer {
                image: image.to_owned(),
                allowed: true,
                decision: "allow",
                gun: Some(allowed.gun.to_string()),
                rule: Some(allowed.pattern),
                validator: Some(allowed.validator),
                signers: signers.map(ToString::to_string).collect(),
                digest: proof
                    .as_ref()
                    .map(|proof| format!("sha256:{}", proof.digest)),
                vouched: proof.as_ref().and_then(|proof| proof.vouched.clone()),
                glass_broken_until: proof.as_ref().and_then(|it| Some(it.glass.as_ref()?.until)),
                freshness: proof.map(|proof| proof.freshness.into()),
                pinned: allowed.patched,
                warnings: allowed.warnings,
                reason: None,
                message: None,
                next_step: None,
            }
        }
        Decision::Deny(denial) => denied(image, *denial, detection_mode),
    }
}

fn denied(image: &str, denial: Denial, detection_mode: bool) -> Answer {
    let only_warned = detection_mode || denial.enforcement == Enforcement::Warn;
    Answer {
        image: image.to_owned(),
        allowed: only_warned,
        decision: if only_warned { "warn" } else { "deny" },
        gun: denial.gun.as_ref().map(ToString::to_string),
        reason: Some(denial.label()),
        message: Some(denial.to_string()),
        next_step: Some(denial.next_step()),
        rule: denial.pattern,
        validator: denial.validator,
        digest: None,
        pinned: None,
        signers: Vec::new(),
        freshness: None,
        vouched: None,
        glass_broken_until: None,
        warnings: Vec::new(),
    }
}

fn text(answer: &Answer) -> String {
    let verdict = match answer.decision {
        "allow" => "may run",
        "warn" => "may run with a warning only",
        _ => "may not run",
    };
    let age = answer.freshness.as_ref().map(ToString::to_string);
    let vouched = answer.vouched.as_ref();
    let vouched = vouched.map(|bundle| format!("by the signature of bundle {bundle}"));
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
        ("fresh", vouched),
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
