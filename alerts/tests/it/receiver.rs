//! A receiver of alerts that answers as a test tells it to.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use vouchsafe_tests::harness::http::{Request, read_request};
use vouchsafe_tests::harness::port::PortLease;

/// What a request is answered with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Nothing, for as long as the client waits.
    Never,
    /// A status.
    Status(u16),
    /// A status and one more header.
    With(u16, &'static str),
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<Request>,
    script: VecDeque<Reply>,
    always: Option<Reply>,
    stopped: bool,
}

/// The receiver. It listens from [`Receiver::listen`] on, and until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    port: PortLease,
    state: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Receiver {
    /// A receiver that takes everything.
    pub(crate) fn new() -> Self {
        let mut receiver = Self::down();
        receiver.listen();
        receiver
    }

    /// A receiver that does not listen yet.
    pub(crate) fn down() -> Self {
        Self {
            port: PortLease::new().unwrap(),
            state: Arc::default(),
            acceptor: None,
        }
    }

    pub(crate) fn listen(&mut self) {
        let listener = self.port.listen().unwrap();
        let state = Arc::clone(&self.state);
        self.acceptor = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if state.lock().unwrap().stopped {
                    return;
                }
                let state = Arc::clone(&state);
                thread::spawn(move || answer(stream.unwrap(), &state));
            }
        }));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port.number())
    }

    /// Answers the next requests so, and takes those that follow.
    pub(crate) fn script(&self, replies: &[Reply]) {
        self.state().script.extend(replies);
    }

    /// Answers every request so that no script answers.
    pub(crate) fn always(&self, reply: Reply) {
        self.state().always = Some(reply);
    }

    /// What came in so far, in its order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// The UIDs of the alerts that came in, as the template `uids` writes them.
    pub(crate) fn uids(&self) -> Vec<String> {
        let requests = self.requests();
        let uid = |request: &Request| {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            body["uid"].as_str().unwrap().to_owned()
        };
        requests.iter().map(uid).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state().stopped = true;
        drop(TcpStream::connect(self.port.address()));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let Ok(Some(request)) = read_request(&mut stream) else {
        return;
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.requests.push(request);
        let scripted = state.script.pop_front();
        scripted.or(state.always).unwrap_or(Reply::Status(200))
    };
    let (status, header) = match reply {
        Reply::Never => {
            // Ends when the client gives up.
            drop(stream.read(&mut [0]));
            return;
        }
        Reply::Status(status) => (status, "x-nothing: more"),
        Reply::With(status, header) => (status, header),
    };
    let head = format!("HTTP/1.1 {status} X\r\n{header}\r\nconnection: close\r\n");
    drop(stream.write_all(format!("{head}content-length: 2\r\n\r\nok").as_bytes()));
}
