"""Events a second of happysim's Raft, for benches/cluster.rs.

Prints a line for each workload if happysim can be imported (it needs Python 3.13): name, workload,
events, answers, events a second (median), separated by tabs.

The workloads are those of benches/cluster.rs. Two things differ: happysim's nodes send nothing on,
so that clients ask whoever leads, and a leader sends entries with its heartbeats only. An event is
what reaches a node: a message, a timer, a command. What happysim does besides (a message takes
three of its own events) is not counted.
"""

import logging
import random
import statistics
import time

RUNS = 5
SECONDS = 60
CLIENTS = 10
THINK = 0.020
PATIENCE = 0.200
KEYS = 10


def simulation_of(nodes, clients, faults):
    """The simulation, its Raft nodes, and how often clients asked and were answered."""
    from happysimulator import Duration, Entity, Event, Instant, Network, NetworkLink, RaftNode
    from happysimulator import Simulation
    from happysimulator.core.sim_future import SimFuture, any_of
    from happysimulator.distributions.latency_distribution import LatencyDistribution

    class Uniform(LatencyDistribution):
        def get_latency(self, current_time):
            return Duration.from_seconds(random.uniform(0.001, 0.003))

    counts = {"asked": 0, "answered": 0}

    class Client(Entity):
        def handle_event(self, event):
            while True:
                yield random.expovariate(1.0 / THINK)
                leader = next((raft for raft in rafts if raft.is_leader), None)
                if leader is None:
                    continue
                command = {"op": "get", "key": random.randrange(KEYS)}
                if random.random() < 0.5:
                    command |= {"op": "set", "value": counts["asked"]}
                counts["asked"] += 1
                reply, late = leader.submit(command), SimFuture()
                resolve = late.resolve
                yield 0.0, [Event.once(self.now + PATIENCE, "late", lambda _, it=resolve: it(None))]
                which, _ = yield any_of(reply, late)
                counts["answered"] += which == 0

    network = Network(name="network")
    rafts = [
        RaftNode(
            f"node{at}",
            network,
            election_timeout_min=0.150,
            election_timeout_max=0.300,
            heartbeat_interval=0.050,
        )
        for at in range(nodes)
    ]
    for raft in rafts:
        raft.set_peers(rafts)
        for other in rafts:
            if other is not raft:
                link = NetworkLink(f"{raft.name}-{other.name}", Uniform(0.002))
                link.packet_loss_rate = 0.01 if faults else 0.0
                network.add_link(raft, other, link)
    people = [Client(f"client{at}") for at in range(clients)]
    simulation = Simulation(duration=float(SECONDS), entities=[network, *rafts, *people])
    for raft in rafts:
        simulation.schedule(raft.start())
    for client in people:
        simulation.schedule(Event(time=Instant.Epoch, event_type="begin", target=client))
    for second in range(1, SECONDS) if faults else ():
        isolate(simulation, network, rafts, second)
    return simulation, rafts, counts


def isolate(simulation, network, rafts, second):
    """A node is cut off for 400 ms of a second."""
    from happysimulator import Event, Instant

    node = rafts[second % len(rafts)]
    others = [raft for raft in rafts if raft is not node]
    cut = []

    def begins(_):
        cut.append(network.partition([node], others))

    def ends(_):
        cut.pop().heal()

    simulation.schedule(Event.once(Instant.from_seconds(second + 0.2), "cut", begins))
    simulation.schedule(Event.once(Instant.from_seconds(second + 0.6), "healed", ends))


def counted(rafts):
    """Has the nodes count what reaches them."""
    count = [0]

    def counting(handle):
        def counts(event):
            count[0] += 1
            return handle(event)

        return counts

    for raft in rafts:
        raft.handle_event = counting(raft.handle_event)
    return count


def measured(nodes, clients, faults, seed):
    """Events, answers, events a second."""
    random.seed(seed)
    simulation, rafts, counts = simulation_of(nodes, clients, faults)
    reached = counted(rafts)
    start = time.perf_counter()
    simulation.run()
    took = time.perf_counter() - start
    # Without a leader it would be fast, and would mean nothing.
    assert any(raft.is_leader for raft in rafts)
    assert counts["answered"] > 0 or not clients
    events = reached[0] + counts["asked"]
    return events, counts["answered"], events / took


def main():
    try:
        import happysimulator  # noqa: F401
    except ImportError:
        return
    logging.disable(logging.CRITICAL)
    workloads = [("idle", 0, False), (f"{CLIENTS} clients", CLIENTS, False)]
    workloads.append(("faults", CLIENTS, True))
    for nodes in (3, 5):
        for name, clients, faults in workloads:
            runs = [measured(nodes, clients, faults, seed) for seed in range(RUNS)]
            events, answers, _ = runs[0]
            rate = statistics.median(rate for _, _, rate in runs)
            what = f"{nodes} nodes, {name}"
            print("happysim", what, events, answers, round(rate), sep="\t", flush=True)


if __name__ == "__main__":
    main()
