//! Which images may run, and on whose word: configuration, rules and decisions.
//!
//! A [`Config`] is read from one YAML text. [`Config::decide`] takes an image reference, finds the
//! [`Rule`] for it, asks for the evidence that the rule needs, and answers with a [`Decision`].
//! Everything here is pure: no clock, file or socket, and no memory of earlier decisions.

mod break_glass;
pub mod config;
pub mod decision;
mod deny;
pub mod explain;
#[cfg(test)]
mod fixtures;
mod mirror;
pub mod pattern;
mod rules;

pub use break_glass::BreakGlass;
pub use config::{
    Alerting, Auth, BundlePull, BundleSettings, Config, ConfigError, Features, NotaryServer,
    Problem, Receiver, ReceiverId, ResourceValidationMode,
};
pub use decision::{Allowed, Approval, Asked, Cause, Decision, Denial, Grounds, Purpose};
pub use pattern::{Pattern, PatternError};
pub use rules::{Enforcement, Mode, Rule};
