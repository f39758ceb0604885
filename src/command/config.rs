//! `vouchsafe config`: check the file, say which rule wins, print its schema.

mod check;
mod explain;

use serde::Serialize;
use vouchsafe_policy::{Config, Rule};

use crate::args::{Common, ConfigCommand};
use crate::exit::{Error, Outcome};
use crate::printer::print;

pub(crate) fn run(command: &ConfigCommand, common: &Common) -> Result<Outcome, Error> {
    match command {
        ConfigCommand::Check(args) => match &args.image {
            Some(image) => explain::run(image, args, common),
            None => check::run(args, common),
        },
        ConfigCommand::Schema => {
            print(&(serde_json::to_string_pretty(&Config::schema())? + "\n"))?;
            Ok(Outcome::Yes)
        }
    }
}

/// A rule, as it can be found in the file. Its JSON form is stable.
#[derive(Debug, Serialize)]
struct RuleName {
    /// The line of its pattern.
    line: u64,
    /// Its pattern as it is written.
    pattern: String,
}

impl From<&Rule> for RuleName {
    fn from(rule: &Rule) -> Self {
        Self {
            line: rule.line(),
            pattern: rule.pattern().as_str().to_owned(),
        }
    }
}

fn namespaces(rule: &Rule) -> Option<Vec<String>> {
    let globs = rule.namespaces()?.iter();
    Some(globs.map(ToString::to_string).collect())
}

/// `one` thing, or `count` things.
fn counted(count: usize, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {one}{plural}")
}
