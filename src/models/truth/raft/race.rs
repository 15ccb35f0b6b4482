//! One election, from the crash of a leader to the next.

use super::elections::{Election, Elections};
use crate::sim::drawn::Drawn;
use crate::sim::{Calendar, Stream};

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A time-out of a node; `set` counts those that it has set.
    TimesOut {
        node: usize,
        set: u32,
    },
    Asks {
        from: usize,
        to: usize,
        term: u64,
    },
    Votes {
        to: usize,
        term: u64,
    },
    Refuses {
        to: usize,
        term: u64,
    },
}

/// A node: of its log only its place among the others counts, which is its number.
#[derive(Clone, Copy, Default)]
struct Node {
    term: u64,
    has_voted: bool,
    /// As a candidate, how many votes it has.
    votes: usize,
    /// How many time-outs it has set: the earlier ones do not count.
    set: u32,
}

/// The nodes that are left, and the messages between them.
pub(super) struct Race<'a> {
    setting: &'a Elections,
    nodes: Vec<Node>,
    calendar: Calendar<Event>,
    latency: Drawn<'a>,
    disk: Drawn<'a>,
    random: Stream,
    messages: u64,
}

impl<'a> Race<'a> {
    pub fn new(setting: &'a Elections, seed: u64, number: u64) -> Self {
        let stream = |name| Stream::new(seed, number, name);
        Self {
            setting,
            nodes: vec![Node::default(); setting.nodes - setting.failed],
            calendar: Calendar::new(),
            latency: Drawn::new(&setting.latency, stream("latency")),
            disk: Drawn::new(&setting.disk, stream("disk")),
            random: stream("timeouts"),
            messages: 0,
        }
    }

    pub fn run(mut self) -> Election {
        let crash = self.setting.between_heartbeats() * self.random.uniform();
        for node in 0..self.nodes.len() {
            self.waits(node);
        }
        let end = crash + self.setting.limit;
        while self.calendar.upcoming().is_some_and(|time| time <= end) {
            let Some(event) = self.calendar.next() else { break };
            match event {
                Event::TimesOut { node, set } if self.nodes[node].set == set => self.stands(node),
                Event::TimesOut { .. } => {}
                Event::Asks { from, to, term } => self.is_asked(from, to, term),
                Event::Refuses { to, term } => self.learns(to, term),
                Event::Votes { to, term } => {
                    let node = &mut self.nodes[to];
                    if node.term == term && node.votes > 0 {
                        node.votes += 1;
                        if node.votes > self.setting.nodes / 2 {
                            let time = self.heard_at() - crash;
                            return Election { time, terms: term, messages: self.messages };
                        }
                    }
                }
            }
        }
        let terms = self.nodes.iter().map(|node| node.term).max().unwrap_or(0);
        Election { time: self.setting.limit, terms, messages: self.messages }
    }

    /// Now, or when the last of the others has heard from the new leader.
    fn heard_at(&mut self) -> f64 {
        let others = self.nodes.len() - 1;
        self.messages += others as u64;
        let now = self.calendar.now();
        if !self.setting.until_heard {
            return now;
        }
        now + (0..others).map(|_| self.latency.next()).fold(0.0, f64::max)
    }

    fn waits(&mut self, node: usize) {
        let (low, high) = self.setting.timeouts;
        self.nodes[node].set += 1;
        let set = self.nodes[node].set;
        let timeout = low + (high - low) * self.random.uniform();
        self.calendar.book(timeout, Event::TimesOut { node, set });
    }

    fn stands(&mut self, from: usize) {
        self.waits(from);
        let node = &mut self.nodes[from];
        (node.term, node.has_voted, node.votes) = (node.term + 1, true, 1);
        let term = node.term;
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            self.sends(0.0, Event::Asks { from, to, term });
        }
    }

    fn sends(&mut self, delay: f64, event: Event) {
        self.messages += 1;
        let delay = delay + self.latency.next();
        self.calendar.book(delay, event);
    }

    fn is_asked(&mut self, from: usize, to: usize, term: u64) {
        self.learns(to, term);
        let node = &mut self.nodes[to];
        let is_current = !self.setting.differing_logs || from > to;
        if node.term == term && !node.has_voted && is_current {
            node.has_voted = true;
            self.waits(to);
            let write = self.disk.next();
            self.sends(write, Event::Votes { to: from, term });
        } else {
            let term = node.term;
            self.sends(0.0, Event::Refuses { to: from, term });
        }
    }

    /// Who hears of a later term gives up the one it is in.
    fn learns(&mut self, node: usize, term: u64) {
        let node = &mut self.nodes[node];
        if term > node.term {
            (node.term, node.has_voted, node.votes) = (term, false, 0);
        }
    }
}
