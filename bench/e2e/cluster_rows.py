"""The rows of a cluster of three with replication factor 3: daemons, client and limit program share the machine."""
import time

from rows import RECORD, Row, at_rate, cost_of_idempotence, mb, median, ms, one_by_one, settled_cpu, spread

COPIES = 3
PARTITIONS = 6


def topic(bench, cluster, name, partitions, **config):
    bench.program.create_topic(cluster, name, partitions, "--replication", COPIES, **config)


# --- produce as fast as it goes ---

def saturated(bench):
    cluster = bench.cluster("saturated").start()
    # Old segments go, so that the disk does not fill; that is part of the work.
    topic(bench, cluster, "load", PARTITIONS, retention_bytes="256MiB", segment_bytes="64MiB")
    records = int(bench.seconds * 200_000)

    def produce():
        result = bench.program.perf(cluster, "produce", "load", "--records", records, "--size", RECORD)
        cluster.wait_in_sync()
        return result

    produce()  # warms up
    ours, ceilings, cpu, each, client, flushes, halves, latency = [], [], [], [], [], [], [], []
    for _ in range(bench.runs):
        ceilings.append(bench.program.ceiling(bench.directory, COPIES, "sat", 256, 8, bench.seconds)["mb_per_s"])
        watch = cluster.watch()
        result = produce()
        watch.end()
        gigabytes = result["bytes"] / 1e9
        ours.append(result["mb_per_s"])
        latency.append(result["latency_ms"]["p99"])
        cpu.append(watch.cpu_s / (result["records"] / 1e6))
        each.append([one.cpu_s / gigabytes for one in watch.watches])
        client.append(result["client_cpu_s"] / gigabytes)
        flushes.append(watch.flushes / result["seconds"])
        # The same with a follower down, in the same minute. Which replicas lead is drawn anew when it is back.
        cluster.nodes[-1].kill()
        time.sleep(bench.settle_s)
        degraded = bench.program.perf(cluster, "produce", "load", "--records", records, "--size", RECORD)
        halves.append(degraded["mb_per_s"] / result["mb_per_s"])
        cluster.nodes[-1].start()
        cluster.wait_in_sync()
        time.sleep(bench.settle_s)
    bench.drop(cluster)
    ratio = median([a / b for a, b in zip(ours, ceilings)])
    limit = f"ceiling {mb(median(ceilings))}"
    nodes = ", ".join(f"{median(node):.2f}" for node in zip(*each))
    return [
        Row("RF 3 produce, SDK, batched, 1 KiB: MB/s", spread(ours, mb), "300", limit, f"{ratio:.2f}",
            median(ours) >= 300),
        Row("  the same beside the limit program", f"{ratio:.2f}", "0.5 of ceiling", limit, f"{ratio:.2f}",
            ratio >= 0.5),
        Row("  p99", spread(latency, ms), ""),
        Row("  server CPU s per million records, all three", spread(cpu, "{:.2f}".format), "6", met=median(cpu) <= 6),
        Row("  CPU s per GB: each daemon", nodes, ""),
        Row("  client CPU s per GB", spread(client, "{:.2f}".format), ""),
        Row("  flushes per second, all three", spread(flushes, mb), ""),
        Row("  with one node down, of the healthy throughput", spread(halves, "{:.2f}".format), "0.8",
            met=median(halves) >= 0.8),
    ]


def idempotence(bench):
    cluster = bench.cluster("idempotence").start()
    topic(bench, cluster, "load", PARTITIONS, retention_bytes="256MiB", segment_bytes="64MiB")
    found = cost_of_idempotence(bench, cluster, "RF 3", int(bench.seconds * 100_000))
    bench.drop(cluster)
    return found


# --- one record a send ---

def fixed_rate(bench):
    """In one partition, as ceiling has one log; and in six, whose leaders are on all three nodes."""
    found = []
    for partitions, into in ((1, "one partition"), (PARTITIONS, f"{PARTITIONS} partitions")):
        cluster = bench.cluster("rate").start()
        topic(bench, cluster, "load", partitions)
        found += one_by_one(bench, cluster, COPIES,
                            "RF 3 acknowledged produce at {rate}/s, one record a send, " + into)
        bench.drop(cluster)
    return found


# --- a node that comes back ---

def catching_up(bench):
    """Records one by one while a node is away, and while it fetches what it lacks."""
    rate = 2_000
    cluster = bench.cluster("catching-up").start()
    topic(bench, cluster, "load", PARTITIONS)
    back = cluster.nodes[-1]
    bulk = int(bench.seconds * 500_000)
    away, returning, speed = [], [], []
    for _ in range(bench.runs):
        back.kill()
        time.sleep(bench.settle_s)
        bench.program.perf(cluster, "produce", "load", "--records", bulk, "--size", RECORD)
        away.append(at_rate(bench, cluster, rate)["latency_ms"]["p99"])
        began = time.monotonic()
        back.start()
        returning.append(at_rate(bench, cluster, rate)["latency_ms"]["p99"])
        cluster.wait_in_sync()
        speed.append(bulk * RECORD / 1e6 / (time.monotonic() - began))
        time.sleep(bench.settle_s)
    bench.drop(cluster)
    return [
        Row(f"RF 3 acknowledged produce at {rate}/s while a node lacks {bulk * RECORD / 1e9:.1f} GB: p99",
            spread(returning, ms), "5 ms, or twice that without it", f"without it {ms(median(away))}",
            f"{median([a / b for a, b in zip(returning, away)]):.2f}",
            median(returning) < 5 or median(returning) <= 2 * median(away)),
        Row("  MB/s of catching up meanwhile, start of the node included", spread(speed, mb), ""),
    ]


# --- reading ---

def replay(bench):
    cluster = bench.cluster("replay").start()
    topic(bench, cluster, "load", PARTITIONS)
    records = int(bench.seconds * 500_000)
    bench.program.perf(cluster, "produce", "load", "--records", records, "--size", RECORD)
    cluster.wait_in_sync()
    ours, server, client, fios = [], [], [], []
    for _ in range(bench.runs):
        fios.append(bench.program.fio_read(bench.directory, bench.seconds))
        watch = cluster.watch()
        result = bench.program.perf(cluster, "consume", "load")
        watch.end()
        ours.append(result["mb_per_s"])
        server.append(watch.cpu_s / (result["bytes"] / 1e9))
        client.append(result["client_cpu_s"] / (result["bytes"] / 1e9))
    bench.program.remove_fio_files(bench.directory)
    bench.drop(cluster)
    with_fio = None not in fios
    limit = f"fio reads {mb(median(fios))}" if with_fio else "fio is not installed"
    to_fio = median([a / b for a, b in zip(ours, fios)]) if with_fio else 0
    return [
        Row("RF 3 replay by one consumer: MB/s", spread(ours, mb), "1500", limit, f"{to_fio:.2f}" if with_fio else "",
            met=median(ours) >= 1500),
        Row("  CPU s per GB: servers, client", f"{median(server):.2f}, {median(client):.2f}", ""),
    ]


# --- what a cluster costs when nothing happens ---

def idle(bench):
    cluster = bench.cluster("idle").start()
    left, number = bench.idle_partitions, 0
    while left > 0:
        number += 1
        topic(bench, cluster, f"idle{number}", min(left, 1000))
        left -= 1000
    cluster.wait_in_sync()
    what = f"cost of {bench.idle_partitions} idle partitions with three copies"
    share = max(settled_cpu(node, bench.seconds * 2) for node in cluster.nodes)
    memory = max(node.rss_mib() for node in cluster.nodes)
    cluster.nodes[-1].kill()
    time.sleep(bench.settle_s)
    down = max(settled_cpu(node, bench.seconds * 2) for node in cluster.nodes[:-1])
    bench.drop(cluster)
    return [
        Row(f"{what}: share of a core, the busiest node", f"{100 * share:.1f} %", "2 %", met=share < 0.02),
        Row("  RSS then", f"{memory:.0f} MiB", ""),
        Row("  with one node down", f"{100 * down:.1f} %", "2 %", met=down < 0.02),
    ]


ALL = {
    "saturated": saturated,
    "idempotence": idempotence,
    "rate": fixed_rate,
    "catching-up": catching_up,
    "replay": replay,
    "idle": idle,
}
