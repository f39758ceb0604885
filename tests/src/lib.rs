//! What Vouchsafe's end-to-end tests, attack vectors and benchmarks share.

pub mod abuse;
pub mod checker;
pub mod harness;
pub mod history;
pub mod report;
pub mod vector;
