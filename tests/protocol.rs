//! The kernel's side of the protocol, with the echo interpreter: every message
//! on the wire is looked at, and hostile ones are sent.

use bytes::Bytes;
use pillars_kernel::{Codec, Message, Object, StartError, echo::Echo};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::oneshot::Receiver;
use tokio::time::timeout;
use zeromq::{DealerSocket, ReqSocket, Socket, SocketRecv, SocketSend, SubSocket, ZmqMessage};

const KEY: &str = "a key";
const PATIENCE: Duration = Duration::from_secs(10);

struct Client {
    shell: DealerSocket,
    control: DealerSocket,
    stdin: DealerSocket,
    iopub: SubSocket,
    heartbeat: ReqSocket,
    codec: Codec,
    sent: u32,
}

impl Client {
    /// Starts a kernel and connects to it. Welcomed, so that no output is missed. A kernel that finds one of its
    /// ports taken meanwhile ends, and another one is started.
    async fn start() -> Self {
        loop {
            let ports = free_ports();
            let mut ended = kernel(ports);
            tokio::select! {
                biased;
                error = &mut ended => eprintln!("the kernel ended at its start: {error:?}"),
                client = Self::of(ports) => return client,
            }
        }
    }

    async fn of(ports: [u16; 5]) -> Self {
        let [shell, iopub, stdin, control, heartbeat] = ports;
        let identity = || {
            let mut options = zeromq::SocketOptions::default();
            options.peer_identity("client".parse().unwrap());
            options
        };
        let mut client = Self {
            shell: DealerSocket::with_options(identity()),
            control: DealerSocket::with_options(identity()),
            stdin: DealerSocket::with_options(identity()),
            iopub: SubSocket::new(),
            heartbeat: ReqSocket::new(),
            codec: Codec::new(KEY, "hmac-sha256").unwrap(),
            sent: 0,
        };
        // The kernel binds on its own thread: connecting retries until it has.
        connect(&mut client.iopub, iopub).await;
        client.iopub.subscribe("").await.unwrap();
        connect(&mut client.shell, shell).await;
        connect(&mut client.control, control).await;
        connect(&mut client.stdin, stdin).await;
        connect(&mut client.heartbeat, heartbeat).await;
        while client.published().await.kind() != "iopub_welcome" {}
        client
    }

    fn request(&mut self, kind: &str, content: Value) -> Message {
        self.sent += 1;
        let header = json!({
            "msg_id": format!("message {}", self.sent), "msg_type": kind, "session": "ours",
            "username": "é", "version": "5.4", "date": "", "subshell_id": null, "odd": [1, {"x": 2}],
        });
        let object = |value: Value| value.as_object().cloned().unwrap();
        Message { header: object(header), content: object(content), ..Message::default() }
    }

    async fn ask(&mut self, kind: &str, content: Value) -> Message {
        let request = self.request(kind, content);
        self.send(&request).await;
        request
    }

    async fn send(&mut self, request: &Message) {
        let frames = self.codec.encode(request);
        self.shell.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
    }

    async fn reply(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.shell.recv()).await.expect("no reply").unwrap();
        self.codec.decode(&frames.into_vec()).unwrap()
    }

    async fn published(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.iopub.recv()).await.expect("nothing on iopub").unwrap();
        self.codec.decode(&frames.into_vec()).unwrap()
    }

    /// Everything published up to the idle that ends `request`.
    async fn until_idle(&mut self, request: &Message) -> Vec<Message> {
        let mut messages = vec![];
        loop {
            let message = self.published().await;
            if message.parent != request.header {
                continue;
            }
            let idle = message.text("execution_state") == "idle";
            messages.push(message);
            if idle {
                return messages;
            }
        }
    }

    async fn run(&mut self, content: Value) -> (Message, Vec<Message>) {
        let request = self.ask("execute_request", content).await;
        let reply = self.reply().await;
        assert_eq!(reply.parent, request.header, "the parent header is the request's, unchanged");
        (reply, self.until_idle(&request).await)
    }
}

async fn connect(socket: &mut impl Socket, port: u16) {
    let address = format!("tcp://127.0.0.1:{port}");
    timeout(PATIENCE, socket.connect(&address)).await.expect("no kernel").unwrap();
}

/// Starts a kernel with these ports: how it ended, when it has.
fn kernel([shell, iopub, stdin, control, heartbeat]: [u16; 5]) -> Receiver<Result<(), StartError>> {
    let info = json!({
        "ip": "127.0.0.1", "transport": "tcp", "key": KEY, "signature_scheme": "hmac-sha256",
        "shell_port": shell, "iopub_port": iopub, "stdin_port": stdin, "control_port": control,
        "hb_port": heartbeat,
    });
    let connection = serde_json::from_value(info).unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let served = pillars_kernel::serve(&connection, Box::new(Echo::default()), None);
        // Nobody listens any more when a test is over.
        sender.send(served).ok();
    });
    receiver
}

/// Ports that no other test is given, and no outgoing connection: those come from above 32,767.
fn free_ports() -> [u16; 5] {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id();
    [(); 5].map(|()| {
        loop {
            let tried = TRIED.fetch_add(1, Ordering::Relaxed);
            assert!(tried < 12_000, "no free port between 20000 and 32000");
            let port = 20_000 + (start.wrapping_add(tried) % 12_000) as u16;
            if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}

fn kinds(messages: &[Message]) -> Vec<String> {
    let name = |message: &Message| match message.kind() {
        "status" => message.text("execution_state").to_owned(),
        "stream" => format!("{}: {}", message.text("name"), message.text("text").trim()),
        kind => kind.to_owned(),
    };
    messages.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cells_messages_come_in_order_and_are_counted() {
    let mut client = Client::start().await;
    let cases = [
        (json!({ "code": "print a" }), 1, "busy, execute_input, stdout: a, idle"),
        (
            json!({ "code": "print a\ncomplain b\nprint c\nshow d\nvalue e" }),
            2,
            "busy, execute_input, stdout: a, stderr: b, stdout: c, display_data, execute_result, idle",
        ),
        (json!({ "code": "fail x" }), 3, "busy, execute_input, error, idle"),
        (
            json!({ "code": "print a", "store_history": false }),
            3,
            "busy, execute_input, stdout: a, idle",
        ),
        (json!({ "code": "print a\nvalue b", "silent": true }), 3, "busy, idle"),
        (json!({ "code": "" }), 4, "busy, execute_input, idle"),
        (json!({}), 5, "busy, execute_input, idle"),
    ];
    for (content, count, expected) in cases {
        let (reply, published) = client.run(content.clone()).await;
        assert_eq!(kinds(&published).join(", "), expected, "{content}");
        assert_eq!(reply.content["execution_count"], count, "{content}");
        for message in published.iter().filter(|m| m.content.contains_key("execution_count")) {
            assert_eq!(message.content["execution_count"], count, "{}", message.kind());
        }
        assert!(reply.content["user_expressions"].is_object());
        assert_eq!(reply.header["version"], "5.5");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_says_who_sent_it_when_and_because_of_what() {
    let mut client = Client::start().await;
    let mut topics = vec![];
    let mut messages = vec![];
    for code in ["print a", "fail b", "show c"] {
        client.ask("execute_request", json!({ "code": code })).await;
        let mut idle = false;
        while !idle {
            let received = timeout(PATIENCE, client.iopub.recv()).await.expect("silence");
            let frames = received.unwrap().into_vec();
            topics.push(frames[0].clone());
            let message = client.codec.decode(&frames).unwrap();
            idle = message.text("execution_state") == "idle";
            messages.push(message);
        }
        messages.push(client.reply().await);
    }
    let text = |message: &Message, field: &str| {
        message.header[field].as_str().unwrap_or_default().to_owned()
    };
    let sessions: BTreeSet<String> = messages.iter().map(|m| text(m, "session")).collect();
    let ids: BTreeSet<String> = messages.iter().map(|m| text(m, "msg_id")).collect();
    assert_eq!((sessions.len(), ids.len()), (1, messages.len()));
    for message in &messages {
        let date = text(message, "date");
        assert!(date.len() == 27 && date.ends_with('Z') && &date[10..11] == "T", "{date}");
        assert_eq!(text(message, "version"), "5.5");
        assert!(!text(message, "username").is_empty());
        // `starting` may be late; it has no cause, and all else has one.
        let state = message.text("execution_state");
        assert_eq!(message.parent.is_empty(), state == "starting", "{message:?}");
    }
    assert!(messages.iter().filter(|m| m.text("execution_state") == "starting").count() <= 1);
    assert!(topics.iter().all(|topic| topic.starts_with(b"kernel.")), "{topics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_of_nothing_is_answered_and_forgotten_and_control_tells_of_the_kernel() {
    let mut client = Client::start().await;
    for kind in ["interrupt_request", "kernel_info_request", "comm_info_request"] {
        let request = client.request(kind, json!({}));
        let frames = client.codec.encode(&request);
        client.control.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
        let frames = timeout(PATIENCE, client.control.recv()).await.expect("no reply").unwrap();
        let reply = client.codec.decode(&frames.into_vec()).unwrap();
        assert_eq!(reply.kind(), kind.replace("request", "reply"));
        assert_eq!((reply.text("status"), &reply.parent), ("ok", &request.header));
    }
    let (reply, published) = client.run(json!({ "code": "print a" })).await;
    assert_eq!(reply.text("status"), "ok");
    assert_eq!(kinds(&published).join(", "), "busy, execute_input, stdout: a, idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_are_evaluated_also_silently_and_their_errors_are_theirs() {
    let mut client = Client::start().await;
    for silent in [false, true] {
        let asked = json!({ "a": "print x\nvalue 3", "b": "fail y", "c": 7 });
        let content = json!({ "code": "print a", "silent": silent, "user_expressions": asked });
        let (reply, published) = client.run(content).await;
        let values = &reply.content["user_expressions"];
        assert_eq!(values["a"]["data"]["text/plain"], "3");
        assert_eq!(
            (&values["b"]["status"], &values["b"]["evalue"]),
            (&json!("error"), &json!("y"))
        );
        let shown = if silent { "busy, idle" } else { "busy, execute_input, stdout: a, idle" };
        assert_eq!(kinds(&published).join(", "), shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_the_same_in_output_and_reply() {
    let mut client = Client::start().await;
    let (reply, published) = client.run(json!({ "code": "fail on purpose" })).await;
    let error = published.iter().find(|message| message.kind() == "error").unwrap();
    for field in ["ename", "evalue", "traceback"] {
        assert_eq!(reply.content[field], error.content[field]);
    }
    assert_eq!(reply.text("evalue"), "on purpose");
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_cells_are_aborted_after_an_error_and_other_requests_are_answered() {
    let mut client = Client::start().await;
    let failing = client.ask("execute_request", json!({ "code": "wait" })).await;
    while client.published().await.kind() != "execute_input" {}
    client.ask("execute_request", json!({ "code": "print never" })).await;
    client.ask("execute_request", json!({ "code": "print never" })).await;
    client.ask("kernel_info_request", json!({})).await;
    assert_eq!(client.reply().await.kind(), "kernel_info_reply", "answered while a cell runs");
    let interrupt = client.request("interrupt_request", json!({}));
    let frames = client.codec.encode(&interrupt);
    client.control.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
    let reply = client.reply().await;
    assert_eq!(
        (reply.parent, reply.content["ename"].clone()),
        (failing.header, json!("Interrupted"))
    );
    for _ in 0..2 {
        let aborted = client.reply().await;
        assert_eq!(aborted.text("status"), "aborted");
        // JupyterLab would show the failed cell's number beside each cell that has not run.
        assert!(aborted.content.get("execution_count").is_none(), "{:?}", aborted.content);
    }
    // What is sent after the error has been seen runs; so does what follows a forgiven error.
    let (reply, _) = client.run(json!({ "code": "fail x", "stop_on_error": false })).await;
    assert_eq!(reply.text("status"), "error");
    let (reply, _) = client.run(json!({ "code": "print a" })).await;
    assert_eq!(reply.text("status"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_its_answer() {
    let mut client = Client::start().await;
    client.run(json!({ "code": "print a" })).await;
    let cases = [
        (
            "kernel_info_request",
            json!({}),
            "kernel_info_reply",
            json!({ "protocol_version": "5.5" }),
        ),
        (
            "is_complete_request",
            json!({ "code": "a\\" }),
            "is_complete_reply",
            json!({ "status": "incomplete", "indent": "  " }),
        ),
        (
            "is_complete_request",
            json!({ "code": "!" }),
            "is_complete_reply",
            json!({ "status": "invalid" }),
        ),
        (
            "complete_request",
            json!({ "code": "é pri", "cursor_pos": 5 }),
            "complete_reply",
            json!({ "matches": ["print"], "cursor_start": 2, "cursor_end": 5 }),
        ),
        (
            "inspect_request",
            json!({ "code": "show", "cursor_pos": 0 }),
            "inspect_reply",
            json!({ "found": true }),
        ),
        (
            "inspect_request",
            json!({ "code": "none", "cursor_pos": 99 }),
            "inspect_reply",
            json!({ "found": false, "data": {}, "metadata": {} }),
        ),
        (
            "history_request",
            json!({ "hist_access_type": "tail", "n": 1 }),
            "history_reply",
            json!({ "history": [[1, 1, "print a"]] }),
        ),
        ("comm_info_request", json!({}), "comm_info_reply", json!({ "comms": {} })),
    ];
    for (kind, content, reply_kind, expected) in cases {
        let request = client.ask(kind, content.clone()).await;
        let reply = client.reply().await;
        assert_eq!(reply.kind(), reply_kind);
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&reply.content[field], value, "{field} of {kind} {content}");
        }
        assert_eq!(kinds(&client.until_idle(&request).await), ["busy", "idle"], "{kind}");
    }
    for kind in ["made_up_request", "comm_msg", "comm_close"] {
        let request = client.ask(kind, json!({})).await;
        assert_eq!(kinds(&client.until_idle(&request).await), ["busy", "idle"], "{kind}");
    }
    let request =
        client.ask("comm_open", json!({ "comm_id": "c", "target_name": "unknown" })).await;
    assert_eq!(kinds(&client.until_idle(&request).await), ["busy", "comm_close", "idle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comm_carries_data_and_buffers_both_ways_and_is_listed_while_it_is_open() {
    let mut client = Client::start().await;
    client.run(json!({ "code": "open chart" })).await;
    let opened = json!({ "comm_id": "c", "target_name": "echo", "data": { "n": 1 } });
    let request = client.ask("comm_open", opened).await;
    assert_eq!(kinds(&client.until_idle(&request).await), ["busy", "comm_msg", "idle"]);
    let mut request = client.request("comm_msg", json!({ "comm_id": "c", "data": { "n": [2] } }));
    request.buffers = vec![Bytes::from_static(b"\x00\xff"), Bytes::new()];
    client.send(&request).await;
    let answer = client.until_idle(&request).await.swap_remove(1);
    assert_eq!(answer.content["data"], json!({ "n": [2] }));
    assert_eq!((answer.text("comm_id"), &answer.buffers), ("c", &request.buffers));
    for (asked, count) in
        [(json!({}), 2), (json!({ "target_name": "echo" }), 1), (json!({ "target_name": "" }), 0)]
    {
        client.ask("comm_info_request", asked).await;
        assert_eq!(client.reply().await.content["comms"].as_object().unwrap().len(), count);
    }
    let request = client.ask("comm_close", json!({ "comm_id": "c" })).await;
    client.until_idle(&request).await;
    client.ask("comm_info_request", json!({})).await;
    let comms = client.reply().await.content["comms"].clone();
    assert!(comms.get("c").is_none() && comms.as_object().unwrap().len() == 1, "{comms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_frames_get_no_answer_and_do_no_harm() {
    let mut client = Client::start().await;
    let request = client.request("shutdown_request", json!({ "restart": false }));
    let good = client.codec.encode(&request);
    let forged = Codec::new("another key", "").unwrap().encode(&request);
    let executed = client.request("execute_request", json!({ "code": "print a" }));
    let replayed = client.codec.encode(&executed);
    let (_, _) = {
        client.shell.send(ZmqMessage::try_from(replayed.clone()).unwrap()).await.unwrap();
        (client.reply().await, client.until_idle(&executed).await)
    };
    let hostile: [Vec<Bytes>; 6] = [
        vec![Bytes::from_static(b"hello")],
        good[1..].to_vec(),
        good[..3].to_vec(),
        forged,
        replayed,
        vec![
            Bytes::from_static(b"<IDS|MSG>"),
            Bytes::new(),
            Bytes::from_static(b"\xff"),
            Bytes::new(),
        ],
    ];
    for frames in hostile {
        client.shell.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
    }
    client.ask("kernel_info_request", json!({})).await;
    assert_eq!(client.reply().await.kind(), "kernel_info_reply");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_to_who_may_answer_and_fails_at_once_otherwise() {
    let mut client = Client::start().await;
    let (reply, _) = client.run(json!({ "code": "ask name?", "allow_stdin": false })).await;
    assert_eq!(reply.text("ename"), "InputNotAllowed");

    let request = client
        .ask("execute_request", json!({ "code": "print before\nask name?", "allow_stdin": true }))
        .await;
    let frames = timeout(PATIENCE, client.stdin.recv()).await.expect("no question").unwrap();
    let question = client.codec.decode(&frames.into_vec()).unwrap();
    assert_eq!((question.kind(), question.text("prompt")), ("input_request", "name?"));
    assert_eq!(question.parent, request.header);
    // What was printed before it is there when the question is.
    while kinds(&[client.published().await]) != ["stdout: before"] {}
    let answer = client.request("input_reply", json!({ "value": "Ada" }));
    let frames = client.codec.encode(&answer);
    client.stdin.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
    assert_eq!(client.reply().await.text("status"), "ok");
    let published = client.until_idle(&request).await;
    assert_eq!(kinds(&published).join(", "), "stdout: Ada, idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_returns_what_it_got_also_while_a_cell_runs() {
    let mut client = Client::start().await;
    client.ask("execute_request", json!({ "code": "wait" })).await;
    while client.published().await.kind() != "execute_input" {}
    for beat in [&b"ping"[..], b"\x00\xff", b""] {
        client.heartbeat.send(ZmqMessage::from(beat.to_vec())).await.unwrap();
        let back = timeout(PATIENCE, client.heartbeat.recv()).await.expect("no heartbeat").unwrap();
        assert_eq!(back.get(0).unwrap().as_ref(), beat);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_answered_and_told_to_all() {
    let mut client = Client::start().await;
    let request = client.request("shutdown_request", json!({ "restart": true }));
    let frames = client.codec.encode(&request);
    client.control.send(ZmqMessage::try_from(frames).unwrap()).await.unwrap();
    let frames = timeout(PATIENCE, client.control.recv()).await.expect("no reply").unwrap();
    let reply = client.codec.decode(&frames.into_vec()).unwrap();
    assert_eq!((reply.kind(), &reply.content["restart"]), ("shutdown_reply", &json!(true)));
    assert_eq!(kinds(&client.until_idle(&request).await), ["busy", "shutdown_reply", "idle"]);
    // It stays a moment, so that its last messages leave: it still answers heartbeats.
    tokio::time::sleep(Duration::from_millis(90)).await;
    client.heartbeat.send(ZmqMessage::from(b"still".to_vec())).await.unwrap();
    let back = timeout(PATIENCE, client.heartbeat.recv()).await.expect("gone at once").unwrap();
    assert_eq!(back.get(0).unwrap().as_ref(), b"still");
    let empty = Object::new();
    assert_ne!(reply.parent, empty);
}
