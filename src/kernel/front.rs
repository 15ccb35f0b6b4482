//! What stands before the sockets: each connection of a client is taken here and passed on,
//! byte for byte, to the socket library, which listens where only this process's user can
//! reach it. That library sends to one subscriber after the other, and reserves whatever
//! memory a frame says it needs; so here a client that does not read is let go, and one
//! whose frames are too long never gets in.
//!
//! Heartbeats it answers itself: the socket library ends a connection that sends one. And it
//! tells apart connections of one name, which that library does not.

use crate::frames::{Frames, Reason, Seen};
use crate::names::Names;
use pillars_unix::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{
    Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel,
};

/// What may wait for a client that does not read, in bytes.
const WAITING: usize = 64 << 20;

/// Answers to heartbeats that may wait for a client.
const HEARTBEATS: usize = 16;

/// How long a listener rests when it cannot take a connection: the files may be used up.
const REST: Duration = Duration::from_millis(100);

/// Where clients come in.
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes connections for ever and passes them on to the socket at `inner`.
pub async fn serve(listener: Listener, name: &'static str, inner: PathBuf, names: Names) {
    for number in 1.. {
        let place = Place { name, inner: inner.clone(), names: names.clone(), number };
        let taken = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                // Short messages, each waited for.
                let _ = stream.set_nodelay(true);
                tokio::spawn(pass(stream, place));
            }),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(pass(stream, place));
            }),
        };
        if let Err(error) = taken {
            crate::log(format_args!("a connection on {name} was not taken: {error}"));
            tokio::time::sleep(REST).await;
        }
    }
}

/// A connection's place among the others.
struct Place {
    /// Of which socket it is.
    name: &'static str,
    inner: PathBuf,
    names: Names,
    number: u64,
}

/// One connection, until either side ends it or the client is let go.
async fn pass(client: impl AsyncRead + AsyncWrite + Send + 'static, place: Place) {
    let Place { name, inner, names, number } = place;
    let socket = match UnixStream::connect(&inner).await {
        Ok(socket) => socket,
        Err(error) => return crate::log(format_args!("a client of {name} was refused: {error}")),
    };
    let (from_client, to_client) = tokio::io::split(client);
    let (from_socket, to_socket) = socket.into_split();
    let waiting = Arc::new(AtomicUsize::new(0));
    let (queue, queued) = unbounded_channel();
    let (answer, answers) = channel(HEARTBEATS);
    let mut called = vec![];
    let told = |by: Vec<u8>| {
        names.came(&by, number);
        called = by;
    };
    let ended = tokio::select! {
        ended = inward(from_client, to_socket, answer, number, told) => ended,
        ended = gather(from_socket, queue, waiting.clone()) => ended,
        ended = outward(queued, answers, to_client, waiting) => ended,
    };
    names.left(&called, number);
    if let Err(reason) = ended {
        crate::log(format_args!("a client of {name} was let go: {reason}"));
    }
}

async fn inward(
    mut client: impl AsyncRead + Unpin,
    mut socket: impl AsyncWrite + Unpin,
    answer: Sender<Vec<u8>>,
    number: u64,
    mut told: impl FnMut(Vec<u8>),
) -> Result<(), Reason> {
    let (mut frames, mut buffer) = (Frames::numbered(number), vec![0; 1 << 16]);
    loop {
        let Ok(count @ 1..) = client.read(&mut buffer).await else { return Ok(()) };
        let seen = frames.pass(&buffer[..count])?;
        for pong in seen.pongs {
            // Too many unread ones: the client will not miss this one.
            let _ = answer.try_send(pong);
        }
        if let Some(name) = seen.name.filter(|name| !name.is_empty()) {
            told(name);
        }
        if socket.write_all(&seen.rest).await.is_err() {
            return Ok(());
        }
    }
}

/// Takes what the socket sends at once, so that it never waits for this client.
async fn gather(
    mut socket: impl AsyncRead + Unpin,
    queue: UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
) -> Result<(), Reason> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let Ok(count @ 1..) = socket.read(&mut buffer).await else {
            // What is queued is still to be written.
            drop(queue);
            return std::future::pending().await;
        };
        if waiting.fetch_add(count, Ordering::Relaxed) > WAITING {
            return Err("it does not read what it is sent");
        }
        let _ = queue.send(buffer[..count].to_vec());
    }
}

/// Writes what waits for the client, and the answers to its heartbeats between messages.
async fn outward(
    mut queued: UnboundedReceiver<Vec<u8>>,
    mut answers: Receiver<Vec<u8>>,
    mut client: impl AsyncWrite + Unpin,
    waiting: Arc<AtomicUsize>,
) -> Result<(), Reason> {
    let (mut frames, mut pongs) = (Frames::default(), vec![]);
    loop {
        let mut bytes = vec![];
        tokio::select! {
            biased;
            Some(pong) = answers.recv() => pongs.extend(pong),
            piece = queued.recv() => match piece {
                Some(piece) => bytes = piece,
                None => break,
            },
        }
        waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
        let between = frames.is_between().then_some(0);
        let Seen { mut rest, boundary, .. } = frames.pass(&bytes)?;
        if !pongs.is_empty()
            && let Some(at) = between.or(boundary)
        {
            rest.splice(at..at, pongs.drain(..));
        }
        if client.write_all(&rest).await.is_err() {
            return Ok(());
        }
    }
    let _ = client.flush().await;
    Ok(())
}
