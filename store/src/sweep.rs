//! Dropping what no header refers to.

use std::collections::BTreeSet;

use sled::Tree;
use vouchsafe_trust::Sha256;

use crate::StoreError;
use crate::commit::Stored;
use crate::key::RepoKey;
use crate::record::Record;
use crate::store::Trees;

impl Trees {
    /// Drops what `before` referred to and `after`, whose body lies under `body`, does not.
    pub(crate) fn drop_superseded(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        after: &Record,
        body: Option<Sha256>,
    ) -> Result<(), StoreError> {
        let Some(before) = before else { return Ok(()) };
        let mut files = before.record.files();
        files.extend(before.header.stored_body());
        let mut kept = after.files();
        kept.extend(body);
        for digest in files.difference(&kept) {
            drop_prefix(&self.file, &repo.file(digest))?;
        }
        for digest in before.record.paged().difference(&after.paged()) {
            drop_prefix(&self.page, &repo.file(digest))?;
        }
        Ok(())
    }

    /// Drops everything of a repository that its header does not refer to.
    pub(crate) fn sweep(&self, repo: &RepoKey) -> Result<(), StoreError> {
        let (mut files, mut pages) = (BTreeSet::new(), BTreeSet::new());
        if let Some(stored) = self.stored(repo)? {
            files.extend(stored.record.files());
            files.extend(stored.header.stored_body());
            pages.extend(stored.record.paged());
        } else {
            drop_prefix(&self.history, repo.as_bytes())?;
            self.retained.drop_prefix(repo.as_bytes())?;
        }
        for (tree, kept) in [(&self.file, files), (&self.page, pages)] {
            for key in tree.scan_prefix(repo.as_bytes()).keys() {
                let key = key?;
                let digest = repo.digest_in(&key);
                if digest.is_none_or(|digest| !kept.contains(&digest)) {
                    tree.remove(&key)?;
                }
            }
        }
        Ok(())
    }

    /// Sweeps after commits that a crash cut short; only while nobody writes.
    pub(crate) fn sweep_begun(&self) -> Result<(), StoreError> {
        for key in self.begun.iter().keys() {
            let key = key?;
            let Some((server, gun)) = RepoKey::parse(&key) else {
                return Err(StoreError::damaged("a key of no repository"));
            };
            let repo = RepoKey::new(&server, &gun);
            self.sweep(&repo)?;
            self.begun.remove(&key)?;
        }
        Ok(())
    }
}

pub(crate) fn drop_prefix(tree: &Tree, prefix: &[u8]) -> Result<(), StoreError> {
    for key in tree.scan_prefix(prefix).keys() {
        tree.remove(key?)?;
    }
    Ok(())
}
