//! What a syncer is told in a test that has one server, one set of pins and one time.

use vouchsafe_syncer::{Mirror, ServerEndpoint};
use vouchsafe_trust::{Clock, Gun, Pins, Server, Sha256, Timestamp};

/// One server, and the same pins for everything on it.
#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) server: Server,
    pub(crate) pins: Pins,
}

impl Mirror for Pinned {
    fn servers(&self) -> Vec<ServerEndpoint> {
        vec![ServerEndpoint {
            server: self.server.clone(),
            certificates: None,
            credentials: None,
        }]
    }

    fn pins(&self, _: &Server, _: &Gun) -> Option<Pins> {
        Some(self.pins.clone())
    }

    fn mirrors(&self, _: &Server, _: &Gun) -> bool {
        true
    }

    fn selection(&self, _: &Server) -> Sha256 {
        Sha256::of(b"everything")
    }

    fn named(&self, _: &Server) -> Vec<Gun> {
        Vec::new()
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}
