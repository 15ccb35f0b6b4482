//! The Raft of TiKV (the crate `raft`) on the simulator turmoil: a host for each node, messages as
//! datagrams, and clients at the nodes, with the network, the clocks and the faults of
//! `benches/cluster.rs`.

use protobuf::Message as _;
use raft::prelude::{ConfState, Config, Entry, Message, RawNode};
use raft::storage::MemStorage;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use turmoil::net::UdpSocket;

const SECONDS: u64 = 60;
const PORT: u16 = 1000;
/// A heartbeat a tick; election time-outs are of 3 to 6 ticks.
const TICK: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_millis(200);
/// Mean time between an answer and the next request, in seconds.
const THINK: f64 = 0.020;
const KEYS: u64 = 10;

/// A command: the node and the number by which its client waits, a key, and a value unless it is
/// a read.
#[derive(Clone, Copy)]
struct Command {
    node: u64,
    number: u64,
    key: u64,
    value: Option<u64>,
}

impl Command {
    fn bytes(self) -> Vec<u8> {
        let words = [self.node, self.number, self.key, self.value.unwrap_or(u64::MAX)];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn of(bytes: &[u8]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * at..8 * at + 8]);
            u64::from_le_bytes(word)
        };
        let value = Some(word(3)).filter(|value| *value != u64::MAX);
        Self { node: word(0), number: word(1), key: word(2), value }
    }
}

type Asked = (Command, oneshot::Sender<Option<u64>>);

/// What all hosts count.
#[derive(Default)]
struct Counts {
    events: Cell<u64>,
    answers: Cell<u64>,
}

struct Node {
    id: u64,
    raft: RawNode<MemStorage>,
    socket: UdpSocket,
    addresses: Rc<Vec<IpAddr>>,
    store: BTreeMap<u64, u64>,
    waiting: BTreeMap<u64, oneshot::Sender<Option<u64>>>,
}

impl Node {
    fn new(id: u64, addresses: Rc<Vec<IpAddr>>, socket: UdpSocket) -> Self {
        let config = Config {
            id,
            election_tick: 3,
            min_election_tick: 3,
            max_election_tick: 7,
            heartbeat_tick: 1,
            max_size_per_msg: 1 << 20,
            max_inflight_msgs: 256,
            ..Config::default()
        };
        let voters: Vec<u64> = (1..=addresses.len() as u64).collect();
        let storage = MemStorage::new_with_conf_state(ConfState::from((voters, vec![])));
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let raft = RawNode::new(&config, storage, &logger).unwrap();
        let (store, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { id, raft, socket, addresses, store, waiting }
    }

    fn asked(&mut self, (command, reply): Asked) {
        // Without a leader it is dropped, and the client gives up.
        if self.raft.propose(vec![], command.bytes()).is_ok() {
            self.waiting.insert(command.number, reply);
        }
    }

    /// Carries out what the last step has made necessary, in the order that the crate asks for.
    async fn goes_on(&mut self) {
        while self.raft.has_ready() {
            let disk = self.raft.raft.raft_log.store.clone();
            let mut ready = self.raft.ready();
            self.send(ready.take_messages()).await;
            self.apply(ready.take_committed_entries());
            if !ready.entries().is_empty() {
                disk.wl().append(ready.entries()).unwrap();
            }
            if let Some(state) = ready.hs() {
                disk.wl().set_hardstate(state.clone());
            }
            self.send(ready.take_persisted_messages()).await;
            let mut rest = self.raft.advance(ready);
            if let Some(commit) = rest.commit_index() {
                disk.wl().mut_hard_state().set_commit(commit);
            }
            self.send(rest.take_messages()).await;
            self.apply(rest.take_committed_entries());
            self.raft.advance_apply();
        }
    }

    async fn send(&self, messages: Vec<Message>) {
        for message in messages {
            let to = self.addresses[message.to as usize - 1];
            let bytes = message.write_to_bytes().unwrap();
            self.socket.send_to(&bytes, (to, PORT)).await.unwrap();
        }
    }

    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries.iter().filter(|entry| !entry.data.is_empty()) {
            let command = Command::of(&entry.data);
            let reply = match command.value {
                None => self.store.get(&command.key).copied(),
                Some(value) => self.store.insert(command.key, value),
            };
            if command.node == self.id {
                self.waiting.remove(&command.number).map(|waiting| waiting.send(reply));
            }
        }
    }
}

async fn node(
    id: u64,
    addresses: Rc<Vec<IpAddr>>,
    clients: u64,
    counts: Rc<Counts>,
) -> turmoil::Result {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let (ask, mut asked) = mpsc::unbounded_channel::<Asked>();
    let numbers = Rc::new(Cell::new(0));
    for client in 0..clients {
        let seed = (id << 32) + client;
        tokio::task::spawn_local(asks(id, seed, ask.clone(), numbers.clone(), counts.clone()));
    }
    let mut node = Node::new(id, addresses, socket);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut buffer = vec![0; 1 << 20];
    loop {
        tokio::select! {
            received = node.socket.recv_from(&mut buffer) => {
                let message = Message::parse_from_bytes(&buffer[..received?.0])?;
                // It refuses what comes too late.
                let _ = node.raft.step(message);
            }
            Some(asked) = asked.recv() => node.asked(asked),
            _ = ticks.tick() => drop(node.raft.tick()),
        }
        counts.events.set(counts.events.get() + 1);
        node.goes_on().await;
    }
}

/// A client: it thinks, asks, and waits for the answer or gives up.
async fn asks(
    node: u64,
    seed: u64,
    ask: mpsc::UnboundedSender<Asked>,
    numbers: Rc<Cell<u64>>,
    counts: Rc<Counts>,
) {
    let mut chance = Chance(seed);
    loop {
        sleep(Duration::from_secs_f64(-THINK * (1.0 - chance.uniform()).ln())).await;
        let number = numbers.replace(numbers.get() + 1);
        let value = (chance.uniform() < 0.5).then_some(number);
        let key = (chance.uniform() * KEYS as f64) as u64;
        let (reply, answer) = oneshot::channel();
        if ask.send((Command { node, number, key, value }, reply)).is_err() {
            return;
        }
        if let Ok(Ok(_)) = timeout(PATIENCE, answer).await {
            counts.answers.set(counts.answers.get() + 1);
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ word >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A run of a minute: events (messages, ticks, commands that reach a node), and answers.
pub fn run(nodes: usize, clients: usize, faults: bool, seed: u64) -> (u64, u64) {
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(SECONDS + 1))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(3))
        .fail_rate(if faults { 0.01 } else { 0.0 })
        .repair_rate(1.0)
        .udp_capacity(100_000)
        .rng_seed(seed)
        .build();
    let names: Vec<String> = (0..nodes).map(|at| format!("node{at}")).collect();
    let addresses = Rc::new(names.iter().map(|name| sim.lookup(name.as_str())).collect::<Vec<_>>());
    let counts = Rc::new(Counts::default());
    for (at, name) in names.iter().enumerate() {
        let (addresses, counts) = (addresses.clone(), counts.clone());
        let here = (0..clients).filter(|client| client % nodes == at).count() as u64;
        sim.host(name.as_str(), move || {
            node(at as u64 + 1, addresses.clone(), here, counts.clone())
        });
    }
    let cut = RefCell::new(None);
    while sim.elapsed() < Duration::from_secs(SECONDS) {
        sim.step().unwrap();
        // A node is cut off for 400 ms of every second but the first.
        let (second, rest) = (sim.elapsed().as_secs(), sim.elapsed().subsec_millis());
        let is_cut = faults && second > 0 && (200..600).contains(&rest);
        let wanted = is_cut.then_some(second as usize % nodes);
        let before = cut.replace(wanted);
        if wanted == before {
            continue;
        }
        for other in 0..nodes {
            for node in before.into_iter().filter(|node| *node != other) {
                sim.repair(names[node].as_str(), names[other].as_str());
            }
            for node in wanted.into_iter().filter(|node| *node != other) {
                sim.partition(names[node].as_str(), names[other].as_str());
            }
        }
    }
    let (events, answers) = (counts.events.get(), counts.answers.get());
    assert!(answers > 0 || clients == 0);
    (events, answers)
}
