//! Why a request is answered without judging an image.

use crate::bounded::MAX_PLACES;

/// Why a request is denied without judging an image.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Its body did not arrive whole.
    #[error("{0}")]
    Cut(String),
    /// Its body did not arrive in time, or took all of the time to be read.
    #[error("the request did not arrive, or could not be read, in time; try again")]
    Late,
    /// It names no image, of a kind that has to.
    #[error("the object names no image: a {kind} needs at least one container")]
    NoImage {
        /// The kind.
        kind: String,
    },
    /// It carries no object.
    #[error("the request carries no object to judge")]
    NoObject,
    /// There are too many requests at a time.
    #[error("too many admission reviews at a time; try again")]
    Overloaded,
    /// The decision failed in a way that it never should.
    #[error("the decision failed unexpectedly; the webhook's log says where")]
    Panicked,
    /// Its object has more places for images than anything that runs.
    #[error("the object has {places} places for images, and {MAX_PLACES} at most are judged")]
    TooManyPlaces {
        /// How many it has.
        places: usize,
    },
    /// It is no admission review that can be read.
    #[error("{0}")]
    Undecodable(String),
    /// It is about a kind of object that Vouchsafe finds no images in.
    #[error(
        "objects of kind {kind} (API group `{group}`) are not known to run images; take them out of \
         the webhook's rules"
    )]
    UnknownKind {
        /// The API group.
        group: String,
        /// The kind.
        kind: String,
    },
}

impl Refusal {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Late => "late",
            Self::NoImage { .. } => "no_image",
            Self::NoObject => "no_object",
            Self::Overloaded => "overloaded",
            Self::Panicked => "panic",
            Self::TooManyPlaces { .. } => "too_many_places",
            Self::Undecodable(_) => "undecodable",
            Self::UnknownKind { .. } => "unknown_kind",
        }
    }
}
