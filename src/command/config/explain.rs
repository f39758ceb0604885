//! `vouchsafe config check --image`: which rule wins for an image, and why no other does.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use vouchsafe_policy::Rule;
use vouchsafe_policy::explain::Verdict;
use vouchsafe_policy::pattern::Part;
use vouchsafe_trust::image::Reference;

use super::{RuleName, namespaces};
use crate::args::{Common, ConfigCheckArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, MAX_NAME, Printer, printable, trimmed};

/// Which rule wins for an image. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// The image as it was given.
    image: String,
    /// The image as patterns are compared with it: by the name that it is signed under, where it is
    /// pulled from a mirror.
    canonical: String,
    /// The image that is pulled, where that is a mirror.
    pulled: Option<String>,
    /// What of it is on the deny list, which no rule can change.
    denied: Option<String>,
    namespace: String,
    /// The rule that decides.
    winner: Option<RuleName>,
    /// Every rule, in the order in which they are tried.
    rules: Vec<Judged>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    #[serde(flatten)]
    name: RuleName,
    validator: String,
    namespaces: Option<Vec<String>>,
    /// A stable, short name.
    verdict: &'static str,
    /// The verdict in words.
    message: String,
    /// How far the rule is from winning.
    #[serde(skip)]
    distance: u8,
}

pub(super) fn run(
    image: &Reference,
    args: &ConfigCheckArgs,
    common: &Common,
) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    let signed = config.signed_image(image)?;
    let explanation = config.explain(&signed, Some(&args.namespace));
    let winner = explanation.winner();
    let rules = explanation.rules.iter();
    let answer = Answer {
        image: image.as_written().to_owned(),
        canonical: signed.canonical(),
        pulled: (*signed != *image).then(|| image.canonical()),
        denied: config.on_deny_list(image),
        namespace: args.namespace.clone(),
        winner: winner.map(RuleName::from),
        rules: rules.map(|(rule, verdict)| judged(rule, verdict)).collect(),
    };
    Printer::new(args.output.output).print(&answer, text)?;
    Ok(if answer.winner.is_some() && answer.denied.is_none() {
        Outcome::Yes
    } else {
        Outcome::No
    })
}

fn judged(rule: &Rule, verdict: &Verdict<'_>) -> Judged {
    Judged {
        name: rule.into(),
        validator: rule.validator().to_owned(),
        namespaces: namespaces(rule),
        verdict: verdict.label(),
        message: verdict.to_string(),
        distance: distance(verdict),
    }
}

const fn distance(verdict: &Verdict<'_>) -> u8 {
    match verdict {
        Verdict::Wins => 0,
        Verdict::LessSpecific { .. } => 1,
        Verdict::NoMatch(Part::Tag | Part::Digest) => 2,
        Verdict::NoMatch(Part::Name) => 3,
        Verdict::OtherNamespace => 4,
        Verdict::NotLookedAt { .. } => 5,
    }
}

fn text(answer: &Answer) -> String {
    let subject = format!(
        "{} in namespace {}",
        printable(&answer.canonical, MAX_MESSAGE),
        printable(&answer.namespace, MAX_NAME)
    );
    let heading = match &answer.winner {
        _ if answer.denied.is_some() => {
            let why = answer.denied.as_deref().unwrap_or_default();
            let why = printable(why, MAX_MESSAGE);
            format!("{subject}: denied whatever a rule says: {why}")
        }
        Some(RuleName { line, pattern }) => {
            format!("{subject}: `{pattern}` (line {line}) decides")
        }
        None => format!("{subject}: no rule matches, so it is denied"),
    };
    let mirrored = answer.pulled.as_ref().map(|pulled| {
        let pulled = printable(pulled, MAX_MESSAGE);
        format!(
            "{pulled} is a mirror of it, so rules are about the name that it is signed under\n\n"
        )
    });
    let mirrored = mirrored.unwrap_or_default();
    format!(
        "{heading}\n\n{mirrored}{}\n",
        trimmed(&table(answer).to_string())
    )
}

/// Every rule: the winner first, then those that come close.
fn table(answer: &Answer) -> Table {
    let mut rules: Vec<&Judged> = answer.rules.iter().collect();
    rules.sort_by_key(|rule| rule.distance);
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["LINE", "PATTERN", "VALIDATOR", "NAMESPACES", "VERDICT"]);
    for rule in rules {
        let globs = rule.namespaces.as_ref().map(|globs| globs.join(", "));
        table.add_row([
            rule.name.line.to_string(),
            rule.name.pattern.clone(),
            printable(&rule.validator, MAX_NAME),
            globs.unwrap_or_else(|| "all".to_owned()),
            rule.message.clone(),
        ]);
    }
    table
}
