#!/usr/bin/env python3
"""End-to-end benchmarks of one node or of a cluster of three, beside what the machine gives in the same minute. See
docs/performance.md."""
import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile

import cluster_rows
import group_rows
import rows
import schema_rows
from programs import Program

# By the number of nodes.
TABLES = {
    1: {**rows.ALL, "groups": group_rows.of_node, "schemas": schema_rows.schemas},
    3: {**cluster_rows.ALL, "groups": group_rows.of_cluster},
}


def print_table(table):
    head = ("what", "reached", "must reach", "limit program beside it", "ratio", "met")
    lines = [head]
    for row in table:
        met = {None: "", True: "yes", False: "NO"}[row.met]
        lines.append((row.what, row.reached, row.must, row.limit, row.ratio, met))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, tuple("-" * width for width in widths))
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True, help="directory of forebayd and forebay")
    parser.add_argument("--limits", required=True, help="directory of ceiling")
    parser.add_argument("--directory", default="/var/tmp", help="where data is written: the disk that is measured")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="3: a cluster, everything with three copies")
    parser.add_argument("--only", action="append", help=f"only these rows, may be repeated: {', '.join(TABLES[1])}; with "
                        f"--nodes 3: {', '.join(TABLES[3])}")
    parser.add_argument("--runs", type=int, help="runs of each, of which the median counts (default 3)")
    parser.add_argument("--quick", action="store_true", help="one short run of everything: a smoke test, no figures")
    parser.add_argument("--full", action="store_true", help="recovery with 10 GiB")
    parser.add_argument("--json", help="write the rows there, too")
    options = parser.parse_args()
    known = TABLES[options.nodes]
    for name in options.only or ():
        if name not in known:
            parser.error(f"--only: there is no row {name} of {options.nodes} node(s); there are {', '.join(known)}")
    return options


def main():
    options = parse_arguments()
    quick = options.quick
    directory = tempfile.mkdtemp(prefix="forebay-bench-", dir=options.directory)
    recovery_bytes = 10 * rows.GIB if options.full else rows.GIB
    needed = 2 * recovery_bytes + 4 * rows.GIB
    if not quick and shutil.disk_usage(directory).free < needed:
        print(f"bench: {options.directory} has less than {needed >> 30} GiB free", file=sys.stderr)
        os.rmdir(directory)
        return 1
    bench = rows.Bench(Program(options.binaries, options.limits), directory, runs=options.runs or (1 if quick else 3),
                       seconds=1 if quick else 4, partitions=100 if quick else 1_000,
                       idle_partitions=200 if quick else 10_000,
                       recovery_bytes=rows.GIB // 16 if quick else recovery_bytes, settle_s=1 if quick else 5)
    if shutil.which("fio") is None:
        print("fio is not installed: its column stays empty (apt-get install fio)", file=sys.stderr)
    table = []
    try:
        measured = TABLES[options.nodes]
        for name in options.only or measured:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            table += measured[name](bench)
    finally:
        bench.stop_all()
        shutil.rmtree(directory, ignore_errors=True)
    print_table(table)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump([dataclasses.asdict(row) for row in table], out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
