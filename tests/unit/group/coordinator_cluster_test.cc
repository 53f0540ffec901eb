// A group of many members whose coordinator dies: three nodes in one simulated world.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/group_node.h"

namespace forebay::group {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMembers = 100;
constexpr std::uint32_t kPartitions = 1'000;

// Every partition ends at 100.
class SameEnds final : public PartitionPlaces {
 public:
  [[nodiscard]] std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition&) const override {
    return model::Offset(100);
  }
  void ask_high_watermark(const model::TopicPartition&, Done<model::Offset> done) override {
    done(model::Offset(100));
  }
  void find_start(const model::TopicPartition&, const StartRule&, Done<model::Offset> done) override {
    done(model::Offset(0));
  }
  void ask_lag(const model::TopicPartition&, const LagFrom&, Done<PartitionLag> done) override {
    done(PartitionLag{model::Offset(0), model::Offset(100), 100, 1'000, Milliseconds{0}});
  }
};

class CoordinatorNode final : public sim::GroupNode {
 public:
  CoordinatorNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t id)
      : GroupNode(scheduler, network, id) {
    set_partitions(kPartitions);
    set_places(&places_);
  }
  ~CoordinatorNode() override { shut_down(); }
  void set_partitions(std::size_t partitions) {
    cluster::ClusterImage image;
    auto topic = std::make_shared<cluster::Topic>();
    topic->id.bytes[0] = 1;
    topic->name = "a";
    topic->partitions.resize(partitions);
    image.topics["a"] = topic;
    image.applied = model::Offset(static_cast<std::int64_t>(partitions));
    set_topics(image);
  }

 private:
  SameEnds places_;
};

std::unique_ptr<machine::MachineNode> make_node(sim::SimScheduler& scheduler, sim::SimNetwork& network,
                                                std::uint32_t id) {
  return std::make_unique<CoordinatorNode>(scheduler, network, id);
}

// As a client is: it confirms what it is told, and comes back with what it has.
struct Client {
  std::string id;
  MemberEpoch epoch;
  std::set<std::int32_t> owned;
  std::uint64_t pauses = 0;  // times that it was told to give something up
  std::optional<AssignmentNumber> to_confirm;
  bool joining = false, joined = false, told = false;  // on the stream of now
};

class Stream final : public MemberStream {
 public:
  explicit Stream(Client& client) : client_(client) {}
  void tell(AssignmentNotice notice) override {
    if (ended_) return;
    client_.owned.clear();
    for (const auto& one : notice.owned) client_.owned.insert(one.partition.value());
    if (!notice.give_up.empty()) {
      ++client_.pauses;
      client_.to_confirm = notice.number;
    }
    client_.told = true;
  }
  void end(Error) override {
    ended_ = true;
    client_.joined = client_.told = false;
  }

 private:
  Client& client_;
  bool ended_ = false;
};

class CoordinatorCluster : public testing::Test {
 protected:
  // Whoever is not there joins; what is to be confirmed is.
  void drive() {
    auto* node = dynamic_cast<CoordinatorNode*>(cluster_.leader());
    if (node == nullptr) return;
    for (Client& client : clients_) {
      if (!client.joined && !client.joining) join(*node->coordinator(), client);
      if (!client.joined || !client.to_confirm) continue;
      node->coordinator()->confirm("g", {client.id, client.epoch}, *std::exchange(client.to_confirm, {}),
                                   [](const Result<std::monostate>&) {});
    }
  }
  void join(Coordinator& coordinator, Client& client) {
    JoinInput input;
    input.subscription.topics = {"a"};
    input.member_id = client.id;
    input.epoch = client.epoch;
    std::vector<NamedPartition> owned;
    for (const std::int32_t one : client.owned) owned.push_back({"a", model::PartitionIndex(one)});
    client.joining = true;
    coordinator.join("g", input, owned, std::make_shared<Stream>(client),
                     [&client](const Result<Joined>& joined) {
                       client.joining = false;
                       if (!joined) return;
                       client.id = joined->id;
                       client.epoch = joined->epoch;
                       client.joined = true;
                     });
  }
  [[nodiscard]] bool all_are_told() {
    drive();
    return std::all_of(clients_.begin(), clients_.end(), [](const Client& one) {
      return one.joined && one.told && one.owned.size() == kPartitions / kMembers;
    });
  }

  machine::MachineCluster cluster_{7, 3, {}, make_node};
  std::vector<Client> clients_ = std::vector<Client>(kMembers);
};

// What it knows is old when others have gone on: a member that was refused by it would give up its place.
TEST_F(CoordinatorCluster, WhoIsCutOffRefusesNothingForGood) {
  cluster_.start_all();
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; }, std::chrono::minutes(1)));
  auto* node = dynamic_cast<CoordinatorNode*>(cluster_.leader());
  const auto refusal = [&] {
    std::optional<ErrorCode> code;
    node->coordinator()->remove("nobody", [&code](const Result<std::monostate>& removed) {
      code = removed ? ErrorCode::kInternal : removed.error().code;
    });
    EXPECT_TRUE(cluster_.run_until([&] { return code.has_value(); }, std::chrono::minutes(1)));
    return code.value_or(ErrorCode::kInternal);
  };
  EXPECT_EQ(refusal(), ErrorCode::kUnknownGroup);
  for (std::uint32_t other = 1; other <= 3; ++other) {
    if (model::NodeId(other) == node->id()) continue;
    cluster_.network().cut(node->id(), model::NodeId(other));
    cluster_.network().cut(model::NodeId(other), node->id());
  }
  EXPECT_TRUE(is_retryable(refusal()));
}

// Nobody says a second time that they have changed.
TEST_F(CoordinatorCluster, TopicsThatChangeDuringAHandoverThatFailsAreFollowed) {
  cluster_.start_all();
  ASSERT_TRUE(cluster_.run_until([&] { return all_are_told(); }, std::chrono::minutes(5)));
  auto* node = dynamic_cast<CoordinatorNode*>(cluster_.leader());
  const model::NodeId silent(node->id().value() % 3 + 1);
  cluster_.network().cut(node->id(), silent);
  cluster_.network().cut(silent, node->id());
  ASSERT_TRUE(node->log()->group().transfer_to(silent));
  node->set_partitions(kPartitions + 1);
  EXPECT_TRUE(cluster_.run_until(
      [&] {
        const auto& topics = node->coordinator()->look().find("g")->roster.topics;
        return topics.begin()->second.partitions.size() == kPartitions + 1;
      },
      seconds(5)))  // before any session is over, whose end looks at the topics, too
      << "not followed";
  EXPECT_EQ(cluster_.leader(), node);
}

TEST_F(CoordinatorCluster, FailOverMovesNoPartitionAndTakesLessThanThreeSeconds) {
  cluster_.start_all();
  ASSERT_TRUE(cluster_.run_until([&] { return all_are_told(); }, std::chrono::minutes(5)));
  std::vector<std::set<std::int32_t>> had;
  for (Client& client : clients_) {
    had.push_back(client.owned);
    client.pauses = 0;
  }

  machine::MachineNode* dying = cluster_.leader();
  dying->die(machine::MachineNode::End::kKill);
  for (Client& client : clients_) client.joined = client.told = client.joining = false;
  const auto begun = cluster_.scheduler().now();
  ASSERT_TRUE(cluster_.run_until([&] { return all_are_told(); }, std::chrono::minutes(1)));
  const auto took = cluster_.scheduler().now() - begun;
  EXPECT_LT(std::chrono::duration_cast<milliseconds>(took).count(), 3'000);
  cluster_.scheduler().run_for(seconds(5));
  drive();
  for (std::size_t i = 0; i < kMembers; ++i) {
    EXPECT_EQ(clients_[i].owned, had[i]) << "member " << i;
    EXPECT_EQ(clients_[i].pauses, 0U) << "member " << i;
  }
}

}  // namespace
}  // namespace forebay::group
