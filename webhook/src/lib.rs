//! Answers an API server's admission reviews, from what was verified beforehand.
//!
//! [`Admission`] decides: bytes in, bytes out, no HTTP, no waiting. [`Server`] brings it the bytes
//! over TLS, bounded in every direction. [`reload`] follows the files that may change meanwhile.

pub mod admission;
pub mod metrics;
pub mod readiness;
pub mod reload;
pub mod server;
pub mod tls;
pub mod watch;

mod bounded;
mod review;
#[cfg(test)]
mod testing;
mod text;
mod workload;

pub use admission::{Admission, Examined, ImageReport, Outbox, Owner, OwnerKey, Owners, Webhook};
pub use metrics::{MetricSource, Metrics, Sample};
pub use readiness::{Condition, Readiness};
pub use server::{Limits, Listeners, Server};
pub use tls::{Certificate, Serving};

/// Whether objects of this API group and kind run images, so that they are judged.
pub fn runs_images(group: &str, kind: &str) -> bool {
    workload::Workload::of(group, kind).is_some()
}
