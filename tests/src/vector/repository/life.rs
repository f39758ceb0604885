//! What else changes in a repository that lives long, and what is asked about it meanwhile.

use super::super::key::Key;
use super::Repository;

impl Repository {
    /// Takes `tag` out of the file of `role`.
    #[must_use]
    pub fn untag(self, role: &str, tag: &str) -> Self {
        self.with(role, |role| drop(role.targets.remove(tag)))
    }

    /// Takes the delegation `name` away, and those below it.
    #[must_use]
    pub fn undelegate(mut self, name: &str) -> Self {
        let below = format!("{name}/");
        self.roles
            .retain(|(role, _)| role != name && !role.starts_with(&below));
        self
    }

    /// Goes on with `role` as its publisher has it, without what was edited in its files.
    #[must_use]
    pub fn without_edits(self, role: &str) -> Self {
        self.with(role, |role| role.edits.clear())
    }

    /// Sets the paths of the delegation `name`.
    #[must_use]
    pub fn paths(self, name: &str, paths: &[&str]) -> Self {
        self.with(name, |role| {
            role.paths = paths.iter().map(|&path| path.to_owned()).collect();
        })
    }

    /// Publishes a file for `role` again.
    #[must_use]
    pub fn published(self, role: &str) -> Self {
        self.with(role, |role| role.published = true)
    }

    /// The next version of the root with other keys and another threshold, signed by all old and new ones.
    #[must_use]
    pub fn rotate_root_to(mut self, keys: &[Key], threshold: u64) -> Self {
        let old = self.role("root").keys.clone();
        let mut both = old.clone();
        both.extend(keys.iter().filter(|key| !old.contains(key)).cloned());
        self.retired.extend(old);
        self.next_root()
            .keys("root", keys)
            .threshold("root", threshold)
            .signed_by("root", &both)
    }

    /// The names of all delegations.
    pub fn delegations(&self) -> impl Iterator<Item = &str> {
        let names = self.roles.iter().map(|(name, _)| name.as_str());
        names.filter(|name| name.starts_with("targets/"))
    }

    /// The keys that are listed for `role`.
    pub fn keys_of(&self, role: &str) -> &[Key] {
        &self.role(role).keys
    }

    /// The threshold of `role`.
    pub fn threshold_of(&self, role: &str) -> u64 {
        self.role(role).threshold
    }

    /// The version of `role`.
    pub fn version_of(&self, role: &str) -> u64 {
        self.role(role).version
    }

    /// The tags in the file of `role`.
    pub fn tags_of(&self, role: &str) -> impl Iterator<Item = &str> {
        self.role(role).targets.keys().map(String::as_str)
    }
}
