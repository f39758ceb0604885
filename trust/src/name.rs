//! The names and small values that everything else is keyed by.

mod digest;
mod gun;
mod role;
mod server;
mod version;

pub use digest::{HexError, KeyId, Sha256};
pub use gun::{Gun, GunError};
pub use role::{DelegationName, Role, RoleError};
pub use server::{Server, ServerError};
pub use version::Version;

/// Serialises a type through its `Display` and `FromStr`, so that it has one spelling everywhere.
macro_rules! serde_as_str {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text =
                    <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_str;
