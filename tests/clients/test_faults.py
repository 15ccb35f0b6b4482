"""What readers, clients and machines can do to a kernel: one row a fault, with what is seen of it. After each the session
is whole: its variable, its process, its statuses. `python test_faults.py` prints the table."""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import zmq
from jupyter_client.manager import KernelManager, start_new_kernel

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32)
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
SECOND = "std::thread::sleep(std::time::Duration::from_secs(1));"
ROWS = []


def fault(name, seen, **env):
    """A row of the table: the fault, what the reader sees of it, and the kernel's environment."""
    def keep(function):
        ROWS.append((name, seen, env, function))
        return function
    return keep


class Kernel:
    """A kernel with a variable, and what a row needs to hurt it."""

    def __init__(self, test, env):
        self.test = test
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.manager, self.client = start_new_kernel(kernel_name="pillars", env={**os.environ, **env})
        self.info = self.manager.get_connection_info()
        self.pid = self.manager.provisioner.pid
        self.run("let mut kept = vec![1, 2, 3];")

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code, timeout=120):
        """The reply's content, and all messages of the cell until it is idle."""
        messages = []
        reply = self.client.execute_interactive(code, output_hook=messages.append, timeout=timeout, allow_stdin=False)
        self.test.assertEqual(messages[-1]["content"], {"execution_state": "idle"})
        return reply["content"], messages

    def text(self, code, name="stdout"):
        reply, messages = self.run(code)
        self.test.assertEqual(reply["status"], "ok", reply)
        return "".join(m["content"]["text"] for m in messages if m["content"].get("name") == name)

    def value(self, code):
        reply, messages = self.run(code)
        self.test.assertEqual(reply["status"], "ok", reply)
        return next(m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result")

    def raw(self, port, *parts):
        """A connection that sends these bytes."""
        connection = socket.create_connection(("127.0.0.1", self.info[port]), timeout=10)
        self.test.addCleanup(connection.close)
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break  # it has been let go
        return connection

    def socket(self, kind, port, **options):
        client = zmq.Context.instance().socket(kind)
        client.linger = 0
        self.test.addCleanup(client.close)
        for name, value in options.items():
            client.setsockopt(getattr(zmq, name), value)
        client.connect(f"tcp://127.0.0.1:{self.info[port]}")
        return client

    def each_socket(self, faults, send):
        for port in PORTS:
            for name, parts in faults.items():
                with self.test.subTest(fault=name, port=port):
                    send(port, parts)

    def children(self):
        stats = (p.read_text() for p in pathlib.Path("/proc").glob("[0-9]*/stat") if p.exists())
        fields = [(int(stat.split(" ", 1)[0]), int(stat.rsplit(")", 1)[1].split()[1])) for stat in stats]
        return [child for child, parent in fields if parent == self.pid]


@fault("200,000 lines printed", "all of them, in order")
def lines(kernel):
    assert kernel.text('for n in 0..200_000 { println!("{n}"); }') == "".join(f"{n}\n" for n in range(200_000))


def is_cut(kernel, code, length):
    """The first megabytes are shown, the cut is told, and the rest is in the file that is named."""
    reply, messages = kernel.run(code)
    assert reply["status"] == "ok", reply
    text = lambda name: "".join(m["content"]["text"] for m in messages if m["content"].get("name") == name)
    shown = text("stdout").encode()
    assert 9_000_000 < len(shown) <= 10_000_000 or "repeat" not in code or not shown, len(shown)
    rest = pathlib.Path(re.search(r"cut at 10 MB \(PILLARS_OUTPUT_MB\); the rest is in (.*)\]", text("stderr"))[1])
    assert rest.stat().st_size + len(shown) == length, (rest.stat().st_size, len(shown))
    rest.unlink()


@fault("100 MB printed", "10 MB, and the file that has the rest")
def string(kernel):
    is_cut(kernel, 'print!("{}", "é".repeat(50_000_000));', 100_000_000)


@fault("a million lines printed", "10 MB, and the file that has the rest")
def million(kernel):
    is_cut(kernel, 'for n in 0..1_000_000 { println!("{n:099}"); }', 100_000_000)


@fault("a value of 100 MB", "the file that has it")
def large_value(kernel):
    is_cut(kernel, '"x".repeat(100_000_000)', 100_000_002)


@fault("100,000 outputs", "all of them, in order")
def outputs(kernel):
    _, messages = kernel.run("for n in 0..100_000 { display(n); }", timeout=300)
    shown = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "display_data"]
    assert shown == [str(n) for n in range(100_000)]


@fault("bytes that are no UTF-8", "a replacement character for each")
def no_utf8(kernel):
    assert kernel.text('use std::io::Write; std::io::stdout().write_all(b"a\\xff\\xfeb\\n").unwrap();') == "a\ufffd\ufffdb\n"


@fault("ANSI, NUL, bell, and what begins like our own messages", "just that")
def control(kernel):
    printed = "\x1b[31mred\x1b[0m \0 \x07 50 %\r100 %\n\x01\x02pillars {}\n"
    code = r'print!("\u{1b}[31mred\u{1b}[0m \0 \u{7} 50 %\r100 %\n\u{1}\u{2}pillars {{}}\n");'
    assert kernel.text(code) == printed


@fault("a thread that prints after its cell", "its text, under the next cell")
def late_thread(kernel):
    kernel.run(f'let t = std::thread::spawn(|| {{ {SECOND} println!("late"); 5 }});')
    time.sleep(1.5)
    assert "late" in kernel.text("t.join().unwrap();")


@fault("standard output closed by a cell", "an error that says what is back; the next cell prints")
def closed(kernel):
    code = "use std::os::fd::FromRawFd; drop(unsafe { std::fs::File::from_raw_fd(1) });"
    reply, _ = kernel.run(code)
    assert reply["status"] == "error" and "are back" in reply["evalue"] or "is back" in reply["evalue"], reply
    assert kernel.text('println!("again");') == "again\n"


@fault("a subscriber that does not read", "nothing: it is let go, others get all 120 MB", PILLARS_OUTPUT_MB="200")
def stalled(kernel):
    kernel.socket(zmq.SUB, "iopub_port", SUBSCRIBE=b"", RCVHWM=1, RCVBUF=1000)
    time.sleep(0.5)
    text = kernel.text('for n in 0..1000 { println!("{n} {}", "x".repeat(120_000)); }')
    assert len(text) == sum(len(f"{n} ") + 120_001 for n in range(1000))


@fault("a client that vanishes in the middle of its cell", "nothing: the cell runs to its end")
def vanished(kernel):
    script = (f"from jupyter_client import BlockingKernelClient as C; import os, time; c = C(connection_file={kernel.manager.connection_file!r}); "
              f"c.load_connection_file(); c.start_channels(); c.wait_for_ready(); c.execute('kept.push(9); {SECOND} kept.push(10);'); "
              "time.sleep(.7); os._exit(1)")
    subprocess.run([sys.executable, "-c", script], timeout=60)
    assert kernel.value("&kept") == "[1, 2, 3, 9, 10]"
    kernel.run("kept.truncate(3);")


@fault("a client that reconnects at once under its old name, 200 times", "an answer each time")
def reconnected(kernel):
    session = kernel.client.session
    for n in range(200):
        client = kernel.socket(zmq.DEALER, "shell_port", IDENTITY=b"the same")
        session.send(client, "kernel_info_request", {})
        if n % 2:  # gone before its answer
            client.close()
            client = kernel.socket(zmq.DEALER, "shell_port", IDENTITY=b"the same")
            session.send(client, "kernel_info_request", {})
        assert client.poll(5000), f"no answer after {n} times"
        client.close()


@fault("heartbeats of ZeroMQ itself (PING)", "nothing: they are answered")
def pings(kernel):
    options = dict(HEARTBEAT_IVL=50, HEARTBEAT_TIMEOUT=500, HEARTBEAT_TTL=1000)
    client = kernel.socket(zmq.DEALER, "shell_port", **options)
    subscriber = kernel.socket(zmq.SUB, "iopub_port", SUBSCRIBE=b"", **options)
    monitors = [each.get_monitor_socket(zmq.EVENT_DISCONNECTED) for each in (client, subscriber)]
    kernel.run('for n in 0..100 { println!("{n}"); std::thread::sleep(std::time::Duration::from_millis(10)); }')
    time.sleep(1)
    kernel.client.session.send(client, "kernel_info_request", {})
    assert client.poll(5000), "no answer"
    assert not any(monitor.poll(0) for monitor in monitors), "a connection was ended"
    while subscriber.poll(100):
        assert subscriber.recv_multipart()[1] == b"<IDS|MSG>"
    for each in (client, subscriber):
        each.disable_monitor()


@fault("bytes that are no protocol, and frames of 2^46 bytes", "nothing: their connection is ended")
def wire(kernel):
    ready = lambda kind: b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    frame = lambda flags, body: bytes([flags, len(body)]) + body
    handshake = lambda kind: GREETING + frame(4, ready(kind))
    kernel.each_socket({
        "a client's frame that says it has 2^46 bytes": (handshake(b"DEALER"), b"\x02" + struct.pack(">Q", 1 << 46), bytes(100)),
        "a subscriber's frame that says it has 2^46 bytes": (handshake(b"SUB"), b"\x02" + struct.pack(">Q", 1 << 46), bytes(100)),
        "a message of a million frames": (handshake(b"DEALER"), b"\x01\x01x" * 1_000_000),
        "a command of a gigabyte": (handshake(b"DEALER"), b"\x06" + struct.pack(">Q", 1 << 30), bytes(100)),
        "heartbeats without an end, unread": (handshake(b"DEALER"), (b"\x04\x09\x04PING\x00\x01ab") * 100_000),
        "a frame that says it has 2^63 bytes": (GREETING, b"\x02" + struct.pack(">Q", (1 << 63) + 5)),
        "no protocol at all": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20,),
        "random bytes": (os.urandom(100_000),),
        "half a greeting, and silence": (GREETING[:20],),
        "a greeting, and the end": (GREETING,),
    }, lambda port, parts: kernel.raw(port, *parts))
    time.sleep(0.5)


@fault("messages that are forged, replayed, cut short or too long", "nothing: they are noted and dropped")
def messages(kernel):
    session = kernel.client.session
    message = session.msg("shutdown_request", {"restart": False})
    parts = [json.dumps(message[part], default=str).encode() for part in ("header", "parent_header", "metadata", "content")]
    asked = session.serialize(session.msg("execute_request", {"code": "kept.push(7);"}))
    header = b'{"msg_type":"shutdown_request"}'
    rows = {
        "nothing": (b"",),
        "no delimiter": (b"hello",),
        "cut after the delimiter": (b"<IDS|MSG>",),
        "a forged signature": (b"<IDS|MSG>", b"0" * 64, *parts),
        "no signature": (b"<IDS|MSG>", b"", header, b"{}", b"{}", b"{}"),
        "what is no JSON": (b"<IDS|MSG>", b"0" * 64, b"\xff", b"\xff", b"\xff", b"\xff"),
        "a thousand frames": (b"<IDS|MSG>", *[b"x"] * 1000),
        "a long frame": (b"<IDS|MSG>", b"x" * 30_000_000),
        "a message that was cut in its content": asked[:-1],
    }
    rows_on = lambda port, frames: port == "iopub_port" or kernel.socket(zmq.DEALER, port).send_multipart(frames)
    kernel.each_socket(rows, rows_on)
    client = kernel.socket(zmq.DEALER, "shell_port")
    for _ in range(3):  # taken once
        client.send_multipart(asked)
    client.poll(5000)
    time.sleep(0.5)
    assert kernel.value("kept.pop().unwrap() * 10 + kept.len() as i32") == "73"


@fault("a thousand connections that come and go, a hundred that stay", "nothing")
def connections(kernel):
    for _ in range(1000):
        socket.create_connection(("127.0.0.1", kernel.info["shell_port"]), timeout=10).close()
    for _ in range(100):
        kernel.raw("iopub_port", GREETING)


@fault("the kernel killed", "its processes end with it; a new kernel begins")
def killed(kernel):
    manager, client = start_new_kernel(kernel_name="pillars")
    client.execute_interactive("1 + 1", timeout=60)
    own, kernel.pid = kernel.pid, manager.provisioner.pid
    children = kernel.children()
    assert children
    os.kill(kernel.pid, signal.SIGKILL)
    kernel.pid = own
    deadline = time.time() + 5
    while any(pathlib.Path(f"/proc/{child}/exe").exists() for child in children):
        assert time.time() < deadline, "a process is left"
        time.sleep(0.05)
    client.stop_channels()
    manager.cleanup_resources()


@fault("the process that runs cells killed, while none runs", "what is back, by name, at the next cell")
def runner_killed(kernel):
    (runner,) = [child for child in kernel.children() if pathlib.Path(f"/proc/{child}/comm").read_text().strip() != "rustc"]
    os.kill(runner, signal.SIGKILL)
    time.sleep(0.2)
    reply, _ = kernel.run("kept.len()")
    assert reply["status"] == "ok" or "`kept` is back" in reply["evalue"], reply


@fault("a restart in place, asked for or forced", "the same ports, a session anew")
def restarted(_):
    manager = KernelManager(kernel_name="pillars")
    manager.start_kernel()
    for now in (False, True, None):
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.stop_channels()
        if now is not None:
            manager.restart_kernel(now=now)
    manager.shutdown_kernel(now=True)


@fault("other users of the machine", "nothing: connection files and sockets are their owner's")
def others(kernel):
    assert os.stat(kernel.manager.connection_file).st_mode & 0o077 == 0
    for stale in (False, True):
        manager = KernelManager(kernel_name="pillars", transport="ipc", ip=str(kernel.folder / "kernel"))
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert client.execute_interactive("1", timeout=60)["content"]["status"] == "ok"
        modes = {path.name: path.stat().st_mode & 0o777 for path in kernel.folder.iterdir()}
        assert set(modes.values()) == {0o600} and len(modes) >= 5, modes
        client.stop_channels()
        # What a killed kernel leaves behind does not hinder the next.
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        manager.shutdown_kernel(now=True)


@fault("a port that is taken", "at once one sentence that names it, and a status other than 0")
def taken_port(kernel):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    info = {**{port: 0 for port in PORTS}, "shell_port": taken.getsockname()[1], "ip": "127.0.0.1", "transport": "tcp", "key": "k"}
    file = kernel.folder / "connection.json"
    file.write_text(json.dumps(info))
    program = kernel.manager.kernel_spec.argv[0]
    ran = subprocess.run([program, "kernel", "--connection-file", str(file)], capture_output=True, text=True, timeout=20)
    taken.close()
    assert ran.returncode != 0 and "shell" in ran.stderr and len(ran.stderr.splitlines()) == 1, ran


@fault("two kernels that compile the same cells into one cache", "the right values in both")
def shared_cache(kernel):
    manager, other = start_new_kernel(kernel_name="pillars")
    mark = time.time_ns()
    cells = [f"fn f{n}() -> u64 {{ {mark} + {n} }}\nf{n}()" for n in range(5)]
    shown = {}
    for client in (kernel.client, other):
        for cell in cells:
            client.execute(cell)
    for client in (kernel.client, other):
        values = shown.setdefault(client, [])
        while len(values) < len(cells):
            message = client.get_iopub_msg(timeout=60)
            assert message["msg_type"] != "error", message
            if message["msg_type"] == "execute_result":
                values.append(message["content"]["data"]["text/plain"])
        for _ in cells:
            client.get_shell_msg(timeout=60)
    assert list(shown.values()) == [[str(mark + n) for n in range(5)]] * 2, shown
    other.stop_channels()
    manager.shutdown_kernel(now=True)


@fault("the kernel's own notes", "nothing in the notebook: they are in a file")
def notes(kernel):
    kernel.socket(zmq.DEALER, "shell_port").send_multipart([b"hello"])
    log = pathlib.Path(os.environ["PILLARS_HOME"]) / "kernel.log"
    deadline = time.time() + 5
    while "no <IDS|MSG> delimiter" not in log.read_text():
        assert time.time() < deadline
        time.sleep(0.05)


class Faults(unittest.TestCase):
    """Each row, against a kernel that has the row's environment."""
    kernels = {}

    @classmethod
    def tearDownClass(cls):
        for kernel in cls.kernels.values():
            kernel.end()

    def check(self, env, run):
        key = tuple(env.items())
        if key not in self.kernels:
            self.kernels[key] = Kernel(self, env)
        kernel = self.kernels[key]
        kernel.test = self
        run(kernel)
        # Whatever it was: nothing is lost.
        self.assertEqual(kernel.value("&kept"), "[1, 2, 3]")
        self.assertEqual(kernel.manager.provisioner.pid, kernel.pid)
        self.assertTrue(kernel.manager.is_alive())
        self.assertTrue(kernel.client.is_alive())


for name, seen, env, run in ROWS:
    setattr(Faults, f"test_{run.__name__}", lambda self, env=env, run=run: self.check(env, run))


if __name__ == "__main__":
    ended = unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]], exit=False).result
    failed = {getattr(test, "test_case", test).id().split(".test_")[-1] for test, _ in ended.failures + ended.errors}
    for name, seen, _, run in ROWS:
        print(f"{name:64}  {'FAILED' if run.__name__ in failed else seen + '; lost: nothing'}")
    sys.exit(not ended.wasSuccessful())
