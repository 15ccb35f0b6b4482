//! One run: replicas, clients and the machine between them.

use super::machine::{Happens, Machine};
use super::outcome::{Asked, Outcome};
use super::property::{Broken, Property};
use super::replica::{CallOf, Outbox, Replica, Request};
use super::scenario::Scenario;
use super::schedule::Schedule;
use super::script::{Draws, Script};
use super::spacetime::SpaceTime;
use super::tracer::Tracer;
use super::workload::Workload;
use crate::sim::{Stream, replicate};
use crate::state::consistency::History;

/// Messages under way, each with the number of copies that are still to come.
struct Messages<M> {
    kept: Vec<Option<(M, u32)>>,
    free: Vec<u32>,
}

impl<M: Clone> Messages<M> {
    fn keep(&mut self, message: M) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.kept[at as usize] = Some((message, 1));
                at
            }
            None => {
                self.kept.push(Some((message, 1)));
                self.kept.len() as u32 - 1
            }
        }
    }

    fn copies(&mut self, at: u32, copies: u32) {
        match &mut self.kept[at as usize] {
            Some((_, left)) if copies > 0 => *left = copies,
            kept => {
                *kept = None;
                self.free.push(at);
            }
        }
    }

    fn take(&mut self, at: u32) -> Option<M> {
        let kept = &mut self.kept[at as usize];
        match kept {
            Some((message, left)) if *left > 1 => {
                *left -= 1;
                Some(message.clone())
            }
            _ => {
                self.free.push(at);
                kept.take().map(|(message, _)| message)
            }
        }
    }
}

/// A client: what it waits for, and the final reads that it still has to make.
#[derive(Clone, Default)]
struct Client<C> {
    waits: Option<usize>,
    finals: Vec<C>,
    is_done: bool,
}

struct Run<'a, R: Replica> {
    scenario: &'a Scenario,
    machine: Machine<'a>,
    replicas: Vec<R>,
    messages: Messages<R::Message>,
    out: Outbox<R>,
    clients: Vec<Client<CallOf<R>>>,
    history: History<CallOf<R>, super::replica::ReplyOf<R>>,
    /// Of each request its client.
    requests: Vec<(usize, Asked)>,
    calls: Vec<Option<CallOf<R>>>,
    /// How many calls clients have made, final reads not counted.
    made: usize,
    thinking: Stream,
    mix: Stream,
    settled: Option<f64>,
    properties: Vec<Box<dyn Property<R>>>,
    broken: Option<Broken>,
    steps: u64,
    tracer: Option<Tracer>,
}

/// More messages than this are not kept under way: a protocol that answers each by several would fill
/// the memory long before it has taken all its steps.
const UNDER_WAY: usize = 2_000_000;

/// Events between two looks at whether the reader has interrupted the cell.
const BATCH: u32 = 1024;

pub(crate) fn several<R: Replica>(
    scenario: &Scenario,
    replica: &(dyn Fn(usize) -> R + Sync),
    runs: usize,
) -> Vec<Outcome<R::Object>> {
    replicate(runs, |number| run(scenario, replica, number))
}

pub(crate) fn run<R: Replica>(
    scenario: &Scenario,
    replica: &dyn Fn(usize) -> R,
    number: u64,
) -> Outcome<R::Object> {
    carried_out(scenario, replica, number, false, None).0
}

pub(crate) fn trace<R: Replica>(
    scenario: &Scenario,
    replica: &dyn Fn(usize) -> R,
    number: u64,
) -> (Outcome<R::Object>, SpaceTime) {
    let (outcome, drawn, _) = carried_out(scenario, replica, number, true, None);
    (outcome, drawn)
}

pub(crate) fn follow<R: Replica>(
    schedule: &Schedule,
    replica: &dyn Fn(usize) -> R,
    is_drawn: bool,
) -> (Outcome<R::Object>, SpaceTime, Schedule) {
    let script = Some(Box::new(schedule.script()));
    let (outcome, drawn, script) =
        carried_out(&schedule.scenario, replica, schedule.run, is_drawn, script);
    let taken = script.map_or_else(|| schedule.clone(), |script| schedule.taken(*script));
    (outcome, drawn, taken)
}

fn carried_out<R: Replica>(
    scenario: &Scenario,
    replica: &dyn Fn(usize) -> R,
    number: u64,
    is_drawn: bool,
    script: Option<Box<Script>>,
) -> (Outcome<R::Object>, SpaceTime, Option<Box<Script>>) {
    let stream = |name: &str| Stream::new(scenario.seed, number, name);
    let client = Client { waits: None, finals: vec![], is_done: false };
    let mut run = Run {
        scenario,
        machine: Machine::new(scenario, scenario.seed, number),
        replicas: (0..scenario.nodes).map(replica).collect(),
        messages: Messages { kept: vec![], free: vec![] },
        out: Outbox::new(scenario.nodes, stream("replicas")),
        clients: vec![client; scenario.clients],
        history: History::new(),
        requests: vec![],
        calls: vec![],
        made: 0,
        thinking: stream("thinking"),
        mix: stream("requests"),
        settled: None,
        properties: if scenario.is_watched { R::properties(scenario.nodes) } else { vec![] },
        broken: None,
        steps: 0,
        tracer: is_drawn.then(|| Tracer::new(scenario.nodes)),
    };
    run.machine.script = script;
    run.whole(replica);
    let drawn = run.tracer.map(|tracer| tracer.ends(run.machine.now())).unwrap_or_default();
    let outcome = Outcome {
        history: run.history,
        asked: run.requests.into_iter().map(|(_, asked)| asked).collect(),
        settled: run.settled.unwrap_or(f64::INFINITY),
        messages: (run.machine.sent, run.machine.delivered),
        steps: run.steps,
        run: number,
        broken: run.broken,
    };
    (outcome, drawn, run.machine.script)
}

impl<R: Replica> Run<'_, R> {
    fn whole(&mut self, replica: &dyn Fn(usize) -> R) {
        let scenario = self.scenario;
        let setting = scenario.setting();
        self.replicas.iter().for_each(|replica| replica.check(setting));
        for node in 0..scenario.nodes {
            self.at(node, |replica, out| replica.start(out));
        }
        for client in 0..scenario.clients {
            let delay = scenario.think * self.thinking.exponential();
            self.machine.ask_after(delay, client);
        }
        let troubled = scenario.troubled().map_or(0.0, |during| during.end);
        let settled = scenario.until.max(troubled) + scenario.settling;
        self.machine.settle_at(settled);
        // Each client needs a time-out at most for each of its final reads.
        let finals = <R::Object as Workload>::read_all(scenario.keys).len() as f64 + 1.0;
        let end = settled + finals * (scenario.timeout + 1.0);
        let mut batch = 0;
        while let Some(happens) = self.machine.next(end) {
            batch += 1;
            if batch % BATCH == 0 {
                crate::interrupt::tick();
            }
            self.draws();
            match happens {
                Happens::Arrives { from, to, message } => {
                    if let Some(tracer) = &mut self.tracer {
                        tracer.arrives(message, self.machine.now());
                    }
                    if let Some(message) = self.messages.take(message) {
                        self.at(to, |replica, out| replica.message(from, message, out));
                    }
                }
                Happens::Lost { message } => {
                    if let Some(tracer) = &mut self.tracer {
                        tracer.is_lost(message, self.machine.now());
                    }
                    drop(self.messages.take(message));
                }
                Happens::Rings { node, name } => {
                    self.at(node, |replica, out| replica.timer(name, out));
                }
                Happens::Restarts { node, lost_disk: false } => {
                    self.comes_back(node);
                    self.at(node, |replica, out| replica.restart(out));
                }
                Happens::Restarts { node, lost_disk: true } => {
                    self.comes_back(node);
                    self.replicas[node] = replica(node);
                    self.at(node, |replica, out| replica.start(out));
                }
                Happens::Asks { client } => self.asks(client),
                Happens::Calls { request } => {
                    let (_, Asked { node, .. }) = self.requests[request];
                    if let Some(call) = self.calls[request].take() {
                        self.at(node, |replica, out| replica.call(Request(request), call, out));
                    }
                }
                Happens::GivesUp { request } => self.gives_up(request),
                Happens::Settles => self.settles(),
                Happens::Crashes { node } => {
                    if let Some(tracer) = &mut self.tracer {
                        tracer.goes_down(node, self.machine.now());
                    }
                }
            }
            if self.broken.is_some() {
                break;
            }
            if self.settled.is_some() && self.clients.iter().all(|client| client.is_done) {
                break;
            }
        }
    }

    /// A step of a run that is written down has the same random numbers whenever it is taken.
    #[inline]
    fn draws(&mut self) {
        let Self { out, mix, made, .. } = self;
        let now = || Draws { replicas: out.random.clone(), mix: mix.clone(), calls: *made };
        if let Some(draws) = self.machine.draws(now) {
            (self.out.random, self.mix, self.made) = (draws.replicas, draws.mix, draws.calls);
        }
    }

    fn comes_back(&mut self, node: usize) {
        if let Some(tracer) = &mut self.tracer {
            tracer.comes_back(node, self.machine.now());
        }
    }

    /// After each step: is it drawn, does everything hold, may it go on?
    #[inline]
    fn has_done(&mut self, node: usize) {
        self.steps += 1;
        if let Some(tracer) = &mut self.tracer {
            tracer.step(node, self.machine.now(), self.replicas[node].label());
        }
        if !self.properties.is_empty() {
            self.check(node);
        }
        if self.steps > self.scenario.steps {
            let at = self.machine.now();
            panic!(
                "Scenario::survey: the replicas took {} steps in {at} ms and have not come to \
                 rest; does one send messages or set timers without end? Allow more by \
                 Scenario::steps",
                self.scenario.steps
            );
        }
    }

    fn check(&mut self, node: usize) {
        for property in &mut self.properties {
            if let Err(what) = property.check(node, &self.replicas) {
                let (at, step) = (self.machine.now(), self.steps);
                if let Some(tracer) = &mut self.tracer {
                    tracer.marks(node, at, format!("{} broken", property.name()));
                }
                self.broken = Some(Broken { property: property.name(), what, at, step });
                return;
            }
        }
    }

    /// Lets a replica do something, and carries out what it wants done.
    #[inline]
    fn at(&mut self, node: usize, does: impl FnOnce(&mut R, &mut Outbox<R>)) {
        if self.broken.is_some() {
            return;
        }
        self.out.node = node;
        self.out.now = self.machine.clock(node);
        does(&mut self.replicas[node], &mut self.out);
        self.has_done(node);
        let mut sends = std::mem::take(&mut self.out.sends);
        for (to, message) in sends.drain(..) {
            let label = self.tracer.as_ref().map(|_| format!("{message:?}"));
            let at = self.messages.keep(message);
            if let (Some(tracer), Some(label)) = (&mut self.tracer, label) {
                tracer.sends(at, node, to, self.machine.now(), label);
            }
            let copies = self.machine.send(node, to, at);
            if copies == 0
                && let Some(tracer) = &mut self.tracer
                && !self.machine.is_late()
            {
                tracer.is_lost(at, self.machine.now());
            }
            self.messages.copies(at, copies);
        }
        self.out.sends = sends;
        if self.messages.kept.len() > UNDER_WAY {
            let at = self.machine.now();
            panic!(
                "Scenario::survey: {UNDER_WAY} messages are under way after {at} ms; does each that \
                 arrives make several more?"
            );
        }
        let mut timers = std::mem::take(&mut self.out.timers);
        for (delay, name) in timers.drain(..) {
            self.machine.set_timer(node, delay, name);
        }
        self.out.timers = timers;
        let mut replies = std::mem::take(&mut self.out.replies);
        for (Request(request), reply) in replies.drain(..) {
            let client = self.requests[request].0;
            if self.clients[client].waits == Some(request) {
                self.history.returns(client, reply, self.machine.now());
                self.goes_on(client);
            }
        }
        self.out.replies = replies;
        let mut refusals = std::mem::take(&mut self.out.refusals);
        for Request(request) in refusals.drain(..) {
            let client = self.requests[request].0;
            if self.clients[client].waits == Some(request) {
                self.history.fails(client, self.machine.now());
                self.goes_on(client);
            }
        }
        self.out.refusals = refusals;
    }

    /// A client's operation has ended.
    fn goes_on(&mut self, client: usize) {
        self.clients[client].waits = None;
        let delay = match self.settled {
            None => self.scenario.think * self.thinking.exponential(),
            Some(_) => 0.0,
        };
        self.machine.ask_after(delay, client);
    }

    fn asks(&mut self, client: usize) {
        let scenario = self.scenario;
        if self.clients[client].waits.is_some() {
            return;
        }
        let is_final = self.settled.is_some();
        let call = if is_final {
            match self.clients[client].finals.pop() {
                Some(call) => call,
                None => return self.clients[client].is_done = true,
            }
        } else if self.machine.now() >= scenario.until {
            return;
        } else {
            let number = self.made;
            self.made += 1;
            <R::Object as Workload>::next(number, scenario.reads, scenario.keys, &mut self.mix)
        };
        let node = client % scenario.nodes;
        let request = self.requests.len();
        self.requests.push((client, Asked { node, is_final }));
        self.history.invoke(client, call.clone(), self.machine.now());
        self.clients[client].waits = Some(request);
        if self.machine.is_down(node) {
            // Nobody is there to ask: the client knows at once.
            self.calls.push(None);
            self.history.fails(client, self.machine.now());
            return self.goes_on(client);
        }
        self.calls.push(Some(call));
        self.machine.call(node, request);
        self.machine.give_up_after(scenario.timeout, request);
    }

    fn gives_up(&mut self, request: usize) {
        let client = self.requests[request].0;
        if self.clients[client].waits == Some(request) {
            self.history.times_out(client, self.machine.now());
            self.goes_on(client);
        }
    }

    /// The final reads begin, of each client at its node.
    fn settles(&mut self) {
        self.settled = Some(self.machine.now());
        let mut finals = <R::Object as Workload>::read_all(self.scenario.keys);
        finals.reverse();
        for client in 0..self.clients.len() {
            self.clients[client].finals.clone_from(&finals);
            self.machine.ask_after(0.0, client);
        }
    }
}
