//! What all parts of a running kernel share, and the requests that are answered
//! at once. To add a message type: one row in [`ANSWERS`], one function.

use crate::comms::Comms;
use crate::history::History;
use crate::interpreter::{Assistant, Completeness, Interrupter, Language};
use crate::iopub::IoPub;
use crate::session::{PROTOCOL, Session, object};
use crate::sockets::Frames;
use crate::stdin::Questions;
use crate::wire::{Codec, Message, Object};
use jupyter_protocol::{ConnectionInfo, HelpLink, IsCompleteReplyStatus};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// Shared by shell, control, stdin and the interpreter's thread.
pub struct Kernel {
    pub session: Arc<Session>,
    pub codec: Arc<Mutex<Codec>>,
    pub iopub: IoPub,
    pub questions: Questions,
    pub language: Language,
    pub assistant: Arc<dyn Assistant>,
    pub interrupter: Arc<dyn Interrupter>,
    pub history: Mutex<History>,
    pub comms: Mutex<Comms>,
    /// The header of the execute_request that runs now.
    pub running: Mutex<Option<Object>>,
    /// Told when the kernel is to end.
    pub ended: Notify,
}

/// A socket's outgoing side.
pub type Replies = UnboundedSender<Frames>;

/// The request's type, the reply's type, and how it is answered.
type Answer = (&'static str, &'static str, fn(&Kernel, &Message) -> Value);

const ANSWERS: &[Answer] = &[
    ("kernel_info_request", "kernel_info_reply", kernel_info),
    ("is_complete_request", "is_complete_reply", is_complete),
    ("complete_request", "complete_reply", complete),
    ("inspect_request", "inspect_reply", inspect),
    ("history_request", "history_reply", history),
    ("comm_info_request", "comm_info_reply", comm_info),
    ("interrupt_request", "interrupt_reply", interrupt),
    ("shutdown_request", "shutdown_reply", shutdown),
];

impl Kernel {
    /// Reads a message; a bad one is logged and dropped.
    pub fn decode(&self, frames: &Frames) -> Option<Message> {
        let decoded = self.codec.lock().unwrap_or_else(PoisonError::into_inner).decode(frames);
        decoded.map_err(|error| crate::log(format_args!("dropped a message: {error}"))).ok()
    }

    /// Handles a request between `busy` and `idle`. A type this kernel does not
    /// know gets the bracket and nothing else.
    pub fn handle(&self, request: &Message, replies: &Replies) {
        self.iopub.status("busy", &request.header);
        let row = ANSWERS.iter().find(|(kind, ..)| *kind == request.kind());
        if let Some((_, kind, answer)) = row {
            self.reply(kind, answer(self, request), request, replies);
        }
        self.iopub.status("idle", &request.header);
        self.restate();
        if request.kind() == "shutdown_request" {
            self.ended.notify_one();
        }
    }

    /// The open comms.
    pub fn comms(&self) -> MutexGuard<'_, Comms> {
        self.comms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a reply.
    pub fn reply(&self, kind: &str, content: Value, request: &Message, replies: &Replies) {
        let message = self.session.reply(kind, content, request);
        let frames = self.codec.lock().unwrap_or_else(PoisonError::into_inner).encode(&message);
        // The writer ends only with the process.
        let _ = replies.send(frames);
    }

    /// Front ends show the latest status whoever caused it: while a cell runs, an
    /// `idle` for something else is followed by the cell's `busy` again.
    fn restate(&self) {
        if let Some(header) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            self.iopub.status("busy", header);
        }
    }
}

fn kernel_info(kernel: &Kernel, _: &Message) -> Value {
    let Language { implementation: (name, version), banner, info, help_links } = &kernel.language;
    let link = |(text, url): &(&str, &str)| {
        json!(HelpLink { text: (*text).to_owned(), url: (*url).to_owned() })
    };
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": name,
        "implementation_version": version,
        "language_info": info,
        "banner": banner,
        "help_links": help_links.iter().map(link).collect::<Vec<_>>(),
        "debugger": false,
        "supported_features": [],
    })
}

fn is_complete(kernel: &Kernel, request: &Message) -> Value {
    let (status, indent) = match kernel.assistant.is_complete(request.text("code")) {
        Completeness::Complete => (IsCompleteReplyStatus::Complete, None),
        Completeness::Invalid => (IsCompleteReplyStatus::Invalid, None),
        Completeness::Incomplete { indent } => (IsCompleteReplyStatus::Incomplete, Some(indent)),
    };
    let mut reply = object(json!({ "status": status }));
    if let Some(indent) = indent {
        reply.insert("indent".to_owned(), json!(" ".repeat(indent)));
    }
    Value::Object(reply)
}

fn complete(kernel: &Kernel, request: &Message) -> Value {
    let found = kernel.assistant.complete(request.text("code"), cursor(request));
    let types = found.items.iter().map(|item| {
        json!({
            "start": found.start, "end": found.end, "text": item.text, "type": item.kind,
            "signature": item.signature,
        })
    });
    json!({
        "status": "ok",
        "matches": found.items.iter().map(|item| &item.text).collect::<Vec<_>>(),
        "cursor_start": found.start,
        "cursor_end": found.end,
        "metadata": { "_jupyter_types_experimental": types.collect::<Vec<_>>() },
    })
}

fn inspect(kernel: &Kernel, request: &Message) -> Value {
    let found = kernel.assistant.inspect(request.text("code"), cursor(request));
    let is_found = found.is_some();
    let media = found.unwrap_or_default();
    json!({ "status": "ok", "found": is_found, "data": media.data, "metadata": media.metadata })
}

/// The cursor in code points; past the end or missing means the end.
fn cursor(request: &Message) -> usize {
    let length = request.text("code").chars().count();
    let given = request.content.get("cursor_pos").and_then(Value::as_u64);
    given.and_then(|at| usize::try_from(at).ok()).map_or(length, |at| at.min(length))
}

fn history(kernel: &Kernel, request: &Message) -> Value {
    kernel.history.lock().unwrap_or_else(PoisonError::into_inner).answer(&request.content)
}

fn comm_info(kernel: &Kernel, request: &Message) -> Value {
    let target = request.content.get("target_name").and_then(Value::as_str);
    kernel.comms().info(target)
}

fn interrupt(kernel: &Kernel, _: &Message) -> Value {
    kernel.questions.interrupt();
    kernel.interrupter.interrupt();
    json!({ "status": "ok" })
}

fn shutdown(kernel: &Kernel, request: &Message) -> Value {
    let content = json!({ "status": "ok", "restart": request.flag("restart", false) });
    kernel.iopub.send("shutdown_reply", content.clone(), &request.header);
    content
}

/// Reads a connection file's text. Fields that older clients leave out get the
/// protocol's defaults.
pub fn connection(text: &str) -> Result<ConnectionInfo, serde_json::Error> {
    let mut info: Object = serde_json::from_str(text)?;
    for (field, default) in [
        ("ip", "127.0.0.1"),
        ("transport", "tcp"),
        ("key", ""),
        ("signature_scheme", "hmac-sha256"),
    ] {
        info.entry(field).or_insert_with(|| Value::String(default.to_owned()));
    }
    serde_json::from_value(Value::Object(info))
}
