"""Generates the stubs, starts a server, and runs the example programs as the README says."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

SKIPPED = 77


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("server", "protoc", "plugin", "source"):
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
        server = subprocess.Popen([arguments.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            address = f"127.0.0.1:{int(server.stdout.readline())}"

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
            server.stdin.close()
            check(server.wait(30) == 0, "the server did not stop cleanly")
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
