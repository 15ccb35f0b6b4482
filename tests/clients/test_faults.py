"""What clients and machines can do to a kernel: the fault, and that nothing is lost by it."""
import json
import os
import pathlib
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


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        env = {**os.environ, "PILLARS_OUTPUT_MB": "200"}
        cls.manager, cls.client = start_new_kernel(kernel_name="pillars", env=env)
        cls.info = cls.manager.get_connection_info()
        cls.run_cell("let mut kept = vec![1, 2, 3];")

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    @classmethod
    def run_cell(cls, code, timeout=60):
        messages = []
        reply = cls.client.execute_interactive(code, output_hook=messages.append, timeout=timeout, allow_stdin=False)
        return reply["content"], messages

    def raw(self, port, *parts):
        """A connection that sends these bytes."""
        connection = socket.create_connection(("127.0.0.1", self.info[port]), timeout=10)
        self.addCleanup(connection.close)
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break  # it has been let go
        return connection

    def dealer(self, port, *frames):
        context = zmq.Context.instance()
        client = context.socket(zmq.DEALER)
        client.linger = 0
        self.addCleanup(client.close)
        client.connect(f"tcp://127.0.0.1:{self.info[port]}")
        client.send_multipart(frames)
        return client

    def test_nobody_gets_in_and_others_are_served(self):
        good = self.client.session
        message = good.msg("shutdown_request", {"restart": False})
        parts = [json.dumps(message[part], default=str).encode() for part in ("header", "parent_header", "metadata", "content")]
        header = b'{"msg_type":"shutdown_request"}'
        ready = lambda kind: b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        frame = lambda flags, body: bytes([flags, len(body)]) + body
        handshake = lambda kind: GREETING + frame(4, ready(kind))
        wire = {
            "a client's frame that says it has 2^46 bytes": (handshake(b"DEALER"), b"\x02" + struct.pack(">Q", 1 << 46), bytes(100)),
            "a subscriber's frame that says it has 2^46 bytes": (handshake(b"SUB"), b"\x02" + struct.pack(">Q", 1 << 46), bytes(100)),
            "a message of a million frames": (handshake(b"DEALER"), b"\x01\x01x" * 1_000_000),
            "a frame that says it has 2^63 bytes": (GREETING, b"\x02" + struct.pack(">Q", (1 << 63) + 5)),
            "no protocol at all": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20,),
            "random bytes": (os.urandom(100_000),),
            "half a greeting, and silence": (GREETING[:20],),
            "a greeting, and the end": (GREETING,),
        }
        messages = {
            "nothing": (b"",),
            "no delimiter": (b"hello",),
            "cut after the delimiter": (b"<IDS|MSG>",),
            "a forged signature": (b"<IDS|MSG>", b"0" * 64, *parts),
            "no signature": (b"<IDS|MSG>", b"", header, b"{}", b"{}", b"{}"),
            "what is no JSON": (b"<IDS|MSG>", b"0" * 64, b"\xff", b"\xff", b"\xff", b"\xff"),
            "a thousand frames": (b"<IDS|MSG>", *[b"x"] * 1000),
            "a long frame": (b"<IDS|MSG>", b"x" * 30_000_000),
        }
        for port in PORTS:
            for name, bytes_ in wire.items():
                with self.subTest(fault=name, port=port):
                    self.raw(port, *bytes_)
            if port == "iopub_port":
                continue
            for name, frames in messages.items():
                with self.subTest(fault=name, port=port):
                    self.dealer(port, *frames)
        time.sleep(1)
        reply, outputs = self.run_cell("kept.push(4); kept.len()")
        self.assertEqual((reply["status"], outputs[-2]["content"]["data"]["text/plain"]), ("ok", "4"))
        self.assertTrue(self.client.is_alive())
        self.run_cell("kept.pop();")

    def test_a_thousand_connections_that_come_and_go(self):
        for _ in range(1000):
            connection = socket.create_connection(("127.0.0.1", self.info["shell_port"]), timeout=10)
            connection.close()
        held = [self.raw("iopub_port", GREETING) for _ in range(100)]
        self.assertEqual(self.run_cell("kept.len()")[0]["status"], "ok")
        for connection in held:
            connection.close()

    def test_a_subscriber_that_does_not_read_delays_nobody(self):
        subscriber = zmq.Context.instance().socket(zmq.SUB)
        self.addCleanup(subscriber.close, 0)
        subscriber.setsockopt(zmq.SUBSCRIBE, b"")
        subscriber.setsockopt(zmq.RCVHWM, 1)
        subscriber.setsockopt(zmq.RCVBUF, 1000)
        subscriber.connect(f"tcp://127.0.0.1:{self.info['iopub_port']}")
        time.sleep(0.5)
        reply, messages = self.run_cell('for n in 0..1000 { println!("{n} {}", "x".repeat(120_000)); }', timeout=120)
        self.assertEqual(reply["status"], "ok")
        text = "".join(m["content"].get("text", "") for m in messages)
        self.assertEqual(len(text), sum(len(f"{n} ") + 120_001 for n in range(1000)))
        self.assertEqual(messages[-1]["content"], {"execution_state": "idle"})

    def test_a_client_that_vanishes_in_the_middle_of_its_cell(self):
        script = (f"from jupyter_client import BlockingKernelClient as C; import os; c = C(connection_file={self.manager.connection_file!r}); "
                  "c.load_connection_file(); c.start_channels(); c.wait_for_ready(); "
                  "c.execute('kept.push(9); std::thread::sleep(std::time::Duration::from_millis(1500)); kept.push(10);'); "
                  "import time; time.sleep(.7); os._exit(1)")
        subprocess.run([sys.executable, "-c", script], timeout=60)
        _, messages = self.run_cell("&kept")
        shown = [m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"]
        self.assertEqual(shown, ["[1, 2, 3, 9, 10]"])
        self.run_cell("kept.truncate(3);")

    def test_a_restart_in_place_binds_again(self):
        manager = KernelManager(kernel_name="pillars")
        manager.start_kernel()
        self.addCleanup(manager.shutdown_kernel, now=True)
        for now in (False, True):
            client = manager.client()
            client.start_channels()
            client.wait_for_ready(timeout=60)
            client.stop_channels()
            manager.restart_kernel(now=now)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.stop_channels()

    def test_sockets_in_the_file_system_are_their_owners(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        manager = KernelManager(kernel_name="pillars", transport="ipc", ip=str(folder / "kernel"))
        manager.start_kernel()
        self.addCleanup(manager.shutdown_kernel, now=True)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        self.assertEqual(client.execute_interactive("1", timeout=60)["content"]["status"], "ok")
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        self.assertEqual(set(modes.values()), {0o600}, modes)
        self.assertEqual(len(modes), 5)
        client.stop_channels()

    def test_a_port_that_is_taken_is_told_at_once(self):
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        info = {**{port: 0 for port in PORTS}, "shell_port": taken.getsockname()[1], "ip": "127.0.0.1", "transport": "tcp", "key": "k"}
        file = pathlib.Path(tempfile.mkdtemp()) / "connection.json"
        file.write_text(json.dumps(info))
        program = self.manager.kernel_spec.argv[0]
        ran = subprocess.run([program, "kernel", "--connection-file", str(file)], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("shell", ran.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
