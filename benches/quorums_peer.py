"""Seconds that Quoracle takes for tasks of benches/quorums.rs.

Prints a line for each task, if Quoracle can be imported: task, seconds (median), value, separated
by tabs.
"""

import datetime
import statistics
import sys
import time

FRACTIONS = {
    0.1: 20.0,
    0.2: 30.0,
    0.3: 30.0,
    0.4: 60.0,
    0.5: 100.0,
    0.6: 100.0,
    0.7: 100.0,
    0.8: 20.0,
    0.9: 10.0,
}


def tasks(q):
    def node(name, writes, latency):
        return q.Node(
            name,
            write_capacity=writes,
            read_capacity=2 * writes,
            latency=datetime.timedelta(seconds=latency),
        )

    five = [
        node("a", 2000, 1),
        node("b", 1000, 1),
        node("c", 2000, 3),
        node("d", 1000, 4),
        node("e", 2000, 5),
    ]
    a, b, c, d, e = five
    paths = q.QuorumSystem(reads=a * b + a * c * e + d * e + d * c * b)
    yield "five nodes: capacity of paths", 15, lambda: paths.capacity(read_fraction=FRACTIONS)

    def search(metric, **goal):
        _, best = q.search(nodes=five, resilience=1, read_fraction=FRACTIONS, **goal)
        return metric(best)

    def load(best):
        return best.load(read_fraction=FRACTIONS)

    def latency(best):
        return best.latency(read_fraction=FRACTIONS).total_seconds()

    yield "five nodes: search for load", 3, lambda: search(load)
    yield "five nodes: search for load, 1-resilient", 3, lambda: search(load, f=1)
    yield "five nodes: search for latency", 3, lambda: search(
        latency, optimize="latency", load_limit=1 / 2000
    )

    def plain(count):
        return [q.Node(f"n{i:02}") for i in range(count)]

    nine = q.QuorumSystem(reads=q.majority(plain(9)))
    yield "load, majority of 9", 5, lambda: nine.load(read_fraction=0.5)
    rows = [plain(20)[i : i + 5] for i in range(0, 20, 5)]
    grid = q.QuorumSystem(reads=q.choose(1, [q.choose(5, row) for row in rows]))
    yield "load, grid 4 x 5", 5, lambda: grid.load(read_fraction=0.5)


def main():
    try:
        import quoracle
    except ImportError:
        return
    for name, runs, compute in tasks(quoracle):
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            value = compute()
            times.append(time.perf_counter() - start)
        print(name, statistics.median(times), value, sep="\t", flush=True)


if __name__ == "__main__":
    sys.exit(main())
