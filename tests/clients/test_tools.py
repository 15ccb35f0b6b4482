"""The tools of classrooms and CI, as their users call them: nbval, nbmake, papermill, and a console in a terminal."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import nbformat
import pexpect
import pyte

ROOT = pathlib.Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def tool(*words, cwd=None):
    return subprocess.run([sys.executable, "-m", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=600)


class Tools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.assertTrue(CHAPTERS)

    def passes(self, *words):
        ran = tool(*words, cwd=self.folder)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout

    def notebook(self, *codes, outputs=()):
        cells = [nbformat.v4.new_code_cell(code) for code in codes]
        for cell, output in zip(cells, outputs):
            cell.outputs = output
        kernelspec = {"name": "pillars", "display_name": "Rust", "language": "rust"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
        path = self.folder / "notebook.ipynb"
        nbformat.write(notebook, path)
        return path

    def test_nbval_finds_the_outputs_that_are_committed_twice(self):
        for _ in range(2):
            said = self.passes("pytest", "-p", "no:cacheprovider", "--nbval", *CHAPTERS)
            self.assertRegex(said, r"\d+ passed")
            self.assertNotRegex(said, r"skipped|xfailed")

    def test_nbval_finds_an_output_that_is_another(self):
        result = nbformat.v4.new_output("execute_result", {"text/plain": "3"}, execution_count=1)
        ran = tool("pytest", "-p", "no:cacheprovider", "--nbval", self.notebook("1 + 1", outputs=[[result]]))
        self.assertEqual(ran.returncode, 1, ran.stdout)

    def test_nbmake_runs_the_chapters_and_names_a_cell_that_fails(self):
        self.passes("pytest", "-p", "no:cacheprovider", "--nbmake", *CHAPTERS)
        ran = tool("pytest", "-p", "no:cacheprovider", "--nbmake", self.notebook("1", 'panic!("on purpose")'))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("on purpose", ran.stdout)

    def test_papermill_runs_a_chapter_as_it_is_committed(self):
        for chapter in CHAPTERS:
            out = self.folder / chapter.name
            # Some chapters read data beside them.
            self.passes("papermill", "--no-progress-bar", "--cwd", chapter.parent, chapter, out)
            outputs = lambda path: [cell.outputs for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
            self.assertEqual(outputs(out), outputs(chapter))


class Console(unittest.TestCase):
    """jupyter_console, typed at in a terminal of 100 columns."""

    def setUp(self):
        # No colours, no vi mode: what a new user has.
        env = {**os.environ, "TERM": "xterm", "JUPYTER_CONFIG_DIR": tempfile.mkdtemp(), "IPYTHONDIR": tempfile.mkdtemp()}
        self.terminal = pexpect.spawn(sys.executable, ["-m", "jupyter_console", "--kernel", "pillars"],
                                      env=env, dimensions=(40, 100), timeout=60, encoding="utf-8")
        self.addCleanup(self.terminal.close, force=True)
        self.screen = pyte.Screen(100, 40)
        self.stream = pyte.Stream(self.screen)
        self.shows("In [1]:")

    def shows(self, text, patience=30):
        """Waits until the screen has this text; answers the screen, as a real terminal does, where it is asked."""
        deadline = time.monotonic() + patience
        while text not in (shown := "\n".join(line.rstrip() for line in self.screen.display).strip()):
            self.assertLess(time.monotonic(), deadline, f"no {text!r} on the screen:\n{shown}")
            try:
                piece = self.terminal.read_nonblocking(10_000, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            if "\x1b[6n" in piece:  # where is the cursor?
                self.terminal.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")
            self.stream.feed(piece)
        return shown

    def types(self, text):
        self.terminal.send(text)

    def test_a_session(self):
        self.types("1 + 41\r")
        self.shows("Out[1]: 42")
        self.shows("In [2]:")
        # Completion, by the tabulator.
        self.types("erlan\t")
        self.shows("erlang_c")
        self.types("\x1b\x1b\x15")  # away with it
        time.sleep(0.5)
        # What is incomplete is continued, and then run.
        self.types("fn double(x: i32) -> i32 {\r")
        self.shows("...:")
        self.types("x * 2\r}\r\r")
        self.shows("In [3]:")
        self.types("double(21) + 1\r")
        self.shows("Out[3]: 43")
        # The cell before, from the history.
        self.shows("In [4]:")
        self.types("\x1b[A")
        time.sleep(0.5)
        self.types("00\r")
        self.shows("Out[4]: 142")
        # A question.
        self.shows("In [5]:")
        self.types('let name = input("your name: ");\r')
        self.shows("your name: ", 30)
        time.sleep(0.5)
        self.types("Ada\r")
        self.shows("In [6]:")
        self.types("&name\r")
        self.shows('Out[6]: "Ada"')
        # Ctrl-C ends the cell and keeps what there is.
        self.shows("In [7]:")
        self.types("loop { std::hint::black_box(()); }\r")
        time.sleep(2)
        self.types("\x03")
        self.shows("Interrupted")
        self.shows("In [8]:")
        self.types("name.len() + 100\r")
        self.shows("Out[8]: 103")
        self.shows("In [9]:")
        self.types("\x04")
        self.terminal.expect([pexpect.EOF, r"\?"], timeout=30)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
