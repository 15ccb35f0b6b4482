//! Generals who send messengers: the algorithm of oral messages (Lamport, Shostak and Pease, 1982,
//! section 3), against everything that traitors may say.

use crate::sim::Stream;

/// More behaviours than this are not tried one by one.
const LIMIT: u64 = 1 << 24;

/// OM(m): a commander, general 0, gives an order, 0 (retreat) or 1 (attack), to n - 1 lieutenants,
/// who tell each other what they were told, m times over, and obey the majority; without one they
/// retreat. Traitors say what they like, to each something else.
#[derive(Clone, Debug)]
pub struct OralMessages {
    generals: usize,
    rounds: usize,
    traitors: Vec<usize>,
}

/// What came of all behaviours of the traitors that were tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OralVerdict {
    /// How many there were, for both orders.
    pub behaviours: u64,
    /// Those after which two loyal lieutenants obey different orders (interactive consistency 1).
    pub disagreeing: u64,
    /// Those after which a loyal lieutenant does not obey a loyal commander (IC2).
    pub disobeying: u64,
    /// What loyal lieutenants obey after the first that breaks one of them: the commander's order,
    /// and of each lieutenant his number and what he obeys.
    pub broken: Option<(u8, Vec<(usize, u8)>)>,
}

impl OralVerdict {
    /// Whether both conditions held, whatever the traitors said.
    pub const fn holds(&self) -> bool {
        self.disagreeing == 0 && self.disobeying == 0
    }
}

/// How many messages OM(m) sends among n generals: (n - 1) + (n - 1)(n - 2) + ... , m + 1 terms.
pub fn oral_messages(generals: usize, rounds: usize) -> u64 {
    let (mut all, mut term) = (0, 1);
    for round in 0..=rounds {
        term *= (generals as u64).saturating_sub(round as u64 + 1);
        all += term;
    }
    all
}

impl OralMessages {
    /// So many generals, and m rounds of telling each other: meant for m traitors.
    ///
    /// # Panics
    /// If there are not at least m + 2 generals, or more than 10.
    #[track_caller]
    pub fn new(generals: usize, rounds: usize) -> Self {
        assert!(
            (rounds + 2..=10).contains(&generals),
            "OralMessages::new: there must be from m + 2 = {} to 10 generals, but there are \
             {generals}",
            rounds + 2
        );
        Self { generals, rounds, traitors: vec![] }
    }

    /// These are traitors; general 0 is the commander.
    ///
    /// # Panics
    /// If there is no such general, or one is named twice.
    #[track_caller]
    pub fn traitors(self, traitors: &[usize]) -> Self {
        for (at, traitor) in traitors.iter().enumerate() {
            assert!(
                *traitor < self.generals && !traitors[..at].contains(traitor),
                "OralMessages::traitors: there are {} generals, numbered from 0, each named at \
                 most once, but the traitors are {traitors:?}",
                self.generals
            );
        }
        Self { traitors: traitors.to_vec(), ..self }
    }

    /// How many messages traitors send: each may say 0 or 1.
    pub fn lies(&self) -> u32 {
        let mut lies = 0;
        let mut count = |_: usize| {
            lies += 1;
            0
        };
        self.obeyed(0, &mut count);
        lies
    }

    /// Tries everything that traitors may say, for both orders.
    ///
    /// # Panics
    /// If there is more than 2^24 to try for an order; then [`OralMessages::sampled`] tries some.
    #[track_caller]
    pub fn exhaustive(&self) -> OralVerdict {
        let lies = self.lies();
        assert!(
            lies < 63 && 1 << lies <= LIMIT,
            "OralMessages::exhaustive: the traitors send {lies} messages, and 2^{lies} behaviours \
             are too many; try some by OralMessages::sampled"
        );
        let mut verdict = Tally::new(self);
        for order in 0..=1 {
            for behaviour in 0u64..1 << lies {
                let mut said = behaviour;
                verdict.count(order, &mut |_| {
                    let bit = (said & 1) as u8;
                    said >>= 1;
                    bit
                });
            }
        }
        verdict.verdict
    }

    /// Tries so many behaviours of the traitors for each order, chosen by chance. Some generals they
    /// always tell 0, some always 1, some one or the other: such lies are more often dangerous than
    /// wholly random ones.
    pub fn sampled(&self, behaviours: u64, seed: u64) -> OralVerdict {
        let mut verdict = Tally::new(self);
        for behaviour in 0..behaviours {
            for order in 0..=1 {
                let mut stream = Stream::new(seed, behaviour, "lies");
                let mut leaning = || [0.0, 0.5, 1.0][stream.below(3)];
                let leanings: Vec<f64> = (0..self.generals).map(|_| leaning()).collect();
                verdict.count(order, &mut |to| u8::from(stream.uniform() < leanings[to]));
            }
        }
        verdict.verdict
    }

    /// What each lieutenant obeys, by his number less 1; `lie` says what a traitor tells whom.
    fn obeyed(&self, order: u8, lie: &mut dyn FnMut(usize) -> u8) -> Vec<u8> {
        let lieutenants: Vec<usize> = (1..self.generals).collect();
        let told = self.round(self.rounds, 0, order, &lieutenants, lie);
        told.into_iter().map(|(_, value)| value).collect()
    }

    /// OM(`rounds`) with this commander: what each of the lieutenants takes his order to be.
    fn round(
        &self,
        rounds: usize,
        commander: usize,
        order: u8,
        lieutenants: &[usize],
        lie: &mut dyn FnMut(usize) -> u8,
    ) -> Vec<(usize, u8)> {
        let is_traitor = self.traitors.contains(&commander);
        let told: Vec<(usize, u8)> =
            lieutenants.iter().map(|to| (*to, if is_traitor { lie(*to) } else { order })).collect();
        if rounds == 0 {
            return told;
        }
        let mut ones: Vec<usize> = told.iter().map(|(_, value)| usize::from(*value)).collect();
        for (from, value) in &told {
            let others: Vec<usize> = lieutenants.iter().copied().filter(|it| it != from).collect();
            for (to, value) in self.round(rounds - 1, *from, *value, &others, lie) {
                let at = lieutenants.iter().position(|lieutenant| *lieutenant == to);
                ones[at.unwrap_or(0)] += usize::from(value);
            }
        }
        let majority = |ones: usize| u8::from(2 * ones > lieutenants.len());
        lieutenants.iter().zip(ones).map(|(to, ones)| (*to, majority(ones))).collect()
    }
}

struct Tally<'a> {
    of: &'a OralMessages,
    verdict: OralVerdict,
}

impl<'a> Tally<'a> {
    fn new(of: &'a OralMessages) -> Self {
        let verdict = OralVerdict { behaviours: 0, disagreeing: 0, disobeying: 0, broken: None };
        Self { of, verdict }
    }

    fn count(&mut self, order: u8, lie: &mut dyn FnMut(usize) -> u8) {
        let Self { of, verdict } = self;
        verdict.behaviours += 1;
        if verdict.behaviours.is_multiple_of(1024) {
            crate::interrupt::tick();
        }
        let obeyed = of.obeyed(order, lie).into_iter().enumerate();
        let loyal: Vec<(usize, u8)> = obeyed
            .map(|(at, value)| (at + 1, value))
            .filter(|(general, _)| !of.traitors.contains(general))
            .collect();
        let disagrees = loyal.windows(2).any(|pair| pair[0].1 != pair[1].1);
        let disobeys = !of.traitors.contains(&0) && loyal.iter().any(|(_, value)| *value != order);
        verdict.disagreeing += u64::from(disagrees);
        verdict.disobeying += u64::from(disobeys);
        if disagrees || disobeys {
            verdict.broken.get_or_insert((order, loyal));
        }
    }
}
