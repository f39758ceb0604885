//! A publisher and its Notary server in one: a repository's roles, and the files they make.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::json::Json;
use super::key::{Key, hex};

mod build;
mod life;
mod metadata;
mod signed;

pub(super) use build::meta;
pub use metadata::Metadata;

/// The files of one step by path, as a server offers them.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One repository at one moment. Its methods change it as its publisher (or who robbed him) would;
/// [`Repository::files`] is what a server then serves.
#[derive(Clone, Debug)]
pub struct Repository {
    roles: Vec<(String, Role)>,
    /// Root certificates that older versions listed; Notary keeps them in `keys`.
    retired: Vec<Key>,
    past_roots: BTreeMap<u64, Vec<u8>>,
    withheld: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Role {
    version: u64,
    expires: String,
    threshold: u64,
    keys: Vec<Key>,
    signers: Option<Vec<Key>>,
    paths: Vec<String>,
    published: bool,
    targets: BTreeMap<String, Json>,
    edits: Vec<Edit>,
}

type Change<T> = Rc<dyn Fn(&mut T)>;

#[derive(Clone)]
enum Edit {
    /// Of the `signed` object, before it is signed.
    Signed(Change<Json>),
    /// Of the envelope, after signing.
    Envelope(Change<Json>),
    /// Of the file's bytes, before its parent hashes them.
    Bytes(Change<Vec<u8>>),
    /// Of the file's bytes, after its parent has hashed them.
    Served(Change<Vec<u8>>),
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed(_) => "Signed",
            Self::Envelope(_) => "Envelope",
            Self::Bytes(_) => "Bytes",
            Self::Served(_) => "Served",
        })
    }
}

impl Repository {
    /// As `notary init` and a first publish leave a repository: one P-256 key a role, root and
    /// timestamp at version 1, targets and snapshot at 2, and the tag `signed` in `targets`.
    pub fn plain(gun: &str) -> Self {
        Self::with_root_key(Key::p256("root").certified(gun)).tag("targets", "signed", "image")
    }

    /// As `docker trust sign` leaves a repository: the tag `signed` in `targets/releases` and in
    /// `targets/alice`.
    pub fn delegated(gun: &str) -> Self {
        Self::with_root_key(Key::p256("root").certified(gun))
            .delegate(
                "targets/releases",
                &[Key::p256("alice"), Key::p256("bob")],
                &[""],
            )
            .delegate("targets/alice", &[Key::p256("alice")], &[""])
            .tag("targets/releases", "signed", "image")
            .tag("targets/alice", "signed", "image")
    }

    /// A repository without any target.
    pub fn with_root_key(root: Key) -> Self {
        let role = |version, key| Role::new(version, vec![key]);
        let roles = [
            ("root", role(1, root)),
            ("targets", role(2, Key::p256("targets"))),
            ("snapshot", role(2, Key::p256("snapshot"))),
            ("timestamp", role(1, Key::p256("timestamp"))),
        ];
        Self {
            roles: roles.map(|(name, role)| (name.to_owned(), role)).into(),
            retired: Vec::new(),
            past_roots: BTreeMap::new(),
            withheld: BTreeSet::new(),
        }
    }

    /// Points `tag` at the digest of `image` in the file of `role`.
    #[must_use]
    pub fn tag(self, role: &str, tag: &str, image: &str) -> Self {
        let hashes = Json::object([("sha256", base64(&Sha256::digest(image)))]);
        self.target(
            role,
            tag,
            Json::object([("hashes", hashes), ("length", Json::Int(528))]),
        )
    }

    /// Describes `tag` in the file of `role` in any words.
    #[must_use]
    pub fn target(self, role: &str, tag: &str, target: Json) -> Self {
        self.with(role, |role| {
            role.targets.insert(tag.to_owned(), target);
        })
    }

    /// Delegates to `name` and publishes an empty file for it.
    #[must_use]
    pub fn delegate(mut self, name: &str, keys: &[Key], paths: &[&str]) -> Self {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let role = Role {
            paths,
            ..Role::new(1, keys.to_vec())
        };
        self.roles.push((name.to_owned(), role));
        self
    }

    /// Never publishes a file for `role`, or publishes it no longer.
    #[must_use]
    pub fn unpublished(self, role: &str) -> Self {
        self.with(role, |role| role.published = false)
    }

    /// Lists the file of `role` in the snapshot and does not serve it.
    #[must_use]
    pub fn withheld(mut self, file: &str) -> Self {
        self.withheld.insert(file.to_owned());
        self
    }

    /// Sets the version of `role`.
    #[must_use]
    pub fn version(self, role: &str, version: u64) -> Self {
        self.with(role, |role| role.version = version)
    }

    /// Sets when `role` expires.
    #[must_use]
    pub fn expires(self, role: &str, expires: &str) -> Self {
        self.with(role, |role| expires.clone_into(&mut role.expires))
    }

    /// Gives `role` other keys, by which it is then signed.
    #[must_use]
    pub fn keys(self, role: &str, keys: &[Key]) -> Self {
        self.with(role, |role| role.keys = keys.to_vec())
    }

    /// Sets the threshold of `role`.
    #[must_use]
    pub fn threshold(self, role: &str, threshold: u64) -> Self {
        self.with(role, |role| role.threshold = threshold)
    }

    /// Signs `role` by these keys, whatever its parent lists.
    #[must_use]
    pub fn signed_by(self, role: &str, signers: &[Key]) -> Self {
        self.with(role, |role| role.signers = Some(signers.to_vec()))
    }

    /// Edits the `signed` object of `role` before it is signed.
    #[must_use]
    pub fn edit(self, role: &str, edit: impl Fn(&mut Json) + 'static) -> Self {
        self.with(role, |role| role.edits.push(Edit::Signed(Rc::new(edit))))
    }

    /// Edits the envelope of `role` after it was signed.
    #[must_use]
    pub fn edit_envelope(self, role: &str, edit: impl Fn(&mut Json) + 'static) -> Self {
        self.with(role, |role| role.edits.push(Edit::Envelope(Rc::new(edit))))
    }

    /// Edits the file of `role`; its parent hashes the outcome.
    #[must_use]
    pub fn edit_bytes(self, role: &str, edit: impl Fn(&mut Vec<u8>) + 'static) -> Self {
        self.with(role, |role| role.edits.push(Edit::Bytes(Rc::new(edit))))
    }

    /// Edits the file of `role` behind its parent's back.
    #[must_use]
    pub fn edit_served(self, role: &str, edit: impl Fn(&mut Vec<u8>) + 'static) -> Self {
        self.with(role, |role| role.edits.push(Edit::Served(Rc::new(edit))))
    }

    /// Publishes these roles once more: each gets the next version.
    #[must_use]
    pub fn publish(self, roles: &[&str]) -> Self {
        roles.iter().fold(self, |repository, role| {
            repository.with(role, |role| role.version += 1)
        })
    }

    /// The next version of the root, signed by its keys alone, with the snapshot and timestamp
    /// that go with it.
    #[must_use]
    pub fn next_root(mut self) -> Self {
        let root = self.role("root");
        let file = self.root_file();
        self.past_roots.insert(root.version, file);
        self.publish(&["root", "snapshot", "timestamp"])
            .with("root", |root| root.signers = None)
    }

    /// The next version of the root with another key, signed by both the old and the new one.
    #[must_use]
    pub fn rotate_root(mut self, key: &Key) -> Self {
        let old = self.role("root").keys.clone();
        self.retired.extend(old.iter().cloned());
        let both: Vec<_> = old.iter().chain([key]).cloned().collect();
        self.next_root()
            .keys("root", std::slice::from_ref(key))
            .signed_by("root", &both)
    }

    /// Forgets the root of `version` as a server that lost it.
    #[must_use]
    pub fn without_root(self, version: u64) -> Self {
        self.withheld(&format!("{version}.root.json"))
    }

    /// Serves the past root of version `from` as version `to`.
    #[must_use]
    pub fn rename_root(mut self, from: u64, to: u64) -> Self {
        let root = self.past_roots[&from].clone();
        self.past_roots.insert(to, root);
        self
    }

    /// The keys that sign the newest root, and those that former roots were signed by.
    pub fn root_signers(&self) -> Vec<Key> {
        let root = self.role("root");
        let signers = root.signers.as_ref().unwrap_or(&root.keys);
        signers.iter().chain(&self.retired).cloned().collect()
    }

    /// The versions of all published roles.
    pub fn versions(&self) -> BTreeMap<String, u64> {
        let published = self.roles.iter().filter(|(_, role)| role.published);
        published
            .map(|(name, role)| (name.clone(), role.version))
            .collect()
    }

    /// Whether `role` has a file.
    pub fn publishes(&self, role: &str) -> bool {
        self.roles
            .iter()
            .any(|(name, it)| name == role && it.published)
    }

    fn role(&self, name: &str) -> &Role {
        let found = self.roles.iter().find(|(role, _)| role == name);
        &found.unwrap_or_else(|| panic!("there is no role {name}")).1
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Role)) -> Self {
        let found = self.roles.iter_mut().find(|(role, _)| role == name);
        change(&mut found.unwrap_or_else(|| panic!("there is no role {name}")).1);
        self
    }
}

impl Role {
    fn new(version: u64, keys: Vec<Key>) -> Self {
        Self {
            version,
            expires: "2100-01-01T00:00:00Z".to_owned(),
            threshold: 1,
            keys,
            signers: None,
            paths: Vec::new(),
            published: true,
            targets: BTreeMap::new(),
            edits: Vec::new(),
        }
    }
}

/// What [`Repository::tag`] makes of an image's name.
pub fn digest_of(image: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(image)))
}

pub(super) fn base64(bytes: &[u8]) -> Json {
    Json::Text(STANDARD.encode(bytes))
}
