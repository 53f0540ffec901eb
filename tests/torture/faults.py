"""What can happen to a cluster. A fault chooses a target, strikes it, and mends it; between the two lies its duration.

`within_ms`: producers of every partition must be served again so long after the strike (I33); 0: nothing is promised
meanwhile. `serves`: records must have been acknowledged while it lasted.
"""

import os

import churn
import machine

KILL_MS, SILENCE_MS = 1500, 3000
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


class Fault:
    name = ""
    within_ms = 0
    serves = True
    seconds = (4.0, 9.0)

    def __init__(self, cluster, topic, random):
        self.cluster, self.topic, self.random = cluster, topic, random
        self.target = None  # a node, or None: all

    @classmethod
    def probe(cls, setup):
        """Raises Missing when it cannot happen in this run."""

    def choose(self):
        self.target = self.cluster.busiest_leader(self.topic)

    def strike(self):
        raise NotImplementedError

    def mend(self):
        raise NotImplementedError

    def target_text(self):
        return "all" if self.target is None else "node-%d" % self.target.number


def _need_device(setup):
    if setup.device_missing:
        raise machine.Missing(setup.device_missing)


class KillLeader(Fault):
    name = "kill-leader"
    within_ms = KILL_MS

    def strike(self):
        self.target.kill()

    def mend(self):
        self.target.start()


class KillCoordinator(KillLeader):
    """Of a consumer group: its members go to another one, with what they have."""
    name = "kill-coordinator"

    def choose(self):
        self.target = self.cluster.coordinator(self.random.choice(churn.GROUPS).name)


class KillAny(KillLeader):
    name = "kill-any"

    def choose(self):
        self.target = self.random.choice(list(self.cluster.nodes.values()))


class RestartAtOnce(KillLeader):
    """So quickly that nobody misses a heartbeat: the incarnation tells."""
    name = "restart-at-once"

    def strike(self):
        self.target.kill()
        self.target.start()

    def mend(self):
        pass


class RestartInOrder(KillLeader):
    """SIGTERM: leadership is given away first, or lost in good order."""
    name = "restart-in-order"

    def strike(self):
        if self.target.stop() != 0:
            raise RuntimeError("node %d did not stop cleanly:\n%s" % (self.target.number, self.target.log_end()))


class PauseLeader(Fault):
    name = "pause-leader"
    within_ms = SILENCE_MS

    def strike(self):
        self.target.pause()

    def mend(self):
        self.target.resume()


class PauseCoordinator(PauseLeader):
    """It wakes up and believes that it still is one."""
    name = "pause-coordinator"

    def choose(self):
        self.target = self.cluster.coordinator(self.random.choice(churn.GROUPS).name)


class CutTwoWay(Fault):
    name = "cut-two-way"
    within_ms = SILENCE_MS

    def strike(self):
        for other in self.cluster.others(self.target):
            self.cluster.network.cut(self.target.number, other.number)
            self.cluster.network.cut(other.number, self.target.number)

    def mend(self):
        self.cluster.network.heal()


class CutOneWay(CutTwoWay):
    """The leader hears the others, or they hear it: not both."""
    name = "cut-one-way"

    def strike(self):
        deaf = self.random.random() < 0.5
        for other in self.cluster.others(self.target):
            if deaf:
                self.cluster.network.cut(other.number, self.target.number)
            else:
                self.cluster.network.cut(self.target.number, other.number)


class CutPair(CutTwoWay):
    """Two of three do not reach each other, both reach the third."""
    name = "cut-pair"

    def strike(self):
        other = self.random.choice(self.cluster.others(self.target))
        self.cluster.network.cut(self.target.number, other.number)
        self.cluster.network.cut(other.number, self.target.number)


class CutFromAll(CutTwoWay):
    """Also its clients do not reach it."""
    name = "cut-from-all"

    @classmethod
    def probe(cls, setup):
        if not setup.namespaces:
            raise machine.Missing("network namespaces")

    def strike(self):
        super().strike()
        self.cluster.network.cut_client(self.target.number)


class Loss(CutTwoWay):
    """A fifth of what others send to one node is lost; it may stay leader and be slow."""
    name = "loss"
    within_ms = 0

    @classmethod
    def probe(cls, setup):
        if not setup.namespaces:
            raise machine.Missing("nft in network namespaces")

    def strike(self):
        self.cluster.network.lose(self.target.number, 20)


class PowerCutOne(Fault):
    name = "power-cut-one"
    within_ms = KILL_MS

    @classmethod
    def probe(cls, setup):
        _need_device(setup)

    def nodes(self):
        return [self.target]

    def strike(self):
        for node in self.nodes():  # in one instant, as far as processes go
            node.process.kill()
        for node in self.nodes():
            node.process.wait()
            node.disk.power_off()

    def mend(self):
        for node in self.nodes():
            node.disk.power_on()
        for node in self.nodes():
            node.start()


class PowerCutAll(PowerCutOne):
    name = "power-cut-all"
    within_ms = 0
    serves = False
    seconds = (0.5, 2.0)

    def choose(self):
        self.target = None

    def nodes(self):
        return list(self.cluster.nodes.values())


class PowerCutWhilePaused(PowerCutOne):
    """A node loses power while another one stands still: what both had acknowledged must not be lost with one."""
    name = "power-cut-and-pause"
    within_ms = 0
    serves = False

    def choose(self):
        super().choose()
        self._paused = self.random.choice(self.cluster.others(self.target))

    def strike(self):
        self._paused.pause()
        super().strike()

    def mend(self):
        super().mend()
        self._paused.resume()

    def target_text(self):
        return "%s+%d" % (super().target_text(), self._paused.number)


class DiskFull(Fault):
    name = "disk-full"

    @classmethod
    def probe(cls, setup):
        _need_device(setup)

    def strike(self):
        self.target.disk.fill()

    def mend(self):
        self.target.disk.empty_filler()


class DiskErrors(Fault):
    """Every write fails. The file system does not survive that: it is mounted anew, and the node started again."""
    name = "disk-eio"

    @classmethod
    def probe(cls, setup):
        _need_device(setup)

    def strike(self):
        self.target.disk.fail_writes()

    def mend(self):
        self.target.kill()
        self.target.disk.mend_writes()
        self.target.disk.power_off()
        self.target.disk.power_on()
        self.target.start()


class LostDisk(Fault):
    """The node comes back with nothing: it is another replica, admitted when it has everything again."""
    name = "lost-disk"
    within_ms = KILL_MS
    seconds = (10.0, 14.0)

    def strike(self):
        self.target.kill()
        self.target.disk.empty()
        self.cluster.rotted.discard(self.target.number)
        self.target.start()

    def mend(self):
        pass


class BitRot(Fault):
    """Bits of sealed segments flip while the node is down."""
    name = "bit-rot"
    within_ms = KILL_MS
    flips = 3

    def strike(self):
        self.target.kill()
        self._flip()
        self.target.start()

    def _flip(self):
        topic_id = self.cluster.describe(self.topic)["id"]
        segments = []
        for folder, _, names in os.walk(os.path.join(self.target.disk.data(), "topics", topic_id)):
            # Not the newest: it is verified when it is sealed, which may be after the end.
            segments += [os.path.join(folder, name) for name in sorted(n for n in names if n.endswith(".log"))[:-1]]
        for path in self.random.sample(sorted(segments), min(self.flips, len(segments))):
            with open(path, "r+b") as file:
                # What is not written yet, and what pads a block, is zero.
                written = [place for place, byte in enumerate(file.read()) if byte != 0]
                if not written:
                    continue
                place = self.random.choice(written)
                self.cluster.rotted.add(self.target.number)
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 1 << self.random.randrange(8)]))

    def mend(self):
        pass


class ClockJump(Fault):
    """The wall clock of one node is an hour ahead, or a day behind."""
    name = "clock-jump"
    within_ms = SILENCE_MS

    @classmethod
    def probe(cls, setup):
        if not setup.clock_library:
            raise machine.Missing("faketime")

    def choose(self):
        self.target = next(node for node in self.cluster.nodes.values() if node.clock_path)

    def strike(self):
        self.target.set_clock(self.random.choice((3600, -86400)))

    def mend(self):
        self.target.set_clock(0)


CI = (KillLeader, PauseLeader, CutOneWay, KillCoordinator, PowerCutAll)
# What moves groups and their coordinators; members are disturbed much more often beside it.
CHURN = (KillLeader, KillAny, KillCoordinator, RestartAtOnce, RestartInOrder, PauseLeader, PauseCoordinator, CutTwoWay,
         CutOneWay, CutPair, CutFromAll, PowerCutOne, PowerCutAll)
MIX = CHURN + (Loss, PowerCutWhilePaused, DiskFull, DiskErrors, LostDisk, BitRot, ClockJump)
SCHEDULES = {"churn": CHURN, "ci": CI, "mix": MIX}
