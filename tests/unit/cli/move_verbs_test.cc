// The verbs that change where replicas are and who leads, from the words of a command line to what the broker
// is asked, what is printed, and the exit code.
#include "verbs_fixture.h"

namespace forebay::cli {
namespace {

using broker::ReplicaState;
using model::NodeId;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class MoveVerbsTest : public VerbsTest {
 protected:
  void SetUp() override {
    VerbsTest::SetUp();
    broker_.make_topic("orders", 2);
    broker_.cluster.cluster_id = "cluster";
    broker_.cluster.answered_by = NodeId(1);
    for (std::uint32_t id = 1; id <= 3; ++id) {
      broker::ClusterNode& node = broker_.cluster.nodes.emplace_back();
      node.id = NodeId(id);
      node.registered = node.alive = true;
    }
    for (std::int32_t number = 0; number < 2; ++number) {
      broker::PartitionReplicas& one = broker_.partition_replicas.emplace_back();
      one.topic = "orders";
      one.partition = model::PartitionIndex(number);
      one.leader = NodeId(1);
      one.move.epoch = 4;
      for (const std::uint32_t id : {1, 2, 3}) {
        one.replicas.push_back({.node = NodeId(id), .state = ReplicaState::kInSync});
        one.move.target.emplace_back(id);
      }
    }
  }
  broker::PartitionReplicas& partition(std::size_t number) { return broker_.partition_replicas[number]; }
  [[nodiscard]] std::vector<bool> validated() const {
    std::vector<bool> only;
    for (const broker::MoveRequest& one : broker_.moves) only.push_back(one.validate_only);
    return only;
  }
};

// --- partition move

TEST_F(MoveVerbsTest, MoveAsksForTheNodesInTheirOrderAndTellsWhatWasDecided) {
  const Ran ran = run({"partition", "move", "orders", "1", "--to", "3,1", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed(),
            json::parse(R"({"topic": "orders", "dry_run": false, "warnings": ["done"], "targets":
      [{"partition": 1, "change": 1, "from": [1, 2], "to": [3, 1], "rebuild": null}]})"));
  ASSERT_EQ(broker_.moves.size(), 1U);
  EXPECT_EQ(broker_.moves[0].partition, model::PartitionIndex(1));
  EXPECT_FALSE(broker_.moves[0].epoch);
  EXPECT_THAT(std::get<broker::MoveTo>(broker_.moves[0].what).nodes, ElementsAre(NodeId(3), NodeId(1)));
}

TEST_F(MoveVerbsTest, MoveInWordsSaysWhereToLook) {
  const Ran ran = run({"partition", "move", "orders", "1", "--to", "3,1"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.errors, HasSubstr("orders/1 goes from nodes 1,2 to nodes 3,1; how far it is: forebay "
                                    "partition status orders"));
  EXPECT_THAT(ran.errors, HasSubstr("warning: done"));
}

TEST_F(MoveVerbsTest, DryRunOfAMoveChangesNothing) {
  const Ran ran = run({"partition", "move", "orders", "1", "--to", "3,1", "--dry-run"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_THAT(ran.errors, HasSubstr("orders/1 would go from nodes 1,2 to nodes 3,1\n"));
  EXPECT_THAT(validated(), ElementsAre(true));
}

TEST_F(MoveVerbsTest, RefusedMoveHasTheServersWordsAndItsExitCode) {
  broker_.refusal_of_moves = Error{ErrorCode::kFailedPrecondition, "node 3 is drained"};
  expect_refused(run({"partition", "move", "orders", "1", "--to", "3,1", "-o", "json"}), ExitCode::kConflict,
                 "node 3 is drained");
  expect_refused(run({"partition", "move", "orders", "7", "--to", "3,1"}), ExitCode::kNotFound,
                 "2 partitions");
  expect_refused(run({"partition", "move", "nothing", "0", "--to", "3,1"}), ExitCode::kNotFound, "nothing");
}

TEST_F(MoveVerbsTest, ListOfNodesThatIsNoneIsNotSent) {
  for (const char* nodes : {"", "1,,2", "1,", "x", "0", "1 2", "99999999999"}) {
    SCOPED_TRACE(nodes);
    expect_refused(run({"partition", "move", "orders", "1", "--to", nodes}), ExitCode::kUsage,
                   "list of nodes");
  }
  EXPECT_TRUE(broker_.moves.empty());
}

// --- partition status

TEST_F(MoveVerbsTest, StatusTellsWhatIsOnItsWay) {
  broker::PartitionReplicas& one = partition(1);
  one.move.moving = true;
  one.move.target = {NodeId(3), NodeId(4)};
  one.move.previous = {NodeId(1), NodeId(2)};
  one.waits_for = "node 4 to catch up";
  one.replicas.push_back({.node = NodeId(4),
                          .role = broker::ReplicaRole::kLearner,
                          .state = ReplicaState::kBeingAdded,
                          .lag_bytes = 3U << 20});
  const Ran ran = run({"partition", "status", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed(), json::parse(R"([{"topic": "orders", "partition": 1, "state": "on its way",
      "target": [3, 4], "previous": [1, 2], "leaving": [], "change": 4, "bytes_left": 3145728,
      "waits_for": "node 4 to catch up"}])"));
  const Ran words = run({"partition", "status", "orders"});
  EXPECT_THAT(words.out, HasSubstr("WAITS FOR"));
  EXPECT_THAT(words.out, HasSubstr("node 4 to catch up"));
}

TEST_F(MoveVerbsTest, StatusHasAWordForEachState) {
  struct Case {
    broker::MoveDescription move;
    std::optional<NodeId> leader;
    std::string state;
    json waits_for;
  };
  const std::vector<NodeId> some{NodeId(1), NodeId(2)};
  for (const Case& c : std::vector<Case>{
           {{4, false, some, {}, {}, {}}, NodeId(1), "settled", nullptr},
           {{4, true, some, {NodeId(3)}, {}, {}}, NodeId(1), "on its way", nullptr},
           {{4, true, some, {}, {}, {}}, NodeId(1), "on its way, not to be cancelled", nullptr},
           {{4, true, some, {NodeId(3)}, {}, {}}, {}, "on its way", "a leader that can be reached"},
           {{4, false, some, {}, {NodeId(3)}, {}}, NodeId(1), "removing copies", "node 3 to remove its copy"},
           {{4, true, some, some, {}, NodeId(2)}, NodeId(1), "dropping the copy on node 2", nullptr}}) {
    SCOPED_TRACE(c.state);
    partition(0).move = c.move;
    partition(0).leader = c.leader;
    const json all = run({"partition", "status", "--all", "-o", "json"}).parsed();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["state"], c.state);
    EXPECT_EQ(all[0]["waits_for"], c.waits_for);
    EXPECT_EQ(run({"partition", "status", "-o", "json"}).parsed().size(), c.state == "settled" ? 0U : 1U);
  }
}

TEST_F(MoveVerbsTest, StatusOfNothingSaysSo) {
  const Ran ran = run({"partition", "status"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.errors, HasSubstr("no partition is on its way"));
  EXPECT_EQ(run({"partition", "status", "-o", "json"}).parsed(), json::array());
  expect_refused(run({"partition", "status", "nothing"}), ExitCode::kNotFound, "nothing");
}

// --- partition cancel

TEST_F(MoveVerbsTest, CancelIsOfTheChangeThatWasSeen) {
  const Ran ran = run({"partition", "cancel", "orders", "1"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  ASSERT_EQ(broker_.moves.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<broker::CancelMove>(broker_.moves[0].what));
  EXPECT_EQ(broker_.moves[0].epoch, 4U);
  EXPECT_THAT(run({"partition", "cancel", "orders", "1", "--dry-run"}).errors, HasSubstr("would go"));
  EXPECT_TRUE(broker_.moves[1].validate_only);
}

TEST_F(MoveVerbsTest, CancelOfWhatIsNotThereIsNotSent) {
  expect_refused(run({"partition", "cancel", "orders", "7"}), ExitCode::kNotFound, "there is no partition 7");
  EXPECT_TRUE(broker_.moves.empty());
  broker_.refusal_of_moves = Error{ErrorCode::kFailedPrecondition, "there is nothing to cancel"};
  expect_refused(run({"partition", "cancel", "orders", "1"}), ExitCode::kConflict, "nothing to cancel");
}

// --- partition rebuild

TEST_F(MoveVerbsTest, RebuildIsAskedForFirstAndNeedsAYes) {
  expect_refused(run({"partition", "rebuild", "orders", "1", "--node", "2"}), ExitCode::kUsage, "--yes");
  for (const bool only : validated()) EXPECT_TRUE(only);
  broker_.moves.clear();
  const Ran ran = run({"partition", "rebuild", "orders", "1", "--node", "2", "--yes", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed()["targets"][0]["rebuild"], 2);
  ASSERT_FALSE(broker_.moves.empty());
  EXPECT_FALSE(broker_.moves.back().validate_only);
  EXPECT_EQ(broker_.moves.back().epoch, 4U);
}

TEST_F(MoveVerbsTest, DryRunOfARebuildNeedsNoYes) {
  const Ran ran = run({"partition", "rebuild", "orders", "1", "--node", "2", "--dry-run"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_THAT(ran.errors, HasSubstr("orders/1 would make the copy on node 2 anew\n"));
  for (const bool only : validated()) EXPECT_TRUE(only);
}

TEST_F(MoveVerbsTest, RebuildOfACopyThatIsNeededIsRefusedBeforeAnybodyIsAsked) {
  partition(1).replicas[2].state = ReplicaState::kUnreachable;
  expect_refused(
      run({"partition", "rebuild", "orders", "1", "--node", "2"}), ExitCode::kConflict,
      "the copy on node 2 is needed: 1 of the 2 others are in sync, which is no majority: node 3 is "
      "unreachable");
  expect_refused(run({"partition", "rebuild", "orders", "1", "--node", "2,3"}), ExitCode::kUsage, "one node");
  for (const bool only : validated()) EXPECT_TRUE(only);
}

// --- partition transfer-leader

TEST_F(MoveVerbsTest, TransferMakesTheNodePreferredAndWaitsUntilItLeads) {
  const Ran ran = run({"partition", "transfer-leader", "orders", "1", "--to", "3", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed(),
            json::parse(R"({"topic": "orders", "partition": 1, "from": 1, "to": 3, "dry_run": false})"));
  ASSERT_EQ(broker_.moves.size(), 1U);
  EXPECT_THAT(std::get<broker::MoveTo>(broker_.moves[0].what).nodes,
              ElementsAre(NodeId(3), NodeId(1), NodeId(2)));
  EXPECT_EQ(broker_.moves[0].epoch, 4U);
  EXPECT_EQ(partition(1).leader, NodeId(3));
  EXPECT_EQ(partition(0).leader, NodeId(1));
}

TEST_F(MoveVerbsTest, TransferToWhoLeadsAlreadyChangesNothing) {
  const Ran ran = run({"partition", "transfer-leader", "orders", "1", "--to", "1"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_THAT(ran.errors, HasSubstr("node 1 leads orders/1"));
  EXPECT_TRUE(broker_.moves.empty());
}

TEST_F(MoveVerbsTest, DryRunOfATransferLeavesTheLeader) {
  const Ran ran = run({"partition", "transfer-leader", "orders", "1", "--to", "2", "--dry-run"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_THAT(ran.errors, HasSubstr("node 2 would lead orders/1"));
  EXPECT_THAT(validated(), ElementsAre(true));
  EXPECT_EQ(partition(1).leader, NodeId(1));
}

TEST_F(MoveVerbsTest, TransferToANodeWithoutACopyIsRefused) {
  expect_refused(run({"partition", "transfer-leader", "orders", "1", "--to", "9"}), ExitCode::kConflict,
                 "node 9 has no copy; it is on nodes 1,2,3");
  EXPECT_TRUE(broker_.moves.empty());
}

// --- topic alter --replication

TEST_F(MoveVerbsTest, ReplicationIsChangedByTheTopic) {
  const Ran ran = run({"topic", "alter", "orders", "--replication", "3", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed()["replication"], 3);
  EXPECT_EQ(ran.parsed()["dry_run"], false);
  ASSERT_EQ(broker_.replications.size(), 1U);
  EXPECT_EQ(broker_.replications[0].replication_factor, 3U);
  EXPECT_FALSE(broker_.replications[0].allow_single_copy);
  EXPECT_FALSE(broker_.replications[0].validate_only);
  const Ran words =
      run({"topic", "alter", "orders", "--replication", "1", "--allow-single-copy", "--dry-run"});
  EXPECT_EQ(words.code, ExitCode::kOk) << words.errors;
  EXPECT_THAT(words.errors, HasSubstr("would change 1 partition of topic orders to 1 replicas"));
  EXPECT_TRUE(broker_.replications[1].allow_single_copy);
  EXPECT_TRUE(broker_.replications[1].validate_only);
}

TEST_F(MoveVerbsTest, RefusedReplicationHasTheServersWords) {
  broker_.refusal_of_moves = Error{ErrorCode::kInvalidArgument, "a single copy has to be asked for"};
  expect_refused(run({"topic", "alter", "orders", "--replication", "1"}), ExitCode::kUsage,
                 "has to be asked for");
  expect_refused(run({"topic", "alter", "orders"}), ExitCode::kUsage, "nothing to change");
  expect_refused(run({"topic", "alter", "nothing", "--replication", "2"}), ExitCode::kNotFound, "nothing");
}

// --- node drain, undrain, ready-to-stop

TEST_F(MoveVerbsTest, DrainTellsWhatTheNodeStillLeads) {
  partition(1).leader = NodeId(2);
  const Ran ran = run({"node", "drain", "1", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_TRUE(broker_.cluster.nodes[0].drained);
  EXPECT_EQ(ran.parsed(), json::parse(R"({"node": 1, "alive": true, "drained": true, "leads": 1, "obstacles":
      [{"topic": "orders", "partition": 0, "leads": true, "reason": "it leads the partition"}]})"));
  EXPECT_THAT(run({"node", "drain", "1"}).errors, HasSubstr("node 1 is drained; it leads 1 partition,"));
}

TEST_F(MoveVerbsTest, DrainThatWaitsEndsWithWhatIsLeft) {
  const Ran ran = run({"node", "drain", "1", "--wait", "0s"});
  EXPECT_EQ(ran.code, ExitCode::kFailure);
  EXPECT_THAT(ran.errors, HasSubstr("node 1 is drained and leads 2 partitions still"));
  EXPECT_THAT(ran.out, HasSubstr("it leads the partition"));
  for (auto& one : broker_.partition_replicas) one.leader = NodeId(2);
  EXPECT_EQ(run({"node", "drain", "1", "--wait", "10s"}).code, ExitCode::kOk);
}

TEST_F(MoveVerbsTest, UndrainIsToldInBothForms) {
  broker_.cluster.nodes[1].drained = true;
  const Ran ran = run({"node", "undrain", "2", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed(), json::parse(R"({"node": 2, "drained": false})"));
  EXPECT_FALSE(broker_.cluster.nodes[1].drained);
  EXPECT_THAT(run({"node", "undrain", "2"}).errors, HasSubstr("node 2 is no longer drained"));
}

TEST_F(MoveVerbsTest, ReadyToStopHasExitOneAndTheReasons) {
  Ran ran = run({"node", "ready-to-stop", "3", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed(),
            json::parse(R"({"node": 3, "alive": true, "drained": false, "leads": 0, "ready": true,
      "obstacles": []})"));
  EXPECT_EQ(run({"node", "ready-to-stop", "3"}).out, "node 3 may be stopped\n");
  partition(0).replicas[1].state = ReplicaState::kCatchingUp;
  ran = run({"node", "ready-to-stop", "3", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kFailure);
  EXPECT_EQ(ran.parsed()["ready"], false);
  EXPECT_THAT(ran.parsed()["obstacles"][0]["reason"].get<std::string>(), HasSubstr("node 2 is catching up"));
  const Ran words = run({"node", "ready-to-stop", "3"});
  EXPECT_THAT(words.out, HasSubstr("node 3 should not be stopped now\n"));
  EXPECT_THAT(words.out, HasSubstr("node 2 is catching up"));
}

TEST_F(MoveVerbsTest, NodeThatIsNotThereIsAnErrorOfTheCommand) {
  for (const char* verb : {"drain", "undrain", "ready-to-stop"})
    expect_refused(run({"node", verb, "9"}), ExitCode::kUsage, "9");
}

}  // namespace
}  // namespace forebay::cli
