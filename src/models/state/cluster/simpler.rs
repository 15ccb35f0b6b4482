//! Smaller scenarios, for whoever looks for the smallest that still goes wrong.

use super::scenario::Scenario;

impl Scenario {
    /// The same with one thing less: a fault, what is wrong all the time, clients, keys, time. What
    /// takes most away comes first.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        /// What can be told apart: a while, in milliseconds, and a part of one.
        const LEAST: f64 = 5.0;
        let mut simpler = vec![];
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut other = self.clone();
            change(&mut other);
            simpler.push(other);
        };
        let count = self.faults.len();
        if count >= 4 {
            add(&|it| it.faults.truncate(count / 2));
            add(&|it| drop(it.faults.drain(..count / 2)));
        }
        (0..count).for_each(|fault| add(&|it| drop(it.faults.remove(fault))));
        if self.loss > 0.0 {
            add(&|it| it.loss = 0.0);
        }
        if self.duplication > 0.0 {
            add(&|it| it.duplication = 0.0);
        }
        for node in (0..self.nodes).filter(|node| self.clocks[*node] != (0.0, 0.0)) {
            add(&|it| it.clocks[node] = (0.0, 0.0));
        }
        for clients in [1, self.clients / 2, self.clients - 1] {
            if (1..self.clients).contains(&clients) {
                add(&|it| it.clients = clients);
            }
        }
        if self.keys > 1 {
            add(&|it| it.keys = 1);
        }
        for part in [0.5, 0.8, 0.95] {
            if self.until * (1.0 - part) >= LEAST {
                add(&|it| it.until *= part);
            }
            if self.settling * (1.0 - part) >= LEAST {
                add(&|it| it.settling *= part);
            }
        }
        for (number, fault) in self.faults.iter().enumerate() {
            let half = (fault.during().end - fault.during().start) / 2.0;
            if half >= LEAST {
                add(&|it| it.faults[number].during_mut().end -= half);
                add(&|it| it.faults[number].during_mut().start += half);
            }
        }
        simpler
    }
}
