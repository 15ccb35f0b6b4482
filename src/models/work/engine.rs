//! The event loop for queues that no recursion describes: any discipline, limited room,
//! customers that lose patience or come again, servers that break down.

use super::arrivals::Coming;
use super::discipline::{Chosen, Crowd, Customer, Discipline, Ranked, Stack, Waiting};
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::services::Services;
use super::sharing;
use super::tally::Tally;
use crate::sim::clocks::Clocks;
use crate::sim::{Calendar, Stream};
use std::collections::VecDeque;

/// What is asked of one replication.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub seed: u64,
    pub replication: u64,
    /// Customers that have left before the counting starts, and that are counted then.
    pub warmup: usize,
    pub counted: usize,
}

impl Order {
    pub fn stream(&self, name: &str) -> Stream {
        Stream::new(self.seed, self.replication, name)
    }
}

/// Events between two looks at whether the reader has interrupted the cell.
pub(super) const BATCH: u32 = 1024;

/// Runs one replication, which starts empty; each customer that leaves is handed to `left`.
pub(super) fn run(queue: &Queue, order: Order, left: impl FnMut(&Visit)) -> Run {
    match &queue.discipline {
        Discipline::Ps => sharing::run(queue, order, left),
        Discipline::Fifo => Engine::new(queue, order, left, VecDeque::new()).run(),
        Discipline::Lifo => Engine::new(queue, order, left, Stack::default()).run(),
        Discipline::Siro => Engine::new(queue, order, left, Crowd::default()).run(),
        Discipline::Choose(choose) => Engine::new(queue, order, left, Chosen::by(choose)).run(),
        keyed => Engine::new(queue, order, left, Ranked::by(keyed)).run(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Waits,
    Served,
    /// It has left, but still stands in the line.
    Gone,
}

/// A customer's place in the simulation's list.
struct Place {
    customer: Customer,
    state: State,
    /// Changes with the state: what was booked for another is void.
    version: u32,
    /// When it came this time, and when its service began or went on.
    entered: f64,
    since: f64,
}

/// Small, for a calendar moves its events about: who comes again waits in a list.
enum Timer {
    LosesPatience { place: u32, version: u32 },
    ComesAgain(u32),
    Breaks(u32),
    IsRepaired(u32),
}

#[derive(Clone, Copy, Default)]
struct Server {
    job: Option<u32>,
    is_down: bool,
}

struct Engine<'a, W, F> {
    queue: &'a Queue,
    order: Order,
    coming: Coming<'a>,
    services: Services<'a>,
    left: F,
    waiting: W,
    places: Vec<Place>,
    free: Vec<u32>,
    servers: Vec<Server>,
    /// Servers that could begin at once, the latest to stop on top.
    idle: Vec<u32>,
    /// When each server is done.
    departures: Clocks,
    timers: Calendar<Timer>,
    /// Those who will come again, and places in this list that are free.
    away: Vec<Customer>,
    home: Vec<u32>,
    now: f64,
    number: u64,
    waits: usize,
    present: usize,
    busy: usize,
    gone: usize,
    streams: Streams,
    tally: Tally,
}

struct Streams {
    discipline: Stream,
    patience: Stream,
    balking: Stream,
    retries: Stream,
    breakdowns: Stream,
}

impl<'a, W: Waiting, F: FnMut(&Visit)> Engine<'a, W, F> {
    fn new(queue: &'a Queue, order: Order, left: F, waiting: W) -> Self {
        let servers = queue.servers as u32;
        let mut engine = Self {
            queue,
            order,
            coming: queue.arrivals.begin(order.stream("arrivals")),
            services: Services::of(queue, order),
            left,
            waiting,
            places: vec![],
            free: vec![],
            servers: vec![Server::default(); queue.servers],
            idle: (0..servers).rev().collect(),
            departures: Clocks::new(queue.servers),
            timers: Calendar::new(),
            away: vec![],
            home: vec![],
            now: 0.0,
            number: 0,
            waits: 0,
            present: 0,
            busy: 0,
            gone: 0,
            streams: Streams {
                discipline: order.stream("discipline"),
                patience: order.stream("patience"),
                balking: order.stream("balking"),
                retries: order.stream("retries"),
                breakdowns: order.stream("breakdowns"),
            },
            tally: Tally::of(queue.classes.len()),
        };
        if let Some((up, _)) = &queue.breakdowns {
            for server in 0..servers {
                let time = up.sample(&mut engine.streams.breakdowns);
                engine.timers.book_at(time, Timer::Breaks(server));
            }
        }
        engine
    }

    fn run(mut self) -> Run {
        let all = self.order.warmup + self.order.counted;
        let mut arrival = self.coming.next();
        let mut batch = 0;
        if self.order.warmup == 0 {
            self.tally.open();
        }
        while self.gone < all {
            batch += 1;
            if batch == BATCH {
                crate::interrupt::tick();
                batch = 0;
            }
            let departure = self.departures.first();
            let timer = self.timers.upcoming().unwrap_or(f64::INFINITY);
            // At the same moment those who are done leave first.
            if departure <= arrival && departure <= timer && departure < f64::INFINITY {
                self.advance(departure);
                self.departs(self.departures.which() as u32);
            } else if timer <= arrival {
                let Some(event) = self.timers.next() else { break };
                self.advance(timer);
                self.expires(event);
            } else if arrival < f64::INFINITY {
                self.advance(arrival);
                let customer = self.newcomer();
                self.enters(customer);
                arrival = self.now + self.coming.next();
            } else {
                break;
            }
        }
        let inside =
            self.places.iter().filter(|place| matches!(place.state, State::Waits | State::Served));
        self.tally.close(self.queue.servers, inside.map(|place| place.entered))
    }

    #[inline(always)]
    fn advance(&mut self, to: f64) {
        self.now = to;
        self.tally.advance(to, self.waits as f64, self.present as f64, self.busy as f64);
    }

    fn newcomer(&mut self) -> Customer {
        let (class, service) = self.services.next();
        let number = self.number;
        self.number += 1;
        Customer {
            number,
            class,
            arrival: self.now,
            service,
            left: service,
            retries: 0,
            delayed: 0.0,
        }
    }

    /// Somebody comes, for the first time or again.
    fn enters(&mut self, customer: Customer) {
        let is_full = self.queue.room.is_some_and(|room| self.present >= room);
        if is_full || self.balks() {
            return self.turned_away(customer, Outcome::Lost, self.now);
        }
        let place = self.place(customer);
        self.present += 1;
        if let Some(server) = self.idle.pop() {
            return self.begins(place, server);
        }
        if self.queue.discipline.is_preemptive()
            && let Some(server) = self.makes_way(&customer)
        {
            self.interrupted(server);
            return self.begins(place, server);
        }
        self.waits += 1;
        self.waiting.push(place, &customer);
        if let Some(patience) = &self.queue.patience {
            let time = self.now + patience.sample(&mut self.streams.patience);
            let version = self.places[place as usize].version;
            self.timers.book_at(time, Timer::LosesPatience { place, version });
        }
    }

    /// Whether somebody who comes goes away again, at what there is to see.
    fn balks(&mut self) -> bool {
        if self.queue.balking.is_none() {
            return false;
        }
        let probability = self.queue.balks_at(self.present);
        self.streams.balking.uniform() < probability
    }

    /// A place in the list, for one who comes.
    #[inline]
    fn place(&mut self, customer: Customer) -> u32 {
        let now = self.now;
        if let Some(place) = self.free.pop() {
            let at = &mut self.places[place as usize];
            (at.customer, at.state, at.entered) = (customer, State::Waits, now);
            return place;
        }
        let place = self.places.len() as u32;
        let (state, version) = (State::Waits, 0);
        self.places.push(Place { customer, state, version, entered: now, since: now });
        place
    }

    /// Service begins, or goes on.
    #[inline]
    fn begins(&mut self, place: u32, server: u32) {
        let at = &mut self.places[place as usize];
        at.state = State::Served;
        at.version = at.version.wrapping_add(1);
        at.since = self.now;
        self.servers[server as usize].job = Some(place);
        self.busy += 1;
        self.departures.set(server as usize, self.now + at.customer.left);
    }

    /// The server whose customer makes way for a newcomer, if one does: the one with the
    /// greatest key, if that is greater than the newcomer's.
    fn makes_way(&self, newcomer: &Customer) -> Option<u32> {
        let discipline = &self.queue.discipline;
        if matches!(discipline, Discipline::Srpt) {
            // Who will be done last has the most left.
            let (done, server) = self.departures.last()?;
            return (done - self.now > newcomer.left).then_some(server as u32);
        }
        let served = self.servers.iter().enumerate().filter(|(_, server)| !server.is_down);
        let keys = served.filter_map(|(number, server)| {
            let place = &self.places[server.job? as usize];
            let left = place.customer.left - (self.now - place.since);
            let customer = Customer { left, ..place.customer };
            Some((discipline.key(&customer), place.customer.number, number as u32))
        });
        let last = keys.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        last.filter(|(key, ..)| *key > discipline.key(newcomer)).map(|(_, _, server)| server)
    }

    /// Who is being served there waits again.
    fn interrupted(&mut self, server: u32) {
        let Some(place) = self.servers[server as usize].job.take() else { return };
        let at = &mut self.places[place as usize];
        at.customer.left -= self.now - at.since;
        at.state = State::Waits;
        at.version = at.version.wrapping_add(1);
        self.busy -= 1;
        self.waits += 1;
        self.waiting.push(place, &at.customer);
    }

    /// Somebody has been served.
    #[inline]
    fn departs(&mut self, server: u32) {
        let Some(place) = self.servers[server as usize].job.take() else { return };
        let at = &self.places[place as usize];
        let (customer, entered) = (at.customer, at.entered);
        self.busy -= 1;
        self.leaves(place, State::Free);
        // Rounding may leave less than nothing.
        let wait = (self.now - entered - customer.service).max(0.0);
        let wait = if wait <= 1e-12 * self.now { 0.0 } else { wait };
        self.ends(&customer, wait, Outcome::Served, self.now);
        self.takes_next(server);
    }

    /// An idle server takes the next, or waits for one.
    #[inline]
    fn takes_next(&mut self, server: u32) {
        while let Some(place) = self.waiting.pop(&mut self.streams.discipline) {
            if self.places[place as usize].state == State::Gone {
                self.places[place as usize].state = State::Free;
                self.free.push(place);
                continue;
            }
            self.waits -= 1;
            return self.begins(place, server);
        }
        self.departures.set(server as usize, f64::INFINITY);
        self.idle.push(server);
    }

    /// Somebody is no longer in the system.
    #[inline]
    fn leaves(&mut self, place: u32, state: State) {
        let at = &mut self.places[place as usize];
        at.state = state;
        at.version = at.version.wrapping_add(1);
        self.tally.stayed += self.now - at.entered;
        self.present -= 1;
        if state == State::Free {
            self.free.push(place);
        }
    }

    fn expires(&mut self, event: Timer) {
        match event {
            Timer::LosesPatience { place, version } => {
                let at = &self.places[place as usize];
                if at.version != version || at.state != State::Waits {
                    return;
                }
                let (customer, entered) = (at.customer, at.entered);
                let state = if self.waiting.gone(place) { State::Free } else { State::Gone };
                self.waits -= 1;
                self.leaves(place, state);
                self.turned_away(customer, Outcome::Abandoned, entered);
            }
            Timer::ComesAgain(at) => {
                self.home.push(at);
                self.enters(self.away[at as usize]);
            }
            Timer::Breaks(server) => {
                self.servers[server as usize].is_down = true;
                self.idle.retain(|other| *other != server);
                if let Some(place) = self.servers[server as usize].job {
                    // It stays there until the server is repaired.
                    let at = &mut self.places[place as usize];
                    at.customer.left -= self.now - at.since;
                    self.departures.set(server as usize, f64::INFINITY);
                    self.busy -= 1;
                }
                if let Some((_, repair)) = &self.queue.breakdowns {
                    let time = self.now + repair.sample(&mut self.streams.breakdowns);
                    self.timers.book_at(time, Timer::IsRepaired(server));
                }
            }
            Timer::IsRepaired(server) => {
                self.servers[server as usize].is_down = false;
                match self.servers[server as usize].job.take() {
                    Some(place) => self.begins(place, server),
                    None => self.takes_next(server),
                }
                if let Some((up, _)) = &self.queue.breakdowns {
                    let time = self.now + up.sample(&mut self.streams.breakdowns);
                    self.timers.book_at(time, Timer::Breaks(server));
                }
            }
        }
    }

    /// Somebody was not served this time: comes again, or is gone for good.
    fn turned_away(&mut self, customer: Customer, outcome: Outcome, entered: f64) {
        if let Some(backoff) = &self.queue.retries
            && let Some(delay) =
                backoff.delay(customer.retries, customer.delayed, &mut self.streams.retries)
        {
            let again = Customer { retries: customer.retries + 1, delayed: delay, ..customer };
            let at = self.home.pop().unwrap_or(self.away.len() as u32);
            match self.away.get_mut(at as usize) {
                Some(place) => *place = again,
                None => self.away.push(again),
            }
            self.timers.book_at(self.now + delay, Timer::ComesAgain(at));
            return;
        }
        self.ends(&customer, self.now - entered, outcome, self.now);
    }

    /// Somebody is gone for good.
    #[inline]
    fn ends(&mut self, customer: &Customer, wait: f64, outcome: Outcome, departure: f64) {
        let Customer { number, class, arrival, service, retries, .. } = *customer;
        let visit = Visit { number, class, arrival, wait, service, departure, retries, outcome };
        self.tally.count(&visit);
        (self.left)(&visit);
        self.gone += 1;
        if self.gone == self.order.warmup {
            self.tally.open();
        }
    }
}
