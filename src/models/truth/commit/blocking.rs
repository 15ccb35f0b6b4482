//! The blocking window of two-phase commit: how long participants hold their locks in doubt when
//! the coordinator may go down, by simulation and in closed form.

use crate::number::positive;
use crate::sim::{Calendar, Distribution, Estimate, Stream, replicate};

/// Two-phase commit of one transaction, and a coordinator that may go down. Times are in
/// milliseconds.
///
/// As made by [`BlockingWindow::new`]: the coordinator asks the participants to prepare at time 0,
/// every message takes the same time, and preparing takes none. The coordinator goes down after a
/// time that is exponentially distributed, and comes back after another; the decision is on its
/// disk if it was taken before. Participants are in doubt from their vote to the decision.
#[derive(Clone, Debug)]
pub struct BlockingWindow {
    participants: usize,
    latency: Distribution,
    prepare: f64,
    to_failure: f64,
    to_repair: f64,
    seed: u64,
}

/// What became of many transactions.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The part of the transactions whose participants had to wait for the coordinator's return.
    pub blocked: Estimate,
    /// How long the first participant was in doubt, in milliseconds.
    pub in_doubt: Estimate,
    /// The part of the transactions that committed.
    pub committed: Estimate,
    /// The time in doubt of the first participant in each transaction, in ascending order.
    pub times: Vec<f64>,
}

enum Event {
    Asked(usize),
    Votes(usize),
    Heard(usize),
    Told(usize),
    Crashes,
    Returns,
}

impl BlockingWindow {
    /// So many participants, messages that take so long, and a coordinator that never goes down.
    ///
    /// # Panics
    /// If there are no participants, or the time is not positive.
    #[track_caller]
    pub fn new(participants: usize, latency: f64) -> Self {
        const PLACE: &str = "BlockingWindow::new";
        assert!(participants >= 1, "{PLACE}: there must be at least 1 participant");
        let latency = Distribution::deterministic(positive(PLACE, "latency", latency));
        let (to_failure, to_repair) = (f64::INFINITY, 0.0);
        Self { participants, latency, prepare: 0.0, to_failure, to_repair, seed: 1 }
    }

    /// Messages that take a time of this distribution. There is no closed form then.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// A participant needs so long to prepare.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn prepare(self, time: f64) -> Self {
        assert!(
            time >= 0.0 && time.is_finite(),
            "BlockingWindow::prepare: the time to prepare must be a number of at least 0, but it \
             is {time}"
        );
        Self { prepare: time, ..self }
    }

    /// The coordinator goes down after so long on average, and comes back after so long on
    /// average, both exponentially distributed.
    ///
    /// # Panics
    /// If one of them is not a positive number.
    #[track_caller]
    pub fn crashes(self, to_failure: f64, to_repair: f64) -> Self {
        const PLACE: &str = "BlockingWindow::crashes";
        let to_failure = positive(PLACE, "mean time to failure", to_failure);
        let to_repair = positive(PLACE, "mean time to repair", to_repair);
        Self { to_failure, to_repair, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How long the coordinator is waited for: from its question to its decision.
    fn window(&self) -> f64 {
        2.0 * self.latency.mean() + self.prepare
    }

    /// The probability that the coordinator goes down before it has decided: `1 - e^(-w / f)`, with
    /// the window w of two messages and the preparation, and the mean time f to failure.
    ///
    /// # Panics
    /// As for all closed forms here: if messages do not always take the same time.
    #[track_caller]
    pub fn blocks(&self) -> f64 {
        self.check("BlockingWindow::blocks");
        -(-self.window() / self.to_failure).exp_m1()
    }

    /// The mean time in doubt, in milliseconds. Without a failure it is two messages; after one at
    /// time t it lasts `t + R - prepare`, with R the repair: the decision to abort travels as long
    /// as the question did. If that is negative the decision comes before the vote, and nobody is in
    /// doubt.
    #[track_caller]
    pub fn mean_in_doubt(&self) -> f64 {
        self.check("BlockingWindow::mean_in_doubt");
        let usual = 2.0 * self.latency.mean();
        if self.to_failure.is_infinite() {
            return usual;
        }
        let (failure, repair) = (1.0 / self.to_failure, 1.0 / self.to_repair);
        // After a failure at t < prepare the repair must take longer than what is left to prepare.
        let gap = repair - failure;
        let early = if (gap * self.prepare).abs() < 1e-12 {
            self.prepare
        } else {
            (gap * self.prepare).exp_m1() / gap
        };
        let early = failure * self.to_repair * (-repair * self.prepare).exp() * early;
        // After one later, within the two messages that follow: E[S + R; S < usual].
        let within = -(-usual * failure).exp_m1();
        let late = (self.to_failure + self.to_repair) * within - usual * (1.0 - within);
        let later = (-failure * self.prepare).exp();
        (1.0 - self.blocks()) * usual + early + later * late
    }

    /// P(time in doubt > x): for x of at least two messages the integral of
    /// `e^(-t / f) / f · e^(-(x + prepare - t) / r)` over the window, with the mean times f to
    /// failure and r to repair. `x` is in milliseconds; below two messages the closed form does
    /// not apply, and the answer is not a number.
    #[track_caller]
    pub fn in_doubt_longer(&self, x: f64) -> f64 {
        self.check("BlockingWindow::in_doubt_longer");
        if x < 2.0 * self.latency.mean() {
            return f64::NAN;
        }
        if self.to_failure.is_infinite() {
            return 0.0;
        }
        let (failure, repair) = (1.0 / self.to_failure, 1.0 / self.to_repair);
        let (window, gap) = (self.window(), repair - failure);
        let integral =
            if gap.abs() * window < 1e-12 { window } else { (gap * window).exp_m1() / gap };
        failure * (-repair * (x + self.prepare)).exp() * integral
    }

    #[track_caller]
    fn check(&self, place: &str) {
        assert!(
            self.latency.scv() == 0.0,
            "{place}: the closed form is for messages that always take the same time; leave out \
             BlockingWindow::latency, or simulate"
        );
    }

    /// So many transactions, one after the other, each with a coordinator that has just started.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn simulate(&self, transactions: usize) -> Blocked {
        assert!(
            transactions >= 2,
            "BlockingWindow::simulate: there must be at least 2 transactions, but there are \
             {transactions}"
        );
        let runs = replicate(transactions, |number| self.one(number));
        let part = |of: &dyn Fn(&(bool, bool, f64)) -> bool| {
            let values: Vec<f64> = runs.iter().map(|run| f64::from(u8::from(of(run)))).collect();
            Estimate::of(&values)
        };
        let (blocked, committed) = (part(&|run| run.0), part(&|run| run.1));
        let mut times: Vec<f64> = runs.iter().map(|run| run.2).collect();
        times.sort_by(f64::total_cmp);
        Blocked { blocked, in_doubt: Estimate::of(&times), committed, times }
    }

    /// One transaction: whether its participants had to wait for the coordinator's return, whether
    /// it committed, and how long the first participant was in doubt.
    fn one(&self, number: u64) -> (bool, bool, f64) {
        let mut messages = Stream::new(self.seed, number, "messages");
        let mut failures = Stream::new(self.seed, number, "failures");
        let mut calendar = Calendar::new();
        for participant in 0..self.participants {
            calendar.book(self.latency.sample(&mut messages), Event::Asked(participant));
        }
        if self.to_failure.is_finite() {
            calendar.book(self.to_failure * failures.exponential(), Event::Crashes);
        }
        let mut heard = vec![false; self.participants];
        let (mut is_down, mut voted, mut decision) = (false, None, None);
        let mut blocked = false;
        while let Some(event) = calendar.next() {
            let mut decides = None;
            match event {
                Event::Asked(participant) => calendar.book(self.prepare, Event::Votes(participant)),
                Event::Votes(participant) => {
                    if participant == 0 {
                        voted = Some(calendar.now());
                    }
                    calendar.book(self.latency.sample(&mut messages), Event::Heard(participant));
                }
                // A vote that reaches nobody is lost.
                Event::Heard(participant) => {
                    heard[participant] |= !is_down;
                    if decision.is_none() && heard.iter().all(|heard| *heard) {
                        decides = Some(true);
                    }
                }
                Event::Told(0) => {
                    let in_doubt = voted.map_or(0.0, |voted| calendar.now() - voted);
                    return (blocked, decision == Some(true), in_doubt);
                }
                Event::Told(_) => {}
                Event::Crashes => {
                    if decision.is_none() {
                        (is_down, blocked) = (true, true);
                        calendar.book(self.to_repair * failures.exponential(), Event::Returns);
                    }
                }
                // Nothing was decided, as its disk says: it aborts.
                Event::Returns => {
                    is_down = false;
                    decides = Some(false);
                }
            }
            if let Some(commits) = decides {
                decision = Some(commits);
                for participant in 0..self.participants {
                    calendar.book(self.latency.sample(&mut messages), Event::Told(participant));
                }
            }
        }
        unreachable!("every transaction is decided, and the first participant told")
    }
}
