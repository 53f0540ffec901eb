"""A single node, with topics and a producer, becomes a cluster of three; nodes are killed on the way."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import BrokerTest, Load, check_log, main, wait_until  # noqa: E402


class Growth(BrokerTest):
    def others(self, first):
        """Two more nodes, which list all three; the first one lists nobody and never will."""
        nodes = [first, self.broker(), self.broker()]
        listed = ",".join("%d@%s" % (i + 1, node.peer) for i, node in enumerate(nodes))
        for i, node in enumerate(nodes[1:], 2):
            node.settings += ("node.id=%d" % i, "cluster.nodes=" + listed)
        return nodes[1:]

    def wait_grown(self, node):
        def grown():
            done = node.run("partition", "list", "__cluster", "-o", "json")
            if done.returncode != 0:
                return False
            replicas = node.json("partition", "list", "__cluster")[0]["replicas"]
            return [one["node"] for one in replicas] == [1, 2, 3] and all(one["state"] == "in sync" for one in replicas)
        wait_until(grown, "the metadata has three replicas in sync")

    def test_one_node_becomes_three_without_a_stop(self):
        first = self.broker("node.id=1").start()
        first.ok("topic", "create", "old", "--partitions", "3")
        load = Load(first, "old", 1, pause=0.005)
        load.wait_acked(100)
        for node in self.others(first):
            node.start()
        self.wait_grown(first)
        load.wait_acked(100)  # went on all the time
        first.ok("topic", "create", "new", "--partitions", "3")
        self.assertEqual({len(one["replicas"]) for one in first.json("partition", "list", "new")}, {3})
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        check_log(first.consume("old"), [load])

    def test_nodes_that_die_on_the_way_hold_nothing_up(self):
        first = self.broker("node.id=1").start()
        first.ok("topic", "create", "old", "--partitions", "3")
        load = Load(first, "old", 2, pause=0.005)
        load.wait_acked(100)
        second, third = self.others(first)
        second.start(wait=False)
        wait_until(lambda: second.log_events("joining a cluster"), "the second node joins")
        second.kill()
        third.start(wait=False)
        wait_until(lambda: third.log_events("joining a cluster"), "the third node joins")
        first.kill()
        second.start(wait=False)
        first.start()
        self.wait_grown(first)
        first.ok("topic", "create", "new", "--partitions", "3")
        load.wait_acked(100)
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        check_log(first.consume("old"), [load])
        # The metadata is everybody's now: without the first node the others go on.
        second.wait_until_ready()
        third.wait_until_ready()
        first.kill()
        second.produce("new", [b"%d" % n for n in range(100)])
        self.assertEqual(len(second.consume("new")), 100)
        second.ok("topic", "create", "newer", "--replication", "2")

    def test_of_six_nodes_five_vote_on_the_metadata_and_one_learns(self):
        nodes = [self.broker() for _ in range(6)]
        listed = ",".join("%d@%s" % (i + 1, node.peer) for i, node in enumerate(nodes))
        for i, node in enumerate(nodes):
            node.settings += ("node.id=%d" % (i + 1), "cluster.nodes=" + listed)
            node.start(wait=False)
        for node in nodes:
            node.wait_until_ready()

        def replicas():
            return nodes[0].json("partition", "list", "__cluster")[0]["replicas"]
        wait_until(lambda: sorted(one["role"] for one in replicas()) == ["follower"] * 4 + ["leader", "learner"] and
                   all(one["state"] == "in sync" for one in replicas()), "five nodes vote, and one learns")
        learner = next(one["node"] for one in replicas() if one["role"] == "learner")
        node = nodes[learner - 1]
        node.ok("topic", "create", "orders", "--partitions", "6")
        node.produce("orders", [b"%d" % n for n in range(100)])
        self.assertEqual(len(node.consume("orders")), 100)
        self.assertEqual(node.run("cluster", "health").returncode, 0, node.run("cluster", "health").stdout)
        # Also where the node that decides gets nothing of a topic, its creation and its growth are answered.
        for number in range(6):
            name = "alone-%d" % number
            node.ok("topic", "create", name, "--replication", "1", "--allow-single-copy")
            node.ok("topic", "add-partitions", name, "--add", "1")
            node.produce(name, [b"%d" % n for n in range(10)])
        # Two voters fewer, and decisions are still taken, also those that the learner asks for.
        dead = [one["node"] for one in replicas() if one["role"] == "follower"][:2]
        for one in dead:
            nodes[one - 1].kill()
        wait_until(lambda: node.run("topic", "alter", "orders", "--config", "retention.ms=3600000").returncode == 0,
                   "three of five voters decide")


if __name__ == "__main__":
    main()
