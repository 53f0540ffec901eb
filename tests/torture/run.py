"""Torture: a cluster of real daemons under load and faults, and a judgement of all that its clients saw.

Exit status 0: valid; 1: invalid; 2: unknown, which is no pass; 77: nothing of this can run here.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import churn
import cluster as clusters
import disks
import faults
import machine
import network as networks

VALID, INVALID, UNKNOWN, SKIPPED = 0, 1, 2, 77
# The judge keeps a round in memory, and disks are small: a long run is many rounds, each with a new cluster.
ROUND_MINUTES_MAX = 8.0
HEALTHY_SECONDS = {"churn": 10.0, "ci": 5.0, "mix": 15.0}
CHURN_PACE = {"churn": (0.2, 1.5), "ci": (1.0, 3.0), "mix": (2.0, 6.0)}  # seconds from one disturbance of a client to the next
CONVERGE_SECONDS = 60.0
VERIFY_SECONDS = 120.0  # of all sealed segments of a round, on a busy machine
TOPIC = "torture"
# Of the records, by producers that send each once: they see when partitions are served again, whatever the SDK does.
ONE_TRY_SHARE = 0.15


class Setup:
    """What this machine has."""

    def __init__(self, arguments, directory):
        self.device_missing = None
        try:
            machine.private_mounts()
            if arguments.disks == "folder":
                raise machine.Missing("--disks device")
            disks.Device.probe(directory)
        except machine.Missing as missing:
            self.device_missing = str(missing)
        self.disk_kind = "folder" if self.device_missing else "device"
        self.namespaces = False
        self.clock_library = faults.FAKETIME if os.path.exists(faults.FAKETIME) else None


class History:
    """The harness' own lines."""

    def __init__(self, path):
        self.path = path
        self._file = open(path, "a", buffering=1)
        self._last_id = 0

    def line(self, text):
        self._file.write("%d %s\n" % (time.monotonic_ns(), text))

    def begin_fault(self, fault):
        self._last_id += 1
        self.line("nemesis invoke %s - - id=%d target=%s within_ms=%d serves=%d" % (
            fault.name, self._last_id, fault.target_text(), fault.within_ms, fault.serves))

    def end_fault(self, fault):
        self.line("nemesis ok %s - - id=%d" % (fault.name, self._last_id))

    def skip(self, fault, why):
        self.line("nemesis info skip - - fault=%s why=%s" % (fault.name, why.replace(" ", "_")))

    def close(self):
        self._file.close()


class Round:
    """One cluster from its beginning to its judgement."""

    def __init__(self, arguments, setup, network, directory, seed, seconds):
        self.arguments, self.setup, self.network, self.directory = arguments, setup, network, directory
        self.seconds, self.seed = seconds, seed
        self.random = random.Random(seed)
        self.run_name = "r%d" % seed
        self.programs = {name: getattr(arguments, name) for name in ("forebayd", "forebay", "load", "check")}
        os.makedirs(directory)
        self.history = History(os.path.join(directory, "harness.history"))
        self.problems = []  # that the judge cannot see
        self.loader = None
        self.cleanup = machine.Cleanup()
        self.cluster = None
        self.churn = churn.Churn(os.path.join(directory, "clients"), self.history, random.Random(seed), self._load_command,
                                 self.problems, CHURN_PACE[arguments.schedule])
        self.cleanup.add(self.churn.close)

    def run(self):
        try:
            self._begin()
            self._torment()
            self._finish_load()
            self._final_read()
            return self._judge()
        finally:
            machine.end(self.loader)
            self.cleanup.close()
            self.history.close()

    # --- before ---------------------------------------------------------------------------------------------------

    def _begin(self):
        self.cluster = clusters.Cluster(self.directory, self.network, self.setup.disk_kind, self.programs,
                                        clock_library=self._clock_library())
        self.cleanup.add(self.cluster.close)
        self.cluster.start()
        # A node is ready before the others have been told of it.
        machine.wait_until(self._create_topic, "topic %s can be created" % TOPIC, 30)
        self.history.line("harness ok topic %s %d id=%s replicas=%d" % (
            TOPIC, self.arguments.partitions, self.cluster.describe(TOPIC)["id"], len(self.cluster.nodes)))
        self.load_history = os.path.join(self.directory, "load.history")
        one_try = self.arguments.rate * ONE_TRY_SHARE
        self.loader = machine.start(self._load_command(
            self.load_history, "--producers", "1", "--batch-records", "4", "--rate", str(one_try), "--readers", "1",
            "--sessions", "4", "--session-rate", str(self.arguments.rate - one_try), *self._groups()),
            os.path.join(self.directory, "load.log"))
        self.churn.begin()
        self._wait(HEALTHY_SECONDS[self.arguments.schedule])

    def _clock_library(self):
        return self.setup.clock_library if self.arguments.schedule == "mix" else None

    def _create_topic(self):
        done = self.cluster.forebay("topic", "create", TOPIC, "--partitions", str(self.arguments.partitions),
                                    "--replication", str(len(self.cluster.nodes)), check=False)
        self.create_error = done.stderr
        return done.returncode == 0

    @staticmethod
    def _groups():
        return ["--groups", ",".join(group.name for group in churn.GROUPS)]

    def _load_command(self, history, *more):
        return [self.programs["load"], "--run", self.run_name, "--history", history, "--servers",
                self.cluster.servers(), "--topic", TOPIC, "--partitions", str(self.arguments.partitions), *more]

    def _wait(self, seconds):
        """Nodes and clients must live meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.loader.poll() is not None:
                raise RuntimeError("the load ended by itself: see %s" % os.path.join(self.directory, "load.log"))
            self.churn.step()
            time.sleep(0.05)

    # --- faults ---------------------------------------------------------------------------------------------------

    def _torment(self):
        kinds = []
        for kind in self._wanted():
            try:
                kind.probe(self.setup)
                kinds.append(kind)
            except machine.Missing as missing:
                self.history.skip(kind, str(missing))
                SKIPPED_FAULTS.add(kind.name)
                print("skipped: %s: %s missing" % (kind.name, missing))
        deadline = time.monotonic() + self.seconds
        order = []
        while time.monotonic() < deadline and not self.problems and kinds:
            if not order:
                order = list(kinds)
                if self.arguments.schedule != "ci":
                    self.random.shuffle(order)
            self._one_fault(order.pop(0)(self.cluster, TOPIC, self.random))

    def _wanted(self):
        if self.arguments.fault:
            return [kind for kind in faults.MIX if kind.name in self.arguments.fault]
        return [kind for kind in faults.SCHEDULES[self.arguments.schedule] if kind.name not in self.arguments.without]

    def _one_fault(self, fault):
        fault.choose()
        seconds = self.random.uniform(*fault.seconds)
        print("%7.1f s  %s of %s for %.1f s" % (time.monotonic() - BEGAN, fault.name, fault.target_text(), seconds),
              flush=True)
        self.history.begin_fault(fault)
        try:
            fault.strike()
            self._wait(seconds)
        finally:
            fault.mend()
            self.history.end_fault(fault)
        self._recover(fault)
        self._wait(self.random.uniform(2.0, 5.0))

    def _recover(self, fault):
        for node in self.cluster.nodes.values():
            try:
                node.wait_ready()
            except (TimeoutError, RuntimeError) as error:
                self.problems.append("I32: after %s of %s: %s" % (fault.name, fault.target_text(), error))

    # --- after ----------------------------------------------------------------------------------------------------

    def _finish_load(self):
        self.network.heal()
        self._wait(2.0)
        self.churn.settle()
        self.loader.terminate()
        if self.loader.wait(timeout=30) != 0:
            raise RuntimeError("the load failed: see %s" % os.path.join(self.directory, "load.log"))
        self.churn.wait_for_groups(self.cluster)
        self.churn.end()
        print("clients: %s" % self.churn.summary())

    def _final_read(self):
        self.read_history = os.path.join(self.directory, "final.history")
        done = machine.run(*self._load_command(self.read_history, "--final", "--final-seconds", str(CONVERGE_SECONDS),
                                               *self._groups()),
                           check=False, timeout=CONVERGE_SECONDS + 60)
        if done.returncode != 0:
            self.problems.append("I16: the final read failed: " + done.stderr.strip())

    def _wait_for_replicas(self):
        """A replica that was away, or has lost its disk, has everything again."""
        try:
            machine.wait_until(lambda: self.cluster.behind() == 0, "every replica has everything", CONVERGE_SECONDS)
        except TimeoutError as error:
            self.problems.append("I16: %s; under-replicated partitions: %s" % (error, self.cluster.behind()))

    def _wait_for_repairs(self):
        """What has rotted was found, and fetched from the others: by two verifications one after the other, of which the
        second has begun after the last fault."""
        for _ in range(2):
            began = time.time()
            try:
                machine.wait_until(lambda: self.cluster.verified_at() >= began, "every sealed segment is verified",
                                   VERIFY_SECONDS)
            except TimeoutError as error:
                return self.problems.append("I31: %s" % error)
        try:
            machine.wait_until(lambda: self.cluster.damaged() == 0, "all damage is repaired", CONVERGE_SECONDS)
        except TimeoutError as error:
            self.problems.append("I31: %s" % error)

    def _judge(self):
        self._wait_for_replicas()
        self._wait_for_repairs()
        for node in self.cluster.nodes.values():
            if not node.is_running():
                self.problems.append("I32: node %d does not run:\n%s" % (node.number, node.log_end()))
        # The one that is left last cannot commit anything, and need not.
        for node in self.cluster.nodes.values():
            status = node.stop() if node.is_running() else 0
            if status != 0:
                self.problems.append("node %d did not stop cleanly, %s:\n%s" % (
                    node.number, "killed after 30 s" if status is None else "exit %d" % status, node.log_end()))
        command = [self.programs["check"], "--run", self.run_name]
        for path in (self.history.path, self.load_history, self.read_history, *self.churn.histories):
            if os.path.exists(path):
                command += ["--history", path]
        for node in self.cluster.nodes.values():
            dump = os.path.join(self.directory, "node-%d.dump" % node.number)
            with open(dump, "wb") as file:
                done = subprocess.run([self.programs["forebay"], "log", "dump", node.disk.data(), "--records", "-o",
                                       "json"], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
                                      timeout=600)
            if done.returncode != 0:
                self.problems.append("node %d cannot be dumped: %s" % (node.number, done.stderr.decode()))
            command += ["--dump", "node-%d=%s" % (node.number, dump)]
        checked = machine.run(*command, check=False, timeout=1200)
        print(checked.stdout, end="")
        if checked.stderr:
            print(checked.stderr, end="")
        for problem in self.problems:
            print("  " + problem)
        status = checked.returncode if checked.returncode in (VALID, INVALID) else UNKNOWN
        return INVALID if self.problems and status == VALID else status


BEGAN = time.monotonic()
SKIPPED_FAULTS = set()
VERDICTS = {VALID: "valid", INVALID: "invalid", UNKNOWN: "unknown"}


def torment(arguments, directory):
    cleanup = machine.Cleanup()
    try:
        setup = Setup(arguments, directory)
        network = networks.make((1, 2, 3), arguments.network)
        cleanup.add(network.close)
        setup.namespaces = isinstance(network, networks.Namespaces)
        print("seed %d; schedule %s; network: %s; disks: %s" % (
            arguments.seed, arguments.schedule, network.name,
            disks.Folder.name if setup.device_missing else disks.Device.name), flush=True)
        left = arguments.minutes * 60
        verdicts = []
        while left > 0:
            seconds = min(left, ROUND_MINUTES_MAX * 60)
            left -= seconds
            number = len(verdicts) + 1
            home = os.path.join(directory, "round-%d" % number)
            seed = arguments.seed + number - 1
            print("--- round %d, seed %d, %.0f s" % (number, seed, seconds), flush=True)
            verdicts.append(Round(arguments, setup, network, home, seed, seconds).run())
            if verdicts[-1] == VALID and not arguments.keep:
                shutil.rmtree(home, ignore_errors=True)
            elif verdicts[-1] != VALID:
                print("history, dumps and logs are kept in %s" % home)
        # The worst of them: what is proved wrong is worse than what is not proved.
        if arguments.need_all and any(SKIPPED_FAULTS) and all(one == VALID for one in verdicts):
            return SKIPPED
        worst = max(verdicts, key=lambda one: (VALID, UNKNOWN, INVALID).index(one))
        print("%d rounds: %s" % (len(verdicts), ", ".join(VERDICTS[one] for one in verdicts)))
        return worst
    finally:
        cleanup.close()


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    for program in ("forebayd", "forebay", "load", "check"):
        parser.add_argument("--" + program, required=True, type=os.path.abspath)
    parser.add_argument("--minutes", type=float, default=1.5, help="of faults; the rest comes on top")
    parser.add_argument("--schedule", choices=sorted(faults.SCHEDULES), default="ci")
    parser.add_argument("--fault", action="append", help="only this one; may be repeated")
    parser.add_argument("--without", action="append", default=[], help="not this one; may be repeated")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=float, default=2500, help="records a second")
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--network", choices=("auto", "namespaces", "loopback"), default="auto")
    parser.add_argument("--disks", choices=("auto", "folder"), default="auto")
    parser.add_argument("--work-dir", default=None, help="a new folder of it is used")
    parser.add_argument("--need-all", action="store_true", help="exit 77 when a fault cannot happen here")
    parser.add_argument("--keep", action="store_true", help="keep histories of valid rounds too")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(1, 1_000_000)
    return arguments


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: whatever was made is removed
    signal.signal(signal.SIGINT, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="forebay-torture-", dir=arguments.work_dir)
    try:
        status = torment(arguments, directory)
    except KeyboardInterrupt:
        print("interrupted")
        machine.remove_tree(directory)
        return UNKNOWN
    except (RuntimeError, TimeoutError, OSError, subprocess.SubprocessError) as error:
        print("verdict: unknown: the harness failed: %s" % error)
        print("what there is is kept in %s" % directory)
        return UNKNOWN
    if not os.listdir(directory):
        os.rmdir(directory)
    elif status in (VALID, SKIPPED) and not arguments.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
