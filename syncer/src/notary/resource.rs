//! What can be asked of a Notary server.

use std::fmt;

use vouchsafe_trust::{Gun, Role, Sha256, Version};

/// Something that a Notary server serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// The feed of all repositories' changes: this many records after the change with this ID; a
    /// negative ID counts from the newest.
    Feed {
        /// The ID after which to start.
        after: String,
        /// The most records wanted.
        records: u32,
    },
    /// The root of the API, which shows whether and how to authenticate.
    Ping,
    /// A role's file.
    Role {
        /// The repository.
        gun: Gun,
        /// The file.
        file: RoleFile,
    },
}

/// One of a role's files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RoleFile {
    /// The one with these contents.
    Content(Role, Sha256),
    /// The newest one.
    Newest(Role),
    /// The one of this version.
    Version(Role, Version),
}

impl Resource {
    /// The path below the server's base URL, and the query.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Feed { after, records } => {
                format!("/v2/_trust/changefeed?records={records}&change_id={after}")
            }
            Self::Ping => "/v2/".to_owned(),
            Self::Role { gun, file } => format!("/v2/{gun}/_trust/tuf/{file}"),
        }
    }

    /// The scope that a token must carry (Docker registry token protocol; Notary asks for the
    /// catalog wherever no repository is named).
    pub(super) fn scope(&self) -> String {
        match self {
            Self::Feed { .. } | Self::Ping => "registry:catalog:*".to_owned(),
            Self::Role { gun, .. } => repository_scope(gun),
        }
    }

    /// The repository, if it is about one.
    pub const fn gun(&self) -> Option<&Gun> {
        match self {
            Self::Role { gun, .. } => Some(gun),
            Self::Feed { .. } | Self::Ping => None,
        }
    }

    /// The role, if it is about one.
    pub const fn role(&self) -> Option<&Role> {
        match self {
            Self::Role { file, .. } => Some(file.role()),
            Self::Feed { .. } | Self::Ping => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feed { .. } => f.write_str("changefeed"),
            Self::Ping => f.write_str("ping"),
            Self::Role { gun, file } => write!(f, "{gun}: {file}"),
        }
    }
}

impl RoleFile {
    /// The role.
    pub const fn role(&self) -> &Role {
        match self {
            Self::Content(role, _) | Self::Newest(role) | Self::Version(role, _) => role,
        }
    }
}

impl fmt::Display for RoleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(role, sha256) => write!(f, "{role}.{sha256}.json"),
            Self::Newest(role) => write!(f, "{role}.json"),
            Self::Version(role, version) => write!(f, "{version}.{role}.json"),
        }
    }
}

/// The scope for reading one repository; its name is the whole GUN, registry host included.
pub(super) fn repository_scope(gun: &Gun) -> String {
    format!("repository:{gun}:pull")
}
