//! Alerts: how they are written, and how they reach their receivers.
//!
//! Admission only queues an alert in the store ([`vouchsafe_store::Store::queue_alert`]). A [`Plan`]
//! says which receivers there are and how alerts for each are written; [`Delivery`] takes what waits
//! and sends it, until the receiver has it.

mod counters;
mod deliver;
mod pace;
mod plan;
mod post;
mod template;

pub use counters::{Counters, ReceiverCounts};
pub use deliver::Delivery;
pub use pace::Pace;
pub use plan::{Plan, PlanError};
pub use template::TemplateError;
