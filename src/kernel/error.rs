//! What can go wrong between a client and the kernel.

use std::path::PathBuf;

/// A message that is logged and dropped; it never ends the kernel.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// No `<IDS|MSG>` frame.
    #[error("no <IDS|MSG> delimiter")]
    Delimiter,
    /// Fewer than a signature and four parts after the delimiter.
    #[error("{0} frames after the delimiter, 5 or more are needed")]
    Short(usize),
    /// The signature is not that of the connection's key.
    #[error("the signature does not fit")]
    Signature,
    /// A signature that was seen before.
    #[error("a message that was sent before")]
    Replay,
    /// A part is not a JSON object, or a header has no type.
    #[error("{0} is not a JSON object of the right form")]
    Part(&'static str),
    /// A key that HMAC does not take.
    #[error("the connection file's `key` cannot be used")]
    Key,
    /// A signature scheme other than HMAC with SHA-256.
    #[error("the connection file asks for the signature scheme `{0}`; only `hmac-sha256` is known")]
    Scheme(String),
}

/// Why the kernel could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The connection file cannot be read.
    #[error(
        "the connection file {path} cannot be read ({source}); Jupyter writes one for each kernel \
         it starts, so start the kernel from Jupyter or give the path of one that exists"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The connection file is not one.
    #[error(
        "the connection file {path} is not of the form Jupyter writes ({source}); it must be a \
         JSON object with ip, transport, key, signature_scheme and the five ports shell_port, \
         iopub_port, stdin_port, control_port and hb_port"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser met.
        source: serde_json::Error,
    },
    /// A socket's address cannot be had.
    #[error(
        "the {socket} socket cannot be opened at {address} ({reason}); if another program holds \
         the port, start the kernel again with other ports"
    )]
    Bind {
        /// Which of the five sockets.
        socket: &'static str,
        /// Its address.
        address: String,
        /// The operating system's reason.
        reason: String,
    },
    /// The key or the scheme cannot be used.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Threads or the runtime cannot be started.
    #[error("the kernel's threads cannot be started: {0}")]
    Runtime(#[source] std::io::Error),
}
