//! Clients that all want to change the same row: who read it too long ago is refused and tries
//! again (optimistic concurrency). What they wait in between decides how often they ask in vain
//! (Brooker, *Exponential backoff and jitter*, AWS Architecture Blog, 2015).

use crate::sim::{Calendar, Distribution, Estimate, Stream, Trials, replicate};
use crate::work::Backoff;

/// Clients that begin at the same moment. Each reads the row, then writes it; the write is
/// refused if another's came in between, and then it waits and begins anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Contention {
    clients: usize,
    hop: Distribution,
    backoff: Option<Backoff>,
}

/// What a simulation of contention measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Contended {
    /// Writes tried until all have succeeded; at least one for each client.
    pub calls: Estimate,
    /// Until the last has succeeded, in units of time.
    pub time: Estimate,
}

#[derive(Clone, Copy)]
enum Step {
    /// The request to read is at the row.
    Reads,
    /// What was read is at the client, who sends the write.
    Knows { version: u64 },
    /// The write is at the row.
    Writes { version: u64 },
    /// The refusal is at the client.
    IsRefused,
}

struct Client {
    retries: u32,
    waited: f64,
}

impl Contention {
    /// So many clients, each message between a client and the row on its way for such a time;
    /// who is refused tries again at once.
    ///
    /// # Panics
    /// If there are no clients.
    #[track_caller]
    pub fn new(clients: usize, hop: Distribution) -> Self {
        assert!(
            clients >= 1,
            "Contention::new: there must be at least 1 client, but there are 0; give it some"
        );
        Self { clients, hop, backoff: None }
    }

    /// The same with clients who wait before they try again. All succeed in the end, so the
    /// number of tries is not limited here.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff: Some(backoff.without_end()), ..self }
    }

    /// Runs `trials.customers` such races in each replication.
    pub fn simulate(&self, trials: Trials) -> Contended {
        let Trials { replications, customers, seed, .. } = trials;
        let runs = replicate(replications, |replication| {
            let mut hops = Stream::new(seed, replication, "hops");
            let mut waits = Stream::new(seed, replication, "waits");
            let races = (0..customers).map(|_| self.race(&mut hops, &mut waits));
            let (calls, time) =
                races.fold((0.0, 0.0), |(calls, time), race| (calls + race.0, time + race.1));
            (calls / customers as f64, time / customers as f64)
        });
        let of =
            |part: fn(&(f64, f64)) -> f64| Estimate::of(&runs.iter().map(part).collect::<Vec<_>>());
        Contended { calls: of(|run| run.0), time: of(|run| run.1) }
    }

    /// One race: how many writes were tried, and how long it took.
    fn race(&self, hops: &mut Stream, waits: &mut Stream) -> (f64, f64) {
        let mut clients: Vec<Client> =
            (0..self.clients).map(|_| Client { retries: 0, waited: 0.0 }).collect();
        let mut events = Calendar::new();
        for client in 0..self.clients {
            events.book(self.hop.sample(hops), (client, Step::Reads));
        }
        let (mut version, mut calls) = (0u64, 0u64);
        let mut last = 0.0;
        while let Some((client, step)) = events.next() {
            let hop = self.hop.sample(hops);
            match step {
                Step::Reads => events.book(hop, (client, Step::Knows { version })),
                Step::Knows { version } => events.book(hop, (client, Step::Writes { version })),
                Step::Writes { version: read } => {
                    calls += 1;
                    if calls % 1024 == 0 {
                        crate::interrupt::tick();
                    }
                    if read == version {
                        version += 1;
                        last = events.now() + hop;
                    } else {
                        events.book(hop, (client, Step::IsRefused));
                    }
                }
                Step::IsRefused => {
                    let Client { retries, waited } = &mut clients[client];
                    let wait = self
                        .backoff
                        .and_then(|backoff| backoff.delay(*retries, *waited, waits))
                        .unwrap_or(0.0);
                    (*retries, *waited) = (retries.saturating_add(1), wait);
                    events.book(wait + hop, (client, Step::Reads));
                }
            }
        }
        (calls as f64, last)
    }
}
