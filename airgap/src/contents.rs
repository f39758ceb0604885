//! What is in a bundle, for people: to look at it, to list its images, to compare two.
//!
//! Nothing here verifies anything. All of it is what the bundle says, whoever made it: a tag that is
//! listed here may well be refused on import.

mod diff;
mod images;
mod inspect;
mod parsed;

pub use diff::{Change, Diff, KeyChange, Listed, RepositoryChange, SetChange, TagChange, diff};
pub use images::{Image, Images, Unread, images};
pub use inspect::{FirstExpiry, Inspection, Summary, inspect};

#[cfg(test)]
mod tests;
