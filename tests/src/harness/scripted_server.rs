//! A Notary server that does what a test tells it to.
//!
//! It serves role files under Notary's routes (or forwards to a real server), keeps a log, can demand credentials, and
//! misbehaves where a script says so. Written on plain sockets: a proper HTTP library would refuse to send most of this.

pub mod access;
pub mod answer;
pub mod feed;
pub mod route;
pub mod tree;

mod connection;
mod content;
mod state;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustls::ServerConfig;

use self::access::{Access, IssuedTokens};
pub use self::answer::{Answer, Reply};
pub use self::feed::FeedRecord;
pub use self::route::Route;
pub use self::state::LoggedRequest;
use self::state::{State, Times};
pub use self::tree::RoleFiles;
use super::port::PortLease;
use super::{Certificates, HarnessError};

/// The server; it stops, with every connection, when the value is dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    port: PortLease,
    tls: bool,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

impl ScriptedServer {
    /// Starts a server without TLS, which answers 404 to everything but the ping.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Socket`] or [`HarnessError::NoPort`] if it cannot listen.
    pub fn plain() -> Result<Self, HarnessError> {
        Self::start(None)
    }

    /// Starts the same behind TLS.
    ///
    /// # Errors
    ///
    /// As [`ScriptedServer::plain`], and [`HarnessError::Tls`].
    pub fn tls(certificates: &Certificates) -> Result<Self, HarnessError> {
        Self::start(Some(certificates.server_config()?))
    }

    /// Starts the same behind this TLS.
    ///
    /// # Errors
    ///
    /// As [`ScriptedServer::plain`].
    pub fn behind(tls: Arc<ServerConfig>) -> Result<Self, HarnessError> {
        Self::start(Some(tls))
    }

    /// Serves these files as the repository's, in place of any before.
    pub fn serve(&self, gun: &str, files: RoleFiles) {
        self.state
            .change(|content| drop(content.repositories.insert(gun.to_owned(), files)));
    }

    /// Serves a repository no more.
    pub fn withdraw(&self, gun: &str) {
        self.state
            .change(|content| drop(content.repositories.remove(gun)));
    }

    /// Forwards what no script answers to a real server (which must speak plain HTTP).
    pub fn forward_to(&self, upstream: SocketAddr) {
        self.state
            .change(|content| content.upstream = Some(upstream));
    }

    /// Offers a changefeed with these records, oldest first, in place of any before. Without one its routes are 404.
    pub fn set_feed(&self, records: Vec<FeedRecord>) {
        self.state.change(|content| content.feed = Some(records));
    }

    /// Demands credentials from now on; tokens issued before are void.
    pub fn demand(&self, access: Access) {
        self.state.change(|content| {
            content.access = access;
            content.issued = IssuedTokens::default();
        });
    }

    /// Answers a route so from now on. Later instructions go before earlier ones.
    pub fn script(&self, route: Route, answer: Answer) {
        self.state.script(route, answer, Times::Always);
    }

    /// Answers a route so for the next `count` requests.
    pub fn script_times(&self, count: u32, route: Route, answer: Answer) {
        self.state.script(route, answer, Times::Left(count));
    }

    /// Forgets every [`ScriptedServer::script`].
    pub fn clear_script(&self) {
        self.state.clear_script();
    }

    /// What was asked so far, in order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state.requests()
    }

    /// How many requests a route got so far.
    pub fn count(&self, route: &Route) -> usize {
        self.requests()
            .iter()
            .filter(|request| route.matches(request.path()))
            .count()
    }

    /// Empties the log and the record of how much was in flight.
    pub fn forget_requests(&self) {
        self.state.forget_requests();
    }

    /// The most requests that were being answered at one time.
    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight()
    }

    /// The base address, `https://localhost:PORT` or `http://localhost:PORT`.
    pub fn url(&self) -> String {
        format!(
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.host()
        )
    }

    /// `localhost:PORT`.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port.number())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    fn start(tls: Option<Arc<ServerConfig>>) -> Result<Self, HarnessError> {
        let port = PortLease::new()?;
        let listener = port.listen()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(State::new(format!(
            "{scheme}://localhost:{}",
            port.number()
        )));
        let shared = Arc::clone(&state);
        let has_tls = tls.is_some();
        let acceptor = thread::spawn(move || {
            for (number, stream) in (0_u64..).zip(listener.incoming()) {
                if shared.stopped() {
                    return;
                }
                let (Ok(stream), tls, state) = (stream, tls.clone(), Arc::clone(&shared)) else {
                    continue;
                };
                thread::spawn(move || connection::serve(stream, tls, &state, number));
            }
        });
        Ok(Self {
            port,
            tls: has_tls,
            state,
            acceptor: Some(acceptor),
        })
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.state.stop();
        // Wakes the acceptor, which then sees that it is over.
        drop(TcpStream::connect(self.port.address()));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}
