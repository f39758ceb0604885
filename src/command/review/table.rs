//! The answers as a table: a line for each image of each object, then what to do.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::{Answer, ImageAnswer};
use crate::printer::{MAX_MESSAGE, MAX_NAME, printable, trimmed};

/// The table, what is said about objects that would be denied or warned about, and a summary.
pub(super) fn text(answers: &[Answer]) -> String {
    let mut parts = Vec::new();
    if answers.iter().any(|answer| answer.allowed.is_some()) {
        parts.push(table(answers));
    }
    parts.extend(answers.iter().filter_map(details));
    parts.push(summary(answers));
    parts.join("\n\n") + "\n"
}

fn table(answers: &[Answer]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(HEADER);
    for answer in answers.iter().filter(|answer| answer.allowed.is_some()) {
        let object = printable(&answer.object, MAX_NAME);
        if answer.images.is_empty() {
            let verdict = if answer.allowed == Some(true) {
                "admitted"
            } else {
                "denied"
            };
            table.add_row([object.as_str(), NONE, NONE, verdict, NONE, NONE]);
        }
        for image in &answer.images {
            table.add_row(row(object.clone(), image));
        }
    }
    trimmed(&table.to_string())
}

fn row(object: String, image: &ImageAnswer) -> [String; 6] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let rule = image.rule.as_ref().map(|rule| printable(rule, MAX_NAME));
    let digest = image.digest.as_ref();
    let digest = digest.map(|digest| digest.chars().take(SHORT_DIGEST).collect());
    [
        object,
        printable(&image.image, MAX_NAME),
        or_none(rule),
        verdict(image),
        or_none(digest),
        or_none(image.freshness.as_ref().map(ToString::to_string)),
    ]
}

fn verdict(image: &ImageAnswer) -> String {
    let reason = image.reason;
    match image.decision {
        "deny" => format!("denied: {reason}"),
        "warn" => format!("warned: {reason}"),
        _ => reason.to_owned(),
    }
}

/// What is said about an object that would not simply be admitted.
fn details(answer: &Answer) -> Option<String> {
    let denied = answer.allowed == Some(false);
    let heading = if denied {
        "would be denied"
    } else if answer.allowed.is_some() && !answer.warnings.is_empty() {
        "would be admitted with warnings"
    } else {
        return None;
    };
    let message = answer.message.iter().filter(|_| denied);
    let message = message.flat_map(|message| message.lines());
    let warnings = answer
        .warnings
        .iter()
        .map(|text| format!("warning: {text}"));
    let lines = message.map(str::to_owned).chain(warnings);
    let lines = lines.map(|line| format!("  {}", printable(&line, MAX_MESSAGE)));
    let object = printable(&answer.object, MAX_NAME);
    let lines: Vec<String> = [format!("{object} {heading}")]
        .into_iter()
        .chain(lines)
        .collect();
    Some(lines.join("\n"))
}

fn summary(answers: &[Answer]) -> String {
    let count = |allowed: Option<bool>| {
        let same = answers.iter().filter(|answer| answer.allowed == allowed);
        same.count()
    };
    let (admitted, denied, other) = (count(Some(true)), count(Some(false)), count(None));
    format!("{admitted} admitted, {denied} denied, {other} without images")
}

const HEADER: [&str; 6] = ["OBJECT", "IMAGE", "RULE", "ANSWER", "DIGEST", "FRESHNESS"];
const NONE: &str = "-";
/// `sha256:` and twelve digits, as `docker` shows them.
const SHORT_DIGEST: usize = 19;
