"""forebay produce --name: the tool is killed with SIGKILL at any moment, and the node too, as often as you like; in the
end the topic holds each line of the file once, in the order of the file within each partition."""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import BrokerTest, main  # noqa: E402

LINES = 60_000
PARTITIONS = 4
KILLS_MAX = 200
# The first moments lie within this; halved when the tool was quicker than the first of them.
MOMENT_SECONDS = 0.4


class NamedProducer(BrokerTest):
    def make_file(self, node, count=LINES):
        path = os.path.join(node.directory, "lines.txt")
        with open(path, "wb") as file:
            for number in range(count):
                file.write(b"%d:%s\n" % (number, b"x" * (number % 300)))
        return path

    def send(self, node, path, topic="t"):
        return node.popen("produce", topic, path, "--name", "lines", stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait_metric(self, node, name, value):
        """A node takes its figures once a second."""
        until = time.monotonic() + 60
        while node.metric(name) != value:
            self.assertLess(time.monotonic(), until, "%s is %s, not %s" % (name, node.metric(name), value))
            time.sleep(0.05)

    def check_each_once(self, node, count=LINES, topic="t"):
        numbers = {}
        for partition, _, value in node.consume(topic):
            numbers.setdefault(partition, []).append(int(value.split(b":")[0]))
        for partition, sent in numbers.items():
            self.assertEqual(sent, sorted(sent), "partition %d is out of order" % partition)
        self.assertEqual(sorted(sum(numbers.values(), [])), list(range(count)))

    def run_until_done(self, node, path, topic, random_numbers, also_kill_node, within):
        for kills in range(KILLS_MAX):
            process = self.send(node, path, topic)
            # The moment is what is tested. Later each time, so that it ends on a machine of any speed.
            time.sleep(random_numbers.random() * (within + kills * 0.02))
            if process.poll() is not None:
                out, err = process.communicate()
                self.assertEqual(process.returncode, 0, err)
                return kills
            process.kill()
            process.communicate()
            if also_kill_node and random_numbers.random() < 0.3:
                node.kill()
                node.start()
        self.fail("not done after %d kills" % KILLS_MAX)

    def kill_loop(self, seed, also_kill_node):
        node = self.broker().start()
        path = self.make_file(node)
        random_numbers = random.Random(seed)
        kills, attempt = 0, 0
        while kills == 0:
            topic = "t%d" % attempt
            node.ok("topic", "create", topic, "--partitions", str(PARTITIONS))
            kills = self.run_until_done(node, path, topic, random_numbers, also_kill_node, MOMENT_SECONDS / 2 ** attempt)
            self.check_each_once(node, topic=topic)
            attempt += 1
        process = self.send(node, path, topic)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 0, err)
        self.assertIn(b"nothing left to send", err)
        self.check_each_once(node, topic=topic)

    def test_tool_is_killed(self):
        self.kill_loop(seed=1, also_kill_node=False)

    def test_tool_and_node_are_killed(self):
        self.kill_loop(seed=2, also_kill_node=True)

    def test_grown_file_goes_on_and_others_are_refused(self):
        node = self.broker().start()
        node.ok("topic", "create", "t", "--partitions", str(PARTITIONS))
        path = self.make_file(node, 100)
        self.assertEqual(self.send(node, path).wait(), 0)
        self.wait_metric(node, "forebay_producer_states", PARTITIONS)
        self.assertEqual(node.metric("forebay_producer_states_on_disk"), 0)
        self.assertEqual(node.metric("forebay_producer_states_let_go_total"), 0)
        self.assertEqual(node.metric("forebay_producer_states_looked_up_total"), 0)
        self.assertGreater(node.metric("forebay_producer_state_bytes"), 0)
        self.make_file(node, 150)
        self.assertEqual(self.send(node, path).wait(), 0)
        self.check_each_once(node, 150)
        with open(path, "wb") as file:
            file.write(b"other: lines\n")
        process = self.send(node, path)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 5, err)
        self.assertIn(b"another source", err)
        process = node.popen("produce", "t", "--name", "lines", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 2, err)

    def refused(self, node, path, why, *options, topic="t"):
        done = node.run("produce", topic, path, "--name", "lines", *options)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(why, done.stderr)

    def values(self, node, topic="t"):
        return sorted(value for _, _, value in node.consume(topic))

    def test_a_line_inserted_behind_the_first_bytes_is_refused(self):
        node = self.broker().start()
        node.ok("topic", "create", "t", "--partitions", str(PARTITIONS))
        path = self.make_file(node, 1_000)
        node.ok("produce", "t", path, "--name", "lines")
        with open(path, "rb") as file:
            lines = file.readlines()
        with open(path, "wb") as file:
            file.writelines(lines[:500] + [b"inserted:\n"] + lines[500:])
        self.refused(node, path, "has changed before byte")
        self.check_each_once(node, 1_000)

    def test_other_options_for_keys_and_partitions_are_refused(self):
        node = self.broker().start()
        node.ok("topic", "create", "t", "--partitions", str(PARTITIONS))
        path = self.make_file(node, 100)
        node.ok("produce", "t", path, "--name", "lines", "--key-separator", ":")
        self.refused(node, path, "--key-separator is not as it was")
        self.refused(node, path, "--partition is not as it was", "--key-separator", ":", "--partition", "1")
        done = node.ok("produce", "t", path, "--name", "lines", "--key-separator", ":")
        self.assertIn("nothing left to send", done.stderr)

    def test_a_last_line_that_goes_on_is_never_sent_twice(self):
        node = self.broker().start()
        node.ok("topic", "create", "t", "--partitions", str(PARTITIONS))
        path = os.path.join(node.directory, "lines.txt")

        def write(content):
            with open(path, "wb") as file:
                file.write(content)
        write(b"one\ntw")
        done = node.ok("produce", "t", path, "--name", "lines")
        self.assertIn("has no line end", done.stderr)
        write(b"one\ntwo\nthree\n")
        self.refused(node, path, "sent before it was whole")
        self.assertEqual(self.values(node), [b"one", b"tw"])
        write(b"one\ntw\no\nthree\n")  # the way out
        node.ok("produce", "t", path, "--name", "lines")
        self.assertEqual(self.values(node), [b"o", b"one", b"three", b"tw"])
        write(b"one\ntw\no\nthree\nwhole")
        node.ok("produce", "t", path, "--name", "lines")
        write(b"one\ntw\no\nthree\nwhole\n")
        done = node.ok("produce", "t", path, "--name", "lines")
        self.assertIn("nothing left to send", done.stderr)
        self.assertEqual(len(self.values(node)), 5)


if __name__ == "__main__":
    main()
