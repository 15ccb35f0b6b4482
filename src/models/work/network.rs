//! Networks of queues: customers go from station to station.

use super::closed::{self, Visited};
use super::engine::{BATCH, Order};
use super::flow::Flow;
use super::tally::little;
use super::theory::{TheoryError, erlang_c};
use crate::number::positive;
use crate::sim::{Calendar, Distribution, Estimate, Stream, Trials, linear, replicate};
use std::collections::VecDeque;

/// Stations, each one line first come first served before equal servers, and the probabilities
/// with which customers go from one to the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    stations: Vec<Station>,
    /// From each station the probability of each next one; what is missing to 1 leaves.
    routes: Vec<Vec<f64>>,
    /// Who comes from outside at each station, per unit of time; or how many customers go round.
    load: Load,
}

/// One station.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    name: String,
    service: Distribution,
    servers: usize,
}

impl Station {
    /// A station of this name, service and number of servers; `usize::MAX` servers are a delay,
    /// where nobody waits.
    ///
    /// # Panics
    /// If there is no server.
    #[track_caller]
    pub fn new(name: &str, service: Distribution, servers: usize) -> Self {
        assert!(servers >= 1, "Station::new: `{name}` needs at least 1 server, but there are 0");
        Self { name: name.to_owned(), service, servers }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Load {
    Open(Vec<f64>),
    Closed(usize),
}

impl Network {
    /// An open network: of each station the Poisson arrivals from outside, per unit of time.
    ///
    /// # Panics
    /// If the numbers do not fit the stations, or are no rates and probabilities.
    #[track_caller]
    pub fn open(stations: &[Station], arrivals: &[f64], routes: &[&[f64]]) -> Self {
        assert!(
            arrivals.len() == stations.len(),
            "Network::open: there must be a rate of arrivals for each of the {} stations, but there \
             are {}",
            stations.len(),
            arrivals.len()
        );
        let fit = |rate: &f64| *rate >= 0.0 && rate.is_finite();
        assert!(
            arrivals.iter().all(fit) && arrivals.iter().sum::<f64>() > 0.0,
            "Network::open: the rates of arrivals must be numbers of at least 0, one of them above, \
             but they are {arrivals:?}"
        );
        Self::checked("Network::open", stations, Load::Open(arrivals.to_vec()), routes)
    }

    /// A closed network: so many customers that never leave.
    ///
    /// # Panics
    /// If there is no customer, the probabilities from some station do not sum to 1, customers
    /// cannot come back to the first station, or no station takes any time.
    #[track_caller]
    pub fn closed(stations: &[Station], customers: usize, routes: &[&[f64]]) -> Self {
        assert!(
            customers >= 1,
            "Network::closed: there must be at least 1 customer, but there are 0"
        );
        for row in routes {
            assert!(
                (row.iter().sum::<f64>() - 1.0).abs() < 1e-9,
                "Network::closed: nobody leaves, so the probabilities from each station must sum to \
                 1, but one row is {row:?}"
            );
        }
        let network = Self::checked("Network::closed", stations, Load::Closed(customers), routes);
        if let Some(station) = network.trap() {
            panic!(
                "Network::closed: customers must come back to the first station from every other, \
                 but from `{station}` they never do; give a route from there that leads back"
            );
        }
        assert!(
            network
                .stations
                .iter()
                .zip(network.reached([0]))
                .any(|(station, seen)| { seen && station.service.mean() > 0.0 }),
            "Network::closed: some station must take time, or customers go round for ever in none; \
             give one a service whose mean is above 0"
        );
        network
    }

    /// Stations one after the other, with Poisson arrivals at the first.
    ///
    /// # Panics
    /// If the rate is not a positive number, or there is no station.
    #[track_caller]
    pub fn tandem(rate: f64, stations: &[Station]) -> Self {
        let rate = positive("Network::tandem", "arrival rate", rate);
        let n = stations.len();
        let mut arrivals = vec![0.0; n];
        arrivals.iter_mut().take(1).for_each(|first| *first = rate);
        let next = |i: usize| (0..n).map(|j| f64::from(u8::from(j == i + 1))).collect::<Vec<_>>();
        let routes: Vec<Vec<f64>> = (0..n).map(next).collect();
        let rows: Vec<&[f64]> = routes.iter().map(Vec::as_slice).collect();
        Self::checked("Network::tandem", stations, Load::Open(arrivals), &rows)
    }

    #[track_caller]
    fn checked(place: &str, stations: &[Station], load: Load, routes: &[&[f64]]) -> Self {
        let n = stations.len();
        assert!(n >= 1, "{place}: there must be at least 1 station, but there are 0");
        assert!(
            routes.len() == n && routes.iter().all(|row| row.len() == n),
            "{place}: with {n} stations there must be {n} rows of {n} probabilities"
        );
        for row in routes {
            let fit = |p: &f64| (0.0..=1.0).contains(p);
            assert!(
                row.iter().all(fit) && row.iter().sum::<f64>() <= 1.0 + 1e-9,
                "{place}: probabilities must be between 0 and 1 and sum to at most 1 in each row, \
                 but one row is {row:?}"
            );
        }
        let routes = routes.iter().map(|row| row.to_vec()).collect();
        Self { stations: stations.to_vec(), routes, load }
    }

    /// The steady state in closed form, for exponential services: Jackson (1957) for an open
    /// network; Gordon and Newell (1967), by Buzen's convolution (1973), for a closed one.
    ///
    /// # Errors
    /// If some station cannot keep up, or a service is not exponential.
    pub fn theory(&self) -> Result<Flow<f64>, TheoryError> {
        let rates: Option<Vec<f64>> =
            self.stations.iter().map(|station| station.service.rate_if_exponential()).collect();
        let Some(rates) = rates else {
            return Err(TheoryError::Unknown("networks with other services than exponential ones"));
        };
        match &self.load {
            Load::Open(arrivals) => self.jackson(arrivals, &rates),
            Load::Closed(customers) => self.gordon_newell(*customers, &rates),
        }
    }

    /// Each station is an M/M/c with all that comes to it, as if the others were not there.
    fn jackson(&self, arrivals: &[f64], rates: &[f64]) -> Result<Flow<f64>, TheoryError> {
        let flows = self.visits(arrivals)?;
        let mut number = vec![];
        let mut utilization = vec![];
        for ((flow, rate), station) in flows.iter().zip(rates).zip(&self.stations) {
            let offered = flow / rate;
            if station.servers == usize::MAX || offered == 0.0 {
                number.push(offered);
                utilization.push(offered);
                continue;
            }
            let waiting = erlang_c(station.servers, offered)?;
            let spare = station.servers as f64 - offered;
            number.push(offered + waiting * offered / spare);
            utilization.push(offered / station.servers as f64);
        }
        let throughput: f64 = arrivals.iter().sum();
        let time_in_system = number.iter().sum::<f64>() / throughput;
        Ok(Flow { time_in_system, throughput, utilization, number, names: self.names() })
    }

    /// All that comes to each station per unit of time: what comes from outside and from others.
    fn visits(&self, arrivals: &[f64]) -> Result<Vec<f64>, TheoryError> {
        let row = |j: usize| {
            let mut row: Vec<f64> = self.routes.iter().map(|from| -from[j]).collect();
            row[j] += 1.0;
            row.push(arrivals[j]);
            row
        };
        linear::solve((0..arrivals.len()).map(row).collect())
            .ok_or(TheoryError::Unknown("customers who never leave an open network"))
    }

    /// Exactly, by convolution.
    fn gordon_newell(&self, customers: usize, rates: &[f64]) -> Result<Flow<f64>, TheoryError> {
        let visits = self.rounds()?;
        let each = self.stations.iter().zip(rates).zip(&visits);
        let visited: Vec<Visited> = each
            .map(|((station, rate), visits)| Visited {
                demand: visits / rate,
                servers: station.servers,
            })
            .collect();
        let (throughput, number) = closed::solve(customers, &visited);
        let busy = visited.iter().map(|station| match station.servers {
            usize::MAX => throughput * station.demand,
            servers => throughput * station.demand / servers as f64,
        });
        Ok(Flow {
            time_in_system: customers as f64 / throughput,
            throughput,
            utilization: busy.collect(),
            number,
            names: self.names(),
        })
    }

    /// How often each station is visited for each visit of the first, where all begin.
    fn rounds(&self) -> Result<Vec<f64>, TheoryError> {
        let seen = self.reached([0]);
        let row = |j: usize| {
            // The first is visited once; the others as often as customers are sent there.
            let from = |i: usize| if seen[i] && j > 0 { -self.routes[i][j] } else { 0.0 };
            let mut row: Vec<f64> = (0..seen.len()).map(from).collect();
            row[j] += 1.0;
            row.push(f64::from(u8::from(j == 0)));
            row
        };
        linear::solve((0..seen.len()).map(row).collect())
            .ok_or(TheoryError::Unknown("customers who hardly ever come back to the first station"))
    }

    /// Which stations are reached from some.
    fn reached(&self, from: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut seen = vec![false; self.stations.len()];
        let mut open: Vec<usize> = from.into_iter().collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                open.extend((0..seen.len()).filter(|next| self.routes[at][*next] > 0.0));
            }
        }
        seen
    }

    /// A station that customers reach and from which they never come where they are counted: out
    /// of an open network, to the first station of a closed one.
    fn trap(&self) -> Option<&str> {
        let n = self.stations.len();
        let (begin, ends): (Vec<usize>, Vec<bool>) = match &self.load {
            Load::Closed(_) => (vec![0], (0..n).map(|i| i == 0).collect()),
            Load::Open(arrivals) => {
                let leaves = |row: &Vec<f64>| row.iter().sum::<f64>() < 1.0 - 1e-9;
                let begin = (0..n).filter(|i| arrivals[*i] > 0.0).collect();
                (begin, self.routes.iter().map(leaves).collect())
            }
        };
        let is_trap =
            |at: usize| self.reached([at]).iter().zip(&ends).all(|(seen, end)| !(*seen && *end));
        let seen = self.reached(begin);
        let trap = (0..n).find(|at| seen[*at] && is_trap(*at));
        trap.map(|at| self.stations[at].name.as_str())
    }

    /// A stream for each station, by its name: changing one leaves the others' services as they
    /// were. Those that share a name, or have that of a stream of the network's own, are told
    /// apart by their number.
    fn streams(&self, order: Order) -> Vec<Stream> {
        let mut taken = vec!["arrivals".to_owned(), "routes".to_owned()];
        let of = |(number, station): (usize, &Station)| {
            let mut name = station.name.clone();
            while taken.contains(&name) {
                name += &format!(" {number}");
            }
            let stream = order.stream(&name);
            taken.push(name);
            stream
        };
        self.stations.iter().enumerate().map(of).collect()
    }

    fn names(&self) -> Vec<String> {
        self.stations.iter().map(|station| station.name.clone()).collect()
    }

    /// Simulates it, starting empty (a closed one with all customers at the first station).
    /// Counted are customers that leave; in a closed network, visits of the first station.
    ///
    /// # Panics
    /// Without customers; if customers reach a station of an open network that they never leave.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Flow<Estimate> {
        let Trials { replications, customers: counted, warmup, seed } = trials;
        assert!(counted >= 1, "Network::simulate: each replication needs at least 1 customer");
        if let Some(station) = self.trap() {
            panic!(
                "Network::simulate: customers must be able to leave from every station that they \
                 reach, but from `{station}` they never do; let its probabilities sum to less than 1"
            );
        }
        let run = |replication| self.run(Order { seed, replication, warmup, counted });
        let runs = replicate(replications, run);
        let over =
            |of: &dyn Fn(&Flow<f64>) -> f64| Estimate::of(&runs.iter().map(of).collect::<Vec<_>>());
        let stations = 0..self.stations.len();
        Flow {
            time_in_system: over(&|flow| flow.time_in_system),
            throughput: over(&|flow| flow.throughput),
            utilization: stations.clone().map(|i| over(&|flow| flow.utilization[i])).collect(),
            number: stations.map(|i| over(&|flow| flow.number[i])).collect(),
            names: self.names(),
        }
    }

    fn run(&self, order: Order) -> Flow<f64> {
        let n = self.stations.len();
        let mut outside = order.stream("arrivals");
        let mut routes = order.stream("routes");
        let mut services = self.streams(order);
        let mut lines: Vec<VecDeque<f64>> = vec![VecDeque::new(); n];
        let mut busy = vec![0usize; n];
        // When the customer came (or began its round), by the station where it is served.
        let mut departures: Calendar<(u32, f64)> = Calendar::new();
        let (mut total, mut ends) = (0.0, vec![]);
        if let Load::Open(arrivals) = &self.load {
            ends = arrivals
                .iter()
                .map(|rate| {
                    total += rate;
                    total
                })
                .collect();
        }
        let mut areas = vec![(0.0, 0.0); n];
        let mut opened = (0.0, areas.clone());
        let (mut last, mut stayed, mut gone, mut batch) = (0.0, 0.0, 0usize, 0);
        // The time that all who are done have spent, those of the warm-up too.
        let mut spent = 0.0;
        macro_rules! enters {
            ($station:expr, $since:expr, $now:expr) => {{
                let at: usize = $station;
                if busy[at] < self.stations[at].servers {
                    busy[at] += 1;
                    let service = self.stations[at].service.sample(&mut services[at]);
                    departures.book_at($now + service, (at as u32, $since));
                } else {
                    lines[at].push_back($since);
                }
            }};
        }
        if let Load::Closed(customers) = self.load {
            (0..customers).for_each(|_| enters!(0, 0.0, 0.0));
        }
        let between = |stream: &mut Stream| match total > 0.0 {
            true => stream.exponential() / total,
            false => f64::INFINITY,
        };
        let mut arrival = between(&mut outside);
        let all = order.warmup + order.counted;
        while gone < all {
            batch += 1;
            if batch == BATCH {
                crate::interrupt::tick();
                batch = 0;
            }
            let departure = departures.upcoming().unwrap_or(f64::INFINITY);
            let now = departure.min(arrival);
            for (area, (line, busy)) in areas.iter_mut().zip(lines.iter().zip(&busy)) {
                area.0 += (now - last) * *busy as f64;
                area.1 += (now - last) * (*busy + line.len()) as f64;
            }
            last = now;
            if arrival < departure {
                let at = outside.uniform() * total;
                enters!(ends.partition_point(|end| *end <= at).min(n - 1), now, now);
                arrival = now + between(&mut outside);
                continue;
            }
            let Some((from, since)) = departures.next() else { break };
            let from = from as usize;
            match lines[from].pop_front() {
                Some(next) => {
                    let service = self.stations[from].service.sample(&mut services[from]);
                    departures.book_at(now + service, (from as u32, next));
                }
                None => busy[from] -= 1,
            }
            let mut left = routes.uniform();
            let to = self.routes[from].iter().position(|p| {
                left -= p;
                left < 0.0
            });
            let closed = matches!(self.load, Load::Closed(_));
            // Rounding may leave a little of the last route.
            let to = if closed { Some(to.unwrap_or(n - 1)) } else { to };
            let ends = if closed { from == 0 } else { to.is_none() };
            if ends {
                gone += 1;
                spent += now - since;
                if gone > order.warmup {
                    stayed += now - since;
                }
                if gone == order.warmup {
                    opened = (now, areas.clone());
                }
            }
            if let Some(to) = to {
                enters!(to, if closed && from == 0 { now } else { since }, now);
            }
        }
        while let Some((_, since)) = departures.next() {
            spent += last - since;
        }
        spent += lines.iter().flatten().map(|since| last - since).sum::<f64>();
        little(spent, areas.iter().map(|area| area.1).sum());
        let span = last - opened.0;
        let counted = (gone - order.warmup.min(gone)).max(1) as f64;
        let part = |i: usize, of: fn(&(f64, f64)) -> f64| (of(&areas[i]) - of(&opened.1[i])) / span;
        Flow {
            time_in_system: stayed / counted,
            throughput: counted / span,
            utilization: (0..n)
                .map(|i| match self.stations[i].servers {
                    usize::MAX => part(i, |area| area.0),
                    servers => part(i, |area| area.0) / servers as f64,
                })
                .collect(),
            number: (0..n).map(|i| part(i, |area| area.1)).collect(),
            names: self.names(),
        }
    }
}
