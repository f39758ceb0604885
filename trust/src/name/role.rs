//! TUF roles.

use std::fmt;
use std::str::FromStr;

use super::serde_as_str;

/// A TUF role, spelled as Notary spells it: `root`, `targets/releases`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Lists the keys of the other base roles; the only role that a pin speaks about.
    Root,
    /// States the newest snapshot; short-lived.
    Timestamp,
    /// States the files of all other roles that belong together.
    Snapshot,
    /// Says which digest a tag has, and who else may.
    Targets,
    /// A role to which `targets`, or another delegation, gave a part of its authority.
    Delegation(DelegationName),
}

serde_as_str!(Role);

impl Role {
    /// The delegation's name, if the role is one.
    pub const fn delegation(&self) -> Option<&DelegationName> {
        match self {
            Self::Delegation(name) => Some(name),
            Self::Root | Self::Timestamp | Self::Snapshot | Self::Targets => None,
        }
    }

    /// The role's name as Notary spells it in URLs and metadata.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
            Self::Delegation(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(name: &str) -> Result<Self, RoleError> {
        Ok(match name {
            "root" => Self::Root,
            "timestamp" => Self::Timestamp,
            "snapshot" => Self::Snapshot,
            "targets" => Self::Targets,
            _ => Self::Delegation(name.parse()?),
        })
    }
}

impl From<DelegationName> for Role {
    fn from(name: DelegationName) -> Self {
        Self::Delegation(name)
    }
}

/// The full name of a delegation: `targets/releases`, `targets/a/b`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DelegationName(Box<str>);

serde_as_str!(DelegationName);

impl DelegationName {
    /// The name of Docker Content Trust's role for what is released, `targets/releases`.
    pub fn releases() -> Self {
        Self("targets/releases".into())
    }

    /// The delegation that a configuration names, with or without the leading `targets/`.
    ///
    /// # Errors
    ///
    /// [`RoleError`] if Notary would not accept the name.
    pub fn from_short(name: &str) -> Result<Self, RoleError> {
        if name.starts_with(PREFIX) {
            name.parse()
        } else {
            format!("{PREFIX}{name}").parse()
        }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The role that delegates to this one.
    pub fn parent(&self) -> Role {
        match self.0.rsplit_once('/') {
            Some((parent, _)) if parent.contains('/') => Role::Delegation(Self(parent.into())),
            Some(_) | None => Role::Targets,
        }
    }
}

impl fmt::Display for DelegationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DelegationName {
    type Err = RoleError;

    /// Accepts what Notary's `IsDelegation` accepts: `^[-a-z0-9_/]+$` under `targets/`, at most
    /// 255 bytes, and clean as a path.
    fn from_str(name: &str) -> Result<Self, RoleError> {
        let invalid = || RoleError {
            name: name.chars().take(MAX_LEN).collect(),
        };
        let rest = name.strip_prefix(PREFIX).ok_or_else(invalid)?;
        let clean = rest.split('/').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        });
        if clean && name.len() <= MAX_LEN {
            Ok(Self(name.into()))
        } else {
            Err(invalid())
        }
    }
}

/// A string that names no role.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is not the name of a role")]
pub struct RoleError {
    /// The rejected name, cut at 255 characters.
    pub name: String,
}

const PREFIX: &str = "targets/";
const MAX_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delegation_is_named_as_notary_allows() {
        for name in ["targets/releases", "targets/a/b-c_9"] {
            assert_eq!(name.parse::<Role>().unwrap().as_str(), name);
        }
        for name in [
            "targets/",
            "targets/a/",
            "targets//a",
            "targets/A",
            "targets/a b",
            "targets/..",
            "x",
            "",
        ] {
            assert!(name.parse::<Role>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_parent_is_one_level_up() {
        let nested: DelegationName = "targets/a/b".parse().unwrap();
        assert_eq!(nested.parent().as_str(), "targets/a");
        assert_eq!(DelegationName::releases().parent(), Role::Targets);
        assert_eq!(DelegationName::from_short("a/b").unwrap(), nested);
    }
}
