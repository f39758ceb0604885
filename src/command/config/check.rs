//! `vouchsafe config check`: what each rule selects, and what is probably not meant.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use vouchsafe_alerts::Plan;
use vouchsafe_policy::explain::{Excess, Shadowed};
use vouchsafe_policy::{Config, Enforcement, Rule};

use super::{RuleName, counted, namespaces};
use crate::args::{Common, ConfigCheckArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_NAME, Printer, printable, trimmed};

/// What a configuration says. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// The Notary servers.
    servers: Vec<String>,
    /// The rules: those for some namespaces first, the most specific first among each.
    rules: Vec<RuleSummary>,
    /// What is allowed, and probably not what was meant.
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleSummary {
    #[serde(flatten)]
    name: RuleName,
    /// The pattern as it is compared, with the registry spelled out.
    matches: String,
    validator: String,
    namespaces: Option<Vec<String>>,
    /// `enforce`, or `warn` where what the rule would deny is admitted.
    mode: &'static str,
    specificity: SpecificitySummary,
    /// A rule that always comes first and matches all that this one matches.
    shadowed_by: Option<RuleName>,
    /// Images that Connaisseur would match with the pattern as well.
    connaisseur_also_matches: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpecificitySummary {
    components: usize,
    literal_prefixes: Vec<usize>,
    lengths: Vec<usize>,
    #[serde(skip)]
    words: String,
}

pub(super) fn run(args: &ConfigCheckArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    crate::command::sync::schedule(&config, &common.config)?;
    crate::command::bundle::check_pull(&config, &common.config)?;
    let plan = context::alert_plan(&config, &common.config)?;
    let summary = summary(&config, &plan);
    Printer::new(args.output.output).print(&summary, |summary| text(summary, common))?;
    Ok(if args.strict && summary.has_findings() {
        Outcome::No
    } else {
        Outcome::Yes
    })
}

impl Summary {
    fn has_findings(&self) -> bool {
        let is_shadowed = |rule: &RuleSummary| rule.shadowed_by.is_some();
        !self.warnings.is_empty() || self.rules.iter().any(is_shadowed)
    }
}

fn summary(config: &Config, plan: &Plan) -> Summary {
    let warnings = config.warnings().iter().chain(plan.warnings());
    let shadowed = config.shadowed_rules();
    Summary {
        servers: config
            .notary_servers()
            .iter()
            .map(|server| server.server.to_string())
            .collect(),
        rules: config
            .rules()
            .map(|rule| of_rule(rule, &shadowed))
            .collect(),
        warnings: warnings.cloned().collect(),
    }
}

fn of_rule(rule: &Rule, shadowed: &[Shadowed<'_>]) -> RuleSummary {
    let pattern = rule.pattern();
    let specificity = pattern.specificity();
    let shadow = shadowed.iter().find(|found| std::ptr::eq(found.rule, rule));
    let excess = Excess::of(pattern);
    RuleSummary {
        name: rule.into(),
        matches: pattern.canonical().to_owned(),
        validator: rule.validator().to_owned(),
        namespaces: namespaces(rule),
        mode: match rule.enforcement() {
            Enforcement::Deny => "enforce",
            Enforcement::Warn => WARN,
        },
        specificity: SpecificitySummary {
            components: specificity.components(),
            literal_prefixes: specificity.prefixes().to_vec(),
            lengths: specificity.lengths().to_vec(),
            words: specificity.to_string(),
        },
        shadowed_by: shadow.map(|found| found.by.into()),
        connaisseur_also_matches: excess.front.into_iter().chain(excess.end).collect(),
    }
}

fn text(summary: &Summary, common: &Common) -> String {
    let heading = format!(
        "{} is valid: {}, {}",
        common.config.display(),
        counted(summary.rules.len(), "rule"),
        counted(summary.servers.len(), "Notary server")
    );
    let mut parts = vec![
        heading,
        trimmed(&table(summary).to_string()),
        legend(summary),
    ];
    parts.extend(findings(summary));
    parts.extend(notes(summary));
    parts.join("\n\n") + "\n"
}

fn table(summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["LINE", "PATTERN", "VALIDATOR", "NAMESPACES", "SPECIFICITY"]);
    for rule in &summary.rules {
        let globs = rule.namespaces.as_ref().map(|globs| globs.join(", "));
        let validator = printable(&rule.validator, MAX_NAME);
        table.add_row([
            rule.name.line.to_string(),
            rule.name.pattern.clone(),
            if rule.mode == WARN {
                format!("{validator} (warn)")
            } else {
                validator
            },
            globs.unwrap_or_else(|| "all".to_owned()),
            rule.specificity.words.clone(),
        ]);
    }
    table
}

/// How to read the table.
fn legend(summary: &Summary) -> String {
    let scoped = summary.rules.iter().any(|rule| rule.namespaces.is_some());
    let order = if scoped {
        "Rules for the namespace are tried before those for all. Among those tried, the first in \
         this list that matches wins:"
    } else {
        "The first in this list that matches wins:"
    };
    format!(
        "{order}\nthe one with more components, then with more characters before any `*` in each (`9 of \
         10`), then the longer one."
    )
}

/// The warnings, and the rules that can never win.
fn findings(summary: &Summary) -> Option<String> {
    let shadowed = summary.rules.iter().filter_map(|rule| {
        let RuleName { line, pattern } = rule.shadowed_by.as_ref()?;
        Some(format!(
            "warning: line {}: `{}` can never win: `{pattern}` (line {line}) always comes first and \
             matches all that it matches",
            rule.name.line, rule.name.pattern
        ))
    });
    let warnings = summary.warnings.iter();
    let warnings = warnings.map(|warning| format!("warning: {}", printable(warning, usize::MAX)));
    let lines: Vec<String> = shadowed.chain(warnings).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What Connaisseur would have matched more.
fn notes(summary: &Summary) -> Option<String> {
    let lines: Vec<String> = summary
        .rules
        .iter()
        .filter(|rule| !rule.connaisseur_also_matches.is_empty())
        .map(|rule| {
            let images = rule.connaisseur_also_matches.join(" and ");
            let RuleName { line, pattern } = &rule.name;
            format!("note: line {line}: `{pattern}` would match {images}")
        })
        .collect();
    let heading =
        "Connaisseur puts `*` around every pattern, so there it would match more than here:";
    (!lines.is_empty()).then(|| format!("{heading}\n{}", lines.join("\n")))
}

const WARN: &str = "warn";
