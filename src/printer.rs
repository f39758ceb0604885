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

/// Writes `text` to standard output. A reader that went away is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to standard error.
pub(crate) fn note(text: &str) {
    // Nowhere is left to say that standard error cannot be written.
    drop(writeln!(io::stderr().lock(), "{text}"));
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
