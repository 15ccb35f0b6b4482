// What JupyterLab itself speaks with a kernel: @jupyterlab/services through a Jupyter server, every message checked by
// its own validation. `node test.js PYTHON`, where PYTHON has jupyter_server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import services from '@jupyterlab/services';
import { validateMessage } from '@jupyterlab/services/lib/kernel/validate.js';

const { KernelManager, ServerConnection } = services;
const TOKEN = 'a-token';
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function startServer(python) {
  const port = await freePort();
  const options = ['--no-browser', `--port=${port}`, `--IdentityProvider.token=${TOKEN}`, '--allow-root'];
  const server = spawn(python, ['-m', 'jupyter_server', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.on('data', (text) => (said += text));
  for (let tries = 0; tries < 300; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/api?token=${TOKEN}`).catch(() => null);
    if (answered?.ok) return { server, port, said: () => said };
    await sleep(100);
  }
  throw new Error(`the server does not answer: ${said}`);
}

/** All that a cell shows: text by stream, outputs, its reply. */
async function run(kernel, code, { onStdin, ...options } = {}) {
  const future = kernel.requestExecute({ code, allow_stdin: Boolean(onStdin), ...options });
  const messages = [];
  future.onIOPub = (message) => messages.push(message);
  if (onStdin) future.onStdin = (message) => onStdin(future, message);
  const reply = await future.done;
  const text = messages.filter((m) => m.header.msg_type === 'stream').map((m) => m.content.text).join('');
  const shown = messages.filter((m) => m.content.data?.['text/plain'] !== undefined);
  return { reply: reply.content, messages, text, shown: shown.map((m) => m.content.data['text/plain']) };
}

const steps = {
  'kernel_info': async (kernel) => {
    const info = await kernel.info;
    assert.equal(info.language_info.name, 'rust');
    assert.deepEqual(info.supported_features ?? [], []);
  },
  'a cell': async (kernel) => {
    const { reply, text, shown, messages } = await run(kernel, 'println!("é"); display(Html("<b>x</b>")); 40 + 2');
    assert.equal(reply.status, 'ok');
    assert.deepEqual([text, shown], ['é\n', ['<HTML>', '42']]);
    const kinds = messages.map((m) => m.header.msg_type);
    assert.deepEqual([kinds[0], kinds.at(-1)], ['status', 'status']);
  },
  'an error, and the cells after it': async (kernel) => {
    const [failed, aborted] = await Promise.all([run(kernel, 'panic!("on purpose")', { stop_on_error: true }), run(kernel, '1')]);
    assert.deepEqual([failed.reply.status, failed.reply.ename], ['error', 'Panic']);
    assert.equal(aborted.reply.status, 'aborted');
  },
  'an output updated from another cell': async (kernel) => {
    const first = await run(kernel, 'let handle = display("before");');
    const id = first.messages.find((m) => m.header.msg_type === 'display_data').content.transient.display_id;
    // The client hands an update to the cell of the output, which has ended here.
    const updates = [];
    const keep = (_, { msg }) => msg.header.msg_type === 'update_display_data' && updates.push(msg);
    kernel.anyMessage.connect(keep);
    await run(kernel, 'handle.update("after");');
    kernel.anyMessage.disconnect(keep);
    assert.deepEqual(updates.map((m) => m.content.transient.display_id), [id]);
    assert.equal(updates[0].content.data['text/plain'], '"after"');
  },
  'a question': async (kernel) => {
    const onStdin = (future, message) => {
      assert.equal(message.content.prompt, 'name: ');
      future.sendInputReply({ value: 'Ada', status: 'ok' }, message.header);
    };
    assert.deepEqual((await run(kernel, 'input("name: ")', { onStdin })).shown, ['"Ada"']);
  },
  'questions about code': async (kernel) => {
    const complete = (await kernel.requestComplete({ code: 'erlang', cursor_pos: 6 })).content;
    assert.ok(complete.matches.includes('erlang_c'));
    const inspect = (await kernel.requestInspect({ code: 'erlang_c', cursor_pos: 3, detail_level: 0 })).content;
    assert.ok(inspect.found);
    const incomplete = (await kernel.requestIsComplete({ code: 'fn f() {' })).content;
    assert.equal(incomplete.status, 'incomplete');
    const asked = { hist_access_type: 'tail', n: 1, output: false, raw: true };
    assert.equal((await kernel.requestHistory(asked)).content.history.length, 1);
  },
  'a comm from each side, with buffers': async (kernel) => {
    const opened = new Promise((done) => kernel.registerCommTarget('here', (comm, message) => done([comm, message])));
    await run(kernel, 'comm_target("there", |comm, _| comm.on_message(|comm, m| comm.send_with(m.data, &[&m.buffers[0]])));');
    const comm = kernel.createComm('there');
    await comm.open({ a: 1 }).done;
    const answered = new Promise((done) => (comm.onMsg = done));
    await comm.send({ n: 7 }, undefined, [new Uint8Array([1, 2, 255]).buffer]).done;
    const answer = await answered;
    assert.deepEqual(answer.content.data, { n: 7 });
    assert.deepEqual([...new Uint8Array(answer.buffers[0].buffer ?? answer.buffers[0])].slice(-3), [1, 2, 255]);
    const known = (await kernel.requestCommInfo({ target_name: 'there' })).content.comms;
    assert.deepEqual(Object.keys(known), [comm.commId]);
    await run(kernel, 'let line = Comm::open("here", json!({ "from": "a cell" }));');
    const [, message] = await opened;
    assert.deepEqual(message.content.data, { from: 'a cell' });
    await comm.close().done;
  },
  'an interrupt': async (kernel) => {
    const ended = run(kernel, 'println!("begun"); loop { std::hint::black_box(()); }');
    await sleep(1500);
    await kernel.interrupt();
    assert.equal((await ended).reply.ename, 'Interrupted');
    assert.deepEqual((await run(kernel, '1 + 1')).shown, ['2']);
  },
  'a connection that is lost and made again while a cell runs': async (kernel) => {
    const cell = run(kernel, 'std::thread::sleep(std::time::Duration::from_secs(2)); let after = 5;');
    await sleep(500);
    await kernel.reconnect();
    await Promise.race([cell, sleep(6000)]);
    assert.deepEqual((await run(kernel, 'after')).shown, ['5']);
  },
  'a restart': async (kernel) => {
    await kernel.restart();
    const { reply, shown } = await run(kernel, '2 + 2');
    assert.deepEqual([shown, reply.execution_count], [['4'], 1]);
  },
};

const { server, port, said } = await startServer(process.argv[2] ?? 'python3');
let failed = 0;
try {
  const baseUrl = `http://127.0.0.1:${port}/`;
  const settings = { baseUrl, wsUrl: baseUrl.replace('http', 'ws'), token: TOKEN, appendToken: true, init: { cache: 'no-store' } };
  const manager = new KernelManager({ serverSettings: ServerConnection.makeSettings(settings) });
  const kernel = await manager.startNew({ name: 'pillars' });
  const kinds = new Map();
  kernel.anyMessage.connect((_, { msg, direction }) => {
    if (direction !== 'recv') return;
    try {
      validateMessage(msg);
    } catch (error) {
      console.log(`FAILED  ${msg.header.msg_type} is not valid: ${error.message}`);
      failed++;
    }
    kinds.set(msg.header.msg_type, (kinds.get(msg.header.msg_type) ?? 0) + 1);
  });
  process.on('unhandledRejection', (error) => {
    console.error(`unhandled: ${error.stack}`);
    failed++;
  });
  for (const [name, step] of Object.entries(steps)) {
    try {
      await Promise.race([step(kernel), sleep(60_000).then(() => assert.fail('it takes longer than a minute'))]);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}: ${error.stack}`);
    }
  }
  console.log(`${[...kinds.values()].reduce((a, b) => a + b, 0)} messages of ${kinds.size} kinds were checked`);
  await kernel.shutdown();
  manager.dispose();
} catch (error) {
  failed++;
  console.log(`${error.stack}\n${said()}`);
} finally {
  server.kill('SIGTERM');
}
process.exit(failed ? 1 : 0);
