//! A kernel of our own and the client that talks to it: started for one notebook, gone with it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use jupyter_protocol::{
    ConnectionInfo, ExecuteRequest, InterruptRequest, JupyterMessage,
    JupyterMessageContent as Content, KernelInfoRequest, ShutdownRequest,
    connection_info::Transport,
};
use jupyter_zmq_client::{
    ClientControlConnection, DealerSendConnection, RuntimeError, create_client_control_connection,
    create_client_iopub_connection, create_client_shell_connection_with_identity,
    peek_ports_with_listeners, peer_identity_for_session,
};
use pillars_engine::library::data_dir;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout};

use crate::files::hint;

/// A kernel answers within a second; a machine under load may take its time.
const START: Duration = Duration::from_secs(60);

/// How long idle may follow the reply, and an interrupted cell may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// How often a start is tried when another program takes a port in between.
const ATTEMPTS: usize = 3;

/// A running kernel. Dropped, it is killed.
pub struct Session {
    child: Child,
    shell: DealerSendConnection,
    control: ClientControlConnection,
    incoming: UnboundedReceiver<Incoming>,
    /// Its `language_info`.
    pub language: Value,
    _runtime: RuntimeDir,
}

/// A message, and the socket that it came from.
enum Incoming {
    Shell(JupyterMessage),
    Published(JupyterMessage),
}

/// How a cell ended.
#[derive(Debug, PartialEq)]
pub enum Ending {
    /// Without an error.
    Fine,
    /// With the error that the kernel told: the content of its reply.
    Failed(Value),
    /// Not within the time it was given. The kernel is gone.
    Late,
    /// With the kernel's own end.
    Died(String),
}

impl Session {
    /// Starts a kernel in the folder `dir` and waits until it answers and is heard.
    pub async fn start(dir: &Path) -> Result<Self> {
        let mut failure = anyhow!("the kernel did not start");
        for _ in 0..ATTEMPTS {
            match Self::attempt(dir).await {
                Ok(session) => return Ok(session),
                Err(error) if error.to_string().contains("ended at its start") => failure = error,
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    async fn attempt(dir: &Path) -> Result<Self> {
        let runtime = RuntimeDir::create()?;
        let (ports, listeners) = peek_ports_with_listeners([127, 0, 0, 1].into(), 5).await?;
        let connection = connection(&ports)?;
        let file = runtime.write(&connection)?;
        drop(listeners);
        let mut child = spawn(&file, dir)?;
        tokio::select! {
            connected = timeout(START, connect(&connection)) => {
                let (shell, control, incoming) = connected.context("the kernel does not answer: see `pillars doctor`")??;
                let mut session = Self { child, shell, control, incoming, language: Value::Null, _runtime: runtime };
                session.greet().await?;
                Ok(session)
            }
            status = child.wait() => bail!("the kernel ended at its start ({}): see `pillars doctor`", ended(status)),
        }
    }

    /// Asks for kernel_info until the answer and its idle status both arrive: only then are outputs heard from the
    /// first on.
    async fn greet(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            let request: JupyterMessage = KernelInfoRequest {}.into();
            let id = request.header.msg_id.clone();
            self.shell.send(request).await?;
            let (mut replied, mut idle) = (false, false);
            let retry = Instant::now() + Duration::from_secs(1);
            while !(replied && idle) {
                tokio::select! {
                    incoming = self.incoming.recv() => match incoming {
                        Some(Incoming::Shell(message)) if is_child(&message, &id) => {
                            replied = true;
                            if let Content::KernelInfoReply(reply) = message.content {
                                self.language = serde_json::to_value(reply.language_info)?;
                            }
                        }
                        Some(Incoming::Published(message)) => idle |= is_child(&message, &id) && is_idle(&message),
                        Some(_) => {}
                        None => bail!("the kernel closed its sockets at its start: see `pillars doctor`"),
                    },
                    () = sleep_until(retry) => break,
                    status = self.child.wait() => bail!("the kernel ended at its start ({}): see `pillars doctor`", ended(status)),
                }
            }
            if replied && idle {
                return Ok(());
            }
        }
        bail!("the kernel does not answer within {} s: see `pillars doctor`", START.as_secs())
    }

    /// Runs one cell and hands over what it publishes: the kind of each message and its content.
    pub async fn execute(
        &mut self,
        code: &str,
        limit: Option<Duration>,
        publish: &mut dyn FnMut(&str, &Value),
    ) -> Result<Ending> {
        let request: JupyterMessage = ExecuteRequest::new(code.to_owned()).into();
        let id = request.header.msg_id.clone();
        self.shell.send(request).await?;
        let mut deadline = limit.map(|limit| Instant::now() + limit);
        let (mut reply, mut idle, mut late) = (None, false, false);
        while !(reply.is_some() && idle) {
            tokio::select! {
                biased;
                incoming = self.incoming.recv() => match incoming {
                    Some(Incoming::Published(message)) if is_child(&message, &id) => {
                        idle |= is_idle(&message);
                        publish(message.message_type(), &serde_json::to_value(&message.content)?);
                    }
                    Some(Incoming::Shell(message)) if is_child(&message, &id) => {
                        reply = Some(serde_json::to_value(&message.content)?);
                        deadline = Some(Instant::now() + GRACE);
                    }
                    Some(_) => {}
                    None => return Ok(Ending::Died(ended(self.child.wait().await))),
                },
                status = self.child.wait() => {
                    let last = std::iter::from_fn(|| self.incoming.try_recv().ok());
                    for incoming in last {
                        if let Incoming::Published(message) = incoming && is_child(&message, &id) {
                            publish(message.message_type(), &serde_json::to_value(&message.content)?);
                        }
                    }
                    return Ok(Ending::Died(ended(status)));
                }
                () = passed(deadline) => {
                    if reply.is_some() || late {
                        break;
                    }
                    late = true;
                    deadline = Some(Instant::now() + GRACE);
                    self.control.send(InterruptRequest {}.into()).await?;
                }
            }
        }
        if late {
            return Ok(Ending::Late);
        }
        let reply = reply.unwrap_or_default();
        Ok(if reply["status"] == "ok" { Ending::Fine } else { Ending::Failed(reply) })
    }

    /// Asks the kernel to end, and kills it if it does not.
    pub async fn close(mut self) {
        let asked = self.control.send(ShutdownRequest { restart: false }.into()).await;
        if asked.is_ok() && timeout(GRACE, self.child.wait()).await.is_ok() {
            return;
        }
        drop(self);
    }
}

impl Drop for Session {
    /// Kills what is left: the kernel, and the process that runs its cells and may not notice.
    fn drop(&mut self) {
        if let Some(leader) = self.child.id() {
            pillars_unix::end_group(leader);
        }
    }
}

type Sockets = (DealerSendConnection, ClientControlConnection, UnboundedReceiver<Incoming>);

async fn connect(connection: &ConnectionInfo) -> Result<Sockets> {
    let session = uuid::Uuid::new_v4().to_string();
    let identity = peer_identity_for_session(&session)?;
    let mut iopub = create_client_iopub_connection(connection, "", &session).await?;
    let shell =
        create_client_shell_connection_with_identity(connection, &session, identity).await?;
    let control = create_client_control_connection(connection, &session).await?;
    let (sender, incoming) = unbounded_channel();
    let (shell, mut replies) = shell.split();
    let published = sender.clone();
    tokio::spawn(
        async move { while hand_on(iopub.read().await, &published, Incoming::Published) {} },
    );
    tokio::spawn(async move { while hand_on(replies.read().await, &sender, Incoming::Shell) {} });
    Ok((shell, control, incoming))
}

/// Hands a message on; `false` when the socket or the session is gone. One that cannot be read is left out.
fn hand_on(
    read: jupyter_zmq_client::Result<JupyterMessage>,
    to: &UnboundedSender<Incoming>,
    kind: fn(JupyterMessage) -> Incoming,
) -> bool {
    match read {
        Ok(message) => to.send(kind(message)).is_ok(),
        Err(error) => !matches!(error, RuntimeError::ZmqError(_) | RuntimeError::IoError(_)),
    }
}

fn spawn(file: &Path, dir: &Path) -> Result<Child> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(&program);
    command.args(["kernel", "--connection-file"]).arg(file).current_dir(dir);
    // Its own group, so that Ctrl-C reaches us first and what ran so far is written.
    command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).kill_on_drop(true);
    command.env(crate::kernel::RUNNER, std::process::id().to_string());
    command.spawn().with_context(|| format!("cannot start the kernel {}", program.display()))
}

fn connection(ports: &[u16]) -> Result<ConnectionInfo> {
    let &[shell_port, iopub_port, stdin_port, control_port, hb_port] = ports else {
        bail!("there are no five free ports on this machine: end programs that listen on many");
    };
    Ok(ConnectionInfo {
        ip: "127.0.0.1".to_owned(),
        transport: Transport::TCP,
        shell_port,
        iopub_port,
        stdin_port,
        control_port,
        hb_port,
        key: uuid::Uuid::new_v4().to_string(),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: Some(crate::kernel_spec::DEFAULT_NAME.to_owned()),
    })
}

/// A folder that only we can read; removed at the end.
struct RuntimeDir(PathBuf);

impl RuntimeDir {
    fn create() -> Result<Self> {
        let dir = data_dir()?.join("runtime").join(uuid::Uuid::new_v4().to_string());
        let made = pillars_unix::create_private_folder(&dir);
        made.map_err(|error| anyhow!("cannot create {}: {error}{}", dir.display(), hint(&error)))?;
        Ok(Self(dir))
    }

    fn write(&self, connection: &ConnectionInfo) -> Result<PathBuf> {
        let path = self.0.join("connection.json");
        let text = serde_json::to_vec(connection)?;
        let mut options = fs::OpenOptions::new();
        let opened = pillars_unix::private(options.write(true).create_new(true)).open(&path);
        let written = opened.and_then(|mut file| file.write_all(&text));
        written
            .map_err(|error| anyhow!("cannot write {}: {error}{}", path.display(), hint(&error)))?;
        Ok(path)
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The error of a cell that took too long, in the form of the kernel's own.
pub fn late(limit: Duration) -> Value {
    let said = format!(
        "the cell ran longer than {} s and was stopped; allow more with --timeout",
        limit.as_secs_f64()
    );
    json!({"ename": "Timeout", "evalue": said, "traceback": [format!("Timeout: {said}")]})
}

/// The error of a cell with which the kernel ended, in the form of the kernel's own.
pub fn died(how: &str) -> Value {
    let said = format!("the kernel ended while the cell ran ({how})");
    json!({"ename": "Crashed", "evalue": said, "traceback": [format!("Crashed: {said}")]})
}

fn is_child(message: &JupyterMessage, id: &str) -> bool {
    message.parent_header.as_ref().is_some_and(|parent| parent.msg_id == id)
}

fn is_idle(message: &JupyterMessage) -> bool {
    matches!(&message.content, Content::Status(_))
        && serde_json::to_value(&message.content)
            .is_ok_and(|status| status["execution_state"] == "idle")
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn ended(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
