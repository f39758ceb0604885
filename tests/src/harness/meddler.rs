//! A proxy on TCP that meddles with what servers send: it knows nothing of what it carries.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::HarnessError;
use super::port::PortLease;

/// The proxy; it stops when the value is dropped.
#[derive(Debug)]
pub struct Meddler {
    port: PortLease,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// Where connections are carried to, and what is done to them.
    course: Mutex<(SocketAddr, Meddling)>,
    /// How often that was set: connections of before are over.
    turn: AtomicU64,
    stopped: AtomicBool,
}

/// What is done to what the server sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Meddling {
    /// Nothing.
    Nothing,
    /// These bytes come instead, and the connection stays open.
    Instead(Vec<u8>),
    /// The connection is closed after so many bytes.
    Cut(usize),
    /// Nothing more comes after so many bytes.
    Hold(usize),
    /// These bytes are put in after so many.
    Insert(usize, Vec<u8>),
    /// One bit of the byte after so many is another one.
    Flip(usize),
    /// One byte comes at a time, with a pause after each.
    Trickle(Duration),
}

impl Meddler {
    /// Starts a proxy before the server at `upstream`, which does nothing else yet.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Socket`] or [`HarnessError::NoPort`] if it cannot listen.
    pub fn new(upstream: SocketAddr) -> Result<Self, HarnessError> {
        let port = PortLease::new()?;
        let listener = port.listen()?;
        let shared = Arc::new(Shared {
            course: Mutex::new((upstream, Meddling::Nothing)),
            turn: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &accepting));
        Ok(Self {
            port,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Carries new connections to this server, and does this to them; those that are open end.
    pub fn set(&self, upstream: SocketAddr, meddling: Meddling) {
        let course = self.shared.course.lock();
        *course.unwrap_or_else(PoisonError::into_inner) = (upstream, meddling);
        self.shared.turn.fetch_add(1, Ordering::SeqCst);
        thread::sleep(2 * LOOK);
    }

    /// The port's number.
    pub fn port(&self) -> u16 {
        self.port.number()
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is over.
        drop(TcpStream::connect(self.port.address()));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(client), shared) = (client, Arc::clone(shared)) else {
            continue;
        };
        let (upstream, meddling) = {
            let course = shared.course.lock();
            course.unwrap_or_else(PoisonError::into_inner).clone()
        };
        // Errors end the connection; the client's view of it is what the tests look at.
        thread::spawn(move || drop(carry(client, upstream, &meddling, &shared)));
    }
}

fn carry(
    mut client: TcpStream,
    upstream: SocketAddr,
    meddling: &Meddling,
    shared: &Shared,
) -> io::Result<()> {
    let turn = shared.turn.load(Ordering::SeqCst);
    let is_over =
        || shared.stopped.load(Ordering::SeqCst) || shared.turn.load(Ordering::SeqCst) != turn;
    let mut server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    server.set_read_timeout(Some(LOOK))?;
    let (mut asking, mut asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        drop(io::copy(&mut asking, &mut asked));
        drop(asked.shutdown(Shutdown::Write));
    });
    if let Meddling::Instead(bytes) = meddling {
        client.write_all(bytes)?;
    }
    let mut carried = 0;
    let mut bytes = vec![0; 16 << 10];
    while !is_over() {
        let read = match server.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let piece = bytes.get(..read).unwrap_or_default();
        if !pass_on(&mut client, meddling, carried, piece)? {
            break;
        }
        carried += read;
    }
    client.shutdown(Shutdown::Both)
}

/// Passes on what comes after `carried` bytes; says whether to go on.
fn pass_on(
    client: &mut TcpStream,
    meddling: &Meddling,
    carried: usize,
    piece: &[u8],
) -> io::Result<bool> {
    let within = |at: usize| at.checked_sub(carried).filter(|at| *at < piece.len());
    match meddling {
        Meddling::Instead(_) => {}
        Meddling::Nothing => client.write_all(piece)?,
        Meddling::Cut(at) | Meddling::Hold(at) if *at < carried + piece.len() => {
            let left = at.saturating_sub(carried);
            client.write_all(piece.get(..left).unwrap_or_default())?;
            return Ok(matches!(meddling, Meddling::Hold(_)));
        }
        Meddling::Insert(at, bytes) if within(*at).is_some() => {
            let (before, after) = piece.split_at(within(*at).unwrap_or_default());
            client.write_all(&[before, bytes, after].concat())?;
        }
        Meddling::Flip(at) if within(*at).is_some() => {
            let mut changed = piece.to_vec();
            if let Some(byte) = within(*at).and_then(|at| changed.get_mut(at)) {
                *byte ^= 1;
            }
            client.write_all(&changed)?;
        }
        Meddling::Trickle(pause) => {
            for byte in piece {
                client.write_all(&[*byte])?;
                thread::sleep(*pause);
            }
        }
        Meddling::Cut(_) | Meddling::Hold(_) | Meddling::Insert(..) | Meddling::Flip(_) => {
            client.write_all(piece)?;
        }
    }
    Ok(true)
}

/// How often to see whether it is over.
const LOOK: Duration = Duration::from_millis(25);
