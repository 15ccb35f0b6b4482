//! What stands before the sockets: each connection of a client is taken here and passed on,
//! byte for byte, to the socket library, which listens where only this process's user can
//! reach it. That library sends to one subscriber after the other, and reserves whatever
//! memory a frame says it needs; so here a client that does not read is let go, and one
//! whose frames are too long never gets in.
//!
//! Of the protocol (ZMTP 3.1, RFC 37) it knows how long a frame is, and no more.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The longest message that is let in, all its frames together, in bytes.
const LONGEST: u64 = 1 << 30;

/// The most frames of one message.
const FRAMES: u32 = 10_000;

/// What may wait for a client that does not read, in bytes.
const WAITING: usize = 64 << 20;

/// The greeting with which every connection begins, in bytes.
const GREETING: u64 = 64;

/// How long a listener rests when it cannot take a connection: the files may be used up.
const REST: Duration = Duration::from_millis(100);

/// Where clients come in.
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes connections for ever and passes them on to the socket at `inner`.
pub async fn serve(listener: Listener, name: &'static str, inner: PathBuf) {
    loop {
        let taken = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                // Short messages, each waited for.
                let _ = stream.set_nodelay(true);
                tokio::spawn(pass(stream, name, inner.clone()));
            }),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(pass(stream, name, inner.clone()));
            }),
        };
        if let Err(error) = taken {
            crate::log(format_args!("a connection on {name} was not taken: {error}"));
            tokio::time::sleep(REST).await;
        }
    }
}

/// One connection, until either side ends it or the client is let go.
async fn pass(
    client: impl AsyncRead + AsyncWrite + Send + 'static,
    name: &'static str,
    inner: PathBuf,
) {
    let socket = match UnixStream::connect(&inner).await {
        Ok(socket) => socket,
        Err(error) => return crate::log(format_args!("a client of {name} was refused: {error}")),
    };
    let (from_client, to_client) = tokio::io::split(client);
    let (from_socket, to_socket) = socket.into_split();
    let waiting = Arc::new(AtomicUsize::new(0));
    let (queue, queued) = unbounded_channel();
    let ended = tokio::select! {
        ended = inward(from_client, to_socket) => ended,
        ended = gather(from_socket, queue, waiting.clone()) => ended,
        ended = outward(queued, to_client, waiting) => ended,
    };
    if let Err(reason) = ended {
        crate::log(format_args!("a client of {name} was let go: {reason}"));
    }
}

/// Why a connection was ended from here.
type Reason = &'static str;

async fn inward(
    mut client: impl AsyncRead + Unpin,
    mut socket: impl AsyncWrite + Unpin,
) -> Result<(), Reason> {
    let (mut frames, mut buffer) = (Frames::default(), vec![0; 1 << 16]);
    loop {
        let Ok(count @ 1..) = client.read(&mut buffer).await else { return Ok(()) };
        frames.check(&buffer[..count])?;
        if socket.write_all(&buffer[..count]).await.is_err() {
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

async fn outward(
    mut queued: UnboundedReceiver<Vec<u8>>,
    mut client: impl AsyncWrite + Unpin,
    waiting: Arc<AtomicUsize>,
) -> Result<(), Reason> {
    while let Some(bytes) = queued.recv().await {
        if client.write_all(&bytes).await.is_err() {
            return Ok(());
        }
        waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
    }
    let _ = client.flush().await;
    Ok(())
}

/// Follows the frames of a stream of bytes, however it is cut into pieces.
#[derive(Default)]
struct Frames {
    /// Bytes that have passed of the greeting.
    greeted: u64,
    /// The head of the frame that begins: flags and length.
    head: Vec<u8>,
    /// Bytes that are to come of the frame's body.
    body: u64,
    /// Bytes and frames of the message so far.
    bytes: u64,
    count: u32,
}

impl Frames {
    fn check(&mut self, mut bytes: &[u8]) -> Result<(), Reason> {
        while !bytes.is_empty() {
            let skipped = if self.greeted < GREETING {
                let count = bytes.len().min((GREETING - self.greeted) as usize);
                self.greeted += count as u64;
                count
            } else if self.body > 0 {
                let count = bytes.len().min(usize::try_from(self.body).unwrap_or(usize::MAX));
                self.body -= count as u64;
                count
            } else {
                self.head.push(bytes[0]);
                self.begin()?;
                1
            };
            bytes = &bytes[skipped..];
        }
        Ok(())
    }

    /// Begins a frame if its head is whole.
    fn begin(&mut self) -> Result<(), Reason> {
        let (flags, length) = (self.head[0], &self.head[1..]);
        let (more, long) = (flags & 1 != 0, flags & 2 != 0);
        if flags & !7 != 0 {
            return Err("it sent what is no frame");
        }
        let length = match (long, length) {
            (false, [length]) => u64::from(*length),
            (true, length) if length.len() == 8 => {
                length.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
            }
            _ => return Ok(()),
        };
        self.head.clear();
        self.count += 1;
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > LONGEST {
            return Err("it sent a message longer than a gigabyte");
        }
        if self.count > FRAMES {
            return Err("it sent a message of more than 10,000 frames");
        }
        if !more {
            (self.bytes, self.count) = (0, 0);
        }
        self.body = length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(flags: u8, length: u64) -> Vec<u8> {
        [&[flags | 2][..], &length.to_be_bytes()].concat()
    }

    /// Streams as a client could send them after its greeting, and whether they pass.
    #[test]
    fn frames_are_followed_however_they_are_cut() {
        let short = |flags: u8, body: &[u8]| [&[flags, body.len() as u8], body].concat();
        let many = |count: usize| [short(1, b"x").repeat(count), short(0, b"")].concat();
        let cases: [(&str, Vec<u8>, bool); 9] = [
            ("nothing", vec![], true),
            (
                "a command and a message",
                [short(4, b"\x05READY"), short(1, b"id"), short(0, b"{}")].concat(),
                true,
            ),
            ("a long frame", [long(0, 300), vec![7; 300], short(0, b"x")].concat(), true),
            ("an empty frame", short(0, b""), true),
            ("a body that looks like a frame", short(0, &[0xff; 200]), true),
            ("a frame of 2^46 bytes", long(0, 1 << 46), false),
            (
                "frames that are too long together",
                [long(1, 1), vec![1], long(0, LONGEST)].concat(),
                false,
            ),
            ("too many frames", many(FRAMES as usize), false),
            ("no frame", vec![0xff; 9], false),
        ];
        for (name, stream, passes) in cases {
            let whole = [vec![0xff; GREETING as usize], stream].concat();
            for size in [1, 7, whole.len()] {
                let mut frames = Frames::default();
                let ok = whole.chunks(size).all(|piece| frames.check(piece).is_ok());
                assert_eq!(ok, passes, "{name} in pieces of {size}");
            }
        }
        // Messages one after the other may be many.
        let mut frames = Frames { greeted: GREETING, ..Frames::default() };
        assert!((0..3).all(|_| frames.check(&many(FRAMES as usize - 1)).is_ok()));
    }
}
