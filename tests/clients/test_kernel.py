"""The kernel against Jupyter's own client and its own test suite."""
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import jupyter_kernel_test as suite


class Welcome(suite.IopubWelcomeTests):
    kernel_name = "pillars"
    support_iopub_welcome = True


class RustKernel(suite.KernelTests):
    kernel_name = "pillars"
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oops");'
    completion_samples = [
        {"text": "erl", "matches": {"erlang_b", "erlang_c"}},
        {"text": "Queue::mm", "matches": {"mm1", "mm_infinity", "mmc"}},
        {"text": "retu", "matches": {"return"}},
    ]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f() -> i32 { 1 }", ":vars"]
    incomplete_code_samples = ["fn f() {", "let s = \"abc", "foo(1,"]
    invalid_code_samples = ["let = 3;", "}"]
    code_generate_error = 'panic!("on purpose")'
    code_execute_result = [
        {"code": "1 + 2", "result": "3"},
        {"code": 'vec!["é"]', "result": '["é"]'},
    ]
    code_display_data = [
        {"code": 'display(&Table::new("t").numbers("n", &[1.0]))', "mime": "text/html"},
    ]
    code_history_pattern = "1*2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "erlang_c"
    code_page_something = "?erlang_c"
    code_clear_output = "clear_output(false)"


class Promises(unittest.TestCase):
    """What the suite does not ask."""

    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = suite.start_new_kernel(kernel_name="pillars")

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def run_cell(self, code, **options):
        """The reply's content and the outputs of a cell, all until idle."""
        outputs = []
        keep = lambda message: outputs.append(message)
        reply = self.client.execute_interactive(code, output_hook=keep, timeout=60, **options)
        kept = [m for m in outputs if m["msg_type"] not in ("status", "execute_input")]
        return reply["content"], [(m["msg_type"], m["content"]) for m in kept]

    def value(self, code):
        reply, outputs = self.run_cell(code)
        self.assertEqual(reply["status"], "ok", reply)
        return next(c["data"]["text/plain"] for kind, c in outputs if kind == "execute_result")

    def test_the_language_is_told_as_tools_need_it(self):
        self.client.kernel_info()
        info = self.client.get_shell_msg(timeout=30)["content"]
        version = subprocess.check_output(["rustc", "--version"], text=True, cwd=pathlib.Path(__file__).parent).split()[1]
        told = {"name": "rust", "version": version, "mimetype": "text/x-rustsrc", "codemirror_mode": "rust",
                "file_extension": ".rs", "pygments_lexer": "rust", "nbconvert_exporter": "script"}
        self.assertEqual({key: info["language_info"].get(key) for key in told}, told)
        self.assertEqual((info["protocol_version"], info["supported_features"], info["debugger"]), ("5.5", [], False))
        spec = self.manager.kernel_spec
        self.assertEqual((spec.interrupt_mode, spec.to_dict()["kernel_protocol_version"]), ("message", "5.5.0"))

    def test_each_error_is_an_error_and_variables_survive(self):
        self.run_cell("let kept = vec![1, 2, 3];")
        cases = [
            ('panic!("boom")', "Panic", "boom"),
            ("assert_eq!(kept.len(), 4)", "Panic", "left == right"),
            ('claim("two is one", 2 == 1)', "Panic", "two is one"),
            ('let n: i32 = "x".parse()?;', "Error", "invalid digit"),
            ("kept.no_such_method()", "CompileError", "no_such_method"),
            ("let = 3;", "CompileError", "expected pattern"),
        ]
        for code, ename, evalue in cases:
            with self.subTest(code=code):
                reply, outputs = self.run_cell(code)
                self.assertEqual((reply["status"], reply["ename"]), ("error", ename))
                self.assertIn(evalue, reply["evalue"])
                (kind, error), = outputs  # one error, and no text on stderr beside it
                self.assertEqual(kind, "error")
                for field in ("ename", "evalue", "traceback"):
                    self.assertEqual(error[field], reply[field])
                self.assertEqual(self.value("&kept"), "[1, 2, 3]")

    def test_a_compile_error_shows_the_readers_line_and_nothing_generated(self):
        reply, _ = self.run_cell('let a = 1;\n\nlet b: i32 = "é"; // here')
        text = "\n".join(reply["traceback"])
        number = reply["execution_count"]
        self.assertIn(f"cell {number}, line 3", text)
        self.assertIn('let b: i32 = "é";', text)
        for generated in ("pillars::cell", "lib.rs", "evcxr"):
            self.assertNotIn(generated, text)

    def test_sessions_keep_what_they_should(self):
        """Cells in order, and what the last one shows; `!` begins an error's name."""
        sessions = {
            "a variable shadowed by its own value": (
                ["let v = vec![1, 2];", "let v = v.into_iter().map(|x| x * 2).collect::<Vec<i32>>();", "v"], "[2, 4]"),
            "made mutable": (["let n = 1;", "let mut n = n;", "n += 1; n"], "2"),
            "a type redefined beside a use of its variable": (
                ["#[derive(Debug)] struct P { a: i32 }\nlet p = P { a: 1 };",
                 "#[derive(Debug)] struct P { a: i32, b: i32 }\nlet p = P { a: 1, b: 2 };\np"], "P { a: 1, b: 2 }"),
            "a variable of an old type can still be used": (
                ["struct Q { a: i32 }\nlet q = Q { a: 1 };", "struct Q { a: i64 }", "q.a"], "1"),
            "an old and a new type are two types": (
                ["struct Q { a: i32 }\nlet q = Q { a: 1 };", "struct Q { a: i64 }", "let r: Q = q;"], "!CompileError"),
            "a constant in a type redefined": (
                ["const N: usize = 2;\nstruct A { a: [u64; N] }\nlet a = A { a: [7; N] };",
                 "const N: usize = 4;", "a.a.len() + N"], "6"),
            "a function redefined is used by those that call it": (
                ["fn f() -> i32 { 1 }", "fn g() -> i32 { f() * 10 }", "fn f() -> i32 { 2 }", "g()"], "20"),
            "a method added and changed in cells of their own": (
                ["struct P { a: i32 }\nlet p = P { a: 2 };", "impl P { fn twice(&self) -> i32 { 2 * self.a } }",
                 "p.twice()", "impl P { fn twice(&self) -> i32 { 20 * self.a } }", "p.twice()"], "40"),
            "a trait of one cell for a type of another": (
                ["trait T { fn t(&self) -> i32; }", "struct P;\nlet p = P;", "impl T for P { fn t(&self) -> i32 { 7 } }", "p.t()"], "7"),
            "an implementation that needs a later type": (
                ["struct A { n: i32 }", "struct B { a: A }", "impl A { fn wrap(self) -> B { B { a: self } } }",
                 "A { n: 3 }.wrap().a.n"], "3"),
            "a static keeps its value": (
                ["static N: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(1);",
                 "N.fetch_add(1, std::sync::atomic::Ordering::SeqCst);", "fn n() -> i32 { N.load(std::sync::atomic::Ordering::SeqCst) }",
                 "n() + 40"], "42"),
            "a thread": (["let t = std::thread::spawn(|| 6 * 7);", "t.join().unwrap()"], "42"),
            "a closure in a box": (["let f: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);", "f(1)"], "2"),
            "a closure in its cell": (["let f = |x: i32| x + 1;\nlet y = f(1);", "y"], "2"),
            "a closure over a variable": (["let k = 3;", "let f = |x: i32| x + k;\nlet z = f(1);", "z + k"], "7"),
            "a closure after its cell": (["let g = |x: i32| x + 1;\ng(1)", "g(2)"], "!CompileError"),
            "an iterator in its cell": (["let squares = (1..4).map(|x| x * x);\nlet sum: i32 = squares.sum();", "sum"], "14"),
            "a closure in a variable's place": (["let h = 1;", "let h = move |x: i32| x + h;\nlet w = h(1);", "w"], "2"),
            "a closure's place taken again": (["let q = |x: i32| x;\nq(1)", "let q = 5;", "q"], "5"),
            "a moved variable": (["let v = vec![1];", "drop(v);", "v"], "!CompileError"),
            "a capital variable": (["let K = 100;", "K + 1"], "101"),
            "a type that is not in scope": (
                ["let m = std::collections::BTreeMap::from([(1, std::rc::Rc::new(2))]);", "m.len()"], "1"),
            "a type in a module": (
                ["mod shapes { #[derive(Debug)] pub struct S; }\nlet s = vec![shapes::S];", "s"], "[S]"),
            "a macro used in a function": (
                ["macro_rules! sq { ($x:expr) => { $x * $x } }", "fn nine() -> i32 { sq!(3) }", "fn ten() -> i32 { nine() + 1 }\nten() + sq!(2)"], "14"),
            "leaving early": (
                ["let kept3 = 1;", "if kept3 == 1 { return Ok(()); }\nlet never = 2;", "kept3"], "1"),
            "a drop that panics": (
                ["struct D; impl Drop for D { fn drop(&mut self) { panic!(\"dropped\") } }\nlet d = D;",
                 "struct D;", "1"], "1"),
            "a panic that is caught": (["std::panic::catch_unwind(|| panic!(\"x\")).is_err()"], "true"),
            "an attribute of the program": (["#![allow(dead_code)]\n3"], "3"),
            "a value and a comment": (["1 + 1 // two"], "2"),
            "awaiting": (["async fn f() -> i32 { 1 }\nf().await"], "1"),
            "traits and generics": (
                ["trait Twice { fn twice(&self) -> i32; }\nimpl Twice for i32 { fn twice(&self) -> i32 { 2 * self } }",
                 "fn both<T: Twice>(a: T, b: T) -> i32 { a.twice() + b.twice() }", "both(1, 2)"], "6"),
        }
        for name, (cells, expected) in sessions.items():
            with self.subTest(name):
                self.run_cell(":clear")
                for code in cells:
                    reply, outputs = self.run_cell(code)
                shown = [c["data"]["text/plain"] for kind, c in outputs if kind == "execute_result"]
                result = shown[0] if shown else "!" + reply.get("ename", reply["status"])
                self.assertEqual(result, expected, reply)
                self.assertFalse([c for _, c in outputs if c.get("name") == "stderr"])

    def test_a_closure_ends_with_its_cell_and_says_so(self):
        self.run_cell("let h = 1;")
        reply, _ = self.run_cell("let h = |x: i32| x + 1;\nh(1)")
        made = reply["execution_count"]
        for code in ("h(2)", "let k = h;"):
            reply, _ = self.run_cell(code)
            self.assertIn(f"`h` ended with cell {made}, for it was a closure", reply["evalue"])
        # Bound and not used, it was meant for later cells: told before anything runs.
        reply, outputs = self.run_cell('println!("ran");\nlet g = |x: i32| x + 1;')
        self.assertIn("`g` could not be kept: it is a closure", reply["evalue"])
        self.assertEqual([kind for kind, _ in outputs], ["error"])

    def test_a_failing_cell_says_what_it_had_moved(self):
        self.run_cell('let items = vec![String::from("a")];')
        reply, _ = self.run_cell('for item in items { assert!(item.is_empty()); }')
        self.assertEqual(reply["ename"], "Panic")
        self.assertIn("`items`", reply["evalue"])

    def test_a_documented_function_has_its_line_in_an_error(self):
        reply, _ = self.run_cell("/// Doubles.\nfn double(x: i32) -> i32 {\n    x * two\n}")
        self.assertIn("line 3", reply["evalue"])

    def test_order_and_streams(self):
        code = 'print!("a"); eprintln!("b"); display(&Table::new("t").numbers("n", &[1.0])); println!("c"); 7'
        reply, outputs = self.run_cell(code)
        self.assertEqual(reply["status"], "ok")
        kinds = [kind for kind, c in outputs if c.get("name") != "stderr"]
        # A stream may come in pieces, which clients join.
        kinds = [kind for at, kind in enumerate(kinds) if at == 0 or kind != "stream" or kinds[at - 1] != "stream"]
        self.assertEqual(kinds, ["stream", "display_data", "stream", "execute_result"])
        text = {name: "".join(c["text"] for k, c in outputs if c.get("name") == name) for name in ("stdout", "stderr")}
        self.assertEqual(text, {"stdout": "ac\n", "stderr": "b\n"})

    def test_counts_silence_and_user_expressions(self):
        first, _ = self.run_cell("1")
        silent, outputs = self.run_cell('println!("hidden"); 2', silent=True)
        self.assertEqual(outputs, [])
        unstored, _ = self.run_cell("3", store_history=False)
        second, _ = self.run_cell("let five = 5;", user_expressions={"v": "five * 2", "bad": "nonsense"})
        self.assertEqual(second["execution_count"], first["execution_count"] + 1)
        self.assertEqual(second["user_expressions"]["v"]["data"]["text/plain"], "10")
        self.assertEqual(second["user_expressions"]["bad"]["status"], "error")

    def test_waiting_cells_are_compiled_while_one_runs(self):
        self.run_cell(":timing")
        mark = time.time_ns()  # nothing of this has been compiled before
        codes = [f"let _ = {mark}u64; std::thread::sleep(std::time::Duration::from_secs(4)); let a = 1;",
                 f"let b = a + 1; let _ = {mark}u64;",
                 f"fn f() -> u64 {{ {mark} }}\nlet c = a + b;", "f() > 0 && c == 3"]
        for code in codes:
            self.client.execute(code)
        texts, idle = [], 0
        while idle < len(codes):
            message = self.client.get_iopub_msg(timeout=60)
            idle += message["content"].get("execution_state") == "idle"
            texts.append(message["content"].get("text", "") or message["content"].get("data", {}).get("text/plain", ""))
        self.run_cell(":timing\n:clear")
        told = "".join(texts)
        # The first is told its own run alone, not those of the cells compiled meanwhile.
        self.assertEqual((told.count("by one run of rustc"), told.count("from the cache")), (1, 3), told)
        self.assertIn("true", texts)

    def test_an_error_aborts_what_is_queued_unless_told_not_to(self):
        ids = [self.client.execute(code) for code in ('panic!("first")', "1", "2")]
        replies = {}
        while len(replies) < 3:
            message = self.client.get_shell_msg(timeout=60)
            replies[message["parent_header"].get("msg_id")] = message["content"]["status"]
        self.assertEqual([replies[i] for i in ids], ["error", "aborted", "aborted"])

    def test_requests_are_answered_while_a_cell_runs_and_an_interrupt_keeps_variables(self):
        self.run_cell("let kept2 = 5;")
        running = self.client.execute(
            'println!("begun"); Queue::mm1(0.9, 1.0).simulate(Trials::new(1000, 100_000_000).seed(1));')
        while self.client.get_iopub_msg(timeout=60)["content"].get("text", "")[:5] != "begun":
            pass
        asked = self.client.is_complete("fn f() {")
        reply = self.client.get_shell_msg(timeout=5)
        self.assertEqual(reply["parent_header"]["msg_id"], asked)
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != running:
            pass
        self.assertEqual(reply["content"]["ename"], "Interrupted")
        self.assertEqual(self.value("kept2"), "5")

    def test_an_interrupt_counts_whether_the_cell_compiles_or_runs(self):
        for delay in (0.0, 0.1, 0.3):
            with self.subTest(delay=delay):
                running = self.client.execute(
                    "Queue::mm1(0.9, 1.0).simulate(Trials::new(1000, 100_000_000).seed(1));")
                time.sleep(delay)  # whatever phase this hits, the outcome is the same
                self.manager.interrupt_kernel()
                deadline = time.monotonic() + 20
                while (reply := self.shell_reply(running, deadline)) is None:
                    self.manager.interrupt_kernel()  # an interrupt before the cell began was for nobody
                self.assertEqual(reply["ename"], "Interrupted")
                self.assertEqual(self.value("40 + 2"), "42")

    def shell_reply(self, request, deadline):
        """The content of the reply, or None if it does not come within a second."""
        try:
            reply = self.client.get_shell_msg(timeout=1)
        except queue.Empty:
            self.assertLess(time.monotonic(), deadline, "no reply")
            return None
        return reply["content"] if reply["parent_header"]["msg_id"] == request else None

    def interrupted(self, code):
        """Runs a cell that first prints `begun`, interrupts it there, and returns its reply."""
        running = self.client.execute(code)
        while self.client.get_iopub_msg(timeout=60)["content"].get("text", "")[:5] != "begun":
            pass
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"]["msg_id"] != running:
            pass
        self.assertEqual(reply["content"]["ename"], "Interrupted")
        return reply["content"]["evalue"]

    def test_a_readers_loop_is_interrupted_where_it_stands(self):
        for loop in ("loop { counter += 1; }", "(0..u64::MAX).for_each(|_| counter += 1);",
                     "fn deep(n: u64) -> u64 { if n == 0 { 0 } else { deep(n - 1) + deep(n - 1) } }\ncounter += deep(90);"):
            with self.subTest(loop):
                self.run_cell("let mut counter = 5u64; let other = String::from(\"é\");")
                self.interrupted('println!("begun"); counter += 1;' + loop)
                self.assertEqual(self.value("counter > 5 && other == \"é\""), "true")

    def test_what_cannot_be_interrupted_is_ended_and_the_variables_are_restored(self):
        cases = {
            "a sleep": "std::thread::sleep(std::time::Duration::from_secs(1000));",
            "a deadlock": "let lock = std::sync::Mutex::new(1); let _first = lock.lock().unwrap(); let _second = lock.lock().unwrap();",
            "a join of a thread that waits": "std::thread::spawn(|| loop { std::thread::park(); }).join().unwrap();",
            "a receiver": "let (sender, receiver) = std::sync::mpsc::channel::<i32>(); receiver.recv().unwrap(); drop(sender);",
        }
        self.run_cell(":clear")
        self.run_cell("let mut kept4 = vec![1]; kept4.push(2);")
        for name, code in cases.items():
            with self.subTest(name):
                told = self.interrupted(f'println!("begun"); kept4.push(3); {{ {code} }}')
                self.assertIn("`kept4` is back", told)
                self.assertEqual(self.value("&kept4"), "[1, 2]")

    def test_a_crash_names_the_signal_and_the_kernel_goes_on(self):
        for code, named in [
            ("unsafe { std::ptr::write_volatile(8 as *mut i32, 1) };", "SIGSEGV"),
            ("std::process::abort();", "SIGABRT"),
            ("std::process::exit(3);", "exit status: 3"),
            ("fn endless(n: u64) -> u64 { std::hint::black_box(n + endless(n + 1)) }\nendless(1);", "stack overflowed"),
            ("let much: Vec<u8> = Vec::with_capacity(1 << 44);", "more memory than it may use"),
        ]:
            with self.subTest(code=code):
                self.run_cell("let mut list = vec![1]; let name = String::from(\"kept\");")
                self.run_cell("list.push(2);")
                reply, _ = self.run_cell("list.push(3);" + code)
                self.assertEqual(reply["ename"], "Crashed")
                self.assertIn(named, reply["evalue"])
                self.assertEqual(self.value("(&list, &name)"), "([1, 2], \"kept\")")

    def test_a_crash_names_the_line(self):
        reply, _ = self.run_cell("fn wild(p: usize) -> u8 {\n    unsafe { *(p as *const u8) }\n}\nlet p = 8;\nwild(p)")
        number = reply["execution_count"]
        self.assertIn(f"in cell {number}, line 2)", reply["evalue"])
        self.assertIn(f"< cell {number}, line 5: wild(p)", reply["traceback"][-1])

    def test_an_interrupt_also_ends_a_long_restoring(self):
        self.run_cell(":clear")
        self.run_cell("let early = 1;")
        self.run_cell("std::thread::sleep(std::time::Duration::from_secs(3)); let late = 2;")
        crash = self.client.execute('std::process::abort();')
        time.sleep(1.5)
        begin = time.monotonic()
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != crash:
            pass
        self.assertLess(time.monotonic() - begin, 30)
        self.assertIn("lost: `late`", reply["content"]["evalue"])
        self.assertEqual(self.value("early"), "1")
        self.run_cell(":clear")

    def test_a_cell_marked_once_is_not_run_again_and_its_variables_are_named(self):
        self.run_cell(":clear")
        self.run_cell("let safe = 1;")
        self.run_cell(":once\nlet precious = 2;")
        reply, _ = self.run_cell("std::process::abort();")
        self.assertIn("lost: `precious`", reply["evalue"])
        self.assertEqual(self.value("safe"), "1")

    def test_a_panic_shows_the_readers_lines_that_led_to_it(self):
        first, _ = self.run_cell("fn inner(v: &[i32]) -> i32 {\n    v[7]\n}")
        second, _ = self.run_cell("fn outer() -> i32 {\n    let v = vec![1];\n    inner(&v) + 1\n}")
        reply, _ = self.run_cell("let a = 1;\nouter() + a")
        a, b, c = (each["execution_count"] for each in (first, second, reply))
        lines = [line.strip() for line in reply["traceback"][1:]]
        self.assertEqual(lines, [f"--> cell {a}, line 2: v[7]", f"< cell {b}, line 3: inner(&v) + 1", f"< cell {c}, line 2: outer() + a"])

    def test_a_readers_own_drawing_has_fonts(self):
        for family in ("sans-serif", "serif", "monospace"):
            with self.subTest(family):
                code = f'''{{
                    use plotters::prelude::*;
                    let mut text = String::new();
                    SVGBackend::with_string(&mut text, (99, 99)).into_drawing_area()
                        .titled("title", ("{family}", 20)).map(|_| ())?;
                    text.contains("title")
                }}'''
                self.assertEqual(self.value(code), "true")

    def test_crates_can_be_added_beside_the_library(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "src/lib.rs"
            source.parent.mkdir()
            (source.parent.parent / "Cargo.toml").write_text(
                '[package]\nname = "path-crate"\nversion = "0.1.0"\nedition = "2024"\n[features]\nloud = []\n'
                '[dependencies]\nserde_json = "1"\n')
            source.write_text(
                'pub fn hi() -> String { serde_json::json!([cfg!(feature = "loud")]).to_string() }\n'
                "#[derive(Debug)] pub struct T(pub i32);\n")
            self.run_cell("let before = 1;")
            self.assertEqual(self.value(
                f':dep path-crate = {{ path = "{folder}", features = ["loud"] }}\npath_crate::hi()'), '"[true]"')
            self.run_cell("fn twice(t: &path_crate::T) -> i32 { 2 * t.0 }\nlet t = path_crate::T(3);")
            self.assertEqual(self.value("twice(&t) + before"), "7")
            for command, named in [
                (":dep no-such-crate-anywhere = \"1\"", "no matching package named `no-such-crate-anywhere` found"),
                (":dep path-crate = { path = \"nowhere\" }", "there is no crate in"),
                (":dep = 1", "write `:dep name"),
                (f':dep path-crate = {{ path = "{folder}", features = ["none"] }}', "none"),
            ]:
                with self.subTest(command):
                    reply, _ = self.run_cell(command)
                    self.assertEqual(reply["ename"], "CommandError")
                    self.assertIn(named, reply["evalue"])
                    self.assertEqual(self.value("twice(&t) + before"), "7")
            source.write_text("pub fn broken( {")
            reply, _ = self.run_cell(f':dep other = {{ path = "{folder}", package = "path-crate" }}')
            self.assertEqual(reply["ename"], "CommandError")

    def test_an_interrupt_of_an_idle_kernel_does_nothing(self):
        # Its answer is waited for: else it might meet the next cell.
        self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))
        self.assertEqual(self.client.get_control_msg(timeout=10)["msg_type"], "interrupt_reply")
        self.assertEqual(self.value("2 + 2"), "4")


class Conditions(unittest.TestCase):
    """A machine on which something is missing: one sentence, and the kernel goes on."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def kernel(self, **env):
        manager, client = suite.start_new_kernel(kernel_name="pillars", env={**os.environ, **env})
        self.addCleanup(manager.shutdown_kernel, now=True)
        self.addCleanup(client.stop_channels)

        def run(code):
            texts = []
            keep = lambda message: texts.append(str(message["content"].get("text", "") or message["content"].get("data", {}).get("text/plain", "")))
            reply = client.execute_interactive(code, output_hook=keep, timeout=60)["content"]
            return reply, "".join(texts)

        return run

    def toolchain(self):
        """A toolchain of ours that is the real one, and can be taken away."""
        rustc = shutil.which("rustc")
        real = subprocess.check_output([rustc, "--print", "sysroot"], text=True).strip()
        std = subprocess.check_output([rustc, "--print", "target-libdir"], text=True).strip()
        (self.folder / "bin").mkdir()
        for program in ("rustc", "cargo"):
            self.script(self.folder / "bin" / program, f'exec "{real}/bin/{program}" "$@"')
        self.script(self.folder / "ask", f'case "$*" in *sysroot*) echo "{self.folder}"; echo "{std}";; *) exec "{real}/bin/rustc" "$@";; esac')
        return str(self.folder / "ask")

    def script(self, path, text):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_without_a_compiler_the_first_cell_says_so(self):
        run = self.kernel(RUSTC="/nowhere/rustc")
        for _ in range(2):
            reply, _ = run("1 + 1")
            self.assertEqual(reply["ename"], "NotReady")
            self.assertIn("install the toolchain", reply["evalue"])

    def test_a_toolchain_that_goes_away_or_changes_is_told_and_may_come_back(self):
        run = self.kernel(RUSTC=self.toolchain())
        run("let kept = 1usize;")
        rustc = self.folder / "bin/rustc"
        before = rustc.read_text()
        broken = {
            "gone": lambda: rustc.unlink(),
            "another": lambda: self.script(rustc, 'echo "error: found crate \'pillars\' compiled by an incompatible version" >&2; exit 1'),
            "silent": lambda: self.script(rustc, "exit 3"),
            "killed": lambda: self.script(rustc, "kill -9 $$"),
        }
        for name, breaks in broken.items():
            with self.subTest(name):
                breaks()
                # One cell may find a compiler that was started before.
                for _ in range(2):
                    reply, _ = run(f'"{time.time_ns()}".len() > kept')
                    if reply["status"] == "error":
                        break
                self.assertEqual(reply["ename"], "CompileError")
                self.assertIn("the compiler", reply["evalue"])
                self.script(rustc, before.split("\n", 1)[1])
                self.assertEqual(run(f'"{time.time_ns()}".len() > kept')[1], "true")

    def test_a_kernel_ends_with_the_program_that_started_it(self):
        start = ("from jupyter_client.manager import start_new_kernel; import sys, time; "
                 "m, c = start_new_kernel(kernel_name='pillars'); c.execute_interactive(f'{time.time_ns()}.count_ones()', silent=True); "
                 "print(m.provisioner.pid, flush=True); time.sleep(999)")
        launcher = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
        kernel = int(launcher.stdout.readline())
        mine = lambda: [int(p.parent.name) for p in pathlib.Path("/proc").glob("[0-9]*/stat")
                        if p.exists() and int(p.read_text().rsplit(")", 1)[1].split()[1]) == kernel]
        processes = [kernel, *mine()]
        self.assertGreaterEqual(len(processes), 2, "the process that runs cells is not there")
        launcher.kill()
        launcher.wait()
        launcher.stdout.close()
        alive = lambda pid: pathlib.Path(f"/proc/{pid}/stat").exists()
        for _ in range(100):
            if not any(map(alive, processes)):
                return
            time.sleep(0.1)
        self.fail(f"still there: {[pid for pid in processes if alive(pid)]}")

    def test_without_a_linker_on_the_path_the_toolchains_own_links(self):
        programs = self.folder / "programs"
        programs.mkdir()
        for program in ("rustc", "sh"):
            (programs / program).symlink_to(shutil.which(program))
        run = self.kernel(PATH=str(programs))
        self.assertEqual(run(f'"{time.time_ns()}".len() > 3')[1], "true")

    def test_a_cache_that_cannot_be_written_is_told_once_and_one_that_is_damaged_is_mended(self):
        home = self.folder / "home"
        home.mkdir()
        (home / "library").symlink_to(pathlib.Path(os.environ["PILLARS_HOME"]) / "library")
        (home / "cells").write_text("in the way")
        run = self.kernel(PILLARS_HOME=str(home))
        first, second = run("1 + 1")[1], run("1 + 2")[1]
        self.assertIn("cannot be kept", first)
        self.assertEqual(second, "3")
        (home / "cells").unlink()
        self.assertEqual(run("1 + 3")[1], "4")
        for file in (home / "cells").glob("*/*/*"):
            file.write_bytes(b"damaged")
        run = self.kernel(PILLARS_HOME=str(home))
        self.assertEqual(run("1 + 3")[1], "4")

    def test_a_cell_of_many_lines_runs(self):
        lines = "".join(f"x += {n % 7};\n" for n in range(5000))
        self.assertEqual(self.kernel()(f"let mut x = 0u64;\n{lines}x > 0")[1], "true")


if __name__ == "__main__":
    unittest.main(verbosity=2)
