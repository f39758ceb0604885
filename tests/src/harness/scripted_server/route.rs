//! Notary's routes.

/// Which requests an instruction is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// Every request.
    Any,
    /// `/v2/`.
    Ping,
    /// Any file of a repository.
    Repository(String),
    /// A role's file by plain name, version or hash.
    Role {
        /// The repository.
        gun: String,
        /// The role, `targets/releases`.
        role: String,
    },
    /// The changefeed of all repositories.
    Feed,
    /// The token service.
    Token,
    /// Exactly this path.
    Path(String),
}

/// A path of Notary's API, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    Ping,
    Token,
    Feed(Option<String>),
    File { gun: String, file: RoleFile },
    Unknown,
}

/// A role file as a path names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RoleFile {
    Newest(String),
    Version(String, u64),
    Content(String, String),
}

impl Route {
    /// A role of a repository.
    pub fn role(gun: &str, role: &str) -> Self {
        Self::Role {
            gun: gun.to_owned(),
            role: role.to_owned(),
        }
    }

    /// Whether a path (without query) is meant.
    pub fn matches(&self, path: &str) -> bool {
        let asked = Asked::parse(path);
        match self {
            Self::Any => true,
            Self::Ping => asked == Asked::Ping,
            Self::Repository(gun) => {
                matches!(&asked, Asked::File { gun: found, .. } if found == gun)
            }
            Self::Role { gun, role } => {
                matches!(&asked, Asked::File { gun: found, file } if found == gun && file.role() == role)
            }
            Self::Feed => asked == Asked::Feed(None),
            Self::Token => asked == Asked::Token,
            Self::Path(exact) => exact == path,
        }
    }
}

impl Asked {
    pub(super) fn parse(path: &str) -> Self {
        match path {
            "/v2/" => return Self::Ping,
            "/token" => return Self::Token,
            "/v2/_trust/changefeed" => return Self::Feed(None),
            _ => {}
        }
        let Some((gun, rest)) = path
            .strip_prefix("/v2/")
            .and_then(|rest| rest.split_once("/_trust/"))
        else {
            return Self::Unknown;
        };
        if rest == "changefeed" {
            return Self::Feed(Some(gun.to_owned()));
        }
        let file = rest
            .strip_prefix("tuf/")
            .and_then(|rest| rest.strip_suffix(".json"));
        file.map_or(Self::Unknown, |stem| Self::File {
            gun: gun.to_owned(),
            file: RoleFile::parse(stem),
        })
    }
}

impl RoleFile {
    /// Reads `<role>`, `<version>.<role>` or `<role>.<SHA-256>`.
    pub(super) fn parse(stem: &str) -> Self {
        if let Some((version, role)) = stem.split_once('.')
            && let Ok(version) = version.parse()
        {
            return Self::Version(role.to_owned(), version);
        }
        match stem.rsplit_once('.') {
            Some((role, hash)) => Self::Content(role.to_owned(), hash.to_owned()),
            None => Self::Newest(stem.to_owned()),
        }
    }

    pub(super) fn role(&self) -> &str {
        match self {
            Self::Newest(role) | Self::Version(role, _) | Self::Content(role, _) => role,
        }
    }
}
