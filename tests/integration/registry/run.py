"""The schema registry on three nodes: a schema that one node has registered is known to the others when it is used, ids are
unique whoever leads, and no answered registration is lost when the leader is killed."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "groups"))
from cluster import Nodes, check, wait_until  # noqa: E402

COUNT = 3
MEDIA = "application/vnd.schemaregistry.v1+json"


class Registry:
    """One node's REST face."""

    def __init__(self, address):
        self.base = f"http://{address}"

    def ask(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": MEDIA}, method=method)
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)

    def register(self, subject, text):
        return self.ask(f"/subjects/{subject}/versions", {"schema": text})["id"]

    def ready(self):
        try:
            with urllib.request.urlopen(self.base + "/readyz", timeout=5):
                return True
        except OSError:
            return False


def record(name):
    return json.dumps({"type": "record", "name": name, "fields": []}, separators=(",", ":"))


class Tool:
    def __init__(self, program, servers):
        self.program, self.servers = program, servers

    def run(self, server, *words):
        return subprocess.run([self.program, "--server", server, *words], capture_output=True, text=True, check=False)

    def leader_of_schemas(self):
        """In a list; none: nobody, as far as it is known."""
        done = self.run(",".join(self.servers), "partition", "list", "--internal", "-o", "json")
        for one in json.loads(done.stdout) if done.returncode == 0 else []:
            if one["topic"] == "__schemas" and one["leader"]:
                return [one["leader"] - 1]
        return []


def used_at_once(nodes, registries, tool, directory):
    """Registered on one node, produced through another in the same moment: never refused."""
    registries[0].ask("/config/t-value", {"compatibility": "NONE"}, "PUT")
    made = tool.run(nodes.api[0], "topic", "create", "t", "--partitions", "3", "--config", "schema.validation=id")
    check(made.returncode == 0, made.stderr)
    value = os.path.join(directory, "value")
    for turn in range(9):
        number = registries[turn % COUNT].register("t-value", record(f"Turn{turn}"))
        latest = registries[turn % COUNT].ask("/subjects/t-value/versions/latest")
        check(latest["id"] == number, f"node {turn % COUNT + 1} shows what it has just registered: {latest}")
        with open(value, "wb") as out:
            out.write(b"\0" + number.to_bytes(4, "big"))
        sent = tool.run(nodes.api[(turn + 1) % COUNT], "perf", "produce", "--topic", "t", "--records", "6", "--value", value)
        check(sent.returncode == 0, f"id {number}, registered on node {turn % COUNT + 1}: {sent.stderr}")
    with open(value, "wb") as out:
        out.write(b"\0" + (999_999).to_bytes(4, "big"))
    refused = tool.run(nodes.api[0], "perf", "produce", "--topic", "t", "--records", "1", "--value", value)
    check(refused.returncode != 0 and "schema id 999999, which is not registered" in refused.stderr, refused.stderr)


class Registering(threading.Thread):
    """Schemas of its own, one after the other, on one node, until it is told to end."""

    def __init__(self, name, registry):
        super().__init__(daemon=True)
        self.name_of_all, self.registry = name, registry
        self.answered, self.failed, self.ended = [], 0, threading.Event()

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            text = record(f"{self.name_of_all}{number}")
            try:
                self.answered.append((self.registry.register(f"{self.name_of_all}-{number}", text), text))
            except (OSError, urllib.error.URLError):
                self.failed += 1
                time.sleep(0.02)


def leader_killed(nodes, registries, tool):
    leader = wait_until(tool.leader_of_schemas, "somebody leads __schemas")[0]
    others = [index for index in range(COUNT) if index != leader]
    threads = [Registering(f"On{index}x", registries[index]) for index in others]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(len(thread.answered) > 5 for thread in threads), "schemas are registered")
    nodes.kill(leader)
    before = [len(thread.answered) for thread in threads]
    wait_until(lambda: all(len(thread.answered) > count + 5 for thread, count in zip(threads, before)), "they are without the leader")
    nodes.start(leader)
    wait_until(registries[leader].ready, "the leader comes back")
    for thread in threads:
        thread.ended.set()
        thread.join()
    answered = [one for thread in threads for one in thread.answered]
    ids = [number for number, _ in answered]
    check(len(set(ids)) == len(ids), f"an id was given twice: {sorted(ids)}")
    for index, registry in enumerate(registries):
        for number, text in answered:
            check(registry.ask(f"/schemas/ids/{number}")["schema"] == text, f"id {number} on node {index + 1}")
    wait_until(lambda: len({json.dumps(registry.ask("/subjects")) for registry in registries}) == 1, "all nodes have the same subjects")
    print(f"{len(answered)} registered, {sum(thread.failed for thread in threads)} attempts failed")


def values_of(tool, server, topic):
    done = tool.run(server, "consume", topic, "--until-end", "--raw", "-o", "json")
    check(done.returncode == 0, done.stderr)
    return [json.loads(line)["value"] for line in done.stdout.splitlines()]


def kept_apart(nodes, registries, tool, program):
    """Each record is in the topic or among its dead letters, once, also when the leader is killed meanwhile."""
    number = registries[0].register("q-value", record("Turn0"))
    check(number == 1, "the same schema has the same id, and that one is no end of a line")
    made = tool.run(nodes.api[0], "topic", "create", "q", "--partitions", "1", "--config", "schema.validation=id", "--config",
                    "on.violation=quarantine")
    check(made.returncode == 0, made.stderr)
    good = [f"\0\0\0\0\1good {i}" for i in range(0, 20_000, 2)]
    bad = [f"bad {i}" for i in range(1, 20_000, 2)]
    lines = [one for pair in zip(good, bad) for one in pair]
    sender = subprocess.Popen([program, "--server", ",".join(nodes.api), "produce", "q", "-o", "json"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for at in range(0, len(lines), 100):
        sender.stdin.write("\n".join(lines[at:at + 100]) + "\n")
        sender.stdin.flush()
        if at == len(lines) // 2:
            listed = json.loads(tool.run(nodes.api[0], "partition", "list", "q", "-o", "json").stdout)
            leader = listed[0]["leader"] - 1
            nodes.kill(leader)
            nodes.start(leader)
    stdout, stderr = sender.communicate(timeout=120)
    check(sender.returncode == 0, stderr)
    check(json.loads(stdout)["quarantined"] == len(bad), stdout)
    wait_until(lambda: all(registry.ready() for registry in registries), "three nodes are ready again")
    for server in nodes.api:
        check(values_of(tool, server, "q") == good, f"the topic, read from {server}")
        check(values_of(tool, server, "q.dlq") == bad, f"its dead letters, read from {server}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--forebay", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        nodes = Nodes(arguments.daemon, directory, COUNT)
        try:
            registries = [Registry(address) for address in nodes.http]
            tool = Tool(arguments.forebay, nodes.api)
            for index in range(COUNT):
                nodes.start(index)
            wait_until(lambda: all(registry.ready() for registry in registries), "three nodes are ready")
            used_at_once(nodes, registries, tool, directory)
            kept_apart(nodes, registries, tool, arguments.forebay)
            leader_killed(nodes, registries, tool)
        except BaseException:
            nodes.tell_logs()
            raise
        finally:
            nodes.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
