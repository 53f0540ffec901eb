"""Generates the stubs, starts a node, and runs the example programs as the README says."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

SKIPPED = 77


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def address_of(node):
    """The API's address, from the line that says that the node serves."""
    for line in node.stderr:
        found = re.search(r" serving: api=(\S+)", line)
        if found:
            # What comes later must not fill the pipe.
            threading.Thread(target=node.stderr.read, daemon=True).start()
            return found.group(1)
    sys.exit("failed: the node did not start")


def create_topic(generated, address):
    sys.path.insert(0, generated)
    import grpc
    from forebay.v1 import admin_pb2, admin_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        admin_pb2_grpc.AdminStub(channel).CreateTopic(admin_pb2.CreateTopicRequest(name="greetings", partitions=3))


def main():
    parser = argparse.ArgumentParser()
    for name in ("daemon", "protoc", "plugin", "source"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    try:
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ImportError:
        print("skipped: grpcio missing")
        return SKIPPED

    example = os.path.join(arguments.source, "docs", "examples", "python")
    proto = os.path.join(arguments.source, "proto")
    with tempfile.TemporaryDirectory() as generated:
        files = [f"forebay/v1/{name}" for name in sorted(os.listdir(os.path.join(proto, "forebay", "v1"))) if name.endswith(".proto")]
        subprocess.run(
            [arguments.protoc, "-I", proto, "--python_out", generated, "--grpc_out", generated,
             f"--plugin=protoc-gen-grpc={arguments.plugin}", *files],
            check=True,
        )
        data = os.path.join(generated, "data")
        node = subprocess.Popen(
            [arguments.daemon, "--data-dir", data, "--api", "127.0.0.1:0", "--peer", "127.0.0.1:0", "--http", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True,
        )
        try:
            address = address_of(node)
            create_topic(generated, address)

            def run(program, *words, stdin=""):
                return subprocess.run(
                    [sys.executable, os.path.join(example, program), *words, "--server", address],
                    input=stdin, text=True, capture_output=True, timeout=60,
                    env={**os.environ, "PYTHONPATH": generated, "PYTHONDONTWRITEBYTECODE": "1"},
                )

            lines = [f"user-{number % 17}:hello {number}" for number in range(5000)] + ["no key", "ünïcode:ключ"]
            produced = run("produce.py", "greetings", "--key-separator", ":", stdin="\n".join(lines) + "\n")
            check(produced.returncode == 0, f"produce.py: {produced.stderr}")
            check("5002 records acknowledged, 0 not sent" in produced.stderr, produced.stderr)

            consumed = run("consume.py", "greetings", "--until-end")
            check(consumed.returncode == 0, f"consume.py: {consumed.stderr}")
            records = [json.loads(line) for line in consumed.stdout.splitlines()]
            check(len(records) == 5002, f"{len(records)} records came back")
            by_key, partitions_of_key = {}, {}
            for record in records:
                by_key.setdefault(record["key"], []).append(record["value"])
                partitions_of_key.setdefault(record["key"], set()).add(record["partition"])
            for user in range(17):
                wanted = [f"hello {number}" for number in range(5000) if number % 17 == user]
                check(by_key[f"user-{user}"] == wanted, f"order of user-{user}")
                check(len(partitions_of_key[f"user-{user}"]) == 1, f"one partition for user-{user}")
            check(by_key[None] == ["no key"], "the record without key")
            check(by_key["ünïcode"] == ["ключ"], "the record that is not ASCII")
            check(len({record["partition"] for record in records}) == 3, "every partition is used")

            for program in ("produce.py", "consume.py"):
                refused = run(program, "nowhere", stdin="x\n")
                check(refused.returncode == 1, f"{program} of an unknown topic")
                check("UNKNOWN_TOPIC" in refused.stderr and "forebay topic create" in refused.stderr, refused.stderr)
        finally:
            node.send_signal(signal.SIGTERM)
            check(node.wait(30) == 0, "the node did not stop cleanly")
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
