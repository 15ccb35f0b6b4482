"""A long session, by chance from a seed: cells, rich outputs, updates of earlier ones, comms, interrupts and crashes, and a
model that knows every variable's value, every output's id and what a comm must answer.

Nothing may be lost or changed that was not reported, each request has its busy and its idle, and processes, open files and
memory stay flat, but for the code that is new.
`python soak.py CELLS INTERRUPTS CRASHES [SEED]`
"""
import pathlib
import random
import re
import sys
import time

from jupyter_client.manager import start_new_kernel

CELLS, INTERRUPTS, CRASHES = map(int, sys.argv[1:4])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 1917
NAMES = [f"v{n}" for n in range(8)]


class Session:
    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="pillars")
        self.pid = self.manager.provisioner.pid
        self.requests = self.outputs = 0
        self.handles = {}
        _, (opened,) = self.rich('let line = Comm::open("soak", json!({})); line.on_message(|line, m| line.send_with(m.data, &[&m.buffers[0]]));')
        self.comm = opened["content"]["comm_id"]

    def counted(self, messages):
        """What a request has shown; its first message is busy, its last idle."""
        states = [m["content"]["execution_state"] for m in messages if m["msg_type"] == "status"]
        assert states == ["busy", "idle"] and messages[-1]["msg_type"] == "status", states
        shown = [m for m in messages if m["msg_type"] not in ("status", "execute_input")]
        self.requests += 1
        self.outputs += len(shown)
        return shown

    def rich(self, code):
        messages = []
        reply = self.client.execute_interactive(code, output_hook=messages.append, timeout=120)["content"]
        return reply, self.counted(messages)

    def run(self, code):
        reply, shown = self.rich(code)
        contents = [message["content"] for message in shown]
        return reply, "".join(c.get("text", "") or c.get("data", {}).get("text/plain", "") for c in contents)

    def send(self, data, buffer):
        """Sends on the comm, and returns what comes back."""
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        self.client.session.send(self.client.shell_channel.socket, message, buffers=[buffer])
        messages = []
        while not messages or messages[-1]["content"].get("execution_state") != "idle":
            got = self.client.get_iopub_msg(timeout=60)
            if got["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                messages.append(got)
        (answer,) = self.counted(messages)
        return answer["content"]["data"], bytes(answer["buffers"][0])

    def interrupt(self, code):
        request = self.client.execute(code)
        self.requests += 1
        while self.client.get_iopub_msg(timeout=60)["content"].get("text", "")[:5] != "begun":
            pass
        self.manager.interrupt_kernel()
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != request:
            pass
        while self.client.get_iopub_msg(timeout=60)["content"].get("execution_state") != "idle":
            pass
        return reply["content"]

    def resources(self):
        """Waiting compilers, other children; open files and own megabytes of kernel and runner."""
        children = [int(p.parent.name) for p in pathlib.Path("/proc").glob("[0-9]*/stat")
                    if p.exists() and int(p.read_text().rsplit(")", 1)[1].split()[1]) == self.pid]
        compilers = [pid for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "rustc"]
        children = [pid for pid in children if pid not in compilers]
        files = sum(len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for pid in [self.pid, *children])
        memory = sum(own(pathlib.Path(f"/proc/{pid}/smaps").read_text()) for pid in [self.pid, *children])
        return len(compilers), len(children), files, memory


def own(smaps):
    """Megabytes that one process alone has: what it wrote, and the code of its cells. The program and the library are
    pages of files that every kernel of the machine shares; what of them is resident depends on the others."""
    total, cells = 0, False
    for line in smaps.splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            cells = "/cells/" in line
        elif found := re.match(r"Rss:\s+(\d+)" if cells else r"Anonymous:\s+(\d+)", line):
            total += int(found[1])
    return total / 1024


def show(value):
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def main():
    chance = random.Random(SEED)
    plan = ["cell"] * CELLS + ["interrupt"] * INTERRUPTS + ["crash"] * CRASHES
    chance.shuffle(plan)
    session, model = Session(), {}
    begin, reported, first = time.time(), 0, None
    for at, kind in enumerate(plan):
        if at == 50:
            first = session.resources()
        numbers = [name for name, value in model.items() if isinstance(value, int)]
        lists = [name for name, value in model.items() if isinstance(value, list)]
        name, k = chance.choice(NAMES), chance.randrange(5)
        if kind == "crash":
            touched = chance.choice(numbers) if numbers else None
            change = f"{touched} += 1; " if touched else ""
            how = chance.choice(["std::process::abort();", "unsafe { std::ptr::write_volatile(8 as *mut i32, 1) };", "std::process::exit(3);"])
            reply, _ = session.run(change + how)
            assert reply["ename"] == "Crashed", (at, reply)
            reported += forgive(reply["evalue"], session, model, at)
        elif kind == "interrupt":
            touched = chance.choice(numbers) if numbers else None
            change = f"{touched} += 1; " if touched else ""
            if chance.random() < 0.1:
                reply = session.interrupt(f'println!("begun"); {change}std::thread::sleep(std::time::Duration::from_secs(999));')
                reported += forgive(reply["evalue"], session, model, at)
            else:
                reply = session.interrupt(f'println!("begun"); {change}loop {{ std::hint::black_box(()); }}')
                if touched:
                    model[touched] += 1
            assert reply["ename"] == "Interrupted", (at, reply)
        else:
            step(session, model, chance, name, k, numbers, lists, at)
        if at % 10 == 9 or kind != "cell":
            check(session, model, at, kind)
    check(session, model, len(plan), "end")
    last = session.resources()
    print(f"{CELLS} cells, {INTERRUPTS} interrupts, {CRASHES} crashes, seed {SEED}, in {time.time() - begin:.0f} s; "
          f"{reported} values reported as changed or lost, none unreported; {session.requests} requests, each busy and idle, "
          f"{session.outputs} outputs")
    print("waiting compilers, other children, files, MB: "
          + "; ".join(f"{w}, {c}, {f}, {mb:.0f} {when}" for (w, c, f, mb), when in [(first, "after 50 cells"), (last, "at the end")]))
    assert last[0] <= 2 and last[1] == first[1] == 1, "processes are left"
    assert last[2] <= first[2] + 8, "files are left open"
    # New code stays loaded, some 25 KB a cell; what was compiled before adds nothing.
    assert last[3] <= first[3] + 6 + 0.025 * len(plan), "memory grows"
    for _ in range(300):
        session.run("1 + 1")
    again = session.resources()
    print(f"and after 300 more that were compiled before: {again[3]:.0f} MB")
    assert again[3] <= last[3] + 3, "memory grows without new code"
    session.client.stop_channels()
    session.manager.shutdown_kernel(now=True)


def step(session, model, chance, name, k, numbers, lists, at):
    action = chance.choice(["number", "add", "list", "push", "move", "copy", "call", "panic", "refused", "type", "query",
                            "display", "update", "comm", "rich"])
    expected = "ok"
    if action == "comm":
        data, buffer = {"at": at, "é": [k, None]}, bytes([k]) * chance.choice([0, 10, 100_000])
        assert session.send(data, buffer) == (data, buffer), at
        return
    if action == "display":
        handle = f"h{k}"
        reply, (shown,) = session.rich(f'let {handle} = display(Html("<b>{at}</b>"));')
        assert shown["content"]["data"]["text/html"] == f"<b>{at}</b>", shown
        session.handles[handle] = shown["content"]["transient"]["display_id"]
        return
    if action == "update" and session.handles:
        handle, id = chance.choice(sorted(session.handles.items()))
        reply, (shown,) = session.rich(f'{handle}.update(Markdown("**{at}**"));')
        assert (shown["msg_type"], shown["content"]["transient"]["display_id"]) == ("update_display_data", id), (at, shown)
        assert shown["content"]["data"]["text/markdown"] == f"**{at}**", shown
        return
    if action == "rich":
        code = (f'for n in progress(0..{k}) {{ display(Json(format!("[{{n}}]"))); }} clear_output(true); '
                f'eprintln!("{at}"); df!("n" => [{k}]).unwrap()')
        reply, shown = session.rich(code)
        # Standard error is a pipe of its own: in a short cell it comes last.
        kinds = [m["msg_type"] for m in shown]
        assert kinds == ["display_data"] * k + ["clear_output", "execute_result", "stream"], (at, kinds)
        return
    if action == "number":
        code, model[name] = f"let mut {name} = {k}i64;", k
    elif action == "list":
        code, model[name] = f"let mut {name} = vec![{k}i64; 2];", [k, k]
    elif action == "add" and numbers:
        other = chance.choice(numbers)
        code = f"{other} += {k};"
        model[other] += k
    elif action == "push" and lists:
        other = chance.choice(lists)
        code = f"{other}.push({k});"
        model[other] = model[other][-20:] + [k] if len(model[other]) < 20 else [k]
        if model[other] == [k]:
            code = f"{other}.clear(); {code}"
    elif action == "move" and lists:
        other = chance.choice(lists)
        code = f"drop({other});"
        del model[other]
    elif action == "copy" and model:
        other = chance.choice(list(model))
        code = f"let mut {name} = {other}.clone();"
        model[name] = list(model[other]) if isinstance(model[other], list) else model[other]
    elif action == "call" and numbers:
        other = chance.choice(numbers)
        code = f"fn times(x: i64) -> i64 {{ x % 1000 * {k} }}\nlet mut {name} = times({other});"
        model[name] = model[other] % 1000 * k
    elif action == "panic" and numbers:
        other = chance.choice(numbers)
        code, expected = f'{other} += {k}; panic!("on purpose");', "Panic"
        model[other] += k
    elif action == "refused":
        code, expected = f'let {name}: i32 = "no number";', "CompileError"
    elif action == "type":
        code = f"struct Point {{ x: i64 }}\nimpl Point {{ fn twice(&self) -> i64 {{ self.x * {k} }} }}\nlet mut {name} = Point {{ x: 3 }}.twice();"
        model[name] = 3 * k
    else:
        code = "1 + 1"
    reply, _ = session.run(code)
    assert reply.get("ename", reply["status"]) == expected, (at, code, reply)


def check(session, model, at, kind):
    if not model:
        return
    names = sorted(model)
    shown = ", ".join("{:?}" for _ in names)
    reply, text = session.run(f'println!("{shown}", {", ".join("&" + name for name in names)})')
    assert reply["status"] == "ok", (at, kind, reply, model)
    expected = ", ".join(show(model[name]) for name in names)
    assert text.strip() == expected, (at, kind, names, text, expected)


def forgive(told, session, model, at):
    """Takes over what the report says is lost or changed; how much that is."""
    lost = set(re.findall(r"`(\w+)`", told.split("lost: ")[1].split(";")[0])) if "lost: " in told else set()
    changed = set(re.findall(r"`(\w+)`", told.split("may change: ")[1])) if "may change: " in told else set()
    for name in lost:
        model.pop(name, None)
        session.handles.pop(name, None)
    for name in changed & set(model):
        reply, text = session.run(f'println!("{{:?}}", &{name})')
        assert reply["status"] == "ok", (at, name, reply)
        value = text.strip()
        model[name] = [int(part) for part in value[1:-1].split(",") if part.strip()] if value.startswith("[") else int(value)
    return len(lost | changed)


main()
