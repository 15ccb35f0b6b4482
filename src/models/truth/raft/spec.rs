//! Raft small enough to be gone through: a few nodes, terms and entries, every order of what may
//! happen (Ongaro 2014, section 3 and, as a specification, appendix B).
//!
//! A node that asks, or sends an entry, is read as it stands when the other takes it: a message on
//! its way is a step not taken yet. An answer that a leader could have for the asking, it has. So each
//! way through this model is one of the protocol, in which nothing is late; the simulated cluster
//! has the rest.

use crate::truth::explore::{Condition, Happening, Model, explored_here};

/// The most nodes, terms, and entries of a log.
const MOST: usize = 5;
const TERMS: usize = 6;
const ENTRIES: usize = 4;

/// A mistake that one might make in writing Raft. Each breaks a property, though not in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaftFlaw {
    /// What a majority holds is taken for committed, of whatever term it is (figure 3.7).
    CountsEarlierTerms,
    /// One fewer than a majority is taken for enough.
    ShortQuorum,
    /// A node that comes back has forgotten its term and whom it voted for (section 3.8).
    ForgetsVotes,
    /// A node votes for whoever asks first, also for one whose log is behind (section 3.6.1).
    VotesForAnyLog,
}

impl RaftFlaw {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::CountsEarlierTerms, Self::ShortQuorum, Self::ForgetsVotes, Self::VotesForAnyLog];
}

/// Nodes that elect leaders, whose entries they copy.
#[derive(Clone, Debug)]
pub struct RaftSpec {
    nodes: usize,
    terms: u8,
    entries: u8,
    flaw: Option<RaftFlaw>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Role {
    #[default]
    Follower,
    /// With those that have voted for it, as bits.
    Candidate(u8),
    Leader,
}

/// A node: its term, its vote in it, its role, and the terms of its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Node {
    term: u8,
    voted: bool,
    role: Role,
    log: [u8; ENTRIES],
    len: u8,
}

/// A state: the nodes, and what has been so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RaftState {
    nodes: [Node; MOST],
    /// Who has led in each term, as bits.
    led: [u8; TERMS + 1],
    /// Of each place in the log: the term of the entry that was first taken for committed, and in
    /// whose term; 0 if none was.
    committed: [(u8, u8); ENTRIES],
    /// Another entry was taken for committed in the same place.
    differs: bool,
}

/// A step of Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaftAction {
    /// A node's election time-out passes: it stands in the next term.
    Stands(usize),
    /// A node votes, for whom.
    Votes(usize, usize),
    /// A candidate that enough have voted for leads.
    Leads(usize),
    /// A leader is given an entry by a client.
    Writes(usize),
    /// A node takes the first entry that it lacks, from which leader; what contradicts it goes.
    Copies(usize, usize),
    /// A node learns of a later term, from a leader or candidate.
    Learns(usize, usize),
    /// A leader takes its first so many entries for committed.
    Commits(usize, usize),
    /// A node goes down and comes back, with what is on its disk.
    Restarts(usize),
}

impl Node {
    fn entries(&self) -> &[u8] {
        &self.log[..usize::from(self.len)]
    }

    /// By what logs are compared in an election (section 3.6.1).
    fn last(&self) -> (u8, u8) {
        (self.entries().last().copied().unwrap_or(0), self.len)
    }

    /// A later term makes anybody a follower who has not voted yet.
    fn learns(&mut self, term: u8) {
        if self.term < term {
            (self.term, self.voted, self.role) = (term, false, Role::Follower);
        }
    }

    fn push(&mut self, term: u8) {
        self.log[usize::from(self.len)] = term;
        self.len += 1;
    }

    fn cut(&mut self, len: usize) {
        self.log[len..].fill(0);
        self.len = len as u8;
    }

    /// How many entries both logs begin with.
    fn agrees(&self, other: &Self) -> usize {
        let both = self.entries().iter().zip(other.entries());
        both.take_while(|(ours, theirs)| ours == theirs).count()
    }
}

impl RaftState {
    /// Whether some node leads.
    pub fn has_leader(&self) -> bool {
        self.nodes.iter().any(|node| node.role == Role::Leader)
    }

    /// How many entries have been taken for committed.
    pub fn committed(&self) -> usize {
        self.committed.iter().filter(|(entry, _)| *entry > 0).count()
    }

    /// At most one node has led in each term (section 3.4).
    pub fn has_one_leader_a_term(&self) -> bool {
        self.led.iter().all(|nodes| nodes.count_ones() <= 1)
    }

    /// Logs that have the same entry in a place are the same up to there (section 3.5).
    pub fn has_matching_logs(&self) -> bool {
        self.nodes.iter().enumerate().all(|(number, node)| {
            self.nodes[..number].iter().all(|other| {
                let agree = node.agrees(other);
                let beyond = node.entries().iter().zip(other.entries()).skip(agree);
                beyond.into_iter().all(|(ours, theirs)| ours != theirs)
            })
        })
    }

    /// A leader has whatever was committed in earlier terms (section 3.6.3).
    pub fn has_complete_leaders(&self) -> bool {
        let leaders = self.nodes.iter().filter(|node| node.role == Role::Leader);
        leaders.into_iter().all(|leader| {
            let earlier = self.committed.iter().enumerate();
            let mut earlier = earlier.filter(|(_, (entry, by))| *entry > 0 && *by < leader.term);
            earlier.all(|(place, (entry, _))| leader.entries().get(place) == Some(entry))
        })
    }
}

impl RaftSpec {
    /// So many nodes, terms from 1 on, and entries in a log.
    ///
    /// # Panics
    /// If there are none, more than 5 nodes, 6 terms, or 4 entries.
    #[track_caller]
    pub fn new(nodes: usize, terms: usize, entries: usize) -> Self {
        assert!(
            (1..=MOST).contains(&nodes)
                && (1..=TERMS).contains(&terms)
                && (1..=ENTRIES).contains(&entries),
            "RaftSpec::new: there must be from 1 to {MOST} nodes, from 1 to {TERMS} terms and from \
             1 to {ENTRIES} entries, but there are {nodes}, {terms} and {entries}; what goes wrong \
             shows in few"
        );
        Self { nodes, terms: terms as u8, entries: entries as u8, flaw: None }
    }

    /// With a mistake in it.
    pub fn flaw(self, flaw: RaftFlaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    fn quorum(&self) -> usize {
        let short = usize::from(self.flaw == Some(RaftFlaw::ShortQuorum));
        (self.nodes / 2 + 1 - short).max(1)
    }

    fn others(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.nodes).filter(move |other| *other != node)
    }

    fn steps_of(&self, state: &RaftState, at: usize, steps: &mut Vec<(RaftAction, RaftState)>) {
        let node = &state.nodes[at];
        let mut step = |action, change: &dyn Fn(&mut RaftState)| {
            let mut next = *state;
            change(&mut next);
            steps.push((action, next));
        };
        if node.role != Role::Leader && node.term < self.terms {
            step(RaftAction::Stands(at), &|next| {
                let node = &mut next.nodes[at];
                node.term += 1;
                (node.voted, node.role) = (true, Role::Candidate(1 << at));
            });
        }
        if let Role::Candidate(votes) = node.role
            && votes.count_ones() as usize >= self.quorum()
        {
            step(RaftAction::Leads(at), &|next| {
                next.nodes[at].role = Role::Leader;
                next.led[usize::from(node.term)] |= 1 << at;
            });
        }
        if node.role == Role::Leader && node.len < self.entries {
            step(RaftAction::Writes(at), &|next| next.nodes[at].push(node.term));
        }
        for count in self.committable(state, at) {
            step(RaftAction::Commits(at, count), &|next| {
                for place in 0..count {
                    let (entry, ours) = (&mut next.committed[place], node.log[place]);
                    match entry.0 {
                        0 => *entry = (ours, node.term),
                        first => next.differs |= first != ours,
                    }
                }
            });
        }
        let forgets = self.flaw == Some(RaftFlaw::ForgetsVotes) && node.term > 0;
        if node.role != Role::Follower || forgets {
            step(RaftAction::Restarts(at), &|next| {
                let node = &mut next.nodes[at];
                node.role = Role::Follower;
                if forgets {
                    (node.term, node.voted) = (0, false);
                }
            });
        }
        for from in self.others(at).filter(|from| state.nodes[*from].role != Role::Follower) {
            let other = state.nodes[from];
            if node.term > other.term {
                continue;
            }
            let mut heard = *node;
            heard.learns(other.term);
            if heard.term > node.term {
                step(RaftAction::Learns(at, from), &|next| next.nodes[at] = heard);
            }
            if other.role == Role::Leader {
                let agree = node.agrees(&other);
                if agree < other.entries().len() && node.role != Role::Leader {
                    let mut copy = heard;
                    copy.role = Role::Follower;
                    copy.cut(agree);
                    copy.push(other.log[agree]);
                    step(RaftAction::Copies(at, from), &|next| next.nodes[at] = copy);
                }
                continue;
            }
            let is_behind = other.last() < node.last();
            if !heard.voted && (!is_behind || self.flaw == Some(RaftFlaw::VotesForAnyLog)) {
                heard.voted = true;
                step(RaftAction::Votes(at, from), &|next| {
                    next.nodes[at] = heard;
                    if let Role::Candidate(votes) = &mut next.nodes[from].role {
                        *votes |= 1 << at;
                    }
                });
            }
        }
    }

    /// Of how many entries a leader may find that enough nodes have them, where that is news.
    fn committable(&self, state: &RaftState, at: usize) -> impl Iterator<Item = usize> {
        let node = state.nodes[at];
        let longest = if node.role == Role::Leader { usize::from(node.len) } else { 0 };
        (1..=longest).filter(move |count| {
            let is_news = |place: usize| {
                let (entry, _) = state.committed[place];
                entry == 0 || entry != node.log[place] && !state.differs
            };
            let is_old = node.log[count - 1] < node.term;
            let has = |other: &usize| {
                let other = &state.nodes[*other];
                other.term == node.term && other.agrees(&node) >= *count
            };
            (0..*count).any(is_news)
                && (!is_old || self.flaw == Some(RaftFlaw::CountsEarlierTerms))
                && (0..self.nodes).filter(has).count() >= self.quorum()
        })
    }
}

impl Model for RaftSpec {
    type State = RaftState;
    type Action = RaftAction;

    explored_here!();

    fn initial(&self) -> Vec<RaftState> {
        vec![RaftState {
            nodes: [Node::default(); MOST],
            led: [0; TERMS + 1],
            committed: [(0, 0); ENTRIES],
            differs: false,
        }]
    }

    fn steps(&self, state: &RaftState, steps: &mut Vec<(RaftAction, RaftState)>) {
        (0..self.nodes).for_each(|node| self.steps_of(state, node, steps));
    }

    fn conditions(&self) -> Vec<Condition<'_, RaftState>> {
        vec![
            Condition::always("election safety", RaftState::has_one_leader_a_term),
            Condition::always("log matching", RaftState::has_matching_logs),
            Condition::always("leader completeness", RaftState::has_complete_leaders),
            Condition::always("state-machine safety", |state: &RaftState| !state.differs),
        ]
    }

    fn processes(&self) -> Vec<String> {
        (0..self.nodes).map(|node| format!("node {node}")).collect()
    }

    fn happening(&self, before: &RaftState, action: &RaftAction, after: &RaftState) -> Happening {
        let term = |node: usize| after.nodes[node].term;
        let ask = |node: usize| format!("vote for {node} in {}?", term(node));
        let vote = |node: usize| format!("vote in {}", term(node));
        let of = |process: usize| Happening { process, ..Happening::default() };
        match *action {
            RaftAction::Stands(node) => {
                let sent = self.others(node).map(|other| (other, ask(node))).collect();
                Happening { label: format!("stands in {}", term(node)), sent, ..of(node) }
            }
            RaftAction::Votes(node, whom) => Happening {
                received: Some((whom, ask(whom))),
                sent: vec![(whom, vote(whom))],
                ..of(node)
            },
            RaftAction::Leads(node) => {
                let Role::Candidate(votes) = before.nodes[node].role else { return of(node) };
                let from = self.others(node).filter(|other| votes & 1 << other != 0);
                Happening {
                    label: format!("leads in {}", term(node)),
                    also: from.map(|other| (other, vote(node))).collect(),
                    ..of(node)
                }
            }
            RaftAction::Writes(node) => {
                let place = after.nodes[node].len;
                Happening { label: format!("entry {place} of {}", term(node)), ..of(node) }
            }
            RaftAction::Copies(node, from) => {
                let (place, entry) = (after.nodes[node].len, after.nodes[node].last().0);
                let just_sent = Some((from, format!("entry {place} of {entry}")));
                Happening { just_sent, ..of(node) }
            }
            RaftAction::Learns(node, from) => {
                Happening { just_sent: Some((from, format!("term {}", term(from)))), ..of(node) }
            }
            RaftAction::Commits(node, count) => {
                let label = format!("entry {count} committed");
                Happening { label, is_marked: true, ..of(node) }
            }
            RaftAction::Restarts(node) => {
                Happening { label: "back from a crash".to_owned(), ..of(node) }
            }
        }
    }
}
