//! The five sockets, and the only file that names the socket library.

use crate::error::StartError;
use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, Transport};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeromq::{
    RepSocket, RouterRecvHalf, RouterSocket, Socket, SocketRecv, SocketSend, XPubSocket, ZmqMessage,
};

/// The frames of a message, as they travel.
pub type Frames = Vec<Bytes>;

/// A ROUTER socket: requests come in, replies go out in the order they are sent.
pub struct Requests {
    incoming: RouterRecvHalf,
    /// Where replies are put; a task writes them.
    pub replies: UnboundedSender<Frames>,
}

impl Requests {
    /// The next message. A peer's malformed frames are its own affair: they are
    /// logged, and the next message is awaited.
    pub async fn receive(&mut self) -> Frames {
        loop {
            match self.incoming.recv().await {
                Ok(message) => return message.into_vec(),
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
}

/// Binds all five and serves the heartbeat. Must be called inside a runtime.
pub async fn bind(info: &ConnectionInfo) -> Result<Sockets, StartError> {
    let mut heartbeat = RepSocket::new();
    bind_one(&mut heartbeat, "heartbeat", info, info.hb_port).await?;
    let mut iopub = XPubSocket::new();
    bind_one(&mut iopub, "iopub", info, info.iopub_port).await?;
    let sockets = Sockets {
        shell: requests("shell", info, info.shell_port).await?,
        control: requests("control", info, info.control_port).await?,
        stdin: requests("stdin", info, info.stdin_port).await?,
        iopub: Publisher(iopub),
    };
    tokio::spawn(echo(heartbeat));
    Ok(sockets)
}

async fn requests(
    name: &'static str,
    info: &ConnectionInfo,
    port: u16,
) -> Result<Requests, StartError> {
    let mut socket = RouterSocket::new();
    bind_one(&mut socket, name, info, port).await?;
    let (mut outgoing, incoming) = socket.split();
    let (replies, mut queue) = unbounded_channel::<Frames>();
    tokio::spawn(async move {
        while let Some(frames) = queue.recv().await {
            if let Ok(message) = ZmqMessage::try_from(frames)
                && let Err(error) = outgoing.send(message).await
            {
                // The client has gone; its reply has no reader.
                crate::log(format_args!("a reply on {name} was not sent: {error}"));
            }
        }
    });
    Ok(Requests { incoming, replies })
}

async fn bind_one<S: Socket>(
    socket: &mut S,
    name: &'static str,
    info: &ConnectionInfo,
    port: u16,
) -> Result<(), StartError> {
    let address = match info.transport {
        Transport::TCP => format!("tcp://{}:{port}", info.ip),
        Transport::IPC => {
            let path = format!("{}-{port}", info.ip);
            // What a kernel that crashed left behind would make the bind fail.
            let _ = std::fs::remove_file(&path);
            format!("ipc://{path}")
        }
    };
    match socket.bind(&address).await {
        Ok(_) => Ok(()),
        Err(error) => Err(StartError::Bind { socket: name, address, reason: error.to_string() }),
    }
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
