//! The targets of a role file, in pages.
//!
//! A target's page follows from a hash of its name, and once more from its digest, so that a tag
//! and a bare digest both take one lookup, however many targets there are and whatever they are
//! called. Every page is there, if empty: one that is missing was superseded.

use sled::Tree;
use vouchsafe_trust::Sha256;
use vouchsafe_trust::evidence::Wanted;
use vouchsafe_trust::metadata::Target;

use crate::key::{PageIndex, RepoKey};
use crate::record::Pages;
use crate::{StoreError, blob};

/// Writes all targets of the role file with digest `sha256`.
pub(crate) fn put(
    tree: &Tree,
    repo: &RepoKey,
    sha256: Sha256,
    targets: &[Target],
) -> Result<Pages, StoreError> {
    let pages = layout(sha256, targets.len());
    let count = usize::try_from(pages.count).unwrap_or(usize::MAX);
    let mut by_name: Vec<Vec<&Target>> = vec![Vec::new(); count];
    let mut by_digest = by_name.clone();
    for target in targets {
        if let Some(page) = slot(&mut by_name, pages.of_name(&target.name)) {
            page.push(target);
        }
        if let Some(digest) = target.sha256
            && let Some(page) = slot(&mut by_digest, pages.of_digest(&digest))
        {
            page.push(target);
        }
    }
    let by_name = (0..).map(PageIndex::Name).zip(by_name);
    let by_digest = (0..).map(PageIndex::Digest).zip(by_digest);
    for (index, page) in by_name.chain(by_digest) {
        let bytes = postcard::to_stdvec(&page).map_err(StoreError::Unencodable)?;
        blob::put(tree, &repo.page(&sha256, index), &bytes)?;
    }
    Ok(pages)
}

/// Where [`put`] writes that many targets.
pub(crate) fn layout(sha256: Sha256, targets: usize) -> Pages {
    let pages = targets.div_ceil(TARGETS_PER_PAGE).max(1);
    Pages {
        sha256,
        count: u32::try_from(pages).unwrap_or(u32::MAX),
        targets: u64::try_from(targets).unwrap_or(u64::MAX),
    }
}

impl Pages {
    /// The targets with the wanted tag or digest; `None` if the page was superseded.
    pub(crate) fn find(
        &self,
        tree: &Tree,
        repo: &RepoKey,
        wanted: &Wanted,
    ) -> Result<Option<Vec<Target>>, StoreError> {
        let index = match wanted {
            Wanted::Tag(tag) => PageIndex::Name(self.of_name(tag)),
            Wanted::Digest(digest) => PageIndex::Digest(self.of_digest(digest)),
        };
        let Some(mut targets) = self.read(tree, repo, index)? else {
            return Ok(None);
        };
        targets.retain(|target| match wanted {
            Wanted::Tag(tag) => target.name == *tag,
            Wanted::Digest(digest) => target.sha256 == Some(*digest),
        });
        Ok(Some(targets))
    }

    /// All targets, ordered by name; `None` if a page was superseded.
    pub(crate) fn all(
        &self,
        tree: &Tree,
        repo: &RepoKey,
    ) -> Result<Option<Vec<Target>>, StoreError> {
        let mut targets = Vec::new();
        for number in 0..self.count {
            let Some(page) = self.read(tree, repo, PageIndex::Name(number))? else {
                return Ok(None);
            };
            targets.extend(page);
        }
        targets.sort_unstable();
        Ok(Some(targets))
    }

    fn read(
        &self,
        tree: &Tree,
        repo: &RepoKey,
        index: PageIndex,
    ) -> Result<Option<Vec<Target>>, StoreError> {
        let Some(bytes) = blob::get(tree, &repo.page(&self.sha256, index))? else {
            return Ok(None);
        };
        let targets = postcard::from_bytes(&bytes);
        targets
            .map(Some)
            .map_err(|_error| StoreError::damaged("a page of targets cannot be read"))
    }

    fn of_name(&self, name: &str) -> u32 {
        self.of_digest(&Sha256::of(name.as_bytes()))
    }

    fn of_digest(&self, digest: &Sha256) -> u32 {
        let first = digest.as_bytes().first_chunk().copied();
        u32::from_be_bytes(first.unwrap_or_default()) % self.count.max(1)
    }
}

fn slot<T>(pages: &mut [T], number: u32) -> Option<&mut T> {
    usize::try_from(number)
        .ok()
        .and_then(|number| pages.get_mut(number))
}

/// About 2 KiB a page.
const TARGETS_PER_PAGE: usize = 32;
