//! How old a proof is, as commands show it.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_trust::evidence::Freshness;

/// How old a proof is. Its JSON form is stable.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(crate) enum Age {
    Fresh { until: Timestamp },
    Stale { since: Timestamp, until: Timestamp },
    Expired { role: String, at: Timestamp },
}

impl From<Freshness> for Age {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh { until } => Self::Fresh { until },
            Freshness::Stale { since, until } => Self::Stale { since, until },
            Freshness::Expired { role, at } => Self::Expired {
                role: role.to_string(),
                at,
            },
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh { until } => write!(f, "fresh until {until:.0}"),
            Self::Stale { since, until } => {
                write!(f, "stale since {since:.0}, admitted until {until:.0}")
            }
            Self::Expired { role, at } => write!(f, "`{role}` expired at {at:.0}"),
        }
    }
}
