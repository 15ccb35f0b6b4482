//! SWIM: each member asks one other in each period, others ask for it if there is no answer, and
//! what is found out travels with the questions (Das, Gupta and Motivala, 2002).

use super::super::{at_least, below_one};
use super::members::{Member, News, Said};
use crate::number::positive;
use crate::sim::{Estimate, Stream, replicate};

/// A group of members. As made by [`Swim::new`]: 3 indirect probes, no loss, targets by lot,
/// suspicion for 5 periods.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swim {
    members: usize,
    indirect: usize,
    loss: f64,
    suspicion: u32,
    in_turn: bool,
    slow: usize,
    lateness: f64,
    health: u32,
}

/// What a crash of one member leads to, in periods from the crash, which is at the beginning of
/// one. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crash {
    /// Until some member has found no answer: the first detection.
    pub suspected: Estimate,
    /// Until some member holds it for dead.
    pub declared: Estimate,
    /// Until all do.
    pub known: Estimate,
}

/// What members say of each other that are all well, a member and period. Intervals are over
/// replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FalseAlarms {
    /// Probes that found no answer.
    pub unanswered: Estimate,
    /// Members that were declared dead (and come back at once).
    pub declared: Estimate,
}

impl Swim {
    /// So many members.
    ///
    /// # Panics
    /// If they are not from 3 to 500.
    #[track_caller]
    pub fn new(members: usize) -> Self {
        assert!(
            (3..=500).contains(&members),
            "Swim::new: there must be from 3 to 500 members, but there are {members}"
        );
        Self {
            members,
            indirect: 3,
            loss: 0.0,
            suspicion: 5,
            in_turn: false,
            slow: 0,
            lateness: 1.0,
            health: 0,
        }
    }

    /// The same with so many others that ask for a member that had no answer: k.
    ///
    /// # Panics
    /// If there are not so many others.
    #[track_caller]
    pub fn indirect(self, others: usize) -> Self {
        assert!(
            others + 2 <= self.members,
            "Swim::indirect: of {} members at most {} can ask for one, but it is {others}",
            self.members,
            self.members - 2
        );
        Self { indirect: others, ..self }
    }

    /// The same where each message is lost with this probability.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn loss(self, p: f64) -> Self {
        Self { loss: below_one("Swim::loss", "probability of loss", p), ..self }
    }

    /// The same with a suspicion of so many periods, in which a member may say that it is alive;
    /// with 0 who does not answer is dead at once.
    pub fn suspicion(self, periods: u32) -> Self {
        Self { suspicion: periods, ..self }
    }

    /// The same with members asked in turn, in an order that each shuffles after each round: none
    /// waits for its turn longer than 2 n - 3 periods.
    pub fn in_turn(self) -> Self {
        Self { in_turn: true, ..self }
    }

    /// The same with so many members that are slow to read what they get: all answers of a period
    /// come after an exponential time with this mean, in time-outs of a probe. Only their own
    /// probing is slow here, not their answers.
    ///
    /// # Panics
    /// If there are not so many, or the mean is not a positive number.
    #[track_caller]
    pub fn slow(self, members: usize, mean: f64) -> Self {
        assert!(
            members < self.members,
            "Swim::slow: fewer than all {} members must be slow, but {members} are",
            self.members
        );
        Self { slow: members, lateness: positive("Swim::slow", "mean", mean), ..self }
    }

    /// The same with Lifeguard's local health (Dadgar, Phillips and Currey, 2018): each probe
    /// without an answer raises a member's score, up to `most`, each answer lowers it, and its
    /// time-out is 1 + score times as long.
    pub fn local_health(self, most: u32) -> Self {
        Self { health: most, ..self }
    }

    /// The mean number of periods until a crash is first detected, with targets by lot and without
    /// loss: 1 / (1 - (1 - 1/(n - 1))^(n - 1)), for many members e / (e - 1).
    pub fn first_detection(&self) -> f64 {
        let others = (self.members - 1) as f64;
        1.0 / (1.0 - (1.0 - 1.0 / others).powf(others))
    }

    /// The probability that a probe of a member that is well finds no answer, but for slow ones:
    /// (1 - q²)(1 - q⁴)^k, q being the chance that a message arrives.
    pub fn unanswered(&self) -> f64 {
        let q = 1.0 - self.loss;
        (1.0 - q * q) * (1.0 - q.powi(4)).powi(self.indirect as i32)
    }

    /// The probability that a probe by a slow member has no answer in time, without loss: by birth
    /// and death of its score s, which rises with probability e^(-(1 + s) / mean).
    pub fn slow_unanswered(&self) -> f64 {
        let late = |score: u32| (-f64::from(1 + score) / self.lateness).exp();
        let mut weights = vec![1.0];
        for score in 0..self.health {
            weights.push(weights[score as usize] * late(score) / (1.0 - late(score + 1)));
        }
        let total: f64 = weights.iter().sum();
        (0..).zip(&weights).map(|(score, weight)| weight / total * late(score)).sum()
    }

    /// What the crash of a member leads to, measured.
    ///
    /// # Panics
    /// With fewer than 2 replications.
    #[track_caller]
    pub fn crash(&self, replications: usize, seed: u64) -> Crash {
        at_least("Swim::crash", "replications", 2, replications);
        let runs = replicate(replications, |replication| {
            let mut group = Group::new(self, Stream::new(seed, replication, "swim"));
            let victim = self.members - 1;
            // In the middle of its turns.
            (0..10).for_each(|_| group.period(None));
            group.missed[victim] = false;
            let (begin, mut found) = (group.now, [None; 3]);
            while found[2].is_none() {
                crate::interrupt::tick();
                group.period(Some(victim));
                let after = f64::from(group.now - begin);
                let dead = group.members[..victim]
                    .iter()
                    .filter(|member| member.views[victim].said == Said::Dead)
                    .count();
                let seen = [group.missed[victim], dead > 0, dead == victim];
                for (found, seen) in found.iter_mut().zip(seen) {
                    if seen && found.is_none() {
                        *found = Some(after);
                    }
                }
                // News may have died out before all heard it; then each finds out for itself.
            }
            found.map(|after| after.unwrap_or(0.0))
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Crash { suspected: of(0), declared: of(1), known: of(2) }
    }

    /// What members say of each other that are all well, measured over so many periods.
    ///
    /// # Panics
    /// With fewer than 2 replications, or no period.
    #[track_caller]
    pub fn false_alarms(&self, periods: u32, replications: usize, seed: u64) -> FalseAlarms {
        at_least("Swim::false_alarms", "replications", 2, replications);
        at_least("Swim::false_alarms", "periods", 1, periods as usize);
        let runs = replicate(replications, |replication| {
            let mut group = Group::new(self, Stream::new(seed, replication, "swim"));
            let mut declared = 0usize;
            for _ in 0..periods {
                crate::interrupt::tick();
                group.period(None);
                for about in 0..self.members {
                    let is_dead = |member: &Member| member.views[about].said == Said::Dead;
                    if group.members.iter().any(is_dead) {
                        declared += 1;
                        group.members[about].incarnation += 1;
                        let incarnation = group.members[about].incarnation;
                        group.members.iter_mut().for_each(|m| m.forgets(about, incarnation));
                    }
                }
            }
            let all = self.members as f64 * f64::from(periods);
            [group.unanswered as f64 / all, declared as f64 / all]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        FalseAlarms { unanswered: of(0), declared: of(1) }
    }
}

/// A group at work.
struct Group<'a> {
    swim: &'a Swim,
    stream: Stream,
    members: Vec<Member>,
    now: u32,
    /// Who was asked and did not answer, ever, and how often that was.
    missed: Vec<bool>,
    unanswered: usize,
    /// How often a piece of news is told by each who hears it: 3 log2 n.
    times: u32,
}

impl<'a> Group<'a> {
    fn new(swim: &'a Swim, stream: Stream) -> Self {
        let n = swim.members;
        Self {
            swim,
            stream,
            members: vec![Member::new(n); n],
            now: 0,
            missed: vec![false; n],
            unanswered: 0,
            times: (3.0 * (n as f64).log2()).ceil() as u32,
        }
    }

    fn period(&mut self, crashed: Option<usize>) {
        let n = self.swim.members;
        self.now += 1;
        for me in (0..n).filter(|me| Some(*me) != crashed) {
            self.ends_suspicions(me);
            let Some(target) = self.target(me) else { continue };
            let slow = me < self.swim.slow;
            let patience = f64::from(1 + self.members[me].score);
            let late = slow && self.swim.lateness * self.stream.exponential() > patience;
            let mut answered = self.asks(&[me, target], crashed);
            if !answered {
                let helpers = self.helpers(me, target);
                for helper in helpers {
                    answered |= self.asks(&[me, helper, target], crashed);
                }
            }
            let score = &mut self.members[me].score;
            if answered && !late {
                *score = score.saturating_sub(1);
                continue;
            }
            *score = (*score + 1).min(self.swim.health);
            self.missed[target] = true;
            self.unanswered += 1;
            let view = self.members[me].views[target];
            let said = if self.swim.suspicion == 0 { Said::Dead } else { Said::Suspect };
            let news = News { about: target, said, incarnation: view.incarnation };
            self.members[me].hears(me, news, self.now, self.times);
        }
    }

    /// Who was suspected for long enough is dead.
    fn ends_suspicions(&mut self, me: usize) {
        for about in 0..self.swim.members {
            let view = self.members[me].views[about];
            if view.said == Said::Suspect && self.now - view.since >= self.swim.suspicion {
                let news = News { about, said: Said::Dead, incarnation: view.incarnation };
                self.members[me].hears(me, news, self.now, self.times);
            }
        }
    }

    /// Whom it asks in this period: one that it does not hold for dead.
    fn target(&mut self, me: usize) -> Option<usize> {
        let n = self.swim.members;
        let is_dead = |member: &Member, other: usize| member.views[other].said == Said::Dead;
        if !self.swim.in_turn {
            let others = (0..n).filter(|other| *other != me);
            let alive: Vec<usize> =
                others.filter(|other| !is_dead(&self.members[me], *other)).collect();
            return (!alive.is_empty()).then(|| alive[self.stream.below(alive.len())]);
        }
        for _ in 0..2 {
            while let Some(other) = self.members[me].round.pop() {
                if !is_dead(&self.members[me], other) {
                    return Some(other);
                }
            }
            let mut round: Vec<usize> = (0..n).filter(|other| *other != me).collect();
            for i in (1..round.len()).rev() {
                round.swap(i, self.stream.below(i + 1));
            }
            self.members[me].round = round;
        }
        None
    }

    /// Distinct others, by lot.
    fn helpers(&mut self, me: usize, target: usize) -> Vec<usize> {
        let mut chosen = vec![];
        while chosen.len() < self.swim.indirect {
            let helper = self.stream.below(self.swim.members);
            if helper != me && helper != target && !chosen.contains(&helper) {
                chosen.push(helper);
            }
        }
        chosen
    }

    /// A question along a way, and its answer back: whether it comes. News travels with both.
    fn asks(&mut self, way: &[usize], crashed: Option<usize>) -> bool {
        let there = way.windows(2).map(|hop| (hop[0], hop[1]));
        let back = way.windows(2).rev().map(|hop| (hop[1], hop[0]));
        for (from, to) in there.chain(back) {
            let news = self.members[from].tells();
            if Some(to) == crashed || self.stream.uniform() < self.swim.loss {
                return false;
            }
            for each in news {
                self.members[to].hears(to, each, self.now, self.times);
            }
        }
        true
    }
}
