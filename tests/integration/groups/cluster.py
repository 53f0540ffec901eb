"""A cluster to be killed node by node, and members of consumer groups that speak the public protocol."""

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from node import free_ports  # noqa: E402

SKIPPED = 77
DEADLINE = 60.0  # the machine may be busy with other things


def wait_until(condition, what):
    """A node that has just been started may not listen yet."""
    until = time.monotonic() + DEADLINE
    refused = None
    while time.monotonic() < until:
        try:
            found = condition()
        except urllib.error.URLError as error:
            found, refused = None, error
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"failed: {what}" + (f" (last: {refused})" if refused else ""))


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


class Nodes:
    """A cluster of so many, each to be killed and started again."""

    def __init__(self, daemon, directory, count):
        ports = free_ports(3 * count)
        self.api = [f"127.0.0.1:{port}" for port in ports[:count]]
        peers = [f"127.0.0.1:{port}" for port in ports[count:2 * count]]
        self.http = http = [f"127.0.0.1:{port}" for port in ports[2 * count:]]
        listed = ",".join(f"{i + 1}@{peer}" for i, peer in enumerate(peers))
        self.commands, self.processes, self.logs = [], [None] * count, []
        for i in range(count):
            words = [daemon, "--data-dir", os.path.join(directory, f"data-{i}"), "--api", self.api[i], "--peer", peers[i], "--http", http[i],
                     "--set", f"node.id={i + 1}"]
            self.commands.append(words + (["--set", "cluster.nodes=" + listed] if count > 1 else []))
            self.logs.append(os.path.join(directory, f"log-{i}"))

    def start(self, index):
        with open(self.logs[index], "ab") as log:
            self.processes[index] = subprocess.Popen(self.commands[index], stdout=log, stderr=log)

    def kill(self, index):
        self.processes[index].kill()
        self.processes[index].wait()
        self.processes[index] = None

    def stop(self, index):
        self.processes[index].terminate()
        check(self.processes[index].wait(timeout=DEADLINE) == 0, f"node {index + 1} stops cleanly")
        self.processes[index] = None

    def metric(self, name):
        """Its values at all nodes: of `name{label="x"}`, or without labels."""
        values = []
        for address in self.http:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as page:
                lines = [line.rsplit(" ", 1) for line in page.read().decode().splitlines()]
            values += [float(line[1]) for line in lines if line[0] == name]
        return values

    def tell_logs(self):
        """What a test that has failed shows of them."""
        for path in self.logs:
            if os.path.exists(path):
                with open(path, errors="replace") as text:
                    print(path, text.read()[-4000:], sep="\n", file=sys.stderr)

    def end(self):
        for process in self.processes:
            if process is not None:
                process.kill()
                process.wait()


class Member:
    """A member as a client is: it goes to the coordinator, confirms what it is told, and comes back when its stream breaks."""

    def __init__(self, api, addresses, group, topics=(), pattern="", **more):
        """`more`: other fields of its JoinGroup."""
        self.api, self.addresses, self.group, self.more = api, list(addresses), group, more
        self.subscription = api.groups.Subscribe(topics=topics, pattern=pattern)
        self.id, self.epoch, self.owned, self.acks, self.ended = "", 0, {}, {}, []
        self.requests, self.closing, self.joined = queue.Queue(), False, threading.Event()
        self.correlation, self.streams = 0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def said(self, requests, over):
        while not over.is_set():
            try:
                yield requests.get(timeout=0.5)
            except queue.Empty:
                yield self.api.groups.MemberRequest(heartbeat=self.api.groups.Heartbeat(number=1))

    def run(self):
        address = self.addresses[0]
        while not self.closing:
            address = self.one_stream(address) or self.addresses[(self.addresses.index(address) + 1) % len(self.addresses)]
            self.joined.clear()
            time.sleep(0.1)

    def one_stream(self, address):
        groups = self.api.groups
        self.requests, over, leader = queue.Queue(), threading.Event(), None
        self.streams += 1
        owned = [groups.TopicPartitions(topic=topic, partitions=[partition]) for topic, partition in self.owned]
        self.requests.put(groups.MemberRequest(join=groups.JoinGroup(
            group=self.group, member_id=self.id, member_epoch=self.epoch, subscription=self.subscription, owned=owned, **self.more)))
        try:
            with self.api.grpc.insecure_channel(address) as channel:
                for update in self.api.stub(channel).Join(self.wait_for_join(over)):
                    leader = self.take(update) or leader
        except self.api.grpc.RpcError:
            pass
        over.set()
        return leader

    def wait_for_join(self, over):
        yield self.requests.get()
        while not self.joined.wait(timeout=0.05):
            if over.is_set():
                return
        yield from self.said(self.requests, over)

    def take(self, update):
        groups, kind = self.api.groups, update.WhichOneof("update")
        if kind == "joined":
            self.id, self.epoch = update.joined.member_id, update.joined.member_epoch
            self.joined.set()
        elif kind == "assignment":
            self.owned = {(one.topic, one.partition): one.committed if one.HasField("committed") else None
                          for one in update.assignment.owned}
            if update.assignment.give_up:
                self.requests.put(groups.MemberRequest(confirm=groups.Confirm(assignment=update.assignment.number)))
        elif kind == "committed":
            self.acks[update.committed.correlation_id] = update.committed.partitions
        elif kind == "ended":
            self.ended.append(update.ended)
            return update.ended.leader
        return None

    def commit(self, topic, partition, offset):
        """The error, or nothing. What was on its way when the stream broke is said again: the same offset twice is no error."""
        groups, result = self.api.groups, None
        while result is None:
            wait_until(self.joined.is_set, "the member is there")
            self.correlation += 1
            stream = self.streams
            self.requests.put(groups.MemberRequest(commit=groups.Commit(correlation_id=self.correlation, offsets=[
                groups.PartitionCommit(topic=topic, partition=partition, offset=offset, metadata="by test")])))
            wait_until(lambda: self.correlation in self.acks or self.streams != stream, f"commit of {topic}-{partition} is answered")
            result = self.acks.get(self.correlation)
        return result[0].error if result[0].HasField("error") else None

    def topics(self):
        return sorted(topic for topic, _ in self.owned)

    def why(self):
        """How its last stream ended, once one has at the coordinator."""
        def reasons():
            return [reason for reason in map(self.api.reason, self.ended) if reason != "NOT_LEADER"]
        return wait_until(reasons, "the stream ends")[-1]

    def stop(self):
        """Comes back no more."""
        self.closing = True

    def leave(self):
        self.closing = True
        self.requests.put(self.api.groups.MemberRequest(leave=self.api.groups.Leave()))
        self.thread.join(timeout=DEADLINE)


class Api:
    def __init__(self, generated):
        sys.path.insert(0, generated)
        import grpc
        from forebay.v1 import admin_pb2, admin_pb2_grpc, error_pb2, groups_pb2, groups_pb2_grpc, log_pb2, log_pb2_grpc
        self.grpc, self.groups, self.admin, self.log, self.error = grpc, groups_pb2, admin_pb2, log_pb2, error_pb2
        self.stub, self.admin_stub, self.log_stub = groups_pb2_grpc.GroupsStub, admin_pb2_grpc.AdminStub, log_pb2_grpc.LogStub

    def reason(self, detail):
        return self.error.ErrorReason.Name(detail.reason)

    def ask(self, addresses, method, request, stub=None):
        """Of any node, until it is answered; errors that do not pass are raised."""
        passing = (self.grpc.StatusCode.UNAVAILABLE, self.grpc.StatusCode.DEADLINE_EXCEEDED, self.grpc.StatusCode.UNKNOWN)
        until, turn = time.monotonic() + DEADLINE, 0
        while True:
            address = addresses[turn % len(addresses)]
            turn += 1
            try:
                with self.grpc.insecure_channel(address) as channel:
                    return getattr((stub or self.stub)(channel), method)(request, timeout=30)
            except self.grpc.RpcError as error:
                if error.code() not in passing or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def refused(self, addresses, method, request):
        try:
            self.ask(addresses, method, request)
        except self.grpc.RpcError as error:
            return error.details()
        return sys.exit(f"failed: {method} was not refused")


def share(members, partitions):
    """Waits until everything is owned, each by one of them."""
    def settled():
        owned = [place for member in members for place in member.owned]
        return len(owned) == partitions and len(set(owned)) == partitions and all(member.owned for member in members)
    wait_until(settled, f"{len(members)} members share {partitions} partitions: {[sorted(member.owned) for member in members]}")


def whole(api, addresses, count):
    """Every partition has all its copies, as its leader says."""
    request = api.admin.ListPartitionsRequest(include_internal=True)
    known = [api.ask([address], "ListPartitions", request, api.admin_stub).partitions for address in addresses]
    states = {}
    for partitions in known:
        for one in partitions:
            for replica in one.replicas:
                states.setdefault((one.topic, one.partition, replica.node), set()).add(replica.state)
    replicas = {}
    for (topic, partition, _), said in states.items():
        replicas[(topic, partition)] = replicas.get((topic, partition), 0) + ("in sync" in said)
    return all(number == count for number in replicas.values())


def start_whole(api, nodes, count):
    """All nodes, until a topic that is made is one of `count` copies."""
    for index in range(count):
        nodes.start(index)
    wait_until(lambda: len(api.ask(nodes.api, "DescribeCluster", api.admin.DescribeClusterRequest(), api.admin_stub).nodes) == count,
               "all nodes are there")
    wait_until(lambda: whole(api, nodes.api, count), "the metadata is on all nodes")


def main(story, *programs):
    """Runs `story(api, nodes, arguments)`. `programs`: more arguments with paths."""
    parser = argparse.ArgumentParser()
    for name in ("daemon", "protoc", "plugin", "source", *programs):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--nodes", type=int, default=1)
    arguments = parser.parse_args()
    try:
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ImportError:
        print("skipped: grpcio missing")
        return SKIPPED

    proto = os.path.join(arguments.source, "proto")
    with tempfile.TemporaryDirectory() as directory:
        files = [f"forebay/v1/{name}" for name in sorted(os.listdir(os.path.join(proto, "forebay", "v1"))) if name.endswith(".proto")]
        subprocess.run([arguments.protoc, "-I", proto, "--python_out", directory, "--grpc_out", directory,
                        f"--plugin=protoc-gen-grpc={arguments.plugin}", *files], check=True)
        arguments.directory = directory
        nodes = Nodes(arguments.daemon, directory, arguments.nodes)
        try:
            story(Api(directory), nodes, arguments)
        except BaseException:
            nodes.tell_logs()
            raise
        finally:
            nodes.end()
    return 0
