"""Customers a second of Python's queue simulators, for benches/queueing.rs.

Prints a line for each peer that can be imported and each model it simulates:
name, model, customers, customers a second (median), separated by tabs.
"""

import random
import statistics
import time

LOAD = 0.8
MODELS = {"M/M/1": 1, "M/M/4": 4}


def simpy_queue(servers, customers):
    import simpy

    env = simpy.Environment()
    line = simpy.Resource(env, servers)
    waits = []

    def customer():
        arrived = env.now
        with line.request() as turn:
            yield turn
            waits.append(env.now - arrived)
            yield env.timeout(random.expovariate(1.0))

    def arrivals():
        for _ in range(customers):
            yield env.timeout(random.expovariate(LOAD * servers))
            env.process(customer())

    env.process(arrivals())
    env.run()
    return statistics.fmean(waits)


def ciw_queue(servers, customers):
    import ciw

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(LOAD * servers)],
        service_distributions=[ciw.dists.Exponential(1.0)],
        number_of_servers=[servers],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(customers, method="Finish")
    return statistics.fmean(r.waiting_time for r in simulation.get_all_records())


def numpy_lindley(servers, customers):
    import numpy

    assert servers == 1
    draw = numpy.random.default_rng()
    steps = draw.exponential(1.0, customers) - draw.exponential(1.0 / LOAD, customers)
    walk = numpy.cumsum(steps)
    return float(numpy.mean(walk - numpy.minimum(numpy.minimum.accumulate(walk), 0.0)))


# name, what simulates, models, customers in a run, runs
PEERS = [
    ("SimPy", simpy_queue, MODELS, 100_000, 3),
    ("Ciw", ciw_queue, MODELS, 100_000, 3),
    ("numpy (Lindley)", numpy_lindley, ["M/M/1"], 1_000_000, 7),
]


def main():
    for name, simulate, models, customers, runs in PEERS:
        for model in models:
            try:
                simulate(MODELS[model], 100)
            except ImportError:
                break
            rates = []
            for _ in range(runs):
                start = time.perf_counter()
                simulate(MODELS[model], customers)
                rates.append(customers / (time.perf_counter() - start))
            print(name, model, customers, round(statistics.median(rates)), sep="\t", flush=True)


if __name__ == "__main__":
    main()
