//! A publisher who changes a repository as publishers do.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all changes have one type, and some are always possible"
)]

use super::pool::{self, Strength};
use super::random::Random;
use crate::vector::key::Key;
use crate::vector::repository::Repository;

/// The tags of all histories, of which delegations may be allowed some.
pub const TAGS: [&str; 6] = ["1.0", "1.1", "latest", "rc/1", "rc/2", "dev"];

/// The delegations of all histories.
pub const DELEGATIONS: [&str; 6] = [
    "targets/releases",
    "targets/alice",
    "targets/bob",
    "targets/releases/nightly",
    "targets/alice/build",
    "targets/alice/build/arm",
];

const PATHS: [&[&str]; 6] = [
    &[""],
    &[""],
    &["1."],
    &["rc/", "dev"],
    &["rc/1", "latest"],
    &[],
];

/// A publisher with a repository.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    pub(super) gun: String,
    pub(super) repository: Repository,
    strength: Strength,
    images: u32,
}

/// One thing that a publisher does; what it was, unless there was nothing to do it to.
type Change = fn(&mut Publisher, &mut Random) -> Option<String>;

const CHANGES: [(usize, Change); 16] = [
    (22, Publisher::tag),
    (8, Publisher::untag),
    (6, Publisher::renew_timestamp),
    (3, Publisher::do_nothing),
    (6, Publisher::rotate_root),
    (3, Publisher::renew_certificate),
    (3, Publisher::sign_root_again),
    (9, Publisher::rotate_role),
    (5, Publisher::change_threshold),
    (10, Publisher::delegate),
    (6, Publisher::rotate_delegation),
    (3, Publisher::change_paths),
    (4, Publisher::undelegate),
    (3, Publisher::let_delegation_expire),
    (3, Publisher::hide_delegation),
    (6, Publisher::publish_all),
];

impl Publisher {
    /// One who has just published for the first time.
    pub(super) fn begin(random: &mut Random, gun: &str, strength: Strength) -> Self {
        let root = pool::root_key(random, gun, &[]);
        let mut publisher = Self {
            gun: gun.to_owned(),
            repository: Repository::with_root_key(root),
            strength,
            images: 0,
        };
        if random.percent(15) {
            publisher.begin_with_many_root_keys(random);
        }
        for role in ["targets", "snapshot", "timestamp"] {
            let key = pool::key(random, &[]);
            publisher.edit(|it| it.keys(role, &[key]));
        }
        for _ in 0..random.below(4) {
            publisher.delegate(random);
        }
        for _ in 0..random.between(1, 4) {
            publisher.tag(random);
        }
        publisher
    }

    /// Does something; returns what.
    pub(super) fn change(&mut self, random: &mut Random) -> String {
        loop {
            let change = random.weighted(&CHANGES);
            if let Some(what) = change(self, random) {
                return what;
            }
        }
    }

    /// `targets` and the delegations that have a file.
    pub(super) fn targets_roles(&self) -> Vec<String> {
        let published = self.repository.delegations();
        let published = published.filter(|name| self.repository.publishes(name));
        std::iter::once("targets")
            .chain(published)
            .map(str::to_owned)
            .collect()
    }

    /// The roles that have a file.
    pub(super) fn roles(&self) -> Vec<String> {
        let base = ["root", "snapshot", "timestamp"].map(str::to_owned);
        base.into_iter().chain(self.targets_roles()).collect()
    }

    /// Publishes `roles` and what states their files.
    pub(super) fn publish(&mut self, roles: &[&str]) {
        let all = [roles, &["snapshot", "timestamp"]].concat();
        self.edit(|it| it.publish(&all));
    }

    pub(super) fn edit(&mut self, edit: impl FnOnce(Repository) -> Repository) {
        self.repository = edit(self.repository.clone());
    }

    /// A name that no image had before.
    pub(super) fn image(&mut self) -> String {
        self.images += 1;
        format!("image {}", self.images)
    }

    fn begin_with_many_root_keys(&mut self, random: &mut Random) {
        let mut keys = self.repository.keys_of("root").to_vec();
        for _ in 0..random.between(1, 2) {
            let key = pool::root_key(random, &self.gun, &keys);
            keys.push(key);
        }
        let threshold = whole(random.between(1, keys.len()));
        self.edit(|it| it.keys("root", &keys).threshold("root", threshold));
    }

    fn tag(&mut self, random: &mut Random) -> Option<String> {
        let role = random.pick(&self.targets_roles()).clone();
        let tag = *random.pick(&TAGS);
        let image = self.image();
        self.edit(|it| it.tag(&role, tag, &image));
        self.publish(&[&role]);
        Some(format!("{tag} is {image} in {role}"))
    }

    fn untag(&mut self, random: &mut Random) -> Option<String> {
        let role = random.pick(&self.targets_roles()).clone();
        let tags: Vec<_> = self.repository.tags_of(&role).map(str::to_owned).collect();
        let tag = (!tags.is_empty()).then(|| random.pick(&tags))?;
        self.edit(|it| it.untag(&role, tag));
        self.publish(&[&role]);
        Some(format!("{tag} is gone from {role}"))
    }

    fn renew_timestamp(&mut self, _: &mut Random) -> Option<String> {
        self.edit(|it| it.publish(&["timestamp"]));
        Some("a newer timestamp".to_owned())
    }

    fn do_nothing(_: &mut Self, _: &mut Random) -> Option<String> {
        Some("the same once more".to_owned())
    }

    fn publish_all(&mut self, _: &mut Random) -> Option<String> {
        let roles = self.targets_roles();
        self.publish(&roles.iter().map(String::as_str).collect::<Vec<_>>());
        Some("everything is signed again".to_owned())
    }

    fn rotate_root(&mut self, random: &mut Random) -> Option<String> {
        let old = self.repository.keys_of("root").to_vec();
        let mut keys = vec![pool::root_key(random, &self.gun, &old)];
        if random.percent(25) {
            let taken = [&old[..], &keys].concat();
            keys.push(match random.below(2) {
                0 => old[0].clone(),
                _ => pool::root_key(random, &self.gun, &taken),
            });
        }
        let threshold = whole(random.between(1, keys.len()));
        self.edit(|it| it.rotate_root_to(&keys, threshold));
        Some(format!(
            "root has {} new keys, {threshold} to sign",
            keys.len()
        ))
    }

    fn renew_certificate(&mut self, _: &mut Random) -> Option<String> {
        let [key] = self.repository.keys_of("root") else {
            return None;
        };
        let (from, until) = ("2022-02-02T00:00:00Z", "2090-01-01T00:00:00Z");
        let renewed = key.certified_between(&self.gun, from, until);
        if renewed == *key {
            return None;
        }
        self.edit(|it| it.rotate_root_to(&[renewed], 1));
        Some("root has a new certificate of the same key".to_owned())
    }

    fn sign_root_again(&mut self, _: &mut Random) -> Option<String> {
        self.edit(Repository::next_root);
        Some("root is signed again".to_owned())
    }

    fn rotate_role(&mut self, random: &mut Random) -> Option<String> {
        let role = *random.pick(&["targets", "snapshot", "timestamp"]);
        let mut keys = vec![pool::key(random, self.repository.keys_of(role))];
        if random.percent(25) {
            let another = pool::key(random, &keys);
            keys.push(another);
        }
        self.edit(|it| {
            it.next_root()
                .keys(role, &keys)
                .threshold(role, 1)
                .publish(&[role])
        });
        // After a rotation versions may start again: whoever had the old key could have used them up.
        let restarts = random.percent(15);
        if restarts {
            self.edit(|it| it.version(role, 1));
        }
        let again = if restarts {
            ", and starts again at version 1"
        } else {
            ""
        };
        Some(format!("{role} has {} new keys{again}", keys.len()))
    }

    fn change_threshold(&mut self, random: &mut Random) -> Option<String> {
        let role = *random.pick(&["targets", "snapshot", "timestamp"]);
        let mut keys = self.repository.keys_of(role).to_vec();
        while keys.len() < random.between(2, 3) {
            keys.push(pool::key(random, &keys));
        }
        let threshold = whole(random.between(1, keys.len()));
        let change = |it: Repository| it.next_root().keys(role, &keys).threshold(role, threshold);
        self.edit(|it| change(it).publish(&[role]));
        Some(format!("{threshold} of {} keys sign {role}", keys.len()))
    }

    fn delegate(&mut self, random: &mut Random) -> Option<String> {
        let has =
            |name: &str| name == "targets" || self.repository.delegations().any(|it| it == name);
        let possible = DELEGATIONS.into_iter().filter(|name| {
            let (parent, _) = name.rsplit_once('/').expect("below targets");
            !has(name) && has(parent)
        });
        let possible: Vec<_> = possible.collect();
        let name = *(!possible.is_empty()).then(|| random.pick(&possible))?;
        let (keys, threshold) = self.signers(random);
        let paths = *random.pick(&PATHS);
        self.edit(|it| it.delegate(name, &keys, paths).threshold(name, threshold));
        if random.percent(10) {
            self.edit(|it| it.unpublished(name));
        }
        self.publish_parent(name);
        Some(format!(
            "{name} is delegated to {} keys, {threshold} to sign",
            keys.len()
        ))
    }

    fn rotate_delegation(&mut self, random: &mut Random) -> Option<String> {
        let name = self.delegation(random)?;
        let (keys, threshold) = self.signers(random);
        self.edit(|it| {
            it.keys(&name, &keys)
                .threshold(&name, threshold)
                .publish(&[&name])
        });
        self.publish_parent(&name);
        Some(format!(
            "{name} has other keys: {}, {threshold} to sign",
            keys.len()
        ))
    }

    fn change_paths(&mut self, random: &mut Random) -> Option<String> {
        let name = self.delegation(random)?;
        let paths = *random.pick(&PATHS);
        self.edit(|it| it.paths(&name, paths));
        self.publish_parent(&name);
        Some(format!("{name} has the paths {paths:?}"))
    }

    fn undelegate(&mut self, random: &mut Random) -> Option<String> {
        let name = self.delegation(random)?;
        self.edit(|it| it.undelegate(&name));
        self.publish_parent(&name);
        Some(format!("{name} is no longer delegated to"))
    }

    fn let_delegation_expire(&mut self, random: &mut Random) -> Option<String> {
        let name = self.delegation(random)?;
        let expires = *random.pick(&["2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"]);
        self.edit(|it| it.expires(&name, expires));
        self.publish(&[&name]);
        Some(format!("{name} expires {expires}"))
    }

    fn hide_delegation(&mut self, random: &mut Random) -> Option<String> {
        let name = self.delegation(random)?;
        let hidden = self.repository.publishes(&name);
        self.edit(|it| {
            if hidden {
                it.unpublished(&name)
            } else {
                it.published(&name).publish(&[&name])
            }
        });
        self.publish(&[]);
        let how = if hidden { "no longer states" } else { "states" };
        Some(format!("the snapshot {how} {name}"))
    }

    fn delegation(&self, random: &mut Random) -> Option<String> {
        let names: Vec<_> = self.repository.delegations().map(str::to_owned).collect();
        (!names.is_empty()).then(|| random.pick(&names).clone())
    }

    fn publish_parent(&mut self, name: &str) {
        let (parent, _) = name.rsplit_once('/').expect("below targets");
        self.publish(&[parent]);
    }

    fn signers(&self, random: &mut Random) -> (Vec<Key>, u64) {
        let mut keys: Vec<Key> = Vec::new();
        for _ in 0..random.between(1, 3) {
            keys.push(pool::signer(random, self.strength, &keys));
        }
        let threshold = *random.weighted(&[(80, 1), (20, keys.len().min(2))]);
        (keys, whole(threshold))
    }
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).expect("a count")
}
