//! The interpreter's thread: it runs one cell after the other, so that the
//! sockets stay free while a cell runs.

use crate::interpreter::{Cell, CellError, CellIo, CommMessage, CommStep, Interpreter, Media};
use crate::iopub;
use crate::kernel::{Kernel, Replies};
use crate::wire::{Message, Object};
use bytes::Bytes;
use jupyter_protocol::{ClearOutput, ErrorOutput, Stdio};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

const KERNEL_FAILED: &str = "the kernel itself failed at this cell, which is worth a report with \
the cell's text; later cells can run";

/// How long a request may be on its way from a client that has sent it with another: one
/// that runs all cells sends them at once, and the first may fail within a millisecond.
const ON_THE_WAY: Duration = Duration::from_millis(40);

/// The one kind of request that runs a cell; the others that wait with them are of comms.
const EXECUTE: &str = "execute_request";

/// Asks the shell to queue all requests that have arrived, and to say when it has.
pub type Barrier = oneshot::Sender<()>;

/// What the thread needs.
pub struct Executor {
    pub kernel: Arc<Kernel>,
    pub interpreter: Box<dyn Interpreter>,
    pub requests: Mutex<Queue>,
    pub replies: Replies,
    pub barriers: UnboundedSender<Barrier>,
    pub runtime: tokio::runtime::Handle,
    /// The number of the latest stored cell.
    pub count: u32,
}

/// The requests that wait, in order.
pub struct Queue {
    incoming: Receiver<Message>,
    waiting: VecDeque<Message>,
}

impl Queue {
    /// A queue of what comes in.
    pub fn new(incoming: Receiver<Message>) -> Self {
        Self { incoming, waiting: VecDeque::new() }
    }

    /// The next one, waited for; `None` when the kernel ends.
    fn next(&mut self) -> Option<Message> {
        self.waiting.pop_front().or_else(|| self.incoming.recv().ok())
    }

    /// All that have arrived so far; they stay.
    fn all(&mut self) -> &mut VecDeque<Message> {
        self.waiting.extend(self.incoming.try_iter());
        &mut self.waiting
    }
}

impl Executor {
    /// Runs cells until the kernel ends.
    pub fn run(mut self) {
        self.interpreter.warm_up();
        while let Some(request) = self.next() {
            match request.kind() {
                EXECUTE => {
                    for waiting in self.execute(&request) {
                        match waiting.kind() {
                            EXECUTE => self.abort(&waiting),
                            _ => self.comm(&waiting),
                        }
                    }
                }
                _ => self.comm(&request),
            }
        }
    }

    fn next(&self) -> Option<Message> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Answers an execute_request. If its cell failed, returns the requests that
    /// are not to be run.
    fn execute(&mut self, request: &Message) -> Vec<Message> {
        let kernel = self.kernel.clone();
        let silent = request.flag("silent", false);
        let code = request.text("code").to_owned();
        self.set_running(Some(request.header.clone()));
        kernel.iopub.status("busy", &request.header);
        if !silent && request.flag("store_history", true) {
            self.count += 1;
            kernel.history.lock().unwrap_or_else(PoisonError::into_inner).add(self.count, &code);
        }
        let pages = Mutex::default();
        let io = RequestIo {
            kernel: &kernel,
            request,
            silent,
            number: self.count,
            pages: &pages,
            requests: &self.requests,
        };
        if !silent {
            let input = json!({ "code": code, "execution_count": self.count });
            kernel.iopub.send("execute_input", input, &request.header);
        }
        let cell = Cell { code, number: self.count };
        let interpreter = &mut self.interpreter;
        // A fault of ours must not leave the kernel without an interpreter.
        let ended = catch_unwind(AssertUnwindSafe(|| interpreter.execute(&cell, &io)))
            .unwrap_or_else(|_| Err(CellError::new("KernelError", KERNEL_FAILED)));
        let content = match &ended {
            Ok(()) => json!({
                "status": "ok", "execution_count": self.count, "payload": taken(&pages),
                "user_expressions": self.user_expressions(request),
            }),
            Err(error) => {
                let CellError { ename, evalue, traceback } = error;
                if !silent {
                    kernel.iopub.send("error", error_output(error), &request.header);
                }
                json!({
                    "status": "error", "execution_count": self.count, "ename": ename,
                    "evalue": evalue, "traceback": traceback, "payload": [], "user_expressions": {},
                })
            }
        };
        kernel.iopub.flush(&self.runtime);
        // Before the reply: what a client sends after it has seen the reply is to run.
        let stop = ended.is_err() && request.flag("stop_on_error", true);
        if ended.as_ref().is_err_and(|error| error.ename != "Interrupted") && stop {
            // A cell that was interrupted has run for a while: all have arrived.
            std::thread::sleep(ON_THE_WAY);
        }
        let queued = if stop { self.queued() } else { vec![] };
        self.set_running(None);
        kernel.reply("execute_reply", content, request, &self.replies);
        kernel.iopub.status("idle", &request.header);
        queued
    }

    /// Hands a comm's message on. One that nobody takes is closed, as the protocol has it.
    fn comm(&mut self, request: &Message) {
        let kernel = self.kernel.clone();
        self.set_running(Some(request.header.clone()));
        kernel.iopub.status("busy", &request.header);
        let received = kernel.comms().received(request, &kernel.session);
        if let Some(message) = received {
            let pages = Mutex::default();
            let io = RequestIo {
                kernel: &kernel,
                request,
                silent: false,
                number: self.count,
                pages: &pages,
                requests: &self.requests,
            };
            let interpreter = &mut self.interpreter;
            let taken = catch_unwind(AssertUnwindSafe(|| interpreter.comm(&message, &io)))
                .unwrap_or_else(|_| Err(CellError::new("KernelError", KERNEL_FAILED)));
            match taken {
                Ok(true) => {}
                Ok(false) if message.step == CommStep::Close => {}
                Ok(false) => {
                    let id = request.text("comm_id");
                    kernel.comms().refused(id);
                    let content = json!({ "comm_id": id, "data": {} });
                    kernel.iopub.send("comm_close", content, &request.header);
                }
                Err(error) => kernel.iopub.send("error", error_output(&error), &request.header),
            }
        }
        kernel.iopub.flush(&self.runtime);
        self.set_running(None);
        kernel.iopub.status("idle", &request.header);
    }

    fn set_running(&self, header: Option<Object>) {
        *self.kernel.running.lock().unwrap_or_else(PoisonError::into_inner) = header;
    }

    /// Evaluates each expression as a cell whose value is kept instead of shown.
    fn user_expressions(&mut self, request: &Message) -> Value {
        let Some(Value::Object(expressions)) = request.content.get("user_expressions") else {
            return json!({});
        };
        let mut values = Object::new();
        for (name, expression) in expressions {
            let code = expression.as_str().unwrap_or_default().to_owned();
            let io = KeepValue::default();
            let value = match self.interpreter.execute(&Cell { code, number: self.count }, &io) {
                Ok(()) => {
                    let Media { data, metadata } = taken(&io.value);
                    json!({ "status": "ok", "data": data, "metadata": metadata })
                }
                Err(CellError { ename, evalue, traceback }) => json!({
                    "status": "error", "ename": ename, "evalue": evalue, "traceback": traceback,
                }),
            };
            values.insert(name.clone(), value);
        }
        Value::Object(values)
    }

    /// All requests that have arrived so far.
    fn queued(&self) -> Vec<Message> {
        let (done, passed) = oneshot::channel();
        match self.barriers.send(done).is_ok() && self.runtime.block_on(passed).is_ok() {
            true => {
                let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
                requests.all().drain(..).collect()
            }
            false => vec![],
        }
    }

    fn abort(&self, request: &Message) {
        self.kernel.iopub.status("busy", &request.header);
        // No count: the cell has not run, and a client that is given one writes it before the cell.
        let content = json!({ "status": "aborted", "payload": [], "user_expressions": {} });
        self.kernel.reply("execute_reply", content, request, &self.replies);
        self.kernel.iopub.status("idle", &request.header);
    }
}

fn error_output(CellError { ename, evalue, traceback }: &CellError) -> Value {
    json!(ErrorOutput {
        ename: (*ename).to_owned(),
        evalue: evalue.clone(),
        traceback: traceback.clone(),
    })
}

/// A cell's way out, for one request.
struct RequestIo<'a> {
    kernel: &'a Kernel,
    request: &'a Message,
    silent: bool,
    number: u32,
    pages: &'a Mutex<Vec<Value>>,
    requests: &'a Mutex<Queue>,
}

impl RequestIo<'_> {
    fn text(&self, stream: Stdio, text: &str) {
        if !self.silent {
            self.kernel.iopub.text(stream, text, &self.request.header);
        }
    }

    fn media(&self, kind: &str, media: &Media, id: Option<&str>) {
        if !self.silent {
            let mut content = iopub::media(media);
            if let Some(id) = id {
                // Notebooks may still hold outputs of an earlier kernel.
                content["transient"] = json!({ "display_id": self.kernel.session.unique(id) });
            }
            self.kernel.iopub.send(kind, content, &self.request.header);
        }
    }
}

impl CellIo for RequestIo<'_> {
    fn stdout(&self, text: &str) {
        self.text(Stdio::Stdout, text);
    }

    fn stderr(&self, text: &str) {
        self.text(Stdio::Stderr, text);
    }

    fn display(&self, media: Media, id: Option<&str>) {
        self.media("display_data", &media, id);
    }

    fn update(&self, media: Media, id: &str) {
        self.media("update_display_data", &media, Some(id));
    }

    fn result(&self, media: Media) {
        if !self.silent {
            let mut content = iopub::media(&media);
            content["execution_count"] = json!(self.number);
            self.kernel.iopub.send("execute_result", content, &self.request.header);
        }
    }

    fn page(&self, media: Media) {
        let page = json!({ "source": "page", "data": media.data, "start": 0 });
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }

    fn clear(&self, wait: bool) {
        if !self.silent {
            let content = json!(ClearOutput { wait });
            self.kernel.iopub.send("clear_output", content, &self.request.header);
        }
    }

    fn comm(&self, message: CommMessage) {
        let (kind, content) = self.kernel.comms().sent(&message, &self.kernel.session);
        let buffers = message.buffers.into_iter().map(Bytes::from).collect();
        self.kernel.iopub.send_with(kind, content, buffers, &self.request.header);
    }

    fn upcoming(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = requests.all().iter().filter(|request| request.kind() == EXECUTE);
        cells.map(|request| request.text("code").to_owned()).collect()
    }

    /// Whoever can be asked is there.
    fn is_watched(&self) -> bool {
        self.request.flag("allow_stdin", false)
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, CellError> {
        self.kernel.iopub.flush(&tokio::runtime::Handle::current());
        self.kernel.questions.ask(self.request, prompt, password)
    }
}

/// Keeps a cell's value and drops all else.
#[derive(Default)]
struct KeepValue {
    value: Mutex<Media>,
}

fn taken<T: Default>(value: &Mutex<T>) -> T {
    std::mem::take(&mut *value.lock().unwrap_or_else(PoisonError::into_inner))
}

impl CellIo for KeepValue {
    fn stdout(&self, _: &str) {}
    fn stderr(&self, _: &str) {}
    fn display(&self, _: Media, _: Option<&str>) {}
    fn update(&self, _: Media, _: &str) {}
    fn page(&self, _: Media) {}
    fn clear(&self, _: bool) {}

    fn result(&self, media: Media) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = media;
    }

    fn input(&self, _: &str, _: bool) -> Result<String, CellError> {
        Err(CellError::new("InputNotAllowed", "an expression cannot ask for input"))
    }
}
