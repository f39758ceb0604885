//! Where results go: data to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::OutputFormat;
use crate::exit::Error;

/// Prints a command's result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    format: OutputFormat,
}

impl Printer {
    pub(crate) const fn new(format: OutputFormat) -> Self {
        Self { format }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Prints `value` as JSON, or the text that `text` makes of it.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Error> {
        let out = match self.format {
            OutputFormat::Json => serde_json::to_string_pretty(value)? + "\n",
            OutputFormat::Text => text(value),
        };
        print(&out)
    }
}

/// `text` in at most `max` characters, on one line that is safe to print: what a server wrote can
/// neither forge lines, nor drive the terminal, nor show itself in another order.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(max));
    for (count, character) in text.chars().enumerate() {
        if count == max {
            printable.push('…');
            break;
        }
        push_escaped(&mut printable, character);
    }
    printable
}

/// A table's lines without the blanks that it leaves at their ends.
pub(crate) fn trimmed(table: &str) -> String {
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn push_escaped(text: &mut String, character: char) {
    if character.is_control() || is_invisible(character) {
        text.extend(character.escape_unicode());
    } else {
        text.push(character);
    }
}

/// Whether a character only changes how others are shown: line separators, directions, joiners.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{061c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// Writes `text` to standard output. A reader that went away is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes lines to standard error; whatever else in `text` could drive a terminal is escaped.
pub(crate) fn note(text: &str) {
    let mut lines = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if character == '\n' {
            lines.push(character);
        } else {
            push_escaped(&mut lines, character);
        }
    }
    lines.push('\n');
    // Nowhere is left to say that standard error cannot be written.
    drop(io::stderr().lock().write_all(lines.as_bytes()));
}

/// Asks a yes-or-no question on the terminal, which there has to be.
pub(crate) fn ask(question: &str) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err("nothing was done: there is no terminal to ask on\nhint: say --yes".into());
    }
    write!(io::stderr().lock(), "{question} [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The most characters of a name that are shown; a tag has no more.
pub(crate) const MAX_NAME: usize = 128;
/// The most characters of a message that are shown.
pub(crate) const MAX_MESSAGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_wrote_stays_on_its_line_and_drives_no_terminal() {
        let cases = [
            ("1.27-alpine", "1.27-alpine"),
            ("größe", "größe"),
            ("a\n\u{1b}[2J\rb", "a\\u{a}\\u{1b}[2J\\u{d}b"),
            ("tag\u{202e}gnp", "tag\\u{202e}gnp"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{7f}", "\\u{7f}"),
        ];
        for (text, expected) in cases {
            assert_eq!(printable(text, MAX_NAME), expected);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_where_a_character_ends() {
        assert_eq!(printable("äöü", 2), "äö…");
        assert_eq!(printable("äö", 2), "äö");
        assert_eq!(printable("", 0), "");
    }
}
