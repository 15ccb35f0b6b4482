//! Exhaustive search: numbers of states that others have published, the same from a second search,
//! shortest paths, and what a network may do.

#[path = "common/said.rs"]
mod said;

use pillars_models::truth::commit::{PaxosCommitSpec, TransactionCommit, TwoPhaseSpec};
use pillars_models::truth::explore::{
    AbdServer, Condition, Demand, Envelope, Explored, Found, GlobalOf, Happening, Model, Move,
    Network, PaxosServer, PaxosState, Protocol, RegisterNode, RegisterServer, Registers, Search,
    Sends, SingleCopy, Verdict,
};
use pillars_models::truth::paxos::{PaxosAction, PaxosFlaw, PaxosSpec};
use said::each_says;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

/// States, steps, depth.
fn counts<S, A>(found: &Explored<S, A>) -> [usize; 3] {
    [found.states, found.transitions, found.depth]
}

/// The numbers of the TLA+ examples' manifest (specifications/transaction_commit; there the first
/// state counts as generated and as a level), of TwoPhase.tla's last comment (six resource
/// managers) and of stateright's 2pc example (five).
#[test]
fn specifications_have_their_published_numbers_of_states() {
    let found = Search::of(&TransactionCommit::new(3)).run();
    assert!(found.holds());
    assert_eq!(counts(&found), [34, 94 - 1, 7 - 1]);
    let found = Search::of(&TwoPhaseSpec::new(3)).run();
    assert!(found.holds());
    assert_eq!(counts(&found), [288, 1146 - 1, 11 - 1]);
    for (rms, states) in [(5, 8_832), (6, 50_816)] {
        let found = Search::of(&TwoPhaseSpec::new(rms)).run();
        assert!(found.holds());
        assert_eq!(found.states, states);
    }
    let found = Search::of(&PaxosCommitSpec::new(2, 3, 2)).run();
    assert!(found.holds());
    assert_eq!((found.states, found.depth), (1_321_761, 28 - 1));
}

fn registers<S: RegisterServer>(
    server: S,
    servers: usize,
    clients: usize,
) -> Network<Registers<S>> {
    Network::of(Registers::new(server, servers, clients))
}

/// The numbers of stateright 0.31's examples, which take no bounds but the model's; the numbers of
/// steps are its "generated" states without the first one, as it prints them.
#[test]
fn registers_have_their_published_numbers_of_states() {
    let found = Search::of(&registers(SingleCopy, 1, 2)).run();
    assert!(found.holds());
    assert_eq!((found.states, found.transitions), (93, 121 - 1));
    let found = Search::of(&registers(AbdServer::new(), 2, 2)).run();
    assert!(found.holds());
    assert_eq!((found.states, found.transitions), (544, 875 - 1));
    let found = Search::of(&registers(PaxosServer::new(), 3, 2)).run();
    assert!(found.holds());
    assert_eq!((found.states, found.transitions), (16_668, 32_971 - 1));
}

/// The paths that stateright's examples name as the shortest.
#[test]
fn shortest_paths_are_as_long_as_the_published_ones() {
    let example = |found: Option<usize>| found.expect("an example");
    let found = Search::of(&registers(SingleCopy, 1, 2)).run();
    assert_eq!(example(found.example("a value is read").map(|path| path.len())), 3);
    let found = Search::of(&registers(AbdServer::new(), 2, 2)).run();
    assert_eq!(example(found.example("a value is read").map(|path| path.len())), 11);
    let found = Search::of(&registers(PaxosServer::new(), 3, 2)).run();
    assert_eq!(example(found.example("a value is read").map(|path| path.len())), 8);
    // Two servers that do not tell each other: a write, and then a read that does not see it.
    let found = Search::of(&registers(SingleCopy, 2, 2)).run();
    assert_eq!(found.verdict, Verdict::Broken("linearizable".to_owned()));
    assert_eq!(example(found.counterexample().map(|path| path.len())), 4);
}

/// Agreement: no two servers know of different decisions.
fn agree(state: &GlobalOf<Registers<PaxosServer>>) -> bool {
    let decided = state.nodes.iter().filter_map(|node| match &**node {
        RegisterNode::Server(server) => PaxosState::decided(server),
        RegisterNode::Client(_) => None,
    });
    decided.collect::<BTreeSet<u8>>().len() <= 1
}

#[test]
fn broken_registers_are_caught() {
    let broken = registers(AbdServer::new().with_quorums_of(1), 2, 2);
    let found = Search::of(&broken).run();
    assert_eq!(found.verdict, Verdict::Broken("linearizable".to_owned()), "{found}");
    for server in [PaxosServer::new().with_quorums_of(1), PaxosServer::new().without_looking_back()]
    {
        let network = registers(server, 3, 2);
        let found = Search::of(&network).always("agreement", agree).to_the_end().run();
        let broken = found.findings.iter().find(|finding| finding.name == "agreement");
        assert!(matches!(broken.unwrap().found, Found::Counterexample(_)), "{server:?}: {found}");
    }
    let sound = registers(PaxosServer::new(), 3, 2);
    assert!(Search::of(&sound).always("agreement", agree).run().holds());
}

/// A graph of chance: node k leads to some others.
struct Graph {
    after: Vec<Vec<usize>>,
    marked: BTreeSet<usize>,
}

impl Graph {
    fn of_chance(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |count: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % count
        };
        let nodes = 2 + below(40);
        let after = (0..nodes).map(|_| (0..below(4)).map(|_| below(nodes)).collect()).collect();
        let marked = (0..1 + below(4)).map(|_| below(nodes)).collect();
        Self { after, marked }
    }

    /// Distances from node 0, by a search of its own.
    fn distances(&self) -> BTreeMap<usize, usize> {
        let mut distances = BTreeMap::from([(0, 0)]);
        let mut queue = VecDeque::from([0]);
        while let Some(node) = queue.pop_front() {
            let distance = distances[&node] + 1;
            for &to in &self.after[node] {
                if let std::collections::btree_map::Entry::Vacant(entry) = distances.entry(to) {
                    entry.insert(distance);
                    queue.push_back(to);
                }
            }
        }
        distances
    }
}

impl Model for Graph {
    type State = usize;
    type Action = usize;

    fn initial(&self) -> Vec<usize> {
        vec![0]
    }

    fn steps(&self, state: &usize, steps: &mut Vec<(usize, usize)>) {
        steps.extend(self.after[*state].iter().map(|to| (*to, *to)));
    }
}

/// On a thousand graphs each kind of condition says what a plain search says.
#[test]
fn every_verdict_is_that_of_a_plain_search() {
    let mut told = [0; 4];
    for seed in 0..1000 {
        let graph = Graph::of_chance(seed);
        let distances = graph.distances();
        let marked = |node: &usize| graph.marked.contains(node);
        let search = |demand: Demand| {
            let search = Search::of(&graph).to_the_end();
            match demand {
                Demand::Always => search.always("it", |node| !marked(node)),
                Demand::Sometimes => search.sometimes("it", marked),
                Demand::AtEnd => search.at_end("it", marked),
                Demand::Possible => search.possible("it", marked),
            }
            .run()
        };
        let nearest = |is: &dyn Fn(usize) -> bool| {
            distances.iter().filter(|(node, _)| is(**node)).map(|(_, distance)| *distance).min()
        };
        let is_end = |node: usize| graph.after[node].iter().all(|to| *to == node);
        let is_hopeless = |node: usize| {
            let from = Graph { after: graph.after.clone(), marked: BTreeSet::new() };
            let mut seen = BTreeSet::from([node]);
            let mut open = vec![node];
            while let Some(at) = open.pop() {
                open.extend(from.after[at].iter().filter(|to| seen.insert(**to)));
            }
            !seen.iter().any(marked)
        };
        let expected = [
            (Demand::Always, nearest(&|node| marked(&node))),
            (Demand::Sometimes, nearest(&|node| marked(&node))),
            (Demand::AtEnd, nearest(&|node| is_end(node) && !marked(&node))),
            (Demand::Possible, nearest(&is_hopeless)),
        ];
        for (at, (demand, distance)) in expected.into_iter().enumerate() {
            let found = search(demand);
            let path = match &found.findings[0].found {
                Found::Counterexample(path) | Found::Example(path) => Some(path),
                Found::Nothing => None,
            };
            assert_eq!(path.map(|path| path.len()), distance, "graph {seed}, {demand:?}");
            told[at] += usize::from(distance.is_some());
            let mut node = 0;
            for (to, state) in path.iter().flat_map(|path| &path.steps) {
                assert!(to == state && graph.after[node].contains(to));
                node = *to;
            }
            assert_eq!(found.states, distances.len());
            assert_eq!(found.depth, distances.values().copied().max().unwrap());
            let edges: usize = distances.keys().map(|node| graph.after[*node].len()).sum();
            assert_eq!(found.transitions, edges);
            assert_eq!(found.terminal, distances.keys().filter(|node| is_end(**node)).count());
        }
    }
    // Each kind was met, and missed, often.
    assert!(told.iter().all(|times| (50..951).contains(times)), "{told:?}");
}

#[test]
fn a_limit_is_told() {
    let spec = TwoPhaseSpec::new(4);
    let found = Search::of(&spec).limit(100).run();
    assert_eq!((found.states, &found.verdict), (100, &Verdict::Limit));
    assert!(!found.holds() && found.to_string().contains("not all were seen"));
    assert!(Search::of(&spec).limit(1_568).run().holds());
    assert_eq!(Search::of(&spec).limit(1_567).run().verdict, Verdict::Limit);
    // What was broken before it is told.
    let broken = TwoPhaseSpec::new(4).aborts_in_doubt();
    let whole = Search::of(&broken).to_the_end().run();
    let found = Search::of(&broken).to_the_end().limit(whole.states - 1).run();
    assert_eq!(found.verdict, Verdict::Broken("consistent".to_owned()));
    let unreached = Search::of(&spec).sometimes("magic", |_| false).run();
    assert_eq!(unreached.verdict, Verdict::Unreached("magic".to_owned()));
}

/// Two nodes: the first sends two messages, the second notes what comes, in order.
struct Notes;

impl Protocol for Notes {
    type Node = Vec<u8>;
    type Message = u8;
    type Seen = u8;

    fn nodes(&self) -> usize {
        2
    }

    fn start(&self, node: usize, sends: &mut Sends<u8>) -> Vec<u8> {
        if node == 0 {
            sends.send(1, 2);
            sends.send(1, 1);
        }
        vec![]
    }

    fn receive(
        &self,
        _: usize,
        state: &Vec<u8>,
        envelope: &Envelope<u8>,
        _: &mut Sends<u8>,
    ) -> Option<Vec<u8>> {
        // A third note is not taken.
        let is_full = state.len() == 2;
        (!is_full).then(|| [&state[..], &[envelope.message]].concat())
    }

    fn lost(&self, node: usize, state: &Vec<u8>, _: usize, _: &mut Sends<u8>) -> Option<Vec<u8>> {
        (node == 1 && !state.contains(&9)).then(|| [&state[..], &[9]].concat())
    }

    fn sees_taken(&self, seen: &mut u8, _: &Envelope<u8>) {
        *seen += 1;
    }

    fn label(&self, node: &Vec<u8>) -> String {
        format!("{node:?}")
    }
}

/// What the second node may have noted in the end.
fn endings(network: &Network<Notes>) -> Vec<Vec<u8>> {
    let mut endings = BTreeSet::new();
    let notes: [u8; 3] = [1, 2, 9];
    let lists = (0..=3u32).flat_map(|length| {
        (0..notes.len().pow(length)).map(move |code| {
            (0..length)
                .map(|at| notes[code / notes.len().pow(at) % notes.len()])
                .collect::<Vec<_>>()
        })
    });
    for list in lists {
        let is_it = |state: &GlobalOf<Notes>| *state.nodes[1] != list;
        if !Search::of(network).at_end("other", is_it).run().holds() {
            endings.insert(list);
        }
    }
    endings.into_iter().collect()
}

#[test]
fn networks_do_what_they_are_told_they_may() {
    let ends = |network: Network<Notes>| endings(&network);
    assert_eq!(ends(Network::of(Notes)), [vec![1, 2], vec![2, 1]]);
    assert_eq!(ends(Network::of(Notes).ordered()), [vec![2, 1]]);
    let lossy = [vec![], vec![1], vec![1, 2], vec![2], vec![2, 1]];
    assert_eq!(ends(Network::of(Notes).lossy()), lossy);
    let again = [vec![1, 1], vec![1, 2], vec![2, 1], vec![2, 2]];
    assert_eq!(ends(Network::of(Notes).duplicating()), again);
    // A crash of the sender loses what it sent last, or not; that of the receiver ends it all. The
    // sender's end is found out when nothing of it is under way.
    let crash = ends(Network::of(Notes).crashes(1));
    let found_out = [vec![1, 2, 9], vec![1, 9], vec![2, 1, 9], vec![2, 9], vec![9]];
    let early = [vec![], vec![1], vec![1, 2], vec![2], vec![2, 1]];
    let expected: BTreeSet<_> = found_out.into_iter().chain(early).collect();
    assert_eq!(crash, expected.into_iter().collect::<Vec<_>>());
    // A cut loses all that is under way across.
    let cut = [vec![1, 2, 9], vec![1, 9], vec![2, 1, 9], vec![2, 9], vec![9]];
    assert_eq!(ends(Network::of(Notes).cut(&[1])), cut);
}

/// The numbers of states on other networks, from a search of its own that keeps whole states in an
/// ordered set of their texts.
#[test]
fn numbers_of_states_are_those_of_a_plain_search() {
    fn plain<M: Model<State: Debug>>(model: &M) -> usize {
        let mut seen = BTreeSet::new();
        let mut open = model.initial();
        while let Some(state) = open.pop() {
            if seen.insert(format!("{state:?}")) {
                let mut steps = vec![];
                model.steps(&state, &mut steps);
                open.extend(steps.into_iter().map(|(_, next)| next));
            }
        }
        seen.len()
    }
    fn same<M: Model>(model: &M) {
        let found = Search::of(model).to_the_end().run();
        assert_eq!(found.states, plain(model), "{found}");
    }
    same(&registers(SingleCopy, 1, 2).lossy());
    same(&registers(SingleCopy, 1, 2).duplicating());
    same(&registers(SingleCopy, 2, 2).ordered());
    same(&registers(AbdServer::new(), 2, 2).ordered());
    same(&registers(AbdServer::new(), 3, 1).crashes(1));
    same(&registers(PaxosServer::new(), 3, 1).lossy());
    same(&registers(PaxosServer::new(), 2, 2).cut(&[0]));
    same(&TwoPhaseSpec::new(4).coordinator_may_crash());
    same(&TransactionCommit::new(5));
}

/// A message is an arrow from the step that sends it to the step that takes it.
#[test]
fn a_path_is_drawn_with_its_messages() {
    let network = registers(SingleCopy, 2, 2);
    let found = Search::of(&network).run();
    let path = found.counterexample().unwrap();
    let drawn = path.space_time(&network);
    assert_eq!(drawn.processes, ["server 0", "server 1", "client 0", "client 1"]);
    // Of what was sent at the beginning only what arrives is drawn: the first write.
    let arrived: Vec<(usize, usize, f64, Option<f64>)> =
        drawn.messages.iter().map(|it| (it.from, it.to, it.sent, it.arrived)).collect();
    let chain: Vec<_> = path
        .steps
        .iter()
        .enumerate()
        .map(|(at, (step, _))| match step {
            Move::Arrives(it) => (it.from, it.to, at as f64, Some(at as f64 + 1.0)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(arrived, chain);

    let cut = Network::of(Notes).cut(&[1]);
    let found = Search::of(&cut).always("not cut", |state| state.nodes[1].len() < 2).run();
    let drawn = found.counterexample().unwrap().space_time(&cut);
    let last = drawn.events.last().unwrap();
    assert!(last.is_marked && last.process == 1 && last.time == 2.0);

    let crash = Network::of(Notes).crashes(1);
    let found = Search::of(&crash).always("up", |state| !state.down[0]).run();
    let drawn = found.counterexample().unwrap().space_time(&crash);
    let down = &drawn.whiles[0];
    assert_eq!((down.process, down.from, down.to, down.label.as_str()), (0, 1.0, 2.0, "down"));
}

/// A model that says nothing of diagrams has one lane, with its actions.
#[test]
fn a_plain_model_is_drawn_too() {
    let graph = Graph { after: vec![vec![1], vec![2], vec![]], marked: BTreeSet::from([2]) };
    let found = Search::of(&graph).sometimes("there", |node| *node == 2).run();
    let path = found.example("there").unwrap();
    assert_eq!((path.start, path.actions(), *path.last()), (0, vec![&1, &2], 2));
    assert_eq!(path.to_string(), "1. 1\n2. 2");
    let labels: Vec<String> =
        path.space_time(&graph).events.iter().map(|event| event.label.clone()).collect();
    assert_eq!(labels, ["1", "2"]);
    assert_eq!(
        graph.happening(&0, &1, &1),
        Happening { label: "1".to_owned(), ..Happening::default() }
    );
}

struct Nowhere;

impl Model for Nowhere {
    type State = ();
    type Action = ();

    fn initial(&self) -> Vec<()> {
        vec![]
    }

    fn steps(&self, _: &(), _: &mut Vec<((), ())>) {}

    fn conditions(&self) -> Vec<Condition<'_, ()>> {
        vec![Condition::always("here", |()| true)]
    }
}

/// A schedule written by hand: what may happen is taken, what may not is told; the invariant is
/// broken where it is, and not before.
#[test]
fn a_schedule_by_hand_is_followed() {
    use PaxosAction::{Accepts, Begins, Promises, Proposes};
    let phase = |ballot: usize, value: usize, quorum: [usize; 2]| {
        let bits = quorum.iter().fold(0, |bits, it| bits | 1 << it);
        let promises = quorum.map(|it| Promises(it, ballot));
        let accepts = quorum.map(|it| Accepts(it, ballot, value));
        [&[Begins(ballot)][..], &promises, &[Proposes(ballot, value, bits)], &accepts].concat()
    };
    let both = [phase(0, 0, [0, 1]), phase(1, 1, [1, 2])].concat();
    let sound = PaxosSpec::new(3, 2, 2);
    let broken = sound.clone().flaw(PaxosFlaw::IgnoresAccepted);
    let path = broken.follow(&both).unwrap();
    assert_eq!((path.len(), path.broken(&broken).as_deref()), (12, Some("agreement")));
    assert_eq!(broken.chosen(path.last()).len(), 2);
    let before = broken.follow(&both[..11]).unwrap();
    assert_eq!(before.broken(&broken), None);
    // The same schedule, and the sound one cannot take it: by its promises A alone may follow.
    let told = sound.follow(&both).unwrap_err();
    assert!(told.starts_with("step 10, Proposes(1, 1, 6), cannot be taken; what"), "{told}");
    let can = told.split("what can is").nth(1).unwrap();
    assert!(can.contains("Proposes(1, 0, 6)") && !can.contains("Proposes(1, 1,"), "{told}");
    let same = [phase(0, 0, [0, 1]), phase(1, 0, [1, 2])].concat();
    assert_eq!(sound.follow(&same).unwrap().broken(&sound), None);
    assert!(sound.follow(&[]).unwrap().is_empty());
}

/// What stands beside an arrow can be read, whatever the protocol; different messages between two
/// nodes are told apart by it.
#[test]
fn messages_have_labels_that_can_be_read() {
    fn drawn<S: RegisterServer>(server: S) -> BTreeSet<String> {
        let network = registers(server, 3, 2);
        let found = Search::of(&network).run();
        let path = found.counterexample().or(found.example("a value is read")).unwrap();
        path.space_time(&network).messages.into_iter().map(|it| it.label).collect()
    }
    let blind = drawn(PaxosServer::new().without_looking_back());
    for label in ["prepare 1.0", "promise 1.0", "written"] {
        assert!(blind.contains(label), "{label} is not among {blind:?}");
    }
    let quorums = drawn(AbdServer::new().with_quorums_of(1));
    assert!(quorums.contains("written") && quorums.contains("nothing there"), "{quorums:?}");
    for label in blind.iter().chain(&quorums) {
        assert!(label.len() <= 28 && !label.contains("Some") && !label.contains('{'), "{label}");
    }
}

#[test]
fn what_makes_no_sense_is_told() {
    let graph = || Graph { after: vec![vec![]], marked: BTreeSet::new() };
    each_says([
        (
            Box::new(move || drop(Search::of(&graph()).limit(0))) as Box<dyn Fn()>,
            "a search may see from 1 to 4000000000 states, but the limit is 0",
        ),
        (Box::new(|| drop(Search::of(&Nowhere).run())), "the model has no initial state"),
        (
            Box::new(move || {
                let _ = Search::of(&graph()).sometimes("a", |_| true).run().example("b");
            }),
            "no condition is called \"b\"; there are [\"a\"]",
        ),
        (
            Box::new(|| _ = Registers::new(SingleCopy, 0, 1)),
            "from 1 to 8 servers and from 1 to 8 clients, but there are 0 and 1",
        ),
        (Box::new(|| drop(Network::of(Notes).cut(&[2]))), "but node 2 is named"),
        (Box::new(|| drop(Network::of(Notes).ordered().duplicating())), "not both"),
        (Box::new(|| _ = AbdServer::new().with_quorums_of(0)), "at least 1 server"),
        (Box::new(|| _ = PaxosServer::new().with_quorums_of(0)), "at least 1 server"),
        (Box::new(|| _ = TwoPhaseSpec::new(11)), "from 1 to 10 resource managers"),
        (Box::new(|| drop(PaxosCommitSpec::new(4, 5, 2))), "at most 12 pairs of the two"),
        (Box::new(|| drop(PaxosCommitSpec::new(2, 3, 9))), "at most 128 possible messages"),
    ]);
}
