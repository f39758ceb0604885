//! How much of a long test runs.

use std::env;

/// `share` of a test that goes by chance; all `whole` of it where `VOUCHSAFE_FAULTS` is `all`, as `make faults` has it.
pub fn effort(share: usize, whole: usize) -> usize {
    if env::var_os("VOUCHSAFE_FAULTS").is_some_and(|it| it == "all") {
        whole
    } else {
        share
    }
}

/// Prints a row of the table that `make faults` shows: what was done, how often, and what came of it.
#[expect(clippy::print_stdout, reason = "it is the result")]
pub fn row(what: &str, how_often: usize, came_of_it: &str) {
    println!("| {what} | {how_often} | {came_of_it} |");
}
