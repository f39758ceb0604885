//! The budgets, as the benches before this one measured them: one table.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its report, and stops where it cannot be set up"
)]

use vouchsafe_tests::report::{self, Table};

fn main() {
    let mut table = Table::new(["what", "budget", "measured", "held"]);
    for kept in report::kept().unwrap() {
        let held = if kept.held { "yes" } else { "**no**" };
        table.row([kept.what, kept.budget, kept.measured, held.to_owned()]);
    }
    let text = table.markdown();
    println!("\n{text}");
    report::write("budgets", &text).unwrap();
}
