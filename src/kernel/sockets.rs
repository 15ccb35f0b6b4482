//! The five sockets, and the only file that names the socket library. It listens in a
//! folder of our own; what clients connect to is `front`.

use crate::error::StartError;
use crate::front::{self, Listener};
use crate::names::Names;
use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, Transport};
use pillars_unix::UnixListener;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeromq::{
    RepSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend,
    XPubSocket, ZmqMessage, ZmqResult,
};

/// How often, and after how long, a reply is tried again whose client has just connected.
const TRIES: u32 = 10;
const SOON: Duration = Duration::from_millis(10);

/// The frames of a message, as they travel.
pub type Frames = Vec<Bytes>;

/// A ROUTER socket: requests come in, replies go out in the order they are sent.
pub struct Requests {
    incoming: RouterRecvHalf,
    names: Names,
    /// Where replies are put; a task writes them.
    pub replies: UnboundedSender<Frames>,
}

impl Requests {
    /// The next message. A peer's malformed frames are its own affair: they are
    /// logged, and the next message is awaited.
    pub async fn receive(&mut self) -> Frames {
        loop {
            match self.incoming.recv().await {
                Ok(message) => {
                    let mut frames = message.into_vec();
                    if let Some(name) = frames.first_mut() {
                        *name = self.names.outer(name);
                    }
                    return frames;
                }
                Err(error) => dropped(&error).await,
            }
        }
    }
}

/// The five, bound.
pub struct Sockets {
    /// Requests about code.
    pub shell: Requests,
    /// Requests that must not wait for code.
    pub control: Requests,
    /// Questions to the reader, and their answers.
    pub stdin: Requests,
    /// Everything that all clients see.
    pub iopub: Publisher,
    /// The folder in which the sockets are, removed at the end.
    pub folder: tempfile::TempDir,
}

/// Binds all five and serves the heartbeat. Must be called inside a runtime.
pub async fn bind(info: &ConnectionInfo) -> Result<Sockets, StartError> {
    sweep();
    let folder = folder()?;
    let at = folder.path();
    let mut heartbeat = RepSocket::new();
    bind_one(&mut heartbeat, "heartbeat", info, info.hb_port, at).await?;
    let mut iopub = XPubSocket::new();
    bind_one(&mut iopub, "iopub", info, info.iopub_port, at).await?;
    let sockets = Sockets {
        shell: requests("shell", info, info.shell_port, at).await?,
        control: requests("control", info, info.control_port, at).await?,
        stdin: requests("stdin", info, info.stdin_port, at).await?,
        iopub: Publisher(iopub),
        folder,
    };
    tokio::spawn(echo(heartbeat));
    Ok(sockets)
}

/// Begins the name of the folder of a kernel's sockets.
const FOLDER: &str = "pillars-sockets-";

/// A folder that only this user can look into. The path of a socket must be short.
fn folder() -> Result<tempfile::TempDir, StartError> {
    let mut folder = tempfile::Builder::new();
    folder.prefix(FOLDER).permissions(pillars_unix::private_folder());
    let made = match std::env::temp_dir() {
        long if long.as_os_str().len() > 60 => folder.tempdir_in("/tmp"),
        short => folder.tempdir_in(short),
    };
    made.map_err(|error| StartError::Bind {
        socket: "inner",
        address: std::env::temp_dir().display().to_string(),
        reason: error.to_string(),
    })
}

/// Removes the folders of kernels that were killed: nobody listens there.
fn sweep() {
    let folders = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for folder in folders.filter(|each| each.file_name().to_string_lossy().starts_with(FOLDER)) {
        if pillars_unix::is_deserted(&folder.path().join("heartbeat")) {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}

async fn requests(
    name: &'static str,
    info: &ConnectionInfo,
    port: u16,
    folder: &Path,
) -> Result<Requests, StartError> {
    let mut socket = RouterSocket::new();
    let names = bind_one(&mut socket, name, info, port, folder).await?;
    let (mut outgoing, incoming) = socket.split();
    let (replies, mut queue) = unbounded_channel::<Frames>();
    let latest = names.clone();
    tokio::spawn(async move {
        while let Some(frames) = queue.recv().await {
            if let Err(error) = send(&mut outgoing, frames, &latest).await {
                // The client has gone; its reply has no reader.
                crate::log(format_args!("a reply on {name} was not sent: {error}"));
            }
        }
    });
    Ok(Requests { incoming, names, replies })
}

/// Sends to the latest connection of the client's name, which the socket library may not
/// have taken up yet.
async fn send(socket: &mut RouterSendHalf, frames: Frames, latest: &Names) -> ZmqResult<()> {
    for tries in 0.. {
        let mut frames = frames.clone();
        let inner = frames.first().and_then(|name| latest.inner(name));
        let is_there = inner.is_some() && tries < TRIES;
        if let (Some(name), Some(inner)) = (frames.first_mut(), inner) {
            *name = inner;
        }
        let Ok(message) = ZmqMessage::try_from(frames) else { break };
        match socket.send(message).await {
            Err(_) if is_there => tokio::time::sleep(SOON).await,
            sent => return sent,
        }
    }
    Ok(())
}

/// Binds a socket in the folder, and has clients come in where they are told to.
async fn bind_one<S: Socket>(
    socket: &mut S,
    name: &'static str,
    info: &ConnectionInfo,
    port: u16,
    folder: &Path,
) -> Result<Names, StartError> {
    let inner = folder.join(name);
    let (address, listener) = match info.transport {
        Transport::TCP => {
            let ip = if info.ip == "*" { "0.0.0.0" } else { &info.ip };
            let listener = TcpListener::bind((ip, port)).await;
            (format!("tcp://{ip}:{port}"), listener.map(Listener::Tcp))
        }
        Transport::IPC => {
            let path = format!("{}-{port}", info.ip);
            (format!("ipc://{path}"), listen(Path::new(&path)).map(Listener::Unix))
        }
    };
    let failed = |reason: String| StartError::Bind { socket: name, address, reason };
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => return Err(failed(error.to_string())),
    };
    match socket.bind(&format!("ipc://{}", inner.display())).await {
        Ok(_) => {}
        Err(error) => return Err(failed(error.to_string())),
    }
    let names = Names::default();
    tokio::spawn(front::serve(listener, name, inner, names.clone()));
    Ok(names)
}

/// A socket in the file system that its owner alone may connect to.
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    // What a kernel that crashed left behind would make the bind fail.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    pillars_unix::make_private(path)?;
    Ok(listener)
}

/// The heartbeat: every message goes back as it came.
async fn echo(mut socket: RepSocket) {
    loop {
        match socket.recv().await {
            Ok(message) => {
                let _ = socket.send(message).await;
            }
            Err(error) => dropped(&error).await,
        }
    }
}

/// What a publisher's loop may meet next.
pub enum Event {
    /// A client has subscribed to this topic.
    Subscribed(Bytes),
    /// Something to publish, or the end of the queue.
    Queued(Option<crate::iopub::Item>),
}

/// The XPUB socket of iopub.
pub struct Publisher(XPubSocket);

impl Publisher {
    /// A new subscription or the next item of `queue`, whichever is first.
    pub async fn next(&mut self, queue: &mut UnboundedReceiver<crate::iopub::Item>) -> Event {
        loop {
            tokio::select! {
                biased;
                message = self.0.recv() => match message {
                    Ok(message) => {
                        if let Some(frame) = message.get(0) && frame.first() == Some(&1) {
                            return Event::Subscribed(frame.slice(1..));
                        }
                    }
                    Err(error) => dropped(&error).await,
                },
                item = queue.recv() => return Event::Queued(item),
            }
        }
    }

    /// Sends to all subscribers.
    pub async fn publish(&mut self, frames: Frames) {
        if let Ok(message) = ZmqMessage::try_from(frames)
            && let Err(error) = self.0.send(message).await
        {
            crate::log(format_args!("a message on iopub was not sent: {error}"));
        }
    }
}

async fn dropped(error: &zeromq::ZmqError) {
    crate::log(format_args!("dropped a message: {error}"));
    tokio::task::yield_now().await;
}
