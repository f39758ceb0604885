//! A webhook, and who asks it.

use serde_json::Value;

use super::admission::{pod, review};
use super::reviewed::Reviewed;
use super::vouchsafe::Serving;
use super::{Certificates, HarnessError, Vouchsafe};

/// A `vouchsafe serve` and the commands beside it.
#[derive(Debug)]
pub struct Webhook {
    certificates: Certificates,
    // Stopped before its directory is removed.
    serving: Serving,
    vouchsafe: Vouchsafe,
}

impl Webhook {
    /// Serves from what this Vouchsafe has stored, with these arguments besides.
    ///
    /// # Errors
    ///
    /// As [`Vouchsafe::serve`].
    pub fn new(
        vouchsafe: Vouchsafe,
        certificates: Certificates,
        arguments: &[&str],
    ) -> Result<Self, HarnessError> {
        let serving = vouchsafe.serve_with(&certificates, arguments)?;
        Ok(Self {
            certificates,
            serving,
            vouchsafe,
        })
    }

    /// Sends a review to a path.
    ///
    /// # Errors
    ///
    /// As [`Serving::ask`].
    pub fn send(&self, path: &str, review: &Value) -> Result<Reviewed, HarnessError> {
        self.serving.ask(&self.certificates, path, review)
    }

    /// Asks a path about the creation of a Pod with one image.
    ///
    /// # Errors
    ///
    /// As [`Serving::ask`].
    pub fn ask(&self, path: &str, namespace: &str, image: &str) -> Result<Reviewed, HarnessError> {
        self.send(path, &review(&pod(&[image]), namespace))
    }

    /// What runs.
    pub const fn serving(&self) -> &Serving {
        &self.serving
    }

    /// The value of a metric, as [`Serving::metric`] reads it.
    ///
    /// # Errors
    ///
    /// As [`Serving::metric`].
    pub fn metric(&self, name: &str) -> Result<Option<f64>, HarnessError> {
        self.serving.metric(name)
    }

    /// The commands beside it.
    pub fn vouchsafe(&self) -> &Vouchsafe {
        &self.vouchsafe
    }
}
