"""What cells show, ask and print, over Jupyter's client."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import unittest

import nbformat
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

ENV = {**os.environ, "PILLARS_OUTPUT_MB": "2"}


class Display(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name="pillars", env=ENV)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    def run_cell(self, code, **options):
        """The reply's content, and all messages of the cell but its statuses."""
        messages = []
        options.setdefault("allow_stdin", False)
        reply = self.client.execute_interactive(code, output_hook=messages.append, timeout=120, **options)
        kept = [m for m in messages if m["msg_type"] not in ("status", "execute_input")]
        return reply["content"], kept

    def texts(self, messages, name="stdout"):
        return "".join(m["content"]["text"] for m in messages if m["content"].get("name") == name)

    def value(self, code):
        reply, messages = self.run_cell(code)
        self.assertEqual(reply["status"], "ok", reply)
        return messages[-1]["content"]["data"]["text/plain"]

    def test_raw_content_has_its_mime_type(self):
        cases = [('Html("<b>x</b>")', "text/html", "<b>x</b>"), ('Markdown("$x$")', "text/markdown", "$x$"),
                 ('Svg("<svg/>")', "image/svg+xml", "<svg/>"), ('Json("{\\"a\\": [1]}")', "application/json", {"a": [1]}),
                 ('Bundle::plain("p").with("text/latex", "$y$")', "text/latex", "$y$"),
                 ('Box::new(Html("<i>"))', "text/html", "<i>"), ('df!("a" => [1]).unwrap()', "text/html", None)]
        for code, mime, content in cases:
            for wrapped, kind in ((code, "execute_result"), (f"display({code})", "display_data")):
                with self.subTest(wrapped):
                    _, (message,) = self.run_cell(wrapped)
                    self.assertEqual(message["msg_type"], kind)
                    data = message["content"]["data"]
                    self.assertIn("text/plain", data)
                    self.assertIn(mime, data)
                    if content is not None:
                        self.assertEqual(data[mime], content)

    def test_a_type_of_the_readers_shows_itself(self):
        self.run_cell('struct Dot(u32);\nimpl Rich for Dot { fn bundle(&self) -> Bundle { Bundle::plain("dot").with("text/html", format!("<b>{}</b>", self.0)) } }')
        _, (shown, result) = self.run_cell("display(Dot(1)); &Dot(2)")
        self.assertEqual(shown["content"]["data"]["text/html"], "<b>1</b>")
        self.assertEqual(result["content"]["data"]["text/html"], "<b>2</b>")

    def test_outputs_are_cleared_now_or_with_the_next(self):
        for wait in (False, True):
            _, messages = self.run_cell(f'display("before"); clear_output({str(wait).lower()}); display("after");')
            self.assertEqual([m["msg_type"] for m in messages], ["display_data", "clear_output", "display_data"])
            self.assertEqual(messages[1]["content"], {"wait": wait})

    def test_a_type_that_shows_itself_as_evcxr_has_it(self):
        self.run_cell(r'''struct Dot(u32);
            impl Dot { fn evcxr_display(&self) {
                println!("EVCXR_BEGIN_CONTENT text/html\n<b>\n{}</b>\nEVCXR_END_CONTENT", self.0);
                println!("EVCXR_BEGIN_CONTENT text/plain\ndot\nEVCXR_END_CONTENT"); } }''')
        _, messages = self.run_cell('println!("a"); Dot(1).evcxr_display(); println!("b"); Dot(2)')
        self.assertEqual([m["msg_type"] for m in messages], ["stream", "display_data", "stream", "execute_result"])
        self.assertEqual([m["content"]["data"] for m in messages[1::2]],
                         [{"text/html": f"<b>\n{n}</b>", "text/plain": "dot"} for n in (1, 2)])
        self.assertEqual(self.texts(messages), "a\nb\n")

    def test_values_are_shown_whatever_references_they_are_behind(self):
        for code, shown in [('"a"', '"a"'), ('&"a"', '"a"'), ("&&vec![&1]", "[1]"), ("Some(&1.5)", "Some(1.5)"),
                            ("std::rc::Rc::new(5)", "5"), ("(1, 'x')", "(1, 'x')"), ("[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]")]:
            with self.subTest(code):
                self.assertEqual(self.value(code), shown)

    def test_what_was_shown_is_changed_from_another_cell_also_after_a_crash(self):
        _, (shown,) = self.run_cell('let handle = display("first");')
        _, (second,) = self.run_cell('let other = display("second");')
        ids = [m["content"]["transient"]["display_id"] for m in (shown, second)]
        self.assertNotEqual(*ids)
        for crash in (False, True):
            if crash:
                self.run_cell("std::process::abort()")
            _, (update,) = self.run_cell('handle.update(Html("<b>changed</b>"));')
            self.assertEqual(update["msg_type"], "update_display_data")
            self.assertEqual(update["content"]["transient"]["display_id"], ids[0])
            self.assertEqual(update["content"]["data"]["text/html"], "<b>changed</b>")
        _, (third,) = self.run_cell('display("third");')
        self.assertNotIn(third["content"]["transient"]["display_id"], ids)

    def test_progress_is_one_output_that_ends_as_a_count(self):
        code = "for _ in progress(0..30) { std::thread::sleep(std::time::Duration::from_millis(60)); }"
        self.assertEqual(self.run_cell(code)[1], [], "nobody looks on: the outputs must not depend on the machine")
        _, messages = self.run_cell(code, allow_stdin=True)
        kinds = [m["msg_type"] for m in messages]
        self.assertEqual(kinds[0], "display_data")
        self.assertGreater(len(kinds), 2)
        self.assertEqual(set(kinds[1:]), {"update_display_data"})
        self.assertEqual(len({m["content"]["transient"]["display_id"] for m in messages}), 1)
        told = [m["content"]["data"]["text/plain"] for m in messages]
        self.assertRegex(told[1], r"^\d+ % · \d+ of 30 · [\d.]+ a second · \d+ s left$")
        self.assertEqual(told[-1], "30 of 30")

    def test_progress_of_a_sweep_and_none_of_what_is_short(self):
        long = 'sweep("load", &[0.5, 0.6, 0.7, 0.8]).measured("s", |load| { std::thread::sleep(std::time::Duration::from_millis(500)); Queue::mm1(load, 1.0).simulate(Trials::new(4, 100)).wait });'
        _, messages = self.run_cell(long, allow_stdin=True)
        self.assertEqual(messages[-1]["content"]["data"]["text/plain"], "4 of 4 points of the sweep")
        for short in ("for _ in progress(0..100_000) {}", "progress(vec![1, 2]).sum::<i32>();", "for _ in progress(std::iter::repeat(1)) { break; }"):
            with self.subTest(short):
                self.assertEqual(self.run_cell(short, allow_stdin=True)[1], [])

    def test_a_saved_notebook_holds_the_last_state(self):
        cells = ['let h = display("before");', 'h.update("after");']
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
        NotebookClient(notebook, kernel_name="pillars").execute()
        shown = [[o["data"]["text/plain"] for o in cell["outputs"]] for cell in notebook.cells]
        self.assertEqual(shown, [['"after"'], []])

    def test_questions_are_answered_also_when_a_crash_has_them_asked_again(self):
        asked = []

        def answer(message):
            asked.append(message["content"])
            self.client.input("Ada é" if not message["content"]["password"] else "secret")

        code = 'let name = input("your name: "); let word = password("word: ");'
        reply, _ = self.run_cell(code, allow_stdin=True, stdin_hook=answer)
        self.assertEqual(reply["status"], "ok", reply)
        self.assertEqual(asked, [{"prompt": "your name: ", "password": False}, {"prompt": "word: ", "password": True}])
        self.assertEqual(self.value("(&name, &word)"), '("Ada é", "secret")')
        reply, _ = self.run_cell("std::process::abort()", allow_stdin=True, stdin_hook=answer)
        self.assertIn("are back", reply["evalue"])
        self.assertEqual(self.value("(&name, &word)"), '("Ada é", "secret")')
        self.assertEqual(len(asked), 2)

    def test_a_question_that_nobody_can_answer_is_an_error_at_once(self):
        self.run_cell("let mut kept = vec![1];")
        reply, _ = self.run_cell('kept.push(2); let name = input("your name: ");')
        self.assertEqual(reply["ename"], "InputNotAllowed")
        self.assertIn("nbconvert", reply["evalue"])
        self.assertEqual(self.value("&kept"), "[1, 2]")

    def test_an_open_question_can_be_interrupted(self):
        self.run_cell("let mut kept = vec![1];")
        asked = self.client.execute('kept.push(2); let name = input("your name: ");', allow_stdin=True)
        self.client.get_stdin_msg(timeout=60)
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != asked:
            pass
        self.assertEqual(reply["content"]["ename"], "Interrupted")
        self.assertEqual(self.value("&kept"), "[1, 2]")

    def test_text_shows_without_a_line_feed_while_the_cell_runs(self):
        request = self.client.execute('print!("12 %"); std::thread::sleep(std::time::Duration::from_secs(30));')
        begin = time.time()
        while (message := self.client.get_iopub_msg(timeout=20))["content"].get("text") != "12 %":
            self.assertLess(time.time() - begin, 20, "the text did not come before the cell's end")
        self.manager.interrupt_kernel()
        while self.client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] != request:
            pass

    def test_what_a_terminal_would_not_like_comes_through(self):
        cases = [("use std::io::Write; std::io::stdout().write_all(b\"a\\xff\\xfeb\\n\").unwrap();", "a\ufffd\ufffdb\n"),
                 ('println!("\\u{1b}[31mred\\u{1b}[0m \\0 \\u{7}");', "\x1b[31mred\x1b[0m \0 \x07\n"),
                 ('println!("{}", "\\u{1}\\u{2}pillars {}");', "\x01\x02pillars {}\n"),
                 ('print!("50 %\\r100 %\\n");', "50 %\r100 %\n")]
        for code, printed in cases:
            with self.subTest(code):
                reply, messages = self.run_cell(code)
                self.assertEqual((reply["status"], self.texts(messages)), ("ok", printed))

    def test_many_lines_come_in_order(self):
        reply, messages = self.run_cell('for n in 0..200_000 { println!("{n}"); }')
        self.assertEqual(reply["status"], "ok")
        self.assertEqual(self.texts(messages), "".join(f"{n}\n" for n in range(200_000)))

    def test_too_much_output_is_cut_and_the_rest_is_in_a_file(self):
        cases = [('print!("{}", "é".repeat(50_000_000));', 100_000_000), ('for n in 0..100_000 { println!("{n:099}"); }', 10_000_000),
                 ('"x".repeat(30_000_000)', 30_000_002), ('display(Html("x".repeat(5_000_000)));', len("<HTML>"))]
        for code, length in cases:
            with self.subTest(code):
                reply, messages = self.run_cell(code)
                self.assertEqual(reply["status"], "ok", reply)
                shown = sum(len(self.texts(messages, name).encode()) for name in ("stdout", "stderr"))
                self.assertLess(shown, 2_001_000)
                told = re.search(r"cut at 2 MB \(PILLARS_OUTPUT_MB\); the rest is in (.*)\]", self.texts(messages, "stderr"))
                rest = pathlib.Path(told[1])
                self.assertEqual(rest.stat().st_size + len(self.texts(messages).encode()), length)
                rest.unlink()
                self.assertEqual(self.value("1 + 1"), "2")

    def test_commands_answer(self):
        self.run_cell("let numbers = vec![1, 2];")
        cases = [(":vars", "numbers: std::vec::Vec<i32>"), (":type numbers", "numbers: std::vec::Vec<i32>"),
                 (":type numbers.iter().sum::<i32>() as f64", ": f64"), (":type panic!()", ": !"), (":opt 3", "level 3"), (":opt", "level 0"),
                 ("//# :vars", "numbers"), ("!echo shell", "shell"), (":help", ":explain")]
        for code, shown in cases:
            with self.subTest(code):
                reply, messages = self.run_cell(code)
                self.assertEqual(reply["status"], "ok", reply)
                self.assertIn(shown, self.texts(messages))
        for code, shown in [(":doc erlang_c", "servers"), (":explain E0382", "moved")]:
            with self.subTest(code):
                _, (message,) = self.run_cell(code)
                self.assertIn(shown, message["content"]["data"]["text/plain"])
        self.run_cell('let x: i32 = "a";')
        self.assertIn("received type", self.run_cell(":explain")[1][0]["content"]["data"]["text/plain"])
        for code, told in [(":hlep", "did you mean `:help`?"), (":opt 9", "`:opt 0` to `:opt 3`"), (":type", "needs an expression"),
                           (":type no_such_name", "no_such_name"), (":explain nonsense", "no error `nonsense`"), ("!exit 3", "exit status: 3")]:
            with self.subTest(code):
                reply, _ = self.run_cell(code)
                self.assertEqual(reply["status"], "error")
                self.assertIn(told, reply["evalue"])
        self.assertEqual(self.value("&numbers"), "[1, 2]")

    def test_a_crate_is_added_in_one_output_that_says_its_version(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "Cargo.toml").write_text('[package]\nname = "shown-crate"\nversion = "1.2.3"\nedition = "2024"\n[lib]\npath = "lib.rs"\n')
        (folder / "lib.rs").write_text("pub fn five() -> i32 { 5 }")
        for first in (True, False):
            reply, messages = self.run_cell(f':dep shown-crate = {{ path = "{folder}" }}')
            self.assertEqual(reply["status"], "ok", reply)
            self.assertEqual(messages[0]["msg_type"], "display_data")
            self.assertEqual({m["msg_type"] for m in messages[1:]}, {"update_display_data"} if first else set())
            self.assertEqual(messages[-1]["content"]["data"]["text/plain"], "shown-crate 1.2.3 is there")
        self.assertEqual(self.value("shown_crate::five()"), "5")

    def test_a_thread_may_print_after_its_cell(self):
        self.run_cell('let t = std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(700)); println!("late"); 5 });')
        time.sleep(1.2)
        _, messages = self.run_cell("t.join().unwrap()")
        self.assertEqual(messages[-1]["content"]["data"]["text/plain"], "5")
        self.assertIn("late", self.texts(messages))

    def test_history_reaches_back_to_earlier_kernels_and_notes_are_kept_from_the_notebook(self):
        home = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        (home / "library").symlink_to(pathlib.Path(os.environ["PILLARS_HOME"]) / "library")
        for session in (1, 2):
            manager, client = start_new_kernel(kernel_name="pillars", env={**ENV, "PILLARS_HOME": str(home), "PILLARS_HISTORY": str(home / "history.jsonl")})
            client.execute_interactive(f"let session = {session};", timeout=60)
            client.execute_interactive("2 + 2", timeout=60)
            asked = client.session.msg("execute_request", {"code": "1"})
            client.shell_channel.send(asked)
            while client.get_shell_msg(timeout=30)["msg_type"] != "execute_reply":
                pass
            client.shell_channel.send(asked)  # replayed: noted and dropped
            client.history(hist_access_type="tail", n=3)
            while (reply := client.get_shell_msg(timeout=30))["msg_type"] != "history_reply":
                pass
            if session == 2:
                self.assertEqual([entry[2] for entry in reply["content"]["history"]], ["let session = 2;", "2 + 2", "1"])
                client.history(hist_access_type="range", session=-1)
                reply = client.get_shell_msg(timeout=30)["content"]["history"]
                self.assertEqual([entry[1:] for entry in reply], [[1, "let session = 1;"], [2, "2 + 2"], [3, "1"]])
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        self.assertEqual((home / "history.jsonl").stat().st_mode & 0o777, 0o600)
        self.assertIn("sent before", (home / "kernel.log").read_text())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
