"""Trials a second of a vectorised WARS simulation in numpy, for benches/staleness.rs.

N = 3, R = W = 1, the published fits. Prints a line for each fit: its name, who, trials a second
(median), separated by tabs. Nothing if there is no numpy.
"""

import statistics
import time

# What each of the four messages is: weight, shape and scale of a Pareto, rate of an exponential.
SSD = (0.9122, 10.0, 0.235, 1.66)
DISK = (0.38, 1.51, 1.05, 0.183)
YMMR_WRITE = (0.939, 3.35, 3.0, 0.0028)
YMMR = (0.982, 3.8, 1.5, 0.0217)
FITS = {
    "LNKD-SSD": (SSD, SSD, 0.0),
    "LNKD-DISK": (DISK, SSD, 0.0),
    "YMMR": (YMMR_WRITE, YMMR, 0.0),
    "WAN": (DISK, SSD, 75.0),
}
REPLICAS = 3
AT_ONCE = 100_000
RUNS = 7


def draw(numpy, random, law, count):
    """Exponentials for all, and the power of these where it is to be a Pareto."""
    weight, shape, scale, rate = law
    times = random.exponential(size=(REPLICAS, count))
    pareto = random.random((REPLICAS, count)) < weight
    return numpy.where(pareto, scale * numpy.exp(times / shape), times / rate)


def simulate(numpy, random, fit, count):
    """The share of reads that are consistent at once, and both mean latencies."""
    write_law, other, distance = FITS[fit]
    write, ack, read, response = (
        draw(numpy, random, law, count) for law in (write_law, other, other, other)
    )
    if distance:
        replicas = numpy.arange(REPLICAS)[:, None]
        away = [distance * (replicas != random.integers(REPLICAS, size=count)) for _ in range(2)]
        write, ack = write + away[0], ack + away[0]
        read, response = read + away[1], response + away[1]
    commit = (write + ack).min(axis=0)
    answers = read + response
    first = answers.argmin(axis=0)
    each = numpy.arange(count)
    fresh_after = write[first, each] - commit - read[first, each]
    return (fresh_after <= 0.0).mean(), answers[first, each].mean(), commit.mean()


def main():
    try:
        import numpy
    except ImportError:
        return
    random = numpy.random.default_rng(1)
    for fit in FITS:
        rates = []
        for _ in range(RUNS):
            start = time.perf_counter()
            for _ in range(10):
                simulate(numpy, random, fit, AT_ONCE)
            rates.append(10 * AT_ONCE / (time.perf_counter() - start))
        print(fit, "numpy", round(statistics.median(rates)), sep="\t", flush=True)


if __name__ == "__main__":
    main()
