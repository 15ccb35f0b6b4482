//! The servers: who gets a request, who works, who is out.

use super::{RequestPath, Slow};
use crate::sim::Stream;

/// Servers 0 to below the number that is ready take requests, but for those that are out.
pub(super) struct App {
    /// When each will have done all that it has.
    free: Vec<f64>,
    /// How many requests each has.
    standing: Vec<u32>,
    /// Those that take requests.
    live: Vec<u32>,
    /// Until when each is out.
    out: Vec<f64>,
    /// Of the period: services that began to be planned, and their number, by server.
    worked: Vec<(f64, u32)>,
    pub ready: usize,
    choices: usize,
    mean: f64,
    slow: Option<Slow>,
}

impl App {
    pub fn new(path: &RequestPath) -> Self {
        let mut app = Self {
            free: vec![],
            standing: vec![],
            live: vec![],
            out: vec![],
            worked: vec![],
            ready: 0,
            choices: path.choices,
            mean: path.app,
            slow: path.slow,
        };
        app.becomes(path.servers, 0.0);
        app
    }

    /// So many servers are ready from now on.
    pub fn becomes(&mut self, ready: usize, now: f64) {
        self.ready = ready;
        if ready > self.free.len() {
            self.free.resize(ready, 0.0);
            self.standing.resize(ready, 0);
            self.out.resize(ready, 0.0);
            self.worked.resize(ready, (0.0, 0));
        }
        self.renew(now);
    }

    /// Who takes requests now.
    pub fn renew(&mut self, now: f64) {
        let out = &self.out;
        self.live.clear();
        self.live.extend((0..self.ready as u32).filter(|server| out[*server as usize] <= now));
    }

    /// A request comes: its server, and when it will be done there.
    #[inline]
    pub fn takes(&mut self, now: f64, choices: &mut Stream, services: &mut Stream) -> (u32, f64) {
        let mut server = self.live[choices.below(self.live.len())];
        for _ in 1..self.choices {
            let other = self.live[choices.below(self.live.len())];
            if self.standing[other as usize] < self.standing[server as usize] {
                server = other;
            }
        }
        let at = server as usize;
        let begin = self.free[at].max(now);
        let mut service = self.mean * services.exponential();
        if let Some(slow) = self.slow
            && at < slow.servers
            && (slow.from..slow.to).contains(&begin)
        {
            service *= slow.factor;
        }
        self.free[at] = begin + service;
        self.standing[at] += 1;
        let worked = &mut self.worked[at];
        *worked = (worked.0 + service, worked.1 + 1);
        (server, self.free[at])
    }

    #[inline]
    pub fn done(&mut self, server: u32) {
        self.standing[server as usize] -= 1;
    }

    /// The work that came in this period, in seconds of a server; and then it is another period's.
    pub fn work(&mut self) -> f64 {
        let work = self.worked.iter().map(|worked| worked.0).sum();
        self.worked.fill((0.0, 0));
        work
    }

    /// Of those that take requests, the mean time for one in this period; of one that had none, that
    /// of all.
    pub fn means(&self) -> Vec<f64> {
        let of = |server: &u32| self.worked[*server as usize];
        let (time, number) =
            self.live.iter().map(of).fold((0.0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        let all = time / f64::from(number.max(1));
        let mean = |(time, number): (f64, u32)| match number {
            0 => all,
            _ => time / f64::from(number),
        };
        self.live.iter().map(of).map(mean).collect()
    }

    /// Takes out the one that is at this place of those that take requests, unless a third are out.
    /// Says whether it is done, and whether rightly.
    pub fn eject(&mut self, place: usize, now: f64, until: f64) -> Option<bool> {
        if 3 * (self.ready - self.live.len() + 1) > self.ready {
            return None;
        }
        let server = *self.live.get(place)? as usize;
        self.out[server] = until;
        self.renew(now);
        let is_slow = |slow: Slow| server < slow.servers && (slow.from..slow.to).contains(&now);
        Some(self.slow.is_some_and(is_slow))
    }
}
