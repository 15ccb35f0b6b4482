"""Comms, in both directions, with binary attachments, over Jupyter's own client."""
import sys
import time
import unittest
import uuid

from jupyter_client.manager import start_new_kernel


class Comms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name="pillars")

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    def until_idle(self, request):
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") == request:
                messages.append(message)
                if message["content"].get("execution_state") == "idle":
                    return [m for m in messages if m["msg_type"] not in ("status", "execute_input")]

    def run_cell(self, code):
        return self.until_idle(self.client.execute(code))

    def send(self, kind, buffers=(), **content):
        message = self.client.session.msg(kind, content)
        self.client.session.send(self.client.shell_channel.socket, message, buffers=list(buffers))
        return message["header"]["msg_id"]

    def open(self, target, data):
        comm = uuid.uuid4().hex
        return comm, self.until_idle(self.send("comm_open", comm_id=comm, target_name=target, data=data))

    def known(self, **asked):
        request = self.client.comm_info(**asked)
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != request:
            pass
        return reply["content"]["comms"]

    def test_a_front_end_opens_one_and_buffers_go_round(self):
        shown = self.run_cell("""
            let got = std::rc::Rc::new(std::cell::RefCell::new(Vec::<f64>::new()));
            let kept = got.clone();
            comm_target("slider", move |comm, first| {
                comm.send(json!({ "hello": first.data["rho"] }));
                let kept = kept.clone();
                comm.on_message(move |comm, message| {
                    kept.borrow_mut().push(message.data["rho"].as_f64().unwrap());
                    println!("moved");
                    let buffers: Vec<&[u8]> = message.buffers.iter().rev().map(|b| &b[..]).collect();
                    comm.send_with(json!({ "count": kept.borrow().len() }), &buffers);
                });
            });""")
        self.assertEqual([m["content"] for m in shown], [])
        comm, (hello,) = self.open("slider", {"rho": 0.5})
        self.assertEqual((hello["msg_type"], hello["content"]), ("comm_msg", {"comm_id": comm, "data": {"hello": 0.5}}))
        self.assertEqual(self.known(), {comm: {"target_name": "slider"}})
        self.assertEqual((self.known(target_name="slider").keys(), self.known(target_name="other")), ({comm}, {}))
        sent = [bytes(range(256)) * 1000, b""]
        text, answer = self.until_idle(self.send("comm_msg", sent, comm_id=comm, data={"rho": 0.75}))
        self.assertEqual((text["content"]["text"], answer["content"]["data"]), ("moved\n", {"count": 1}))
        self.assertEqual([bytes(buffer) for buffer in answer["buffers"]], sent[::-1])
        (value,) = self.run_cell("&got.borrow()[..]")
        self.assertEqual(value["content"]["data"]["text/plain"], "[0.75]")
        # A panic of what takes it is told, and the next message is taken.
        (error,) = self.until_idle(self.send("comm_msg", comm_id=comm, data={}))
        self.assertEqual((error["msg_type"], error["content"]["ename"]), ("error", "Panic"))
        self.assertEqual(len(self.until_idle(self.send("comm_msg", comm_id=comm, data={"rho": 1}))), 2)
        self.assertEqual(self.until_idle(self.send("comm_close", comm_id=comm, data={})), [])
        self.assertEqual(self.known(), {})
        self.assertEqual(self.until_idle(self.send("comm_msg", comm_id=comm, data={"rho": 1})), [])

    def test_a_cell_opens_one_that_still_works_after_a_crash(self):
        (opened,) = self.run_cell('let comm = Comm::open("chart", json!({ "a": 1 })); comm.on_message(|comm, message| comm.send(message.data));')
        comm = opened["content"]["comm_id"]
        self.assertEqual((opened["msg_type"], opened["content"]["target_name"], opened["content"]["data"]), ("comm_open", "chart", {"a": 1}))
        for crash in (False, True):
            if crash:
                self.run_cell("std::process::abort()")
            (answer,) = self.until_idle(self.send("comm_msg", comm_id=comm, data={"é": [1, None]}))
            self.assertEqual(answer["content"], {"comm_id": comm, "data": {"é": [1, None]}})
        (message,) = self.run_cell('comm.send_with(json!(null), &[b"ab"]);')
        self.assertEqual(([bytes(b) for b in message["buffers"]], message["content"]["comm_id"]), ([b"ab"], comm))
        (closed,) = self.run_cell("comm.close();")
        self.assertEqual((closed["msg_type"], closed["content"]["comm_id"], self.known()), ("comm_close", comm, {}))

    def test_a_target_that_nobody_registered_is_closed(self):
        comm, (closed,) = self.open("nobody's", {})
        self.assertEqual((closed["msg_type"], closed["content"]), ("comm_close", {"comm_id": comm, "data": {}}))
        self.assertEqual(self.known(), {})

    def test_messages_keep_their_place_among_cells_and_survive_their_errors(self):
        self.run_cell('comm_target("late", |comm, _| comm.on_message(|comm, message| comm.send(message.data)));')
        comm, _ = self.open("late", {})
        failing = self.client.execute('std::thread::sleep(std::time::Duration::from_millis(300)); panic!("on purpose")')
        aborted = self.client.execute("1")
        asked = self.send("comm_msg", comm_id=comm, data={"n": 1})
        kinds = []
        while not kinds or kinds[-1] != (asked, "idle"):
            message = self.client.get_iopub_msg(timeout=60)
            state = message["content"].get("execution_state", message["msg_type"])
            kinds.append((message["parent_header"]["msg_id"], state))
        answers = [kind for kind in kinds if kind[1] in ("error", "comm_msg")]
        self.assertEqual(answers, [(failing, "error"), (asked, "comm_msg")])
        self.assertLess(kinds.index((aborted, "idle")), kinds.index((asked, "busy")))

    def test_one_that_does_not_end_is_interrupted(self):
        self.run_cell('comm_target("endless", |_, _| loop { std::hint::black_box(()); });')
        comm = uuid.uuid4().hex
        asked = self.send("comm_open", comm_id=comm, target_name="endless", data={})
        time.sleep(0.5)
        self.manager.interrupt_kernel()
        (error,) = self.until_idle(asked)
        self.assertEqual(error["content"]["ename"], "Interrupted")
        (value,) = self.run_cell("1 + 1")
        self.assertEqual(value["content"]["data"]["text/plain"], "2")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
