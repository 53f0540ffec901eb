"""Links between nodes that can be cut: namespaces on a bridge with nft, else loopback addresses behind relays."""

import subprocess

import machine
from relay import Relay

SUBNET = "10.77.0."
CLIENT = 254


class Namespaces:
    """One network namespace a node, this process' own is that of the clients. All are of a private mount namespace, so
    they are gone when the last process in them is."""

    name = "network namespaces on a bridge, nft"

    def __init__(self, nodes):
        machine.need_root()
        machine.need_tools("ip", "nft", "nsenter")
        machine.unshare(machine.CLONE_NEWNET, "network namespaces")
        self.nodes = nodes
        try:
            self._make()
        except RuntimeError as error:
            raise machine.Missing("bridge, veth or nft (%s)" % str(error).replace("\n", " ")[:200]) from error

    def _make(self):
        machine.run("ip", "link", "set", "lo", "up")
        machine.run("ip", "link", "add", "br0", "type", "bridge")
        machine.run("ip", "addr", "add", "%s%d/24" % (SUBNET, CLIENT), "dev", "br0")
        machine.run("ip", "link", "set", "br0", "up")
        machine.run("mkdir", "-p", "/run/netns")
        machine.run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")  # names of other runs do not matter
        for node in self.nodes:
            space = "n%d" % node
            machine.run("ip", "netns", "add", space)
            machine.run("ip", "link", "add", "v%d" % node, "type", "veth", "peer", "name", "eth0", "netns", space)
            machine.run("ip", "link", "set", "v%d" % node, "master", "br0", "up")
            for words in (("addr", "add", "%s%d/24" % (SUBNET, node), "dev", "eth0"), ("link", "set", "eth0", "up"),
                          ("link", "set", "lo", "up")):
                machine.run("ip", "-n", space, *words)
            self._nft(node, "add table inet t; add chain inet t in { type filter hook input priority 0; }")

    def _nft(self, node, commands):
        machine.run(*self.prefix(node), "nft", commands)

    def prefix(self, node):
        """What a command starts with so that it runs where the node is."""
        return ["nsenter", "--net=/run/netns/n%d" % node]

    def address(self, node):
        return SUBNET + str(node)

    def listens(self, node, ports):
        """Addresses of API, peers and HTTP, as the node is to listen on them."""
        return ["%s:%d" % (self.address(node), port) for port in (7400, 7401, 7402)]

    def peer_list(self, listens):
        return ",".join("%d@%s" % (node, listens[node][1]) for node in self.nodes)

    def cut(self, source, target):
        """What `source` sends does not reach `target` any more."""
        self._nft(target, "add rule inet t in ip saddr %s drop" % self.address(source))

    def cut_client(self, target):
        """Clients do not reach it any more."""
        self._nft(target, "add rule inet t in ip saddr %s%d drop" % (SUBNET, CLIENT))

    def lose(self, node, percent):
        """So many packets that other nodes send to it are lost."""
        peers = ", ".join(self.address(other) for other in self.nodes if other != node)
        self._nft(node, "add rule inet t in ip saddr { %s } numgen random mod 100 < %d drop" % (peers, percent))

    def heal(self):
        for node in self.nodes:
            self._nft(node, "flush chain inet t in")

    def close(self):
        for node in self.nodes:
            subprocess.run(["ip", "netns", "del", "n%d" % node], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", "br0"], check=False, capture_output=True)
        subprocess.run(["umount", "-l", "/run/netns"], check=False, capture_output=True)


class Loopback:
    """Without root: everyone dials nodes through relays, which stop passing on what a cut link would not carry."""

    name = "loopback, peers behind TCP relays"

    def __init__(self, nodes):
        self.nodes = nodes
        self._relays = {}
        self.process_of = {}  # pid by node: who dials is found out by it

    def prefix(self, node):
        return []

    def listens(self, node, ports):
        addresses = ["127.0.0.1:%d" % port for port in ports]
        self._relays[node] = Relay(node, addresses[1], self._node_of)
        return addresses

    def _node_of(self, pid):
        return next((node for node, one in self.process_of.items() if one == pid), None)

    def peer_list(self, listens):
        return ",".join("%d@%s" % (node, self._relays[node].address) for node in self.nodes)

    def cut(self, source, target):
        for relay in self._relays.values():
            relay.cut(source, target)

    def cut_client(self, target):
        raise machine.Missing("network namespaces")

    def lose(self, node, percent):
        raise machine.Missing("nft in network namespaces")

    def heal(self):
        for relay in self._relays.values():
            relay.heal()

    def close(self):
        for relay in self._relays.values():
            relay.close()


def make(nodes, kind="auto"):
    """`kind`: auto, namespaces or loopback."""
    if kind == "loopback":
        return Loopback(nodes)
    try:
        return Namespaces(nodes)
    except machine.Missing as missing:
        if kind == "namespaces":
            raise
        print("network: loopback, because this is missing: %s" % missing)
        return Loopback(nodes)
