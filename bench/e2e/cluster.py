"""Several forebayd on one machine that form a cluster; used like one Node."""
import os
import time

from node import Node


class Cluster:
    def __init__(self, binaries, directory, count, settings=()):
        self.data_dir = directory
        self.nodes = [Node(binaries, os.path.join(directory, f"node-{i + 1}")) for i in range(count)]
        listed = ",".join(f"{i + 1}@127.0.0.1:{node.peer_port}" for i, node in enumerate(self.nodes))
        for i, node in enumerate(self.nodes):
            node.settings = (f"node.id={i + 1}", f"cluster.nodes={listed}", *settings)

    @property
    def server(self):
        return ",".join(node.server for node in self.nodes)

    def start(self):
        os.makedirs(self.data_dir, exist_ok=True)
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready()
        return self

    def stop(self):
        for node in self.nodes:
            node.stop()

    def kill(self):
        for node in self.nodes:
            node.kill()

    def wait_in_sync(self, timeout_s=120):
        """Until no replica lacks anything: what is measured next is not catching up."""
        deadline = time.monotonic() + timeout_s
        while any(node.metric("forebay_under_replicated_partitions") for node in self.nodes if node.process):
            if time.monotonic() > deadline:
                raise RuntimeError(f"replicas still lack records after {timeout_s} s; see {self.data_dir}/*.log")
            time.sleep(0.05)

    def watch(self):
        return ClusterWatch([node for node in self.nodes if node.process])


class ClusterWatch:
    """What the nodes used between two moments: each, and all together."""

    def __init__(self, nodes):
        self.watches = [node.watch() for node in nodes]

    def end(self):
        for watch in self.watches:
            watch.end()
        self.seconds = self.watches[0].seconds
        self.cpu_s = sum(watch.cpu_s for watch in self.watches)
        self.flushes = sum(watch.flushes for watch in self.watches)
        return self
