//! Questions to the reader. One cell runs at a time, so one question is open.

use crate::interpreter::CellError;
use crate::session::Session;
use crate::sockets::Frames;
use crate::wire::{Codec, Message};
use serde_json::json;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// Sends questions and takes answers.
pub struct Questions {
    session: Arc<Session>,
    codec: Arc<Mutex<Codec>>,
    replies: UnboundedSender<Frames>,
    open: Mutex<Option<Sender<Answer>>>,
}

enum Answer {
    Line(String),
    Interrupted,
}

impl Questions {
    /// Questions on the stdin socket, whose outgoing side is `replies`.
    pub fn new(
        session: Arc<Session>,
        codec: Arc<Mutex<Codec>>,
        replies: UnboundedSender<Frames>,
    ) -> Self {
        Self { session, codec, replies, open: Mutex::new(None) }
    }

    /// Asks the client that sent `request`, and waits for the answer.
    pub fn ask(
        &self,
        request: &Message,
        prompt: &str,
        password: bool,
    ) -> Result<String, CellError> {
        if !request.flag("allow_stdin", false) {
            return Err(CellError::new(
                "InputNotAllowed",
                "this cell asks for input, but it is run where nobody can answer (nbconvert, CI, \
                 `pillars run`); give the value in the code there",
            ));
        }
        let answers = self.opened();
        let content = json!({ "prompt": prompt, "password": password });
        let question = self.session.reply("input_request", content, request);
        let frames = self.codec.lock().unwrap_or_else(PoisonError::into_inner).encode(&question);
        let _ = self.replies.send(frames);
        match answers.recv() {
            Ok(Answer::Line(line)) => Ok(line),
            Ok(Answer::Interrupted) | Err(_) => {
                Err(CellError::new("Interrupted", "the question was interrupted"))
            }
        }
    }

    /// Takes an `input_reply`. One that nobody waits for is dropped.
    pub fn answered(&self, reply: &Message) {
        self.close(Answer::Line(reply.text("value").to_owned()));
    }

    /// Ends an open question.
    pub fn interrupt(&self) {
        self.close(Answer::Interrupted);
    }

    fn opened(&self) -> Receiver<Answer> {
        let (sender, receiver) = channel();
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    fn close(&self, answer: Answer) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(open) = open {
            let _ = open.send(answer);
        }
    }
}
