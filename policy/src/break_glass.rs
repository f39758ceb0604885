//! Breaking the glass: for one repository and a while, signatures count although they have expired.

use jiff::Timestamp;
use vouchsafe_trust::Gun;

/// An operator's word that what has expired of one repository counts for a while, and why.
///
/// It never makes an unsigned image signed: whoever has to sign, must have signed. Only expiry is looked
/// past, that of the authority roles too, which nothing else extends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakGlass {
    /// The repository.
    pub gun: Gun,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends; at most 30 days later.
    pub until: Timestamp,
    /// Why, in the operator's words.
    pub reason: String,
}

impl BreakGlass {
    /// Whether it holds at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }

    /// What everybody who asks about the repository is told meanwhile.
    pub(crate) fn warning(&self) -> String {
        format!(
            "the glass is broken for {} until {:.0} ({}): expired signatures count",
            self.gun, self.until, self.reason
        )
    }
}
