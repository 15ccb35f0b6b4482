"""How long cells take: ours, evcxr_jupyter's, and bare rustc's smallest library, in one go.

Started by `cargo bench --bench cells`, which builds the program and the library first. Prints medians and ratios.
The peer is measured when `evcxr_jupyter` is on PATH (`cargo install evcxr_jupyter --version 0.22.0 --locked`); its first
start compiles plotters and polars, which takes a quarter of an hour.
"""
import atexit
import json
import os
import pathlib
import queue
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel
from jupyter_client.session import Session

ROUNDS = int(os.environ.get("ROUNDS", "9"))
# What a reader leaves between two cells at the least; in that time a compiler gets ready for the next.
PAUSE = 0.3
CHAPTER = pathlib.Path(sys.argv[1])

# Name, our cell, the peer's cell, how many times bare rustc ours may take (from the project's goals).
# `@` becomes another number each time: nothing has been compiled before.
CELLS = [
    ("println!", 'println!("{}", @);', None, 1.5),
    ("1+1", "1 + @", None, 1.5),
    ("show frame", "let _ = @; &frame", 'let _ = @; println!("{}", frame);', 1.5),
    ("library chart", 'Chart::new("c").line("l", &[0.0, 1.0, @.0], &[1.0, 2.0, 0.5])', None, 1.5),
    ("M/M/c sweep", 'sweep("load", &[0.5, 0.8]).measured("simulated", |load| '
                    'Queue::mmc(load * 2.0, 1.0, 2).simulate(Trials::new(4, 100).seed(@)).wait).chart("wait")', None, 1.5),
    ("lazy query", 'frame.clone().lazy().filter(col("n").gt(lit(1i64))).group_by([col("n")])'
                   '.agg([col("lat").mean().alias("m@")]).sort(["n"], Default::default()).collect().unwrap()', "same", 3.0),
    ("plotters chart", """{
    use plotters::prelude::*;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (320, 240)).into_drawing_area();
        root.fill(&WHITE).unwrap();
        let mut chart = ChartBuilder::on(&root).caption("c@", ("sans-serif", 20)).margin(5).x_label_area_size(30)
            .y_label_area_size(30).build_cartesian_2d(0f64..10f64, -1f64..1f64).unwrap();
        chart.configure_mesh().draw().unwrap();
        chart.draw_series(LineSeries::new((0..100).map(|i| (i as f64 / 10.0, (i as f64 / 10.0).sin())), &RED)).unwrap();
    }
    text.len()
}""", "same", 3.0),
]
FRAME = 'let frame = df!("n" => [1i64, 2, 3, 4], "lat" => [1.0f64, 2.5, 3.5, 9.0]).unwrap();'
PEERS_SETUP = [
    ':dep plotters = { version = "0.3.7", default-features = false, features = ["evcxr", "all_series", "all_elements", "svg_backend"] }',
    ':dep polars = { version = "0.55", default-features = false, features = ["fmt", "lazy", "rank", "zip_with"] }',
    "use polars::prelude::*;",
    FRAME,
]
counter = time.time_ns() // 1_000_000 % 1_000_000_000  # no run finds what another has compiled


def fresh(code):
    global counter
    counter += 1
    return code.replace("@", str(counter))


class Kernel:
    running = []

    def __init__(self, name):
        self.manager, self.client = start_new_kernel(kernel_name=name, startup_timeout=120)
        self.running.append(self)

    def run(self, code, timeout=3000):
        """Milliseconds until the reply, the text that was shown, and the reply."""
        texts = []

        def keep(message):
            content = message["content"]
            texts.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))

        begin = time.perf_counter()
        reply = self.client.execute_interactive(code, output_hook=keep, timeout=timeout)
        took = 1000 * (time.perf_counter() - begin)
        return took, "".join(texts), reply["content"]

    def must(self, code):
        took, text, reply = self.run(code)
        if reply["status"] != "ok":
            raise SystemExit(f"{code!r} failed: {reply.get('ename')}: {reply.get('evalue')}\n{text}")
        return took

    def memory(self):
        """Resident megabytes of the kernel and its processes, shared pages counted once."""
        pids, known = [], {self.manager.provisioner.pid}
        for _ in range(4):
            for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(fields[1]) in known:
                    known.add(int(stat.parent.name))
        total = 0
        for pid in known:
            try:
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
        return total / 1024

    def close(self):
        self.running.remove(self)
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def bare(folder, rustc):
    source = folder / "bare.rs"
    source.write_text('#[unsafe(no_mangle)] pub extern "C" fn run() { println!("1"); }')
    begin = time.perf_counter()
    subprocess.run([rustc, "--edition", "2024", "--crate-type", "cdylib", "-Cprefer-dynamic", "-Cdebuginfo=0",
                    "-o", str(folder / "bare.so"), str(source)], check=True)
    return 1000 * (time.perf_counter() - begin)


def cells(ours, peer, rustc):
    times = {"bare": []}
    with tempfile.TemporaryDirectory() as folder:
        for warm in (True, False):
            for _ in range(1 if warm else ROUNDS):
                row = {"bare": bare(pathlib.Path(folder), rustc)}
                for name, code, theirs, _ in CELLS:
                    time.sleep(PAUSE)
                    row["ours", name] = ours.must(fresh(code))
                    row["row", name] = ours.must(fresh(code))
                    if peer and (theirs or name in ("println!", "1+1")):
                        row["peer", name] = peer.must(fresh(code if theirs in (None, "same") else theirs))
                if not warm:
                    for key, value in row.items():
                        times.setdefault(key, []).append(value)
    median = {key: statistics.median(values) for key, values in times.items()}
    floor = median["bare"]
    print(f"bare rustc, the smallest library that prints: {floor:.0f} ms (median of {ROUNDS})\n")
    print(f"{'cell':<16} {'ours':>8} {'x bare':>7} {'goal':>6} {'in a row':>9} {'x bare':>7} {'evcxr':>9} {'evcxr/ours':>11}")
    for name, _, _, goal in CELLS:
        mine, row, theirs = median["ours", name], median["row", name], median.get(("peer", name))
        rest = f"{theirs:7.0f} ms {theirs / mine:10.1f}x" if theirs else f"{'-':>9} {'-':>11}"
        print(f"{name:<16} {mine:5.0f} ms {mine / floor:6.2f}x {'≤' + str(goal):>6} {row:6.0f} ms {row / floor:6.2f}x {rest}")
    print(f"ours: {PAUSE} s after the cell before; in a row: at once after it\n")


def session(ours):
    ours.must(":clear")
    early = [ours.must(fresh("let x@ = @; x@ + 1")) for _ in range(10, 20)]
    for _ in range(180):
        ours.must(fresh("let x@ = @;"))
    late = [ours.must(fresh("let x@ = @; x@ + 1")) for _ in range(10)]
    early, late = statistics.median(early), statistics.median(late)
    print(f"a session of 200 cells: {early:.0f} ms at the 10th, {late:.0f} ms at the 200th ({late / early:.2f}x)")


def again(ours):
    code = fresh("let again = @; again * 2")
    ours.must(code)
    print(f"an unchanged cell again: {statistics.median(ours.must(code) for _ in range(20)):.1f} ms, its own run time included")


def chapter(name):
    sources = ["".join(cell["source"]) for cell in json.loads(CHAPTER.read_text())["cells"] if cell["cell_type"] == "code"]
    for turn in ("first", "again"):
        kernel = Kernel(name)
        kernel.must(":timing")
        begin = time.perf_counter()
        texts = [kernel.run(source)[1] for source in sources]
        took = time.perf_counter() - begin
        runs = sum(int(n) for text in texts for n in re.findall(r"by (\d+) runs? of rustc", text.replace("one run", "1 run")))
        told = sum("compiled in" in text for text in texts)
        print(f"chapter {CHAPTER.name}, {turn}: {took:.1f} s, {runs} runs of rustc for {told} cells")
        kernel.close()


def interrupt(ours):
    times = []
    for _ in range(ROUNDS):
        ours.must("let mut kept = 0u64;")
        request = ours.client.execute(fresh('println!("begun"); loop { kept += @; }'))
        while ours.client.get_iopub_msg(timeout=60)["content"].get("text", "")[:5] != "begun":
            pass
        time.sleep(0.1)
        begin = time.perf_counter()
        ours.manager.interrupt_kernel()
        while ours.client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] != request:
            pass
        times.append(1000 * (time.perf_counter() - begin))
        ours.must("kept > 0")
    print(f"interrupt of a loop: reply after {statistics.median(times):.1f} ms, worst {max(times):.1f} ms (goal ≤50)")


BUSY = """println!("begun"); let hands: Vec<_> = (0..@).map(|_| std::thread::spawn(|| {
let begin = std::time::Instant::now(); while begin.elapsed().as_secs() < 8 {} })).collect(); for hand in hands { hand.join().unwrap(); }"""


def busy(name, kernel, leave_out=()):
    """Answers while a cell keeps every processor at work."""
    client = kernel.client
    running = client.execute(BUSY.replace("@", str(os.cpu_count())))
    while client.get_iopub_msg(timeout=60)["content"].get("text", "")[:5] != "begun":
        pass
    heart = zmq.Context.instance().socket(zmq.REQ)
    heart.connect(f"tcp://127.0.0.1:{kernel.manager.get_connection_info()['hb_port']}")
    asks = {"kernel_info": client.kernel_info, "is_complete": lambda: client.is_complete("fn f() {"), "comm_info": client.comm_info,
            "complete": lambda: client.complete("let x = 1; x", 12), "kernel_info on control": None, "heartbeat": None}
    told, waiting = [], []
    for kind, ask in asks.items():
        if kind in leave_out:
            continue
        times = []
        for n in range(20):
            begin = time.perf_counter()
            if kind == "heartbeat":
                heart.send(b"ping")
                answered = heart.poll(1000) and heart.recv()
            elif ask is None:
                client.control_channel.send(client.session.msg("kernel_info_request", {}))
                answered = client.control_channel.socket.poll(1000) and client.get_control_msg(timeout=1)
            else:
                request = ask()
                answered = client.shell_channel.socket.poll(1000) and client.get_shell_msg(timeout=1)
                assert not answered or answered["parent_header"]["msg_id"] == request
                if not answered:
                    waiting.append(request)
            if not answered:
                break
            times.append(1000 * (time.perf_counter() - begin))
        told.append(f"{kind} {statistics.median(times):.1f} (worst {max(times):.1f})" if len(times) == 20 else f"{kind} no answer in 1 s")
    heart.close(0)
    waiting.append(running)
    while waiting:
        try:
            waiting.remove(client.get_shell_msg(timeout=60)["parent_header"]["msg_id"])
        except queue.Empty:
            told.append(f"{len(waiting)} requests were never answered")
            break
    print(f"{name}, ms until the answer while a cell keeps all processors busy (goal ≤100): " + ", ".join(told))


def hot(ours):
    """A loop at the top level: compiled without optimisation at first, with it while the reader looks at the result."""
    code = fresh("let mut sum = @u64; for i in 0..60_000_000u64 { sum = sum.wrapping_mul(31).wrapping_add(i); } sum")
    first = ours.must(code)
    time.sleep(2)
    again = statistics.median(ours.must(code) for _ in range(5))
    print(f"a loop of 60 million turns at the top level: {first:.0f} ms, run again {again:.0f} ms ({first / again:.1f}x)")


def crash(ours):
    ours.must(":clear")
    for _ in range(20):
        ours.must(fresh("let v@ = vec![@; 10];"))
    ours.must("std::process::id()")
    times = []
    for _ in range(ROUNDS):
        code = fresh("let _ = @; std::process::abort();")
        begin = time.perf_counter()
        _, _, reply = ours.run(code)
        total = 1000 * (time.perf_counter() - begin)
        assert reply["ename"] == "Crashed" and "lost" not in reply["evalue"], reply
        # The same again compiles nothing: what is left is the crash and the restoring.
        begin = time.perf_counter()
        ours.run(code)
        times.append(1000 * (time.perf_counter() - begin))
    print(f"a crash and the restoring of 20 variables from 20 cells: {statistics.median(times):.0f} ms (goal ≤100 and the cells' own time)")


def start(name):
    """From the start of the process to kernel_info_reply, by a client that does nothing else; and the first cell."""
    argv = KernelSpecManager().get_kernel_spec(name).argv
    infos, firsts = [], []
    for _ in range(ROUNDS):
        infos.append(info_reply(argv))
        kernel = Kernel(name)
        firsts.append(kernel.must(fresh("@ + 1")))
        kernel.close()
    print(f"start to kernel_info_reply: {statistics.median(infos):.0f} ms, worst {max(infos):.0f} ms (goal ≤300); "
          f"first cell, seen by jupyter_client: {statistics.median(firsts):.0f} ms (goal ≤1000)")


def info_reply(argv):
    file, info = write_connection_file(ip="127.0.0.1", key=os.urandom(16).hex().encode())[0:2]
    session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
    begin = time.perf_counter()
    process = subprocess.Popen([file if part == "{connection_file}" else part for part in argv], stderr=subprocess.DEVNULL)
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.RECONNECT_IVL, 2)
    socket.connect(f"tcp://127.0.0.1:{info['shell_port']}")
    session.send(socket, "kernel_info_request", {})
    socket.recv_multipart()
    took = 1000 * (time.perf_counter() - begin)
    process.kill()
    process.wait()
    socket.close(0)
    os.unlink(file)
    return took


def memory(name):
    kernel = Kernel(name)
    kernel.must(fresh("1 + @"))
    time.sleep(0.5)
    idle = kernel.memory()
    kernel.must(FRAME)
    kernel.must(fresh(CELLS[5][1]))
    time.sleep(0.5)
    print(f"memory of kernel, runner and waiting compilers: {idle:.0f} MB idle (goal ≤150), {kernel.memory():.0f} MB after a polars query (goal ≤300)")
    kernel.close()


def build():
    """What the library's crates took when they were compiled, several at a time: as `pillars install` wrote it down."""
    home = pathlib.Path(os.environ["PILLARS_HOME"]) / "library"
    newest = max(home.glob("*/manifest.json"), key=lambda file: file.stat().st_mtime)
    took = json.loads(newest.read_text()).get("took", {})
    dearest = sorted(took.items(), key=lambda item: -item[1])[:12]
    print(f"\nthe dearest of {len(took)} crates of the library compiled here:")
    print("\n".join(f"{seconds:6.0f} s  {name}" for name, seconds in dearest))


def spec_of_peer():
    """Makes the peer known to Jupyter for this run; its name."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    spec = folder / "kernels/evcxr"
    spec.mkdir(parents=True)
    argv = [shutil.which("evcxr_jupyter"), "--control_file", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "evcxr", "language": "rust"}))
    os.environ["JUPYTER_PATH"] = str(folder)
    return "evcxr"


def main():
    rustc = subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip() + "/bin/rustc"
    ours = Kernel("pillars")
    ours.must(FRAME)
    peer = None
    if shutil.which("evcxr_jupyter"):
        peer = Kernel(spec_of_peer())
        for code in PEERS_SETUP:
            begin = time.perf_counter()
            peer.must(code)
            print(f"evcxr: {code[:40]}... {time.perf_counter() - begin:.0f} s", flush=True)
    else:
        print("evcxr_jupyter is not on PATH: its column is empty\n")
    cells(ours, peer, rustc)
    busy("pillars", ours)
    if peer:
        busy("evcxr", peer, leave_out=["complete"])  # it panics, and answers nothing after that
        peer.close()
    session(ours)
    again(ours)
    hot(ours)
    interrupt(ours)
    crash(ours)
    ours.close()
    start("pillars")
    memory("pillars")
    chapter("pillars")
    build()


try:
    main()
finally:
    for kernel in list(Kernel.running):
        kernel.close()
