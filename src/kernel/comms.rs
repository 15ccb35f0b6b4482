//! Comms: lines between a front end's code and the cells'. The kernel knows which are open
//! and by which id each side calls them; what they carry it hands on.

use crate::interpreter::{CommMessage, CommStep};
use crate::session::Session;
use crate::wire::{Message, Object};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The open ones: id on the wire to target.
#[derive(Default)]
pub struct Comms {
    open: BTreeMap<String, String>,
}

impl Comms {
    /// What a client's message means to the interpreter, which calls a comm that it has
    /// opened itself by a shorter id; `None` if it is for a comm that is not open.
    pub fn received(&mut self, request: &Message, session: &Session) -> Option<CommMessage> {
        let id = request.text("comm_id");
        let step = match request.kind() {
            "comm_open" => {
                let target = request.text("target_name").to_owned();
                self.open.insert(id.to_owned(), target.clone());
                CommStep::Open { target }
            }
            "comm_close" => {
                self.open.remove(id)?;
                CommStep::Close
            }
            _ => {
                self.open.get(id)?;
                CommStep::Message
            }
        };
        let part = |name: &str| match request.content.get(name) {
            Some(Value::Object(object)) => object.clone(),
            _ => Object::new(),
        };
        Some(CommMessage {
            id: session.own_name(id).unwrap_or(id).to_owned(),
            step,
            data: part("data"),
            buffers: request.buffers.iter().map(|buffer| buffer.to_vec()).collect(),
        })
    }

    /// The type and the content of the message that tells clients of it.
    pub fn sent(&mut self, message: &CommMessage, session: &Session) -> (&'static str, Value) {
        let id = match self.open.contains_key(&message.id) {
            true => message.id.clone(),
            false => session.unique(&message.id),
        };
        let content = json!({ "comm_id": id, "data": message.data });
        match &message.step {
            CommStep::Open { target } => {
                self.open.insert(id, target.clone());
                let mut content = content;
                content["target_name"] = json!(target);
                ("comm_open", content)
            }
            CommStep::Message => ("comm_msg", content),
            CommStep::Close => {
                self.open.remove(&id);
                ("comm_close", content)
            }
        }
    }

    /// Forgets one that nobody took.
    pub fn refused(&mut self, id: &str) {
        self.open.remove(id);
    }

    /// The content of a `comm_info_reply`: all that are open, or those of one target.
    pub fn info(&self, target: Option<&str>) -> Value {
        let asked = |of: &str| target.is_none_or(|target| target == of);
        let comms = self.open.iter().filter(|(_, target)| asked(target));
        let comms: Object =
            comms.map(|(id, target)| (id.clone(), json!({ "target_name": target }))).collect();
        json!({ "status": "ok", "comms": comms })
    }
}
