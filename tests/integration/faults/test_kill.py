"""kill -9 under load, again and again, at seeded moments; also while the node recovers."""

import os
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import SMALL_RING, BrokerTest, Follower, Load, check_log, main, wait_until  # noqa: E402


class Kill(BrokerTest):
    def test_under_load(self):
        self.kill_loop(seed=1, kills=6, settings=SMALL_RING)

    def test_under_load_on_the_fallback_engine(self):
        self.kill_loop(seed=2, kills=4, settings=SMALL_RING + ("storage.io_engine=posix",))

    def test_with_segments_that_roll_and_rings_that_turn(self):
        self.kill_loop(seed=3, kills=4, settings=SMALL_RING, topic_options=("--config", "segment.bytes=256KiB"),
                       value_bytes=4000, between=(2000, 6000))

    def test_while_it_recovers(self):
        self.kill_loop(seed=4, kills=4, settings=SMALL_RING, kills_in_recovery=3)

    def kill_loop(self, seed, kills, settings, topic_options=(), value_bytes=300, between=(200, 3000), kills_in_recovery=0):
        random_numbers = random.Random(seed)
        node = self.broker(*settings).start()
        node.ok("topic", "create", "k", "--partitions", "3", *topic_options)
        follower = Follower(node, "k")
        load = Load(node, "k", seed, value_bytes)
        for _ in range(kills):
            load.wait_acked(random_numbers.randrange(*between))
            node.kill()
            for _ in range(kills_in_recovery):
                self.kill_in_start(node, random_numbers)
            node.start()
        load.wait_acked(100)
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        records = node.consume("k")
        delivered = follower.finish()
        self.assertGreater(len(delivered), 0)
        check_log(records, [load], delivered)
        # The same once more from disk, after a stop in order.
        node.restart()
        self.assertEqual(node.log_events("recovered")[-1]["clean"], "true")
        self.assertEqual(sorted(node.consume("k")), sorted(records))
        node.stop_cleanly()
        report = node.json("log", "verify", node.data_dir)
        self.assertTrue(report["ok"], report)
        self.assertEqual(node.files("quarantine"), [])

    def kill_in_start(self, node, random_numbers):
        """Somewhere between the first instruction and the moment when it serves."""
        began = time.monotonic()
        node.start(wait=False)
        events = len(node.log_events("serving"))
        until = began + random_numbers.random() * self.start_seconds(node)
        wait_until(lambda: time.monotonic() >= until or node.process.poll() is not None
                   or len(node.log_events("serving")) > events, "the moment to kill")
        self.assertIsNone(node.process.poll(), node.log())
        node.kill()

    def start_seconds(self, node):
        took = [int(event["start_ms"]) / 1000 for event in node.log_events("serving")]
        return max(took) * 1.1


class Order(BrokerTest):
    def test_acknowledged_before_the_next_one_means_lower_offset(self):
        """I5, across a kill: one producer that waits for each answer."""
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "o")
        places = []
        for round_number in range(3):
            for number in range(10):
                value = b"%d-%d" % (round_number, number)
                places += [(place[1], value) for place in node.produce("o", [value]).values()]
            node.restart_after_kill()
        self.assertEqual([offset for offset, _ in places], sorted(offset for offset, _ in places))
        final = {offset: value for _, offset, value in node.consume("o")}
        for offset, value in places:
            self.assertEqual(final[offset], value)

    def test_the_end_after_an_acknowledgement_is_behind_it(self):
        """I15, and log start never goes back (I14)."""
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "e")
        for round_number in range(4):
            last = max(place[1] for place in node.produce("e", [b"%d" % n for n in range(20)]).values())
            self.assertGreater(node.offsets("e")[0][1], last)
            node.ok("topic", "trim", "e", "--before", str(last - 3), "--yes")
            node.restart_after_kill()
            self.assertEqual(node.offsets("e")[0], (last - 3, last + 1))
        # Everything trimmed: the end stays where it was.
        node.ok("topic", "trim", "e", "--before", "end", "--yes")
        node.restart_after_kill()
        self.assertEqual(node.offsets("e")[0], (last + 1, last + 1))
        node.restart()
        self.assertEqual(list(node.produce("e", [b"next"]).values()), [(0, last + 1)])


class Metadata(BrokerTest):
    def test_kill_behind_each_change(self):
        """Whatever was answered is still so; whatever was not is so or is not, and whole."""
        random_numbers = random.Random(7)
        node = self.broker(*SMALL_RING).start()
        ids = set()
        topics = {}
        for step in range(8):
            name = "m%d" % step
            answered = random_numbers.random() < 0.5
            # One that is killed would wait for the node to come back; one that is not has all the time a slow disk takes.
            changing = node.popen("topic", "create", name, "--partitions", "3", "-o", "json",
                                  "--timeout", "60s" if answered else "2s",
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if answered:
                out, _ = changing.communicate(timeout=60)
                self.assertEqual(changing.returncode, 0)
                topics[name] = 3
                if step % 2:
                    node.ok("topic", "add-partitions", name, "--total", "6")
                    topics[name] = 6
            else:
                wait_until(lambda: changing.poll() is not None or node.files("topics"), "the change is under way")
            node.kill()
            changing.communicate(timeout=60)
            node.start()
            there = {topic: node.json("topic", "describe", topic) for topic in self.names(node)}
            for known, partitions in topics.items():
                self.assertEqual(len(there[known]["partitions"]), partitions)
            for topic_name, topic in there.items():
                topics[topic_name] = len(topic["partitions"])
                ids.add((topic_name, topic["id"]))
        self.assertEqual(len({topic_id for _, topic_id in ids}), len({name for name, _ in ids}), "ids are not used again")
        self.assertEqual(node.files("quarantine"), [])

    def names(self, node):
        return [topic["name"] for topic in node.json("topic", "list")]


if __name__ == "__main__":
    main()
