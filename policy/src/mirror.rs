//! Mirrors: under which name an image is signed that the cluster pulls under another one.

use std::cmp::Reverse;

use vouchsafe_trust::Gun;
use vouchsafe_trust::image::{Reference, ReferenceError};

/// A registry, or a part of one, whose images are signed under another name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mirror {
    /// What is pulled from, as canonical references spell it; without a `/` at its end.
    pub(crate) from: String,
    /// What the signatures name instead.
    pub(crate) to: String,
}

/// All mirrors, the longest `from` first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirrors(Vec<Mirror>);

impl Mirrors {
    pub(crate) fn new(mut mirrors: Vec<Mirror>) -> Self {
        mirrors.sort_by_key(|mirror| Reverse(mirror.from.len()));
        Self(mirrors)
    }

    /// The repository under whose name `gun` is signed; `None` where it is signed under its own.
    ///
    /// Whole components of the path are compared, and the longest mirror wins. A name is looked up
    /// once: what a mirror stands for is no mirror itself.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] where the signed name cannot be one, such as for its length.
    pub(crate) fn signed_name(&self, gun: &Gun) -> Result<Option<Gun>, ReferenceError> {
        let name = gun.as_str();
        for Mirror { from, to } in &self.0 {
            let signed = match name.strip_prefix(from.as_str()) {
                // A registry alone is no repository.
                Some("") if to.contains('/') => to.clone(),
                Some(rest) if rest.starts_with('/') => format!("{to}{rest}"),
                Some(_) | None => continue,
            };
            // Read as a reference, since Docker Hub's `library/` may be left out.
            let signed: Reference = signed.parse()?;
            return Ok(Some(signed.gun().clone()));
        }
        Ok(None)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mirror> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_components_count_and_the_longest_mirror_wins() {
        let mirror = |from: &str, to: &str| Mirror {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let mirrors = Mirrors::new(vec![
            mirror("registry.internal/hub", "docker.io"),
            mirror("registry.internal", "quay.io/all"),
            mirror("registry.internal/hub/team/app", "registry.example.com/app"),
            mirror("cache:5000", "docker.io"),
            mirror("quay.io", "other.example.com"),
        ]);
        for (pulled, signed) in [
            (
                "registry.internal/hub/library/nginx",
                "docker.io/library/nginx",
            ),
            ("registry.internal/hub/nginx", "docker.io/library/nginx"),
            ("registry.internal/hub/a/b/c", "docker.io/a/b/c"),
            ("registry.internal/hub/team/app", "registry.example.com/app"),
            (
                "registry.internal/hub/team/app/x",
                "registry.example.com/app/x",
            ),
            ("registry.internal/hub/team/apps", "docker.io/team/apps"),
            // One name alone cannot be read as a repository of a registry.
            ("registry.internal/hub", "quay.io/all/hub"),
            ("registry.internal/hubs/x", "quay.io/all/hubs/x"),
            ("cache:5000/nginx", "docker.io/library/nginx"),
            ("quay.io/x", "other.example.com/x"),
        ] {
            let gun: Gun = pulled.parse().unwrap();
            let found = mirrors.signed_name(&gun).unwrap();
            assert_eq!(found.unwrap().as_str(), signed, "{pulled}");
        }
        for pulled in [
            "registry.internals/x",
            "cache/nginx",
            "docker.io/library/nginx",
        ] {
            let gun: Gun = pulled.parse().unwrap();
            assert_eq!(mirrors.signed_name(&gun).unwrap(), None, "{pulled}");
        }
    }

    #[test]
    fn a_signed_name_that_cannot_be_is_an_error() {
        let to = format!("registry.example.com/{}", "x".repeat(200));
        let from = "m.example".to_owned();
        let mirrors = Mirrors::new(vec![Mirror { from, to }]);
        let gun: Gun = format!("m.example/{}", "y".repeat(100)).parse().unwrap();
        assert!(mirrors.signed_name(&gun).is_err());
    }
}
