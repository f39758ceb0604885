//! Evidence for commands that judge: whether the store gave all that was asked for is remembered.

use std::sync::OnceLock;

use vouchsafe_store::{ReadError, Reader};
use vouchsafe_trust::{Evidence, Query};

use crate::exit::Error;

/// A reader that is asked for evidence.
///
/// An image is denied where the store cannot answer, as admission would; but that says nothing
/// about the image, so the command cannot tell.
pub(crate) struct Lookup {
    reader: Box<dyn Reader + Send + Sync>,
    failure: OnceLock<String>,
}

impl Lookup {
    pub(crate) const fn new(reader: Box<dyn Reader + Send + Sync>) -> Self {
        Self {
            reader,
            failure: OnceLock::new(),
        }
    }

    pub(crate) fn reader(&self) -> &dyn Reader {
        &*self.reader
    }

    /// What is stored about an image.
    pub(crate) fn evidence(&self, query: &Query) -> Result<Evidence, ReadError> {
        self.reader.evidence(query).inspect_err(|error| {
            self.failure.get_or_init(|| error.to_string());
        })
    }

    /// An error if the store could not answer everything.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.failure.get() {
            None => Ok(()),
            Some(error) => {
                Err(format!("not everything could be judged: the store failed: {error}").into())
            }
        }
    }
}
