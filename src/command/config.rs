//! `vouchsafe config`: check the file, print its schema.

use serde::Serialize;
use vouchsafe_policy::Config;

use crate::args::{Common, ConfigCommand, OutputArgs};
use crate::context;
use crate::exit::{Error, Outcome};
use crate::printer::{Printer, note, print};

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
    line: u64,
    pattern: String,
    /// The pattern as it is compared, with the registry spelled out.
    matches: String,
    validator: String,
    namespaces: Option<Vec<String>>,
}

pub(crate) fn run(command: &ConfigCommand, common: &Common) -> Result<Outcome, Error> {
    match command {
        ConfigCommand::Check(output) => check(*output, common),
        ConfigCommand::Schema => {
            print(&(serde_json::to_string_pretty(&Config::schema())? + "\n"))?;
            Ok(Outcome::Yes)
        }
    }
}

fn check(output: OutputArgs, common: &Common) -> Result<Outcome, Error> {
    let config = context::config(common)?;
    crate::command::sync::schedule(&config, &common.config)?;
    let summary = summary(&config);
    Printer::new(output.output).print(&summary, |summary| text(summary, common))?;
    for warning in &summary.warnings {
        note(&format!("warning: {warning}"));
    }
    Ok(Outcome::Yes)
}

fn summary(config: &Config) -> Summary {
    let rules = config.rules().map(|rule| RuleSummary {
        line: rule.line(),
        pattern: rule.pattern().as_str().to_owned(),
        matches: rule.pattern().canonical().to_owned(),
        validator: rule.validator().to_owned(),
        namespaces: rule
            .namespaces()
            .map(|globs| globs.iter().map(ToString::to_string).collect()),
    });
    Summary {
        servers: config
            .notary_servers()
            .iter()
            .map(|server| server.server.to_string())
            .collect(),
        rules: rules.collect(),
        warnings: config.warnings().to_vec(),
    }
}

fn text(summary: &Summary, common: &Common) -> String {
    let mut lines = vec![format!("{} is valid", common.config.display())];
    for rule in &summary.rules {
        let namespaces = rule
            .namespaces
            .as_ref()
            .map(|globs| format!(" in {}", globs.join(", ")));
        lines.push(format!(
            "  line {:<4} {} → {}{}",
            rule.line,
            rule.pattern,
            rule.validator,
            namespaces.unwrap_or_default()
        ));
    }
    lines.join("\n") + "\n"
}
