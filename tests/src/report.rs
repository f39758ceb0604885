//! What benches found out: printed, written into `docs/performance.md`, and drawn beside it.
//!
//! A bench owns sections of that page, each between `<!-- measured: NAME -->` and `<!-- end -->`. Everything else on the page is written by hand.

pub mod plot;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::harness::HarnessError;

/// A table of a report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self {
            header: header.map(str::to_owned).into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, which has as many cells as there are columns.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }

    /// In Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = vec!["---".to_owned(); self.header.len()];
        let head = [&self.header, &rule].map(|cells| line(cells)).concat();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        head + &rows
    }
}

/// One budget of the design and what was measured of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Budget {
    /// What is budgeted.
    pub what: String,
    /// What it must reach.
    pub budget: String,
    /// What it reached.
    pub measured: String,
    /// Whether that is within.
    pub held: bool,
}

/// Prints what a bench found and puts it into the section of that name.
///
/// # Errors
///
/// [`HarnessError::File`] if the page cannot be read or written, [`HarnessError::Unexpected`] if it has no such section.
pub fn write(section: &str, content: &str) -> Result<(), HarnessError> {
    let page = docs().join("performance.md");
    let text = fs::read_to_string(&page).map_err(HarnessError::file(&page))?;
    let text = replaced(&text, section, content)?;
    fs::write(&page, text).map_err(HarnessError::file(&page))
}

/// Keeps what was measured of budgets, in the place of what this bench measured before.
///
/// # Errors
///
/// [`HarnessError::File`] if it cannot be written.
pub fn keep(bench: &str, budgets: &[Budget]) -> Result<(), HarnessError> {
    let folder = figures();
    fs::create_dir_all(&folder).map_err(HarnessError::file(&folder))?;
    let file = folder.join(format!("{bench}.json"));
    let text = serde_json::to_string_pretty(budgets).unwrap_or_default();
    fs::write(&file, text).map_err(HarnessError::file(&file))
}

/// What all benches kept, in the order of their names.
///
/// # Errors
///
/// [`HarnessError`] if something kept cannot be read.
pub fn kept() -> Result<Vec<Budget>, HarnessError> {
    let folder = figures();
    let entries = fs::read_dir(&folder).map_err(HarnessError::file(&folder))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(HarnessError::file(&folder))?;
    files.sort();
    let mut budgets = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(HarnessError::file(&file))?;
        let kept: Vec<Budget> = serde_json::from_str(&text)
            .map_err(HarnessError::unexpected(file.display().to_string()))?;
        budgets.extend(kept);
    }
    Ok(budgets)
}

fn replaced(page: &str, section: &str, content: &str) -> Result<String, HarnessError> {
    let start = format!("<!-- measured: {section} -->\n");
    let missing = || HarnessError::unexpected("docs/performance.md")(format!("no {start:?}"));
    let (before, rest) = page.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!(
        "{before}{start}{}\n{END}{after}",
        content.trim_end()
    ))
}

/// The folder of the documentation.
fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// Where benches keep figures for each other.
fn figures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

const END: &str = "<!-- end -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_section_is_replaced() {
        let page =
            "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\n<!-- end -->\n";
        let expected =
            "a\n<!-- measured: x -->\nnew\n<!-- end -->\nb\n<!-- measured: y -->\n<!-- end -->\n";
        assert_eq!(replaced(page, "x", "new\n").unwrap(), expected);
        assert!(replaced(page, "z", "new").is_err());
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["what", "figure"]);
        table.row(["open".to_owned(), "1 ms".to_owned()]);
        let expected = "| what | figure |\n| --- | --- |\n| open | 1 ms |\n";
        assert_eq!(table.markdown(), expected);
    }
}
