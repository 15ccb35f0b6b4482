"""Completion and hover by types, over Jupyter's client."""
import os
import pathlib
import re
import signal
import sys
import time
import unittest

from jupyter_client.manager import start_new_kernel

# How long the sources may take to be read, on a slow machine; and how long one question may be asked again
# there, in seconds: what is late is answered by the index alone, and known by types the next time.
READING = 240
PATIENCE = 60

DEFINITIONS = ["#[derive(Clone)]\nstruct Shop { queue: Queue }\nimpl Shop { fn opens(&self) -> f64 { 9.0 } }",
               "let shop = Shop { queue: Queue::mm1(0.5, 1.0) };",
               'let frame = df!("n" => [1i64, 2]).unwrap();']

# Code with the cursor at `|`; what must be among the answers; what must not.
CASES = [
    ("shop.|", {"opens", "queue"}, {"simulate", "lazy"}),
    ("shop.queue.|", {"simulate", "theory"}, {"opens", "lazy"}),
    ("shop.queue.sim|", {"simulate"}, {"theory"}),
    ("let s = shop.queue.simulate(Trials::new(4, 100));\ns.wa|", {"wait", "wait_quantile"}, {"opens"}),
    ("frame.la|", {"lazy"}, {"opens"}),
    ("let alphabet = 3; let b = alph|", {"alphabet"}, set()),
    ("é; shop.op|", {"opens"}, set()),
    (":timing\nshop.op|", {"opens"}, set()),
    ("let x = { shop.op|", {"opens"}, set()),
    ("fn twice(s: &Shop) -> f64 { s.op| }", {"opens"}, set()),
    ("Queue::mm1|", {"mm1"}, {"opens"}),
    ("shop.nothing_of_that_kind|", set(), {"opens"}),
]


class Analyzer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name="pillars")
        for code in DEFINITIONS:
            cls.run_cell(code)
        cls.first = cls.complete("sho|")["matches"]
        cls.early = cls.complete("shop.|")["matches"]
        for _ in range(READING):
            if "opens" in cls.complete("shop.|")["matches"]:
                return
            time.sleep(1)
        raise AssertionError(f"types are not known after {READING} s")

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    @classmethod
    def run_cell(cls, code):
        reply = cls.client.execute_interactive(code, timeout=60)["content"]
        assert reply["status"] == "ok", reply

    @classmethod
    def ask(cls, send, code):
        cursor = code.index("|")
        asked = send(code.replace("|", ""), cursor)
        while (reply := cls.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != asked:
            pass
        return reply["content"]

    @classmethod
    def complete(cls, code):
        return cls.ask(cls.client.complete, code)

    @classmethod
    def knows(cls, send, code, enough):
        """The first reply that is enough, or the last one."""
        end = time.monotonic() + PATIENCE
        while not enough(reply := cls.ask(send, code)) and time.monotonic() < end:
            pass
        return reply

    def processes(self):
        """Those of the analyzer, among the kernel's."""
        kernel = self.manager.provisioner.pid
        mine = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            text = stat.read_text() if stat.exists() else "0 (gone) Z 0"
            if int(text.rsplit(")", 1)[1].split()[1]) == kernel and "(pillars-analyz" in text:
                mine.append(int(stat.parent.name))
        return mine

    def test_the_first_answer_does_not_wait_for_it(self):
        self.assertIn("shop", self.first)
        self.assertNotIn("opens", self.early, "it has been waited for")

    def test_methods_fields_and_locals_are_known_by_their_types(self):
        for code, wanted, unwanted in CASES:
            with self.subTest(code):
                reply = self.knows(self.client.complete, code, lambda reply: wanted <= set(reply["matches"]))
                matches = set(reply["matches"])
                self.assertLessEqual(wanted, matches)
                self.assertFalse(unwanted & matches, matches)
                before = code[: code.index("|")]
                word = re.search(r"\w*$", before)[0]
                self.assertEqual((reply["cursor_start"], reply["cursor_end"]), (len(before) - len(word), len(before)))

    def test_hover_tells_signatures_and_documents(self):
        cases = [("shop.opens|()", "fn opens(&self) -> f64"), ("frame.height|()", "number of rows"),
                 ("shop.queue.sim|ulate(", "independent replications"), ("sho|p", "shop: Shop")]
        for code, wanted in cases:
            with self.subTest(code):
                reply = self.knows(self.client.inspect, code, lambda reply: reply["found"])
                self.assertIn(wanted, reply["data"].get("text/plain", ""))
                self.assertNotIn("ctx::", str(reply["data"]))

    def test_it_answers_while_a_cell_runs_and_an_interrupt_leaves_it_alone(self):
        before = self.processes()
        self.assertEqual(len(before), 1)
        running = self.client.execute("loop {}")
        time.sleep(1)
        self.assertIn("opens", self.knows(self.client.complete, "shop.|", lambda reply: "opens" in reply["matches"])["matches"])
        self.manager.interrupt_kernel()
        while self.client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != running:
            pass
        self.assertEqual(self.processes(), before)

    def test_when_it_dies_the_index_answers_and_it_comes_again(self):
        (number,) = self.processes()
        os.kill(number, signal.SIGKILL)
        self.assertIn("Queue", self.complete("Que|")["matches"])
        for _ in range(READING):
            time.sleep(1)
            if "opens" in self.complete("shop.|")["matches"]:
                return
        self.fail("it did not come again")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
