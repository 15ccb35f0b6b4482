//! Comms: lines between a cell's code and code in the front end (a widget, a script), in
//! both directions, with binary attachments. Messages from the front end are taken between
//! cells, in the order in which they came.

use crate::{cell, display};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One end of a line to the front end.
///
/// ```
/// # use pillars::prelude::*;
/// let comm = Comm::open("my-widget", json!({ "rho": 0.5 }));
/// comm.on_message(|comm, message| comm.send(json!({ "got": message.data })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comm {
    id: String,
}

/// What the other side has sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommMessage {
    /// JSON, as both sides have agreed on.
    pub data: Value,
    /// Binary attachments.
    pub buffers: Vec<Vec<u8>>,
}

impl Comm {
    /// Opens a line to what the front end has registered as `target`.
    pub fn open(target: &str, data: Value) -> Self {
        let comm = Self { id: display::next_id() };
        comm.tell(&json!({ "step": "open", "target": target, "data": data }));
        OPEN.with_borrow_mut(|open| open.insert(comm.id.clone(), None));
        comm
    }

    /// Sends a message.
    pub fn send(&self, data: Value) {
        self.tell(&json!({ "step": "message", "data": data }));
    }

    /// Sends a message with binary attachments.
    pub fn send_with(&self, data: Value, buffers: &[&[u8]]) {
        let buffers: Vec<String> = buffers.iter().map(|buffer| STANDARD.encode(buffer)).collect();
        self.tell(&json!({ "step": "message", "data": data, "buffers": buffers }));
    }

    /// Has the messages of the other side handed to `take`, instead of what took them before.
    /// They come between cells: `take` cannot borrow a cell's variables, but share them
    /// (`Rc`, `RefCell`).
    pub fn on_message(&self, take: impl FnMut(&Comm, CommMessage) + 'static) {
        OPEN.with_borrow_mut(|open| open.insert(self.id.clone(), Some(Box::new(take))));
    }

    /// Ends the line.
    pub fn close(self) {
        self.tell(&json!({ "step": "close", "data": {} }));
        OPEN.with_borrow_mut(|open| open.remove(&self.id));
    }

    fn tell(&self, message: &Value) {
        if display::in_a_cell() {
            let mut message = message.clone();
            message["kind"] = json!("comm");
            message["id"] = json!(self.id);
            display::send(&message);
        }
    }
}

/// Has each comm that the front end opens for `target` handed to `opened`, with the message
/// that came with it.
pub fn comm_target(target: &str, opened: impl FnMut(Comm, CommMessage) + 'static) {
    TARGETS.with_borrow_mut(|targets| targets.insert(target.to_owned(), Some(Box::new(opened))));
}

type Taker = Box<dyn FnMut(&Comm, CommMessage)>;
type Opener = Box<dyn FnMut(Comm, CommMessage)>;

thread_local! {
    /// Open comms, and what takes their messages: nothing, or nothing while it is at work.
    static OPEN: RefCell<BTreeMap<String, Option<Taker>>> = RefCell::default();
    /// Targets, and what takes the comms that are opened for them.
    static TARGETS: RefCell<BTreeMap<String, Option<Opener>>> = RefCell::default();
}

/// Hands the front end's message on, as a cell of its own.
pub(crate) fn deliver(request: &Value) {
    let text = |field: &str| request[field].as_str().unwrap_or_default().to_owned();
    let buffers = request["buffers"].as_array().into_iter().flatten();
    let decoded = buffers.filter_map(|buffer| STANDARD.decode(buffer.as_str()?).ok());
    let message = CommMessage { data: request["data"].clone(), buffers: decoded.collect() };
    let comm = Comm { id: text("id") };
    let is_open = || OPEN.with_borrow(|open| open.contains_key(&comm.id));
    match request["step"].as_str() {
        Some("open") => {
            let target = text("target");
            let opener = TARGETS.with_borrow_mut(|targets| targets.get_mut(&target)?.take());
            let Some(mut opener) = opener else { return cell::refuse_comm() };
            OPEN.with_borrow_mut(|open| open.insert(comm.id.clone(), None));
            cell::whole(|| {
                cell::run(|| {
                    opener(comm, message);
                    Ok(())
                })
            });
            give_back(&TARGETS, &target, opener);
        }
        Some("close") => {
            let known = OPEN.with_borrow_mut(|open| open.remove(&comm.id));
            cell::whole(|| drop(known));
        }
        _ if is_open() => {
            let taker = OPEN.with_borrow_mut(|open| open.get_mut(&comm.id)?.take());
            match taker {
                None => cell::whole(|| {}),
                Some(mut taker) => {
                    cell::whole(|| {
                        cell::run(|| {
                            taker(&comm, message);
                            Ok(())
                        })
                    });
                    give_back(&OPEN, &comm.id, taker);
                }
            }
        }
        _ => cell::refuse_comm(),
    }
}

/// Puts back what was at work, unless it has put another in its place or ended the line.
fn give_back<T>(
    place: &'static std::thread::LocalKey<RefCell<BTreeMap<String, Option<T>>>>,
    name: &str,
    handler: T,
) {
    place.with_borrow_mut(|all| {
        if let Some(empty @ None) = all.get_mut(name) {
            *empty = Some(handler);
        }
    });
}
