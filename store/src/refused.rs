//! What the process that holds the store says of its own configuration.

use std::sync::PoisonError;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Store;

/// A version of the configuration that the process would not take: it goes on by the one before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedConfig {
    /// When it was refused.
    pub at: Timestamp,
    /// Why, with file, line and column where these are known.
    pub error: String,
}

impl Store {
    /// Says that the newest version of the configuration was refused, or that it is in use. Kept in
    /// memory: it is over when the process is.
    pub fn set_refused_config(&self, refused: Option<RefusedConfig>) {
        let mut kept = self
            .0
            .refused_config
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *kept = refused;
    }

    /// The newest version of the configuration, if it was refused.
    pub fn refused_config(&self) -> Option<RefusedConfig> {
        let kept = self.0.refused_config.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }
}
