"""Requests a second of the path of a request in SimPy, for benches/pillars.rs: the same servers, cache
and replicas, without the scaler and the watch.

Prints a line for each path: its name, requests a second (median), the mean time to an answer in seconds,
separated by tabs. Nothing if there is no SimPy.
"""

import bisect
import collections
import itertools
import random
import statistics
import time

LOAD, SERVERS, SERVICE = 600.0, 10, 0.01
ITEMS, ROOM, KEEPS = 10_000, 1000, 10.0
WRITES, REPLICAS, DATABASE, LAG = 0.05, 3, 0.002, 0.02
REQUESTS, RUNS = 30_000, 3
WEIGHTS = list(itertools.accumulate(1 / k**0.9 for k in range(1, ITEMS + 1)))


def run(simpy, seed, hits, writes, reads):
    chance = random.Random(seed)
    world = simpy.Environment()
    servers = [simpy.Resource(world) for _ in range(SERVERS)]
    replicas = [simpy.Resource(world) for _ in range(REPLICAS)]
    cache = collections.OrderedDict()
    total = 0.0

    def served(resource, mean):
        with resource.request() as turn:
            yield turn
            yield world.timeout(chance.expovariate(1 / mean))

    def is_held(key):
        if hits is not None:
            return chance.random() < hits
        entry = cache.get(key)
        if key in cache:
            cache.move_to_end(key)
        return entry is not None and world.now < entry

    def request():
        nonlocal total
        begin = world.now
        one, two = chance.choice(servers), chance.choice(servers)
        standing = lambda server: server.count + len(server.queue)
        yield from served(two if standing(two) < standing(one) else one, SERVICE)
        key = bisect.bisect(WEIGHTS, chance.random() * WEIGHTS[-1])
        if chance.random() < writes:
            yield from served(replicas[0], DATABASE)
            yield world.timeout(min(chance.expovariate(1 / LAG) for _ in range(REPLICAS - 1)))
        elif not is_held(key):
            asked = [world.process(served(one, DATABASE)) for one in chance.sample(replicas, reads)]
            yield world.all_of(asked)
            if hits is None:
                cache[key] = world.now + KEEPS
                cache.move_to_end(key)
                if len(cache) > ROOM:
                    cache.popitem(last=False)
        total += world.now - begin

    def arrivals():
        for _ in range(REQUESTS):
            yield world.timeout(chance.expovariate(LOAD))
            world.process(request())

    world.process(arrivals())
    begin = time.perf_counter()
    world.run()
    return REQUESTS / (time.perf_counter() - begin), total / REQUESTS


def main():
    try:
        import simpy
    except ImportError:
        return
    for name, hits, writes, reads in [
        ("servers only", 1.0, 0.0, 1),
        ("and a database", 0.0, WRITES, 1),
        ("and a cache", None, WRITES, 1),
        ("and quorums of 2", None, WRITES, 2),
    ]:
        runs = [run(simpy, seed, hits, writes, reads) for seed in range(RUNS)]
        rate, mean = (statistics.median(run[part] for run in runs) for part in (0, 1))
        print(name, rate, mean, sep="\t")


main()
