//! Which images may run, and on whose word: configuration, rules and decisions.
//!
//! A [`Config`] is read from one YAML text. [`Config::decide`] takes an image reference, finds the
//! [`Rule`] for it, asks for the evidence that the rule needs, and answers with a [`Decision`].
//! Everything here is pure: no clock, file or socket, and no memory of earlier decisions.

pub mod config;
pub mod decision;
pub mod explain;
#[cfg(test)]
mod fixtures;
pub mod pattern;
mod rules;

pub use config::{Auth, Config, ConfigError, NotaryServer, Problem};
pub use decision::{Allowed, Cause, Decision, Denial, Purpose};
pub use pattern::{Pattern, PatternError};
pub use rules::{Mode, Rule};
