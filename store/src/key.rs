//! Keys: which record is whose.
//!
//! Every key of a repository starts with its server, NUL, its GUN, NUL. Neither name can hold a
//! NUL, so no repository's prefix is the beginning of another's.

use vouchsafe_trust::{Gun, Role, Server, Sha256};

/// The prefix of a repository's keys; the key of its header.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RepoKey(Box<[u8]>);

impl RepoKey {
    pub(crate) fn new(server: &Server, gun: &Gun) -> Self {
        let mut key = Vec::with_capacity(server.as_str().len() + gun.as_str().len() + 2);
        for name in [server.as_str(), gun.as_str()] {
            key.extend_from_slice(name.as_bytes());
            key.push(0);
        }
        Self(key.into())
    }

    /// The repository whose header has this key.
    pub(crate) fn parse(key: &[u8]) -> Option<(Server, Gun)> {
        let text = std::str::from_utf8(key).ok()?;
        let (server, gun) = text.strip_suffix('\0')?.split_once('\0')?;
        Some((server.parse().ok()?, gun.parse().ok()?))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The prefix of what is stored by a role file's digest: the chunks of the file itself.
    pub(crate) fn file(&self, sha256: &Sha256) -> Vec<u8> {
        [&*self.0, sha256.as_bytes()].concat()
    }

    /// The prefix of one page of a role file's targets.
    pub(crate) fn page(&self, sha256: &Sha256, index: PageIndex) -> Vec<u8> {
        let (kind, number) = match index {
            PageIndex::Name(number) => (b'n', number),
            PageIndex::Digest(number) => (b'd', number),
        };
        let mut key = self.file(sha256);
        key.push(kind);
        key.extend_from_slice(&number.to_be_bytes());
        key
    }

    /// The key of a tag's history. The tag is last, so it may hold any character.
    pub(crate) fn tag(&self, tag: &str) -> Vec<u8> {
        [&*self.0, tag.as_bytes()].concat()
    }

    /// The prefix of what a role stated before. No role's name can hold a NUL either.
    pub(crate) fn role(&self, role: &Role) -> Vec<u8> {
        [&*self.0, role.as_str().as_bytes(), &[0]].concat()
    }

    /// The key of where a role stated a digest before.
    pub(crate) fn retained(&self, role: &Role, sha256: &Sha256) -> Vec<u8> {
        let mut key = self.role(role);
        key.extend_from_slice(sha256.as_bytes());
        key
    }

    /// The digest in the key of a role file's chunk or page.
    pub(crate) fn digest_in(&self, key: &[u8]) -> Option<Sha256> {
        let rest = key.strip_prefix(&*self.0)?;
        rest.first_chunk().copied().map(Sha256::from_bytes)
    }
}

/// One page of a role file's targets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PageIndex {
    /// Of the pages by digest.
    Digest(u32),
    /// Of the pages by name.
    Name(u32),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server() -> impl Strategy<Value = Server> {
        "(http://)?[a-z]{1,3}(:[1-9][0-9])?(/[a-z]{1,2}){0,2}".prop_map(|url| url.parse().unwrap())
    }

    fn gun() -> impl Strategy<Value = Gun> {
        "[a-z]{1,3}(/[a-z]{1,2}){1,3}".prop_map(|name| name.parse().unwrap())
    }

    proptest! {
        #[test]
        fn a_key_names_one_repository_and_gives_it_back(
            a in (server(), gun()), b in (server(), gun()),
        ) {
            let [key_a, key_b] = [&a, &b].map(|(server, gun)| RepoKey::new(server, gun));
            prop_assert_eq!(RepoKey::parse(key_a.as_bytes()), Some(a.clone()));
            prop_assert_eq!(key_a == key_b, a == b);
            prop_assert_eq!(key_b.as_bytes().starts_with(key_a.as_bytes()), a == b);
        }

        #[test]
        fn no_two_pages_share_a_key(
            repo in (server(), gun()), digests: [[u8; 32]; 2], numbers: [u32; 2], kinds: [bool; 2],
        ) {
            let repo = RepoKey::new(&repo.0, &repo.1);
            let kind = |at: usize| if kinds[at] { PageIndex::Name } else { PageIndex::Digest };
            let index = |at: usize| kind(at)(numbers[at]);
            let digest = |at: usize| Sha256::from_bytes(digests[at]);
            let keys = [0, 1].map(|at| repo.page(&digest(at), index(at)));
            let same = digests[0] == digests[1] && index(0) == index(1);
            prop_assert_eq!(keys[0] == keys[1], same);
            prop_assert_eq!(repo.digest_in(&keys[0]), Some(digest(0)));
        }
    }

    #[test]
    fn names_that_could_forge_a_key_cannot_be_made() {
        for name in ["h/a\0", "h\0/a", "\0h/a", "targets/a\0"] {
            assert!(name.parse::<Gun>().is_err(), "{name:?}");
            assert!(name.parse::<Role>().is_err(), "{name:?}");
            assert!(name.parse::<Server>().is_err(), "{name:?}");
        }
        assert_eq!(RepoKey::parse(b"https://h\0h/a"), None);
        assert_eq!(RepoKey::parse(b"https://h\0"), None);
    }
}
