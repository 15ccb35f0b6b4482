//! Closed networks of exponential stations, exactly: the product form of Gordon and Newell (1967),
//! summed by convolution (Buzen, 1973). Mean value analysis loses all digits where a station has
//! several servers and many customers: it takes the chance of an empty station as what the others
//! lack to 1. Here nothing is subtracted.

use statrs::function::gamma::ln_gamma;

/// What is asked of one station.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visited {
    /// The mean time that it serves a customer for each visit of the first station.
    pub demand: f64,
    /// Its servers; `usize::MAX`: a delay, where nobody waits.
    pub servers: usize,
}

/// Visits of the first station per unit of time, and the mean number of customers at each.
pub(super) fn solve(customers: usize, stations: &[Visited]) -> (f64, Vec<f64>) {
    // The product form may be scaled by any throughput. Near the true one no weight that counts
    // is too small for a float.
    let total: f64 = stations.iter().map(|station| station.demand).sum();
    let most = stations.iter().map(|station| match station.servers {
        usize::MAX => f64::INFINITY,
        servers => servers as f64 / station.demand,
    });
    let scale = most.fold(customers as f64 / total, f64::min);
    let offered = |station: &Visited| scale * station.demand;
    let thinking: f64 = stations.iter().filter(|s| s.servers == usize::MAX).map(offered).sum();
    let delays = weights(customers, thinking, usize::MAX);
    let queues: Vec<usize> =
        (0..stations.len()).filter(|i| stations[*i].servers < usize::MAX).collect();
    let all_but = |left_out: Option<usize>| {
        let others = queues.iter().filter(|i| Some(**i) != left_out);
        others.fold(delays.clone(), |sums, i| {
            convolved(&sums, offered(&stations[*i]), stations[*i].servers)
        })
    };
    let all = all_but(None);
    let throughput = scale * all[customers - 1] / all[customers];
    let number = |(i, station): (usize, &Visited)| {
        if station.servers == usize::MAX {
            return throughput * station.demand;
        }
        let here = weights(customers, offered(station), station.servers);
        let others = all_but(Some(i));
        let chances = here.iter().zip(others.iter().rev()).map(|(here, others)| here * others);
        let (mut sum, mut mean) = (0.0, 0.0);
        for (n, chance) in chances.enumerate() {
            sum += chance;
            mean += n as f64 * chance;
        }
        mean / sum
    };
    let numbers = stations.iter().enumerate().map(number).collect();
    (throughput, numbers)
}

/// The weight of 0, 1, .. customers at a station that is offered so many erlangs: the product of
/// offered / min(n, servers), the largest being 1.
fn weights(customers: usize, offered: f64, servers: usize) -> Vec<f64> {
    if offered == 0.0 {
        return (0..=customers).map(|n| f64::from(u8::from(n == 0))).collect();
    }
    let log = |n: usize| {
        let (many, few) = (n as f64, n.min(servers) as f64);
        let beyond = if n > servers { (many - few) * (servers as f64).ln() } else { 0.0 };
        many * offered.ln() - ln_gamma(few + 1.0) - beyond
    };
    let logs: Vec<f64> = (0..=customers).map(log).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logs.iter().map(|log| (log - largest).exp()).collect()
}

/// The weights of 0, 1, .. customers at what has been summed and at one station more. From c
/// customers on its weights fall by offered / c, so that only the first c take a sum each.
fn convolved(sums: &[f64], offered: f64, servers: usize) -> Vec<f64> {
    let weights = weights(sums.len() - 1, offered, servers);
    let first: Vec<f64> = weights
        .iter()
        .take(servers)
        .enumerate()
        .map(|(n, weight)| weight * (1.0 - n as f64 / servers as f64))
        .collect();
    let mut next: Vec<f64> = Vec::with_capacity(sums.len());
    for k in 0..sums.len() {
        if k % 1024 == 0 {
            crate::interrupt::tick();
        }
        let before = k.checked_sub(1).map_or(0.0, |k| next[k]);
        let fresh = first.iter().zip(sums[..=k].iter().rev()).map(|(f, sum)| f * sum);
        next.push(offered / servers as f64 * before + fresh.sum::<f64>());
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to place the customers, one by one.
    fn by_hand(customers: usize, stations: &[Visited]) -> (f64, Vec<f64>) {
        fn place(
            left: usize,
            stations: &[Visited],
            at: &mut Vec<usize>,
            all: &mut Vec<Vec<usize>>,
        ) {
            if at.len() + 1 == stations.len() {
                all.push(at.iter().copied().chain([left]).collect());
                return;
            }
            for here in 0..=left {
                at.push(here);
                place(left - here, stations, at, all);
                at.pop();
            }
        }
        let weight = |state: &Vec<usize>| -> f64 {
            let each = state.iter().zip(stations).map(|(n, station)| {
                (1..=*n).map(|k| station.demand / k.min(station.servers) as f64).product::<f64>()
            });
            each.product()
        };
        let states = |customers| {
            let mut all = vec![];
            place(customers, stations, &mut vec![], &mut all);
            all
        };
        let sum = |customers| states(customers).iter().map(weight).sum::<f64>();
        let all = states(customers);
        let mean = |i: usize| all.iter().map(|state| state[i] as f64 * weight(state)).sum::<f64>();
        let total = sum(customers);
        let numbers = (0..stations.len()).map(|i| mean(i) / total).collect();
        (sum(customers - 1) / total, numbers)
    }

    #[test]
    fn sums_are_those_over_all_states() {
        let station = |demand, servers| Visited { demand, servers };
        let cases = [
            vec![station(1.0, 1), station(0.5, 2)],
            vec![station(5.0, usize::MAX), station(1.0, 3), station(0.7, 1)],
            vec![station(0.2, 4), station(0.2, 4), station(0.3, 1), station(1.0, usize::MAX)],
        ];
        for stations in cases {
            for customers in [1, 2, 5, 9] {
                let (ours, theirs) = (solve(customers, &stations), by_hand(customers, &stations));
                let near = |a: f64, b: f64| (a - b).abs() < 1e-12 * b.abs();
                assert!(near(ours.0, theirs.0), "{ours:?} {theirs:?}");
                assert!(ours.1.iter().zip(&theirs.1).all(|(a, b)| near(*a, *b)), "{ours:?}");
            }
        }
    }
}
