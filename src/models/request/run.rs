//! A replication, event by event.

use super::app::App;
use super::store::{Answer, Store};
use super::{PathSurvey, RequestPath, Watch};
use crate::columns::Columns;
use crate::control::{Reading, Scaler};
use crate::number::positive;
use crate::sim::{Calendar, Estimate, Histogram, Stream, replicate};
use std::collections::VecDeque;

/// How long a rate of the load holds before it is looked up again, in seconds.
const STEP: f64 = 1.0;
/// Events between two looks at the interrupt.
const BATCH: u64 = 1024;

#[derive(Clone, Copy)]
enum Event {
    /// A server is done with a request that came at this time.
    Done { server: u32, arrival: f64 },
    /// A period is over.
    Period,
}

/// Sums over requests.
#[derive(Clone, Copy, Default)]
struct Sums {
    requests: u64,
    latency: f64,
    late: u64,
    reads: u64,
    hits: u64,
    stale: u64,
}

impl Sums {
    #[inline]
    fn add(&mut self, latency: f64, goal: f64, answer: &Answer) {
        self.requests += 1;
        self.latency += latency;
        self.late += u64::from(latency > goal);
        if let Some(read) = &answer.read {
            self.reads += 1;
            self.hits += u64::from(read.hit);
            self.stale += u64::from(read.stale);
        }
    }
}

fn part(of: u64, all: u64) -> f64 {
    of as f64 / all.max(1) as f64
}

impl RequestPath {
    /// Runs it for so many seconds, several times. Requests that come before the end are answered.
    ///
    /// # Panics
    /// If the end is less than two periods after the warm-up, there are fewer than 2 replications, or no request comes.
    #[track_caller]
    pub fn simulate(&self, end: f64, replications: usize, seed: u64) -> PathSurvey {
        const PLACE: &str = "RequestPath::simulate";
        positive(PLACE, "end", end);
        assert!(
            end >= self.warmup + 2.0 * self.period,
            "{PLACE}: the end must be at least two periods of {} s after the warm-up of {} s, but it \
             is {end}",
            self.period,
            self.warmup
        );
        super::count(PLACE, "number of replications", 2, usize::MAX, replications);
        let mut runs = replicate(replications, |replication| {
            self.replication(end, &|name| Stream::new(seed, replication, name))
        });
        assert!(
            runs.iter().all(|run| run.measured.iter().all(|value| value.is_finite())),
            "{PLACE}: no request came after the warm-up; give a greater load or a later end"
        );
        let first = std::mem::replace(&mut runs[0].rows, Rows::new()).columns();
        let of = |value: usize| {
            Estimate::of(&runs.iter().map(|run| run.measured[value]).collect::<Vec<_>>())
        };
        PathSurvey {
            latency: of(0),
            p99: of(1),
            late: of(2),
            hits: of(3),
            stale: of(4),
            app_load: of(5),
            database_load: of(6),
            servers: of(7),
            ejected: of(8),
            wrongly: of(9),
            first,
        }
    }

    fn replication(&self, end: f64, stream: &impl Fn(&str) -> Stream) -> Replication {
        let [mut arrivals, mut choices, mut services] =
            ["arrivals", "choices", "services"].map(stream);
        let mut app = App::new(self);
        let mut store = Store::new(self, stream);
        let mut fleet = Fleet::new(self);
        let mut calendar = Calendar::new();
        let (mut all, mut period, mut histogram) =
            (Sums::default(), Sums::default(), Histogram::default());
        let (mut counted_work, mut room) = (0.0, 0.0);
        let mut source = Source { step: 0, left: arrivals.exponential() };
        let mut next = source.next(self, 0.0, end);
        calendar.book_at(self.period, Event::Period);
        let mut events = 0u64;
        // The database's work before the warm-up does not count.
        let mut before = None;
        loop {
            events += 1;
            if events.is_multiple_of(BATCH) {
                crate::interrupt::tick();
            }
            let upcoming = calendar.upcoming().unwrap_or(f64::INFINITY);
            if next < upcoming {
                let (server, done) = app.takes(next, &mut choices, &mut services);
                calendar.book_at(done, Event::Done { server, arrival: next });
                source.left = arrivals.exponential();
                next = source.next(self, next, end);
                continue;
            }
            match calendar.next() {
                Some(Event::Done { server, arrival }) => {
                    let now = calendar.now();
                    app.done(server);
                    if before.is_none() && now >= self.warmup {
                        before = Some(store.work);
                    }
                    let answer = store.asks(now);
                    let latency = answer.at - arrival;
                    period.add(latency, self.goal, &answer);
                    if arrival >= self.warmup {
                        all.add(latency, self.goal, &answer);
                        histogram.record(latency);
                    }
                }
                Some(Event::Period) => {
                    let now = calendar.now();
                    let ready = app.ready;
                    let means = self.watch.as_ref().map(|_| app.means());
                    let work = app.work();
                    // Whole periods only: no load comes after the end.
                    let counts = now - self.period >= self.warmup && now <= end;
                    if counts {
                        counted_work += work;
                        room += ready as f64 * self.period;
                    }
                    fleet.paid += if counts { fleet.wanted(&app) as f64 } else { 0.0 };
                    fleet.periods += f64::from(u8::from(counts));
                    fleet.period(self, &mut app, now, work, means, period);
                    period = Sums::default();
                    if now < end {
                        calendar.book_at(now + self.period, Event::Period);
                    }
                }
                None => break,
            }
        }
        let counted = (end - self.warmup) * self.replicas as f64;
        Replication {
            measured: [
                all.latency / all.requests as f64,
                histogram.quantile(0.99),
                part(all.late, all.requests),
                part(all.hits, all.reads),
                part(all.stale, all.reads),
                counted_work / room,
                (store.work - before.unwrap_or(0.0)) / counted,
                fleet.paid / fleet.periods,
                fleet.ejected as f64,
                fleet.wrongly as f64,
            ],
            rows: fleet.rows,
        }
    }
}

struct Replication {
    measured: [f64; 10],
    rows: Rows,
}

/// When the next request comes: when so much more of the load has passed.
struct Source {
    step: u64,
    left: f64,
}

impl Source {
    #[inline]
    fn next(&mut self, path: &RequestPath, mut now: f64, end: f64) -> f64 {
        loop {
            let rate = path.load.at(self.step as f64 * STEP);
            let boundary = (self.step + 1) as f64 * STEP;
            let passes = (boundary - now) * rate;
            if self.left < passes {
                let at = now + self.left / rate;
                return if at < end { at } else { f64::INFINITY };
            }
            self.left -= passes;
            now = boundary;
            self.step += 1;
            if now >= end {
                return f64::INFINITY;
            }
        }
    }
}

/// Who is wanted, who starts, who is out.
struct Fleet {
    scaler: Option<Box<dyn Scaler>>,
    watch: Option<Watch>,
    /// When they will work, and how many.
    starting: VecDeque<(f64, usize)>,
    out: Vec<f64>,
    paid: f64,
    periods: f64,
    ejected: u32,
    wrongly: u32,
    rows: Rows,
}

impl Fleet {
    fn new(path: &RequestPath) -> Self {
        Self {
            scaler: path.scaler.as_ref().map(|fresh| fresh()),
            watch: path.watch.as_ref().map(|fresh| fresh()),
            starting: VecDeque::new(),
            out: vec![],
            paid: 0.0,
            periods: 0.0,
            ejected: 0,
            wrongly: 0,
            rows: Rows::new(),
        }
    }

    /// Those that are ready and those that start.
    fn wanted(&self, app: &App) -> usize {
        app.ready + self.starting.iter().map(|(_, servers)| servers).sum::<usize>()
    }

    /// What is done when a period is over: servers that have started begin to work, the scaler and
    /// the watch have their say.
    fn period(
        &mut self,
        path: &RequestPath,
        app: &mut App,
        now: f64,
        work: f64,
        means: Option<Vec<f64>>,
        sums: Sums,
    ) {
        let wanted = self.wanted(app);
        self.out.retain(|until| *until > now);
        self.rows.push(path, now, [app.ready, wanted, self.out.len()], sums);
        let value = work / (app.ready as f64 * path.period);
        let mut ready = app.ready;
        if let Some(scaler) = &mut self.scaler {
            let most = super::MOST_SERVERS as f64;
            let reading = Reading {
                now,
                period: path.period,
                value,
                ready: ready as f64,
                wanted: wanted as f64,
                least: 1.0,
                most,
            };
            let wants = scaler.wants(reading);
            assert!(
                !wants.is_nan(),
                "RequestPath::scaled: the scaler must give a number of servers, but at {now} s it is \
                 NaN"
            );
            let wants = wants.round().clamp(1.0, most) as usize;
            let mut spare = wanted.saturating_sub(wants);
            // Those that start go before those that work, the latest first.
            while spare > 0 {
                let Some((_, servers)) = self.starting.back_mut() else { break };
                let fewer = spare.min(*servers);
                (*servers, spare) = (*servers - fewer, spare - fewer);
                if *servers == 0 {
                    self.starting.pop_back();
                }
            }
            ready -= spare;
            if wants > wanted {
                self.starting.push_back((now + path.start_up, wants - wanted));
            }
        }
        while let Some((at, servers)) = self.starting.front().copied()
            && at <= now
        {
            ready += servers;
            self.starting.pop_front();
        }
        if let (Some(watch), Some(means)) = (&mut self.watch, means)
            && let Some(place) = watch(&means)
            && let Some(rightly) = app.eject(place, now, now + path.rest)
        {
            self.out.push(now + path.rest);
            self.ejected += 1;
            self.wrongly += u32::from(!rightly);
        }
        app.becomes(ready, now);
    }
}

/// The first replication's rows; see [`PathSurvey::columns`].
struct Rows([(&'static str, Vec<f64>); 8]);

impl Rows {
    fn new() -> Self {
        Self(
            ["time", "load", "ready", "wanted", "out", "latency", "late", "hits"]
                .map(|name| (name, vec![])),
        )
    }

    fn push(&mut self, path: &RequestPath, now: f64, servers: [usize; 3], sums: Sums) {
        let [ready, wanted, out] = servers.map(|number| number as f64);
        let row = [
            now,
            sums.requests as f64 / path.period,
            ready,
            wanted,
            out,
            sums.latency / sums.requests.max(1) as f64,
            part(sums.late, sums.requests),
            part(sums.hits, sums.reads),
        ];
        for ((_, column), value) in self.0.iter_mut().zip(row) {
            column.push(value);
        }
    }

    fn columns(self) -> Columns {
        let none = Columns::new("the path of requests, period by period");
        self.0.iter().fold(none, |columns, (name, values)| columns.numbers(name, values))
    }
}
