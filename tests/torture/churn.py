"""Members of consumer groups and named producers, each a process of its own, that are killed, paused, sent away and
started again while a run lasts: at times drawn from the seed, beside whatever happens to the nodes.

Nothing here waits: step() does what is due, and is called all the time.
"""

import json
import os
import signal
import time

import machine

LEAVES_WITHIN = 20.0  # after SIGTERM; close() of the SDK takes 10 s at most
SETTLED_WITHIN = 60.0


class Group:
    def __init__(self, name, members, session, *words, statics=0):
        self.name, self.members, self.session, self.words, self.statics = name, members, session, words, statics


# One of each kind: default; ranges, static members among them; a pattern, and sessions so short that pauses end them.
GROUPS = (Group("g1", 3, 6.0), Group("g2", 3, 8.0, "--assignor", "range", statics=2),
          Group("g3", 2, 3.0, "--pattern"))
NAMED = ("n1", "n2")
FIRST_NAMED_NUMBER = 1000  # of their values: above those of other producers


class Client:
    """One process; the history knows it by its name and the number of its start."""

    def __init__(self, churn, name, words):
        self.churn, self.name, self.words = churn, name, words
        self.starts, self.process, self.label = 0, None, None
        self.state = "down"  # up, paused, leaving
        self.due = 0.0       # when the next thing is to be done with it, while it is not up
        self.replaced = []   # label, process, until when: they are to end by themselves
        self.sleeper = None  # one of them that stands still, and until when
        self.replaced_at = float("-inf")
        self.goes_at = float("inf")

    def start(self):
        self.starts += 1
        self.label = "%s.%d" % (self.name, self.starts)
        self.process = self.churn.spawn(self.label, self.words(self))
        self.state = "up"

    def kill(self, back_in):
        self.churn.tell("kill", self)
        self.process.kill()
        self.process.wait()
        self.state, self.due = "down", time.monotonic() + back_in

    def pause(self, seconds):
        self.churn.tell("pause", self)
        self.process.send_signal(machine.STOP)
        self.state, self.due = "paused", time.monotonic() + seconds

    def resume(self):
        self.process.send_signal(machine.CONTINUE)
        self.churn.tell("wake", self)
        self.state = "up"

    def leave(self, back_in):
        self.back_in = back_in
        self.process.terminate()
        self.state, self.due = "leaving", time.monotonic() + LEAVES_WITHIN

    def replace(self, asleep):
        """Another one of the same name: the one before is to notice it and to end. It is stopped meanwhile for so many
        seconds, and wakes up with work in hand."""
        if asleep:
            self.process.send_signal(machine.STOP)
            self.sleeper = (self.process, time.monotonic() + asleep)
        self.replaced.append((self.label, self.process, time.monotonic() + asleep + LEAVES_WITHIN))
        self.replaced_at = time.monotonic()
        self.start()

    def end_replaced(self):
        """Whoever has taken the name may have been told to end before it has stopped the one before."""
        for _, process, _ in self.replaced:
            process.send_signal(machine.CONTINUE)
            process.terminate()
        self.sleeper = None

    def step(self):
        now = time.monotonic()
        if self.sleeper and now > self.sleeper[1]:
            self.sleeper[0].send_signal(machine.CONTINUE)
            self.sleeper = None
        for label, process, until in list(self.replaced):
            if self.churn.has_ended(label, process, now > until, "had its name taken"):
                self.replaced.remove((label, process, until))
        if self.state == "leaving":
            if self.churn.has_ended(self.label, self.process, now > self.due, "was told to end"):
                self.state, self.due = "down", now + self.back_in
        elif self.state == "paused" and now > self.due:
            self.resume()
        elif self.state == "down" and now > self.due:
            self.start()
        elif self.state == "up" and now > self.goes_at:
            self.leave(float("inf"))
        elif self.state == "up" and self.process.poll() is not None:
            self._ended()

    def _ended(self):
        now = time.monotonic()
        self.state, self.due = "down", now + 1.0
        # Of two that took the name at one time the older one may have had the last word, or neither.
        if self.process.returncode == 0 and now - self.replaced_at < LEAVES_WITHIN:
            if self.replaced:
                self.label, self.process, _ = self.replaced.pop()
                self.state = "up"
            return
        self.churn.problem("%s ended by itself with %d" % (self.label, self.process.returncode), self.label)

    def close(self):
        for process in [self.process] + [one[1] for one in self.replaced]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


class Churn:
    """`pace`: seconds from one thing to the next, from and to."""

    def __init__(self, directory, history, random, command, problems, pace):
        self.directory, self.history, self.random, self.command = directory, history, random, command
        self.problems, self.pace = problems, pace
        self.members, self.named, self.extra = [], [], []
        self.histories = []
        self.next = 0.0
        self.counts = {}
        os.makedirs(directory)

    # --- processes ------------------------------------------------------------------------------------------------

    def begin(self):
        for group in GROUPS:
            for number in range(group.members):
                self.members.append(self._member(group, str(number), number < group.statics))
        for number, name in enumerate(NAMED):
            self.named.append(Client(self, name, lambda client, number=FIRST_NAMED_NUMBER + number: [
                "--named", client.name, "--number", str(number), "--rate", "100"]))
        for client in self.members + self.named:
            client.start()
        self._plan_next()

    def _member(self, group, number, static):
        name = "%s-%s" % (group.name, number)

        def words(client):
            return ["--member", client.label, "--group", group.name, "--session-ms", str(int(group.session * 1000)),
                    *group.words, *(["--instance", name] if static else [])]
        client = Client(self, name, words)
        client.group = group
        return client

    def spawn(self, label, words):
        history = os.path.join(self.directory, label + ".history")
        self.histories.append(history)
        return machine.start(self.command(history, *words), os.path.join(self.directory, label + ".log"))

    def tell(self, what, client):
        self.counts[what] = self.counts.get(what, 0) + 1
        if client in self.named:
            return  # the judge knows members only
        self.history.line("harness ok %s - - member=%s" % (what, client.label))

    def problem(self, text, label):
        with open(os.path.join(self.directory, label + ".log"), errors="replace") as log:
            self.problems.append("%s: %s" % (text, log.read()[-2000:]))

    def has_ended(self, label, process, is_late, why):
        if process.poll() is None:
            if is_late:
                self.problem("%s %s %g s ago and still runs" % (label, why, LEAVES_WITHIN), label)
                process.kill()
                process.wait()
            return is_late
        # Told before it could hear it: on a busy machine a process takes its time to begin.
        history = os.path.join(self.directory, label + ".history")
        has_begun = os.path.exists(history) and os.path.getsize(history) > 0
        if process.returncode != 0 and (has_begun or process.returncode != -signal.SIGTERM):
            self.problem("%s %s and ended with %d" % (label, why, process.returncode), label)
        return True

    # --- what happens ---------------------------------------------------------------------------------------------

    def step(self):
        for client in self.members + self.named + self.extra:
            client.step()
        self.extra = [client for client in self.extra if client.state != "down" or client.due != float("inf")]
        if time.monotonic() < self.next:
            return
        self._plan_next()
        draw = self.random.random()
        if draw < 0.2:
            self._disturb_named()
        elif draw < 0.28 and not self.extra:
            self._storm()
        else:
            self._disturb_member()

    def _plan_next(self):
        self.next = time.monotonic() + self.random.uniform(*self.pace)

    def _disturb_member(self):
        up = [client for client in self.members + self.extra if client.state == "up"]
        if not up:
            return
        client = self.random.choice(up)
        back_in = float("inf") if client in self.extra else self.random.uniform(0.0, 4.0)
        what = self.random.choice(("kill", "kill", "leave", "pause", "long pause"))
        if what == "kill":
            client.kill(back_in)
        elif what == "leave":
            client.leave(back_in)
        elif what == "pause":  # the session survives it
            client.pause(self.random.uniform(0.2, 0.5 * client.group.session))
        else:
            client.pause(client.group.session + self.random.uniform(1.0, 4.0))

    def _storm(self):
        """Many join at once, and go again one by one."""
        group = self.random.choice(GROUPS)
        self.counts["storm"] = self.counts.get("storm", 0) + 1
        for number in range(5):
            client = self._member(group, "x%d-%d" % (self.counts["storm"], number), False)
            client.goes_at = time.monotonic() + self.random.uniform(1.0, 6.0)
            self.extra.append(client)
            client.start()

    def _disturb_named(self):
        up = [client for client in self.named if client.state == "up" and not client.replaced]
        if not up:
            return
        client = self.random.choice(up)
        what = self.random.choice(("kill", "kill", "leave", "pause", "replace", "replace paused"))
        if what == "kill":
            client.kill(self.random.uniform(0.0, 2.0))
        elif what == "leave":
            client.leave(self.random.uniform(0.0, 2.0))
        elif what == "pause":
            client.pause(self.random.uniform(0.2, 6.0))
        else:
            client.replace(0.0 if what == "replace" else self.random.uniform(0.5, 6.0))

    # --- the end --------------------------------------------------------------------------------------------------

    def settle(self):
        """Nobody is disturbed any more; named producers end, and every member is there."""
        self.next = float("inf")
        for client in self.extra:
            client.goes_at = 0.0
        for client in self.members + self.named + self.extra:
            stays = client in self.members
            client.end_replaced()
            if client.state == "paused":
                client.resume()
            if client.state == "up" and not stays:
                client.leave(float("inf"))
            elif client.state == "down":
                client.due = 0.0 if stays else float("inf")
            client.back_in = 0.0 if stays else float("inf")

        def settled():
            self.step()
            gone = all(client.state == "down" and not client.replaced for client in self.named + self.extra)
            return gone and all(client.state == "up" for client in self.members)
        machine.wait_until(settled, "all members are there, and named producers have ended", SETTLED_WITHIN)

    def wait_for_groups(self, cluster):
        """No group is stuck: all members own what there is, and everything is processed and committed."""
        for group in GROUPS:
            try:
                machine.wait_until(lambda group=group: self._is_at_end(cluster, group), lambda group=group: (
                    "group %s has done everything: %s" % (group.name, self._said(cluster, group))), SETTLED_WITHIN)
            except TimeoutError as error:
                self.problems.append("I16: %s" % error)

    @staticmethod
    def _said(cluster, group):
        return "".join(cluster.forebay("group", verb, group.name, check=False).stdout for verb in ("describe", "lag"))

    def _is_at_end(self, cluster, group):
        self.step()
        time.sleep(0.1)
        done = cluster.forebay("group", "lag", group.name, "-o", "json", check=False)
        if done.returncode != 0:
            return False
        lag = json.loads(done.stdout)
        return lag["state"] == "stable" and all(
            one["lag_records"] == 0 and one["committed"] == one["end"] and one["member"] for one in lag["partitions"])

    def end(self):
        """All members leave."""
        for client in self.members:
            if client.state == "up":
                client.leave(float("inf"))
        try:
            machine.wait_until(self._step_and_look, "all members have left", LEAVES_WITHIN + 5)
        except TimeoutError as error:
            self.problems.append(str(error))

    def _step_and_look(self):
        for client in self.members:
            client.step()
        return all(client.state == "down" for client in self.members)

    def summary(self):
        return ", ".join("%s %d" % item for item in sorted(self.counts.items()))

    def close(self):
        for client in self.members + self.named + self.extra:
            client.close()
