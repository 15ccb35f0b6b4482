//! The one writer of iopub. All that clients see passes through its queue, so
//! the order in the queue is the order on the wire. Text of a stream is gathered
//! until something else is to be sent, or for [`GATHER`], or up to [`CHUNK`].

use crate::session::{Session, object};
use crate::sockets::{Event, Publisher};
use crate::wire::{Codec, Message, Object};
use bytes::Bytes;
use jupyter_protocol::{Stdio, StreamContent};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;

const GATHER: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 * 1024;

/// How long a cell's end waits for its output to be taken. Output that no
/// client takes must not keep the kernel from answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// What can be queued.
pub enum Item {
    /// A whole message.
    Message(Box<Message>),
    /// Text of a stream, with the header of its request.
    Text(Object, Stdio, String),
    /// Tells when all before it has been sent.
    Flush(oneshot::Sender<()>),
}

/// The queue's entrance.
#[derive(Clone)]
pub struct IoPub {
    queue: UnboundedSender<Item>,
    session: Arc<Session>,
}

impl IoPub {
    /// Starts the writer.
    pub fn start(publisher: Publisher, session: Arc<Session>, codec: Arc<Mutex<Codec>>) -> Self {
        let (queue, items) = unbounded_channel();
        let writer = Writer { publisher, session: session.clone(), codec, text: None };
        tokio::spawn(writer.run(items));
        Self { queue, session }
    }

    /// A message of this type, caused by `parent`.
    pub fn send(&self, kind: &str, content: serde_json::Value, parent: &Object) {
        self.put(Item::Message(Box::new(self.session.message(kind, content, parent))));
    }

    /// The same with binary attachments.
    pub fn send_with(
        &self,
        kind: &str,
        content: serde_json::Value,
        buffers: Vec<Bytes>,
        parent: &Object,
    ) {
        let message = self.session.message(kind, content, parent);
        self.put(Item::Message(Box::new(Message { buffers, ..message })));
    }

    /// `busy`, `idle` or `starting`.
    pub fn status(&self, state: &str, parent: &Object) {
        self.send("status", json!({ "execution_state": state }), parent);
    }

    /// Text of a stream.
    pub fn text(&self, stream: Stdio, text: &str, parent: &Object) {
        if !text.is_empty() {
            self.put(Item::Text(parent.clone(), stream, text.to_owned()));
        }
    }

    /// Waits until all queued so far is sent, [`PATIENCE`] at most. For threads, not tasks.
    pub fn flush(&self, runtime: &tokio::runtime::Handle) {
        let (done, sent) = oneshot::channel();
        self.put(Item::Flush(done));
        // Either outcome is the same to the caller: it goes on.
        let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, sent).await });
    }

    fn put(&self, item: Item) {
        // The writer ends only with the process.
        let _ = self.queue.send(item);
    }
}

/// Text that waits to be sent.
struct Gathered {
    parent: Object,
    stream: Stdio,
    text: String,
    due: Instant,
}

struct Writer {
    publisher: Publisher,
    session: Arc<Session>,
    codec: Arc<Mutex<Codec>>,
    text: Option<Gathered>,
}

impl Writer {
    async fn run(mut self, mut items: UnboundedReceiver<Item>) {
        loop {
            let due = self.text.as_ref().map(|gathered| gathered.due);
            let event = match due {
                None => self.publisher.next(&mut items).await,
                Some(due) => {
                    match tokio::time::timeout_at(due, self.publisher.next(&mut items)).await {
                        Ok(event) => event,
                        Err(_) => {
                            self.send_text().await;
                            continue;
                        }
                    }
                }
            };
            match event {
                Event::Subscribed(topic) => self.welcome(&topic).await,
                Event::Queued(None) => return,
                Event::Queued(Some(Item::Text(parent, stream, text))) => {
                    self.gather(parent, stream, text).await;
                }
                Event::Queued(Some(Item::Message(message))) => {
                    self.send_text().await;
                    self.send(*message).await;
                }
                Event::Queued(Some(Item::Flush(done))) => {
                    self.send_text().await;
                    // Whoever waited may have lost patience.
                    let _ = done.send(());
                }
            }
        }
    }

    async fn welcome(&mut self, topic: &Bytes) {
        let subscription = String::from_utf8_lossy(topic);
        let content = json!({ "subscription": subscription });
        let message = self.session.message("iopub_welcome", content, &Object::new());
        self.send(message).await;
    }

    async fn gather(&mut self, parent: Object, stream: Stdio, text: String) {
        match &mut self.text {
            Some(gathered) if gathered.parent == parent && same(&gathered.stream, &stream) => {
                gathered.text.push_str(&text);
            }
            _ => {
                self.send_text().await;
                let due = Instant::now() + GATHER;
                self.text = Some(Gathered { parent, stream, text, due });
            }
        }
        if self.text.as_ref().is_some_and(|gathered| gathered.text.len() >= CHUNK) {
            self.send_text().await;
        }
    }

    async fn send_text(&mut self) {
        let Some(Gathered { parent, stream, text, .. }) = self.text.take() else { return };
        let content = json!(StreamContent { name: stream, text });
        self.send(self.session.message("stream", content, &parent)).await;
    }

    async fn send(&mut self, mut message: Message) {
        message.identities = vec![Bytes::from(format!("kernel.{}", message.kind()))];
        let frames = self.codec.lock().unwrap_or_else(PoisonError::into_inner).encode(&message);
        self.publisher.publish(frames).await;
    }
}

fn same(a: &Stdio, b: &Stdio) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// The content of a display message.
pub fn media(media: &crate::interpreter::Media) -> serde_json::Value {
    json!({ "data": media.data, "metadata": media.metadata, "transient": object(json!({})) })
}
