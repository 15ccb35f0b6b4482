//! What a commit costs when nothing goes wrong: messages, delays, writes to disk, counted on a run
//! of the protocol in which every message takes one unit of time.

use super::spec::check_count;
use std::collections::BTreeSet;

/// The cost of a commit in the normal case (Gray and Lamport 2006, section 5). The first resource
/// manager prepares and asks for the commit; the others are then asked to prepare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitCost {
    /// Messages between machines. What a process sends to a machine at one time is one message.
    pub messages: usize,
    /// Messages one after the other, until the last resource manager knows.
    pub delays: usize,
    /// Writes that must be on disk before a message is sent.
    pub writes: usize,
    /// Such writes one after the other.
    pub write_delays: usize,
}

/// Who asks whom, and who tells whom the outcome.
#[derive(Clone, Copy, Debug)]
struct Protocol {
    rms: usize,
    /// Acceptors that take part: as many as may fail, and one. The first is also the leader.
    acceptors: usize,
    tells_rms: bool,
    is_together: bool,
}

/// Who does something: a resource manager, or an acceptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Rm(usize),
    Acceptor(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Begin,
    Prepare,
    /// Of one resource manager.
    Prepared,
    /// Of one acceptor, of all resource managers.
    Accepted,
    Commit,
}

/// A message on its way: who, to whom, what, and how many writes came before it.
type Sent = (Actor, Actor, Message, usize);

/// What an actor has received.
#[derive(Clone, Copy, Debug, Default)]
struct Inbox {
    prepared: usize,
    accepted: usize,
    /// The most writes before what it has received; and before the votes among that.
    writes: usize,
    votes: usize,
    has_prepared: bool,
    knows: bool,
}

impl CommitCost {
    /// Two-phase commit among so many resource managers: that is Paxos commit with one acceptor,
    /// which is the coordinator.
    ///
    /// # Panics
    /// If there are none, or more than 10.
    #[track_caller]
    pub fn two_phase(rms: usize) -> Self {
        Self::of("CommitCost::two_phase", rms, 0, false, false)
    }

    /// The same, with the coordinator on the first resource manager's machine.
    ///
    /// # Panics
    /// As [`CommitCost::two_phase`].
    #[track_caller]
    pub fn two_phase_together(rms: usize) -> Self {
        Self::of("CommitCost::two_phase_together", rms, 0, false, true)
    }

    /// Paxos commit that survives the failure of so many acceptors: it has `2 failures + 1` of
    /// them, and uses `failures + 1` as long as nothing goes wrong. The leader is on the first
    /// one's machine.
    ///
    /// # Panics
    /// If there are no resource managers, or more than 10; or more acceptors than those have
    /// machines.
    #[track_caller]
    pub fn paxos(rms: usize, failures: usize) -> Self {
        Self::of("CommitCost::paxos", rms, failures, false, false)
    }

    /// The same, with each acceptor on a resource manager's machine.
    ///
    /// # Panics
    /// As [`CommitCost::paxos`].
    #[track_caller]
    pub fn paxos_together(rms: usize, failures: usize) -> Self {
        Self::of("CommitCost::paxos_together", rms, failures, false, true)
    }

    /// Faster Paxos commit: acceptors tell the resource managers instead of the leader.
    ///
    /// # Panics
    /// As [`CommitCost::paxos`].
    #[track_caller]
    pub fn faster_paxos(rms: usize, failures: usize) -> Self {
        Self::of("CommitCost::faster_paxos", rms, failures, true, false)
    }

    /// The same, with each acceptor on a resource manager's machine.
    ///
    /// # Panics
    /// As [`CommitCost::paxos`].
    #[track_caller]
    pub fn faster_paxos_together(rms: usize, failures: usize) -> Self {
        Self::of("CommitCost::faster_paxos_together", rms, failures, true, true)
    }

    #[track_caller]
    fn of(place: &str, rms: usize, failures: usize, tells_rms: bool, is_together: bool) -> Self {
        check_count(place, rms);
        assert!(
            failures < rms,
            "{place}: {} acceptors take part, each beside one of the resource managers, of which \
             there are {rms}; let fewer fail",
            failures + 1
        );
        Protocol { rms, acceptors: failures + 1, tells_rms, is_together }.run()
    }
}

impl Protocol {
    /// On which machine an actor is.
    fn machine(&self, actor: Actor) -> usize {
        match actor {
            Actor::Rm(rm) => rm,
            Actor::Acceptor(acceptor) if self.is_together => acceptor,
            Actor::Acceptor(acceptor) => self.rms + acceptor,
        }
    }

    fn at(&self, actor: Actor) -> usize {
        match actor {
            Actor::Rm(rm) => rm,
            Actor::Acceptor(acceptor) => self.rms + acceptor,
        }
    }

    /// A resource manager prepares, with a write to disk, and tells the acceptors.
    fn prepares(&self, rm: usize, inbox: &mut Inbox, sent: &mut Vec<Sent>) -> usize {
        if std::mem::replace(&mut inbox.has_prepared, true) {
            return 0;
        }
        let writes = inbox.writes + 1;
        let tells = |to| (Actor::Rm(rm), Actor::Acceptor(to), Message::Prepared, writes);
        sent.extend((0..self.acceptors).map(tells));
        1
    }

    /// What an actor does with a message; how many writes it takes.
    fn receives(
        &self,
        (_, to, message, writes): Sent,
        inbox: &mut Inbox,
        sent: &mut Vec<Sent>,
    ) -> usize {
        inbox.writes = inbox.writes.max(writes);
        let leader = Actor::Acceptor(0);
        match (to, message) {
            (_, Message::Begin) => {
                let asks = |rm| (leader, Actor::Rm(rm), Message::Prepare, writes);
                sent.extend((1..self.rms).map(asks));
                0
            }
            (Actor::Rm(rm), Message::Prepare) => self.prepares(rm, inbox, sent),
            (Actor::Acceptor(acceptor), Message::Prepared) => {
                inbox.prepared += 1;
                inbox.votes = inbox.votes.max(writes);
                if inbox.prepared < self.rms {
                    return 0;
                }
                let (from, writes) = (Actor::Acceptor(acceptor), inbox.votes + 1);
                inbox.writes = inbox.writes.max(writes);
                if self.tells_rms {
                    let tells = |rm| (from, Actor::Rm(rm), Message::Accepted, writes);
                    sent.extend((0..self.rms).map(tells));
                } else {
                    sent.push((from, leader, Message::Accepted, writes));
                }
                1
            }
            (_, Message::Accepted) => {
                inbox.accepted += 1;
                if inbox.accepted == self.acceptors {
                    inbox.knows = true;
                    if to == leader {
                        let tells = |rm| (leader, Actor::Rm(rm), Message::Commit, inbox.writes);
                        sent.extend((0..self.rms).map(tells));
                    }
                }
                0
            }
            (_, Message::Commit) => {
                inbox.knows = true;
                0
            }
            (Actor::Acceptor(_), Message::Prepare) | (Actor::Rm(_), Message::Prepared) => 0,
        }
    }

    fn run(&self) -> CommitCost {
        let mut cost = CommitCost { messages: 0, delays: 0, writes: 0, write_delays: 0 };
        let mut inboxes = vec![Inbox::default(); self.rms + self.acceptors];
        let first = Actor::Rm(0);
        let mut sent = vec![];
        cost.writes += self.prepares(0, &mut inboxes[0], &mut sent);
        sent.push((first, Actor::Acceptor(0), Message::Begin, inboxes[0].writes + 1));
        let mut round = 0;
        while !sent.is_empty() {
            // What stays on a machine takes no time.
            let mut away = vec![];
            while let Some(it) = sent.pop() {
                if self.machine(it.0) == self.machine(it.1) {
                    let inbox = &mut inboxes[self.at(it.1)];
                    cost.writes += self.receives(it, inbox, &mut sent);
                } else {
                    away.push(it);
                }
            }
            let know = |inbox: &Inbox| inbox.knows;
            if cost.delays == 0 && inboxes[..self.rms].iter().all(know) {
                cost.delays = round;
                let writes = inboxes.iter().map(|inbox| inbox.writes).max();
                cost.write_delays = writes.unwrap_or(0);
            }
            let links = away.iter().map(|it| (it.0, self.machine(it.1)));
            cost.messages += links.collect::<BTreeSet<_>>().len();
            round += 1;
            for it in away {
                cost.writes += self.receives(it, &mut inboxes[self.at(it.1)], &mut sent);
            }
        }
        let know = |inbox: &Inbox| inbox.knows;
        if cost.delays == 0 && inboxes[..self.rms].iter().all(know) {
            cost.delays = round;
            cost.write_delays = inboxes.iter().map(|inbox| inbox.writes).max().unwrap_or(0);
        }
        cost
    }
}
