//! Anti-rollback, at the last moment: what was verified against an older state must not undo a
//! newer one.

use vouchsafe_trust::repository::{Accepted, AcceptedRole};
use vouchsafe_trust::{Gun, Role, Server, Version};

use crate::StoreError;

/// A role that would fall behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Behind {
    pub(crate) role: Role,
    pub(crate) stored: Version,
    pub(crate) offered: Version,
}

impl Behind {
    /// The refusal of a repository for this.
    pub(crate) fn of(self, server: &Server, gun: &Gun) -> StoreError {
        StoreError::Superseded {
            server: server.clone(),
            gun: gun.clone(),
            role: self.role,
            stored: self.stored,
            offered: self.offered,
        }
    }
}

/// The floors after `offered` is committed over `stored`, or the role that falls behind.
///
/// A role whose keys at the time are not all its keys any more starts anew (TUF 5.3.11), which only
/// a newer file of the parent can bring about: an older root never passes.
pub(crate) fn raise(stored: &Accepted, offered: &Accepted) -> Result<Accepted, Behind> {
    let same_root = offered.root_sha256 == stored.root_sha256;
    if offered.root_version < stored.root_version
        || (offered.root_version == stored.root_version && !same_root)
    {
        return Err(Behind {
            role: Role::Root,
            stored: stored.root_version,
            offered: offered.root_version,
        });
    }
    let mut raised = offered.clone();
    for (role, floor) in &stored.roles {
        match offered.roles.get(role) {
            Some(new) if falls_behind(floor, new) => {
                return Err(Behind {
                    role: role.clone(),
                    stored: floor.version,
                    offered: new.version,
                });
            }
            Some(_) => {}
            // The role is gone; what was accepted of it still holds when it comes back.
            None => {
                raised.roles.insert(role.clone(), floor.clone());
            }
        }
    }
    Ok(raised)
}

/// Whether one of the role's keys at the time is none of its keys any more.
pub(crate) fn has_lost_a_key(floor: &AcceptedRole, new: &AcceptedRole) -> bool {
    !floor.keys.is_subset(&new.keys)
}

fn falls_behind(floor: &AcceptedRole, new: &AcceptedRole) -> bool {
    !has_lost_a_key(floor, new)
        && (new.version < floor.version
            || (new.version == floor.version && new.sha256 != floor.sha256))
}

#[cfg(test)]
mod tests {
    use vouchsafe_trust::Sha256;

    use super::*;

    /// A root and a timestamp: each a version and contents, and the names of the latter's keys.
    fn accepted(root: (u64, u8), timestamp: Option<(u64, u8, &[u8])>) -> Accepted {
        let digest = |contents| Sha256::from_bytes([contents; 32]);
        let key = |name: &u8| {
            let text = serde_json::to_string(&digest(*name)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let role = timestamp.map(|(version, contents, keys)| AcceptedRole {
            version: Version::new(version).unwrap(),
            sha256: digest(contents),
            keys: keys.iter().map(key).collect(),
        });
        Accepted {
            root_version: Version::new(root.0).unwrap(),
            root_sha256: digest(root.1),
            roles: role
                .into_iter()
                .map(|role| (Role::Timestamp, role))
                .collect(),
        }
    }

    #[test]
    fn nothing_falls_behind_unless_its_keys_were_replaced() {
        let stored = accepted((2, 2), Some((5, 5, &[1, 2])));
        let refused = [
            accepted((1, 1), Some((9, 9, &[1, 2]))),
            accepted((2, 3), Some((9, 9, &[1, 2]))),
            accepted((2, 2), Some((4, 4, &[1, 2]))),
            accepted((2, 2), Some((5, 6, &[1, 2]))),
            accepted((3, 3), Some((4, 4, &[1, 2, 3]))),
        ];
        for offered in refused {
            assert!(raise(&stored, &offered).is_err(), "{offered:?}");
        }
        let taken = [
            accepted((2, 2), Some((5, 5, &[1, 2]))),
            accepted((2, 2), Some((6, 6, &[1, 2]))),
            accepted((3, 3), Some((1, 1, &[1]))),
            accepted((3, 3), Some((5, 6, &[3]))),
        ];
        for offered in taken {
            assert_eq!(raise(&stored, &offered), Ok(offered));
        }
    }

    #[test]
    fn the_floor_of_a_role_that_is_gone_stays() {
        let stored = accepted((2, 2), Some((5, 5, &[1])));
        let raised = raise(&stored, &accepted((3, 3), None)).unwrap();
        assert_eq!(raised, accepted((3, 3), Some((5, 5, &[1]))));
    }
}
