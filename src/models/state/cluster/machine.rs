//! The part of the simulation that knows no protocol: time, the network, faults. What replicas
//! tell each other is a number here; who runs the replicas keeps the messages.

use super::faults::Fault;
use super::scenario::Scenario;
use super::script::{Draws, Script, What};
use crate::sim::drawn::Drawn;
use crate::sim::{Calendar, Stream};

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happens {
    /// A message arrives.
    Arrives { from: usize, to: usize, message: u32 },
    /// A message was lost on its way.
    Lost { message: u32 },
    /// A timer of a node rings.
    Rings { node: usize, name: u64 },
    /// A node goes down.
    Crashes { node: usize },
    /// A node comes back from a crash.
    Restarts { node: usize, lost_disk: bool },
    /// A client is to ask something.
    Asks { client: usize },
    /// A request reaches its node.
    Calls { request: usize },
    /// A client has waited long enough for a request.
    GivesUp { request: usize },
    /// The final reads begin.
    Settles,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Message { from: u16, to: u16, message: u32 },
    Timer { node: u16, life: u32, name: u64 },
    Begins(u16),
    Ends(u16),
    Client(u32),
    Deadline(u32),
    Call { node: u16, request: u32 },
    Settles,
}

struct Node {
    /// In how many crashes and pauses it is.
    down: u32,
    /// Until when it is paused.
    paused: f64,
    /// Timers of earlier lives do not ring.
    life: u32,
    offset: f64,
    drift: f64,
}

/// Virtual time, the network and its faults.
pub(super) struct Machine<'a> {
    scenario: &'a Scenario,
    calendar: Calendar<Event>,
    nodes: Vec<Node>,
    /// How many faults cut a link, by from * nodes + to.
    cut: Vec<u32>,
    latency: Drawn<'a>,
    far: Option<(&'a [u16], Drawn<'a>)>,
    luck: Stream,
    pub delivered: u64,
    pub sent: u64,
    /// Where the run is written down, or what it is to follow.
    pub script: Option<Box<Script>>,
}

impl<'a> Machine<'a> {
    pub fn new(scenario: &'a Scenario, seed: u64, run: u64) -> Self {
        let mut calendar = Calendar::new();
        for (number, fault) in scenario.faults.iter().enumerate() {
            calendar.book(fault.during().start, Event::Begins(number as u16));
            calendar.book(fault.during().end, Event::Ends(number as u16));
        }
        let node = |number: usize| {
            let (offset, drift) = scenario.clocks[number];
            Node { down: 0, paused: 0.0, life: 0, offset, drift }
        };
        Self {
            scenario,
            calendar,
            nodes: (0..scenario.nodes).map(node).collect(),
            cut: vec![0; scenario.nodes * scenario.nodes],
            latency: Drawn::new(&scenario.latency, Stream::new(seed, run, "latency")),
            far: scenario.regions.as_ref().map(|(regions, far)| {
                (regions.as_slice(), Drawn::new(far, Stream::new(seed, run, "far")))
            }),
            luck: Stream::new(seed, run, "network"),
            delivered: 0,
            sent: 0,
            script: None,
        }
    }

    /// The time, in milliseconds.
    pub fn now(&self) -> f64 {
        self.calendar.now()
    }

    /// The time by a node's own clock.
    pub fn clock(&self, node: usize) -> f64 {
        let Node { offset, drift, .. } = self.nodes[node];
        self.now() * (1.0 + drift) + offset
    }

    /// Whether a node is down.
    pub fn is_down(&self, node: usize) -> bool {
        self.nodes[node].down > 0
    }

    /// Sends a message; returns how many copies are on their way.
    #[inline]
    pub fn send(&mut self, from: usize, to: usize, message: u32) -> u32 {
        self.sent += 1;
        if let Some(copies) = self.holds(Happens::Arrives { from, to, message }, to) {
            return copies;
        }
        let event = Event::Message { from: from as u16, to: to as u16, message };
        if from == to {
            self.books(0.0, event);
            return 1;
        }
        if self.scenario.loss > 0.0 && self.luck.uniform() < self.scenario.loss {
            return 0;
        }
        let is_repeated =
            self.scenario.duplication > 0.0 && self.luck.uniform() < self.scenario.duplication;
        let copies = 1 + u32::from(is_repeated);
        if self.cut[from * self.nodes.len() + to] > 0 {
            return 0;
        }
        for _ in 0..copies {
            let delay = match &mut self.far {
                Some((regions, far)) if regions[from] != regions[to] => far.next(),
                _ => self.latency.next(),
            };
            self.books(delay, event);
        }
        copies
    }

    /// Sets a timer of a node, by its own clock.
    pub fn set_timer(&mut self, node: usize, delay: f64, name: u64) {
        if self.holds(Happens::Rings { node, name }, node).is_none() {
            let Node { life, drift, .. } = self.nodes[node];
            self.books(delay / (1.0 + drift), Event::Timer { node: node as u16, life, name });
        }
    }

    pub fn ask_after(&mut self, delay: f64, client: usize) {
        if self.holds(Happens::Asks { client }, 0).is_none() {
            self.books(delay, Event::Client(client as u32));
        }
    }

    /// A client's request is on its way to its node, which takes no time.
    pub fn call(&mut self, node: usize, request: usize) {
        if self.holds(Happens::Calls { request }, node).is_none() {
            self.books(0.0, Event::Call { node: node as u16, request: request as u32 });
        }
    }

    pub fn give_up_after(&mut self, delay: f64, request: usize) {
        if self.holds(Happens::GivesUp { request }, 0).is_none() {
            self.books(delay, Event::Deadline(request as u32));
        }
    }

    pub fn settle_at(&mut self, time: f64) {
        if self.holds(Happens::Settles, 0).is_none() {
            self.books(time - self.now(), Event::Settles);
        }
    }

    /// If the run follows a script, keeps what is to happen until its turn comes; returns how often
    /// it will. `node` is where, if it is at a node.
    #[inline]
    fn holds(&mut self, happens: Happens, node: usize) -> Option<u32> {
        let script = self.script.as_deref_mut()?;
        script.books(happens, node, self.nodes[node].life)
    }

    /// Whether what was booked last is still to happen when a run that is followed ends.
    pub fn is_late(&self) -> bool {
        matches!(self.script.as_deref(), Some(Script::Follows(followed)) if followed.is_late())
    }

    #[inline]
    fn books(&mut self, delay: f64, event: Event) {
        self.calendar.book(delay, event);
        if let Some(script) = &mut self.script {
            script.booked(self.calendar.booked());
        }
    }

    /// What a paused node is to hear when it goes on.
    fn waits(&mut self, node: usize, event: Event) {
        self.calendar.book(self.nodes[node].paused - self.now(), event);
        if let Some(script) = &mut self.script {
            script.moved(self.calendar.latest(), self.calendar.booked());
        }
    }

    /// If the run is written down, notes the random numbers of the step that is about to be taken;
    /// if it follows a script, returns those that the step had then.
    pub fn draws(&mut self, draws: impl FnOnce() -> Draws) -> Option<Draws> {
        self.script.as_deref_mut()?.draws(draws)
    }

    /// The next that happens, until `end`.
    #[inline]
    pub fn next(&mut self, end: f64) -> Option<Happens> {
        match self.script.as_deref() {
            None => self.happens(end),
            Some(Script::Writes(_)) => {
                let happens = self.happens(end)?;
                let (now, number) = (self.now(), self.calendar.latest());
                if let Some(Script::Writes(written)) = self.script.as_deref_mut() {
                    written.takes(happens, now, number);
                }
                Some(happens)
            }
            Some(Script::Follows(_)) => self.follows(),
        }
    }

    /// The next step of the script that can be taken.
    fn follows(&mut self) -> Option<Happens> {
        loop {
            let Some(Script::Follows(followed)) = self.script.as_deref_mut() else { return None };
            let (time, what) = followed.next()?;
            self.calendar.moves_to(time);
            let happens = match what {
                What::Crashes(node) => {
                    let state = &mut self.nodes[node];
                    (state.down, state.life) = (1, state.life + 1);
                    Happens::Crashes { node }
                }
                What::Restarts(node, _) if self.nodes[node].down == 0 => continue,
                What::Restarts(node, lost_disk) => {
                    self.nodes[node].down = 0;
                    Happens::Restarts { node, lost_disk }
                }
                What::Rings(origin, node, name) => {
                    let Node { down, life, .. } = self.nodes[node];
                    let is_it = |it: &(Happens, usize, u32)| {
                        matches!(it.0, Happens::Rings { name: of, .. } if of == name)
                            && (it.1, it.2) == (node, life)
                    };
                    match followed.waits(origin, is_it) {
                        Some((happens, _, of)) if down == 0 && of == life => happens,
                        _ => continue,
                    }
                }
                What::Asks(origin, client) => {
                    let is_it = |it: &(Happens, usize, u32)| matches!(it.0, Happens::Asks { client: of } if of == client);
                    match followed.waits(origin, is_it) {
                        Some((happens, ..)) => happens,
                        None => continue,
                    }
                }
                What::Booked(origin) => {
                    let Some((happens, node, _)) = followed.held(origin) else { continue };
                    match (happens, self.nodes[node].down > 0) {
                        (Happens::Arrives { message, .. }, true) => {
                            return Some(Happens::Lost { message });
                        }
                        (Happens::Calls { .. }, true) => continue,
                        (Happens::Arrives { .. }, false) => self.delivered += 1,
                        _ => {}
                    }
                    happens
                }
            };
            if let Some(Script::Follows(followed)) = self.script.as_deref_mut() {
                followed.taken();
            }
            return Some(happens);
        }
    }

    /// The next that happens in the calendar, until `end`.
    #[inline]
    fn happens(&mut self, end: f64) -> Option<Happens> {
        loop {
            if self.calendar.upcoming()? > end {
                return None;
            }
            match self.calendar.next()? {
                Event::Message { from, to, message } => {
                    let (from, to) = (from as usize, to as usize);
                    // What is under way when a link is cut does not arrive either.
                    let is_cut = self.cut[from * self.nodes.len() + to] > 0;
                    if is_cut || self.nodes[to].down > 0 {
                        return Some(Happens::Lost { message });
                    }
                    if self.nodes[to].paused > self.now() {
                        let (from, at) = (from as u16, to as u16);
                        self.waits(to, Event::Message { from, to: at, message });
                        continue;
                    }
                    self.delivered += 1;
                    return Some(Happens::Arrives { from, to, message });
                }
                Event::Timer { node, life, name } => {
                    let state = &self.nodes[node as usize];
                    if state.life != life || state.down > 0 {
                        continue;
                    }
                    if state.paused > self.now() {
                        self.waits(node as usize, Event::Timer { node, life, name });
                        continue;
                    }
                    return Some(Happens::Rings { node: node as usize, name });
                }
                Event::Begins(number) => {
                    self.begins(number as usize);
                    if let Fault::Crash { node, .. } = self.scenario.faults[number as usize] {
                        return Some(Happens::Crashes { node });
                    }
                }
                Event::Ends(number) => {
                    if let Some(happens) = self.ends(number as usize) {
                        return Some(happens);
                    }
                }
                Event::Client(client) => return Some(Happens::Asks { client: client as usize }),
                Event::Deadline(request) => {
                    return Some(Happens::GivesUp { request: request as usize });
                }
                Event::Call { node, request } => {
                    let state = &self.nodes[node as usize];
                    if state.down > 0 {
                        continue;
                    }
                    if state.paused > self.now() {
                        self.waits(node as usize, Event::Call { node, request });
                        continue;
                    }
                    return Some(Happens::Calls { request: request as usize });
                }
                Event::Settles => return Some(Happens::Settles),
            }
        }
    }

    fn begins(&mut self, number: usize) {
        match &self.scenario.faults[number] {
            Fault::Cut { links, .. } => {
                for (from, to) in links {
                    self.cut[from * self.nodes.len() + to] += 1;
                }
            }
            Fault::Crash { node, .. } => {
                let node = &mut self.nodes[*node];
                (node.down, node.life) = (node.down + 1, node.life + 1);
            }
            Fault::Pause { node, during } => {
                let node = &mut self.nodes[*node];
                node.paused = node.paused.max(during.end);
            }
        }
    }

    fn ends(&mut self, number: usize) -> Option<Happens> {
        match &self.scenario.faults[number] {
            Fault::Cut { links, .. } => {
                for (from, to) in links {
                    self.cut[from * self.nodes.len() + to] -= 1;
                }
                None
            }
            Fault::Crash { node, loses_disk, .. } => {
                self.nodes[*node].down -= 1;
                let is_up = self.nodes[*node].down == 0;
                is_up.then_some(Happens::Restarts { node: *node, lost_disk: *loses_disk })
            }
            Fault::Pause { .. } => None,
        }
    }
}
