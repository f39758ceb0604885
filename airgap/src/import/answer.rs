//! What whoever asked is told of a bundle, also by another process.

use serde::{Deserialize, Serialize};

use super::{ImportError, ImportReport};
use crate::bundle::OpenBundleError;

/// What whoever asked is told of a bundle. Its JSON form is stable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum ImportAnswer {
    /// It was taken in, except for what does not hold.
    Done(ImportReport),
    /// It was refused as a whole. Nothing has changed.
    Refused {
        /// The stable, short name of the cause.
        label: String,
        /// The cause in words.
        message: String,
    },
    /// Not all of it holds, and all had to. Nothing has changed.
    Strict(ImportReport),
}

impl ImportAnswer {
    /// The answer that `result` comes to.
    ///
    /// # Errors
    ///
    /// In words, what kept the bundle from being looked at: no fault of its own.
    pub fn new(result: Result<ImportReport, ImportError>) -> Result<Self, String> {
        match result {
            Ok(report) => Ok(Self::Done(report)),
            Err(ImportError::Strict(report)) => Ok(Self::Strict(*report)),
            Err(ImportError::Bundle(OpenBundleError::Refused(refusal))) => Ok(Self::Refused {
                label: refusal.label().to_owned(),
                message: refusal.to_string(),
            }),
            Err(ImportError::Bundle(error)) => Err(with_sources(&error)),
            Err(ImportError::Store(error)) => Err(with_sources(&error)),
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
