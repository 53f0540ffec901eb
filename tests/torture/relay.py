"""A TCP relay in front of a node's peer port. It knows which node has dialled, by the process that owns the socket, so
it can hold back what goes one way between two nodes, as a cut link would."""

import os
import re
import select
import socket
import threading


def _inode_of(port, remote_port):
    """Of the socket of this machine that is bound to `port` and connected to `remote_port`."""
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            words = line.split()
            if int(words[1].split(":")[1], 16) == port and int(words[2].split(":")[1], 16) == remote_port:
                return words[9]
    return None


def _owner_of(inode, candidates):
    for pid in candidates:
        try:
            for name in os.listdir("/proc/%d/fd" % pid):
                if os.readlink("/proc/%d/fd/%s" % (pid, name)) == "socket:[%s]" % inode:
                    return pid
        except OSError:
            continue
    return None


class Relay:
    def __init__(self, node, backend, node_of):
        self.node = node
        host, port = backend.rsplit(":", 1)
        self._backend = (host, int(port))
        self._node_of = node_of
        self._cuts = set()  # (source, target)
        self._lock = threading.Lock()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, source, target):
        with self._lock:
            self._cuts.add((source, target))

    def heal(self):
        with self._lock:
            self._cuts.clear()

    def close(self):
        self._closed = True
        self._listener.close()

    def _is_cut(self, source, target):
        with self._lock:
            return (source, target) in self._cuts

    def _accept(self):
        while not self._closed:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, peer[1]), daemon=True).start()

    def _dialler(self, port):
        inode = _inode_of(port, int(self.address.rsplit(":", 1)[1]))
        pids = [int(name) for name in os.listdir("/proc") if re.fullmatch(r"\d+", name)]
        return self._node_of(_owner_of(inode, [pid for pid in pids if self._node_of(pid) is not None]))

    def _serve(self, connection, port):
        other = self._dialler(port)
        try:
            backend = socket.create_connection(self._backend, timeout=2.0)
        except OSError:
            connection.close()
            return
        with connection, backend:
            self._pass_on({connection: (backend, other, self.node), backend: (connection, self.node, other)})

    def _pass_on(self, ways):
        """`ways`: {from: (to, source, target)}. Held back bytes stay in the sockets."""
        while not self._closed:
            open_ways = [one for one, (_, source, target) in ways.items() if not self._is_cut(source, target)]
            try:
                readable, _, _ = select.select(open_ways, [], [], 0.05)
                for one in readable:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    ways[one][0].sendall(data)
            except OSError:
                return
