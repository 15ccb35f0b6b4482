//! What all messages of this kernel process have in common.

use crate::wire::{Message, Object};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// The version of the messaging protocol that this kernel speaks.
pub const PROTOCOL: &str = "5.5";

/// One session id for each kernel process.
pub struct Session {
    id: String,
}

impl Session {
    /// A session of its own.
    pub fn new() -> Self {
        Self { id: Uuid::new_v4().to_string() }
    }

    /// A name that no other kernel uses.
    pub fn unique(&self, name: &str) -> String {
        format!("{} {name}", self.id)
    }

    /// The name that [`Session::unique`] made this of, if this kernel did.
    pub fn own_name<'a>(&self, unique: &'a str) -> Option<&'a str> {
        unique.strip_prefix(&self.id)?.strip_prefix(' ')
    }

    /// The answer to `request`, of type `kind`, for the one who asked.
    pub fn reply(&self, kind: &str, content: Value, request: &Message) -> Message {
        let identities = request.identities.clone();
        Message { identities, ..self.message(kind, content, &request.header) }
    }

    /// A message caused by the request with this header (empty: by none).
    pub fn message(&self, kind: &str, content: Value, parent: &Object) -> Message {
        Message {
            header: object(json!({
                "msg_id": Uuid::new_v4().to_string(),
                "session": self.id,
                "username": "kernel",
                "date": Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true),
                "msg_type": kind,
                "version": PROTOCOL,
            })),
            parent: parent.clone(),
            content: object(content),
            ..Message::default()
        }
    }
}

/// The object that `json!({..})` made.
pub fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}
