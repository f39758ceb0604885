//! A receiver of alerts that answers as a test tells it to.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::HarnessError;
use super::http::{Request, read_request};
use super::port::PortLease;

/// What a request is answered with.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
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
    /// Places of the requests that were answered with success.
    taken: Vec<usize>,
    particular: Vec<(String, Reply)>,
    script: VecDeque<Reply>,
    always: Option<Reply>,
    stopped: bool,
}

/// The receiver. It listens from [`Receiver::listen`] on, and until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    port: PortLease,
    state: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Receiver {
    /// A receiver that takes everything.
    ///
    /// # Errors
    ///
    /// As [`Receiver::down`] and [`Receiver::listen`].
    pub fn new() -> Result<Self, HarnessError> {
        let mut receiver = Self::down()?;
        receiver.listen()?;
        Ok(receiver)
    }

    /// A receiver that does not listen yet.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoPort`] if every port is taken, [`HarnessError::File`] if none can be leased.
    pub fn down() -> Result<Self, HarnessError> {
        Ok(Self {
            port: PortLease::new()?,
            state: Arc::default(),
            acceptor: None,
        })
    }

    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Socket`] if its port is taken.
    pub fn listen(&mut self) -> Result<(), HarnessError> {
        let listener = self.port.listen()?;
        let state = Arc::clone(&self.state);
        self.acceptor = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if lock(&state).stopped {
                    return;
                }
                let (Ok(stream), state) = (stream, Arc::clone(&state)) else {
                    continue;
                };
                thread::spawn(move || answer(stream, &state));
            }
        }));
        Ok(())
    }

    /// The URL of one of its paths.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port.number())
    }

    /// Answers the next requests so, and takes those that follow.
    pub fn script(&self, replies: &[Reply]) {
        self.state().script.extend(replies);
    }

    /// Answers every request so that no script answers.
    pub fn always(&self, reply: Reply) {
        self.state().always = Some(reply);
    }

    /// Answers requests with `text` in their body so, whatever the script says.
    pub fn answer_to(&self, text: &str, reply: Reply) {
        self.state().particular.push((text.to_owned(), reply));
    }

    /// What came in so far, in its order.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// The bodies that came in, in their order; null for what is no JSON.
    pub fn bodies(&self) -> Vec<Value> {
        let requests = self.requests();
        let body = |request: &Request| serde_json::from_slice(&request.body).unwrap_or_default();
        requests.iter().map(body).collect()
    }

    /// The texts under the topmost key `key` of the bodies that came in, in their order; empty where there is none.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let bodies = self.bodies();
        let text = |body: &Value| {
            body.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        bodies.iter().map(text).collect()
    }

    /// The texts under the topmost key `key` of the bodies that were answered with success.
    pub fn taken_texts(&self, key: &str) -> Vec<String> {
        let taken = self.state().taken.clone();
        let texts = self.texts(key);
        let texts = taken.iter().filter_map(|place| texts.get(*place));
        texts.cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
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

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let Ok(Some(request)) = read_request(&mut stream) else {
        return;
    };
    let reply = {
        let mut state = lock(state);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let place = state.requests.len();
        state.requests.push(request);
        let mut particular = state.particular.iter();
        let particular = particular.find(|(text, _)| body.contains(text));
        let reply = particular
            .map(|(_, reply)| *reply)
            .or_else(|| state.script.pop_front())
            .or(state.always)
            .unwrap_or(Reply::Status(200));
        if matches!(reply, Reply::Status(status) | Reply::With(status, _) if status < 300) {
            state.taken.push(place);
        }
        reply
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
