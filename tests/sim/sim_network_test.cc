#include "sim/sim_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "sim/sim_peer_transport.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

io::PeerShard shard_of(std::uint32_t node, std::uint32_t shard = 0) { return {model::NodeId(node), shard}; }

// A process of one shard that writes down what its transport tells it.
class Process final : public io::PeerTransportListener {
 public:
  Process(SimScheduler& scheduler, SimNetwork& network, std::uint32_t node, std::uint64_t incarnation = 1,
          std::uint32_t shard = 0)
      : executor(scheduler), transport(network.attach(shard_of(node, shard), executor)) {
    transport->set_listener(this);
    hello.node = model::NodeId(node);
    hello.incarnation = incarnation;
    hello.shard_count = shard + 1;
    transport->set_hello(hello);
    std::map<model::NodeId, io::PeerAddress> peers;
    for (std::uint32_t peer = 1; peer <= 3; ++peer) {
      if (peer != node) peers[model::NodeId(peer)] = {};
    }
    transport->set_peers(peers);
  }

  void on_session(const io::PeerShard& peer, const io::PeerHello& theirs) override {
    EXPECT_TRUE(executor.on_own_thread());
    EXPECT_EQ(theirs.node, peer.node);
    note("begin", peer, std::to_string(theirs.incarnation));
    if (on_begin) on_begin(peer);
  }
  void on_session_end(const io::PeerShard& peer, const Error& why) override {
    EXPECT_TRUE(executor.on_own_thread());
    note("end", peer, "");
    reasons.push_back(why.context);
  }
  void on_unreachable(model::NodeId node, const Error& why) override {
    unreachable.push_back(std::to_string(node.value()) + ": " + why.context);
  }
  void on_message(const io::PeerShard& peer, io::PeerMessage message) override {
    EXPECT_TRUE(executor.on_own_thread());
    note("message", peer, message.header);
    ++messages;
    last = std::move(message);
  }
  void on_room(const io::PeerShard& peer) override { note("room", peer, ""); }

  bool send(std::uint32_t node, const std::string& header, std::size_t piece_bytes = 0) {
    io::PeerMessage message{header, {}};
    if (piece_bytes > 0) message.pieces.push_back(SharedBytes::take(std::string(piece_bytes, 'x')));
    return transport->send(shard_of(node), std::move(message));
  }
  [[nodiscard]] bool knows(std::uint32_t node) const { return transport->has_session(shard_of(node)); }
  std::vector<std::string> take_seen() { return std::exchange(seen, {}); }

  SimExecutor executor;
  io::PeerHello hello;
  std::vector<std::string> seen, reasons, unreachable;
  std::size_t messages = 0;
  io::PeerMessage last;
  std::function<void(const io::PeerShard&)> on_begin;
  std::unique_ptr<SimPeerTransport> transport;

 private:
  void note(const std::string& what, const io::PeerShard& peer, const std::string& more) {
    seen.push_back(what + " " + std::to_string(peer.node.value()) + (more.empty() ? "" : " " + more));
  }
};

class SimNetworkTest : public ::testing::Test {
 protected:
  SimScheduler scheduler_{{.seed = 7}};
  SimNetwork network_{scheduler_, SimNetwork::Options{}};

  static SimNetwork::Options patient() {
    SimNetwork::Options options;
    options.give_up_min = options.give_up_max = 3s;
    return options;
  }
};

TEST_F(SimNetworkTest, SessionBeginsWhenBothKnowEachOtherAndKeepsTheOrder) {
  Process a(scheduler_, network_, 1);
  scheduler_.run_for(1s);
  EXPECT_FALSE(a.send(2, "early"));
  EXPECT_EQ(a.transport->room(shard_of(2)), 0U);
  Process b(scheduler_, network_, 2, 5);
  scheduler_.run_for(1s);
  EXPECT_THAT(a.take_seen(), ElementsAre("begin 2 5"));
  EXPECT_THAT(b.take_seen(), ElementsAre("begin 1 1"));
  EXPECT_EQ(a.transport->room(shard_of(2)), io::kPeerQueueBytes);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(a.send(2, std::to_string(i), i == 3 ? 70'000 : 0));
  EXPECT_THAT(b.take_seen(), IsEmpty());  // never inside the call
  scheduler_.run_for(1s);
  EXPECT_THAT(b.take_seen(), ElementsAre("message 1 0", "message 1 1", "message 1 2", "message 1 3"));
  ASSERT_EQ(b.last.pieces.size(), 1U);
  EXPECT_EQ(b.last.pieces[0].size(), 70'000U);
  EXPECT_EQ(network_.stats().sessions, 1U);
}

TEST_F(SimNetworkTest, EveryShardHasASessionWithEveryShardOfThePeer) {
  Process a(scheduler_, network_, 1);
  Process b0(scheduler_, network_, 2, 1, 0);
  Process b1(scheduler_, network_, 2, 1, 1);
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.transport->has_session(shard_of(2, 0)));
  EXPECT_TRUE(a.transport->has_session(shard_of(2, 1)));
  EXPECT_EQ(network_.stats().sessions, 2U);  // none between shards of one node
}

TEST_F(SimNetworkTest, NodesOfDifferentClustersRefuseEachOtherOnceAloud) {
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  a.hello.cluster.bytes[0] = 1;
  a.transport->set_hello(a.hello);
  b.hello.cluster.bytes[0] = 2;
  b.transport->set_hello(b.hello);
  scheduler_.run_for(5s);
  EXPECT_FALSE(a.knows(2));
  EXPECT_THAT(b.unreachable, ElementsAre("1: node 1 is of another cluster"));
  EXPECT_GT(network_.stats().refusals, 5U);
  b.hello.cluster = a.hello.cluster;
  b.transport->set_hello(b.hello);
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.knows(2) && b.knows(1));
}

TEST_F(SimNetworkTest, PeerThatIsNoneAnyMoreLosesItsSession) {
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  a.transport->set_peers({});
  EXPECT_TRUE(a.knows(2));  // never inside the call, but nothing goes through it any more
  EXPECT_FALSE(a.send(2, "too late"));
  EXPECT_EQ(a.transport->room(shard_of(2)), 0U);
  scheduler_.run_for(2s);
  EXPECT_FALSE(a.knows(2) || b.knows(1));
  EXPECT_THAT(b.unreachable, ElementsAre("1: node 1 wants no sessions with us"));
}

TEST_F(SimNetworkTest, EndedSessionBeginsAgainByItself) {
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  a.take_seen();
  a.transport->end_session(shard_of(2), {ErrorCode::kInvalidArgument, "nonsense"});
  scheduler_.run_for(1s);
  EXPECT_THAT(a.take_seen(), ElementsAre("end 2", "begin 2 1"));
  EXPECT_THAT(a.reasons, ElementsAre("nonsense"));
  EXPECT_THAT(b.reasons, ElementsAre("the other side ended it: nonsense"));
}

TEST_F(SimNetworkTest, OneMessageComesLateAndThoseBehindItWait) {
  network_.set_options({.late_chance = 0.2, .late_delay_max = 100ms});
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  b.take_seen();
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) {
    a.send(2, std::to_string(i));
    sent.push_back("message 1 " + std::to_string(i));
  }
  scheduler_.run_for(1ms);
  EXPECT_LT(b.messages, 100U);
  scheduler_.run_for(1s);
  EXPECT_EQ(b.take_seen(), sent);
  EXPECT_GT(network_.stats().late_messages, 5U);
}

TEST_F(SimNetworkTest, ResetIsNoticedByBothAndLosesTheRest) {
  network_.set_options({.reset_chance = 0.05});
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  for (int i = 0; i < 1000; ++i) {
    scheduler_.run_for(1ms);
    a.send(2, "x");
  }
  scheduler_.run_for(2s);
  EXPECT_TRUE(a.knows(2) && b.knows(1));
  EXPECT_GT(network_.stats().resets, 10U);
  EXPECT_LT(b.messages, 1000U);
  EXPECT_GT(b.messages, 300U);
  EXPECT_EQ(a.reasons.size(), network_.stats().resets);
  EXPECT_EQ(b.reasons.size(), network_.stats().resets);
}

TEST_F(SimNetworkTest, CutHoldsUpOneWayAndHealsWithoutLoss) {
  network_.set_options(patient());
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  a.take_seen(), b.take_seen();
  network_.cut(model::NodeId(1), model::NodeId(2));
  a.send(2, "held");
  b.send(1, "passes");
  scheduler_.run_for(1500ms);
  EXPECT_THAT(a.take_seen(), ElementsAre("message 2 passes"));
  EXPECT_THAT(b.take_seen(), IsEmpty());
  network_.heal(model::NodeId(1), model::NodeId(2));
  scheduler_.run_for(500ms);
  EXPECT_THAT(b.take_seen(), ElementsAre("message 1 held"));
  scheduler_.run_for(10s);
  EXPECT_THAT(a.seen, IsEmpty());  // the session lived on
  EXPECT_EQ(network_.stats().held_messages, 1U);
}

// Its acknowledgements are cut: the way that is open comes to a halt a window later.
TEST_F(SimNetworkTest, OpenWayOfAOneWayCutStopsAWindowLater) {
  SimNetwork::Options options = patient();
  options.window_bytes = 1000;
  network_.set_options(options);
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  network_.cut(model::NodeId(1), model::NodeId(2));
  for (int i = 0; i < 100; ++i) b.send(1, std::string(84, 'x'));
  scheduler_.run_for(1s);
  EXPECT_EQ(a.messages, 10U);
  network_.heal_all();
  scheduler_.run_for(1s);
  EXPECT_EQ(a.messages, 100U);
}

TEST_F(SimNetworkTest, LongCutEndsTheSessionAtEachEndByItself) {
  SimNetwork::Options options;
  options.give_up_min = 1s;
  options.give_up_max = 4s;
  network_.set_options(options);
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  network_.cut(model::NodeId(1), model::NodeId(2));
  network_.cut(model::NodeId(2), model::NodeId(1));
  EXPECT_TRUE(scheduler_.run_until([&] { return !a.knows(2) || !b.knows(1); }));
  EXPECT_TRUE(a.knows(2) || b.knows(1));  // not at the same time
  scheduler_.run_for(5s);
  EXPECT_FALSE(a.knows(2) || b.knows(1));
  EXPECT_EQ(network_.stats().gave_up, 2U);
  EXPECT_THAT(b.unreachable, ElementsAre("1: node 1 does not answer"));
  network_.heal_all();
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.knows(2) && b.knows(1));
}

// Node 2 dials, so node 1 may still hold the old session when the new one comes.
TEST_F(SimNetworkTest, NewSessionEndsTheOldOneAndDropsItsRest) {
  bool replaced = false;
  for (std::uint64_t seed = 1; seed <= 40 && !replaced; ++seed) {
    SimScheduler scheduler({.seed = seed});
    SimNetwork network(scheduler, {.give_up_min = 100ms, .give_up_max = 4s});
    Process a(scheduler, network, 1);
    Process b(scheduler, network, 2);
    scheduler.run_for(1s);
    network.cut(model::NodeId(2), model::NodeId(1));
    b.send(1, "of the old session");
    if (!scheduler.run_until([&] { return !b.knows(1); }) || !a.knows(2)) continue;
    a.take_seen();
    network.heal_all();
    scheduler.run_for(2s);
    EXPECT_THAT(a.take_seen(), ElementsAre("end 2", "begin 2 1"));
    replaced = network.stats().replaced > 0;
  }
  EXPECT_TRUE(replaced);
}

TEST_F(SimNetworkTest, DeadProcessIsNoticedAtOnceAndItsLastWordsMayArrive) {
  std::uint64_t last_words = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimScheduler scheduler({.seed = seed});
    SimNetwork network(scheduler, {});
    Process a(scheduler, network, 1);
    auto b = std::make_unique<Process>(scheduler, network, 2);
    scheduler.run_for(1s);
    b->send(1, "last words");
    network.process_died(model::NodeId(2), SimNetwork::Death::kProcess);
    EXPECT_FALSE(b->send(1, "too late"));
    b.reset();
    scheduler.run_for(1ms);
    EXPECT_FALSE(a.knows(2));
    EXPECT_THAT(a.reasons, ElementsAre("the other side closed the connection"));
    last_words += network.stats().messages_of_dead;
    b = std::make_unique<Process>(scheduler, network, 2, 2);
    scheduler.run_for(1s);
    EXPECT_EQ(a.seen.back(), "begin 2 2");
  }
  EXPECT_GT(last_words, 5U);
  EXPECT_LT(last_words, 20U);
}

TEST_F(SimNetworkTest, MachineWithoutPowerIsSilentUntilItIsBackOrGivenUp) {
  network_.set_options(patient());
  Process a(scheduler_, network_, 1);
  auto b = std::make_unique<Process>(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  network_.process_died(model::NodeId(2), SimNetwork::Death::kPower);
  b.reset();
  scheduler_.run_for(2s);
  EXPECT_TRUE(a.knows(2));
  EXPECT_TRUE(a.send(2, "into the void"));
  b = std::make_unique<Process>(scheduler_, network_, 2, 2);
  scheduler_.run_for(500ms);  // it does not know the old session, or a new one came first
  EXPECT_EQ(a.seen.back(), "begin 2 2");
  EXPECT_THAT(b->seen, ElementsAre("begin 1 1"));
  network_.process_died(model::NodeId(2), SimNetwork::Death::kPower);
  b.reset();
  scheduler_.run_for(4s);
  EXPECT_FALSE(a.knows(2));
  EXPECT_EQ(network_.stats().gave_up, 1U);
}

TEST_F(SimNetworkTest, PausedProcessTakesNothingInAndItsPeersQueueFills) {
  SimNetwork::Options options;
  options.window_bytes = 10'000;
  options.queue_bytes = 100'000;
  options.queue_slack_bytes = 50'000;
  network_.set_options(options);
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  a.take_seen(), b.take_seen();
  b.executor.pause();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(a.send(2, std::to_string(i), 8000));
  scheduler_.run_for(1s);
  EXPECT_EQ(b.messages, 0U);
  EXPECT_LT(a.transport->room(shard_of(2)), 30'000U);
  EXPECT_THAT(a.take_seen(), IsEmpty());
  b.executor.resume();
  scheduler_.run_for(1s);
  EXPECT_EQ(b.messages, 10U);
  EXPECT_THAT(a.take_seen(), ElementsAre("room 2"));
  EXPECT_EQ(a.transport->room(shard_of(2)), 100'000U);
  b.executor.pause();
  for (int i = 0; i < 30; ++i) a.send(2, std::to_string(i), 8000);
  scheduler_.run_for(1s);
  EXPECT_THAT(a.take_seen(), ElementsAre("end 2"));
  EXPECT_EQ(network_.stats().overflows, 1U);
  b.executor.resume();
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.knows(2) && b.knows(1));
}

TEST_F(SimNetworkTest, LineTakesTheTimeThatItsBandwidthNeeds) {
  network_.set_options({.bytes_per_second = 1'000'000});
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  for (int i = 0; i < 100; ++i) a.send(2, "", 10'000);
  EXPECT_LT(a.transport->room(shard_of(2)), io::kPeerQueueBytes - 900'000);
  scheduler_.run_for(500ms);
  EXPECT_GT(b.messages, 45U);
  EXPECT_LT(b.messages, 55U);
  scheduler_.run_for(600ms);
  EXPECT_EQ(b.messages, 100U);
}

TEST_F(SimNetworkTest, MessageBeyondTheBoundEndsTheSession) {
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  scheduler_.run_for(1s);
  EXPECT_FALSE(a.send(2, "", io::kPeerMessageBytesMax + 1));
  scheduler_.run_for(1ms);
  EXPECT_THAT(a.reasons, ElementsAre("a message is larger than the bound"));
  EXPECT_EQ(b.messages, 0U);
}

TEST_F(SimNetworkTest, NodeThatWasNeverAPeerMayBeginASession) {
  Process a(scheduler_, network_, 1);
  a.transport->set_peers({});
  a.transport->set_peers({{model::NodeId(1), {}}, {model::NodeId(2), {}}});  // itself is passed over
  Process b(scheduler_, network_, 2);
  Process d(scheduler_, network_, 4);
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.knows(2) && b.knows(1));
  EXPECT_TRUE(a.knows(4) && d.knows(1));
}

TEST_F(SimNetworkTest, NodeThatTurnsOutToBeOfAnotherClusterLosesItsSession) {
  Process a(scheduler_, network_, 1);
  Process b(scheduler_, network_, 2);
  b.hello.cluster.bytes[0] = 2;
  b.transport->set_hello(b.hello);
  scheduler_.run_for(1s);
  EXPECT_TRUE(a.knows(2));  // in none yet
  a.hello.cluster.bytes[0] = 1;
  a.transport->set_hello(a.hello);
  scheduler_.run_for(1s);
  EXPECT_FALSE(a.knows(2) || b.knows(1));
}

// Whatever happens: within a session the order holds and nothing comes twice, of an older one nothing comes
// once a newer one began, both ends come together again when all is well, and a seed is replayed exactly.
class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : rng_(seed), scheduler_({.seed = seed}), network_(scheduler_, SimNetwork::draw(rng_)) {
    for (std::uint32_t node = 1; node <= 3; ++node) start(node);
  }
  ~Storm() {
    for (auto& process : processes_) process.reset();
  }
  void run() {
    for (int step = 0; step < 400; ++step) {
      disturb();
      const std::uint32_t from = draw_node();
      const std::uint32_t to = 1 + (from + static_cast<std::uint32_t>(rng_.below(2))) % 3;
      if (processes_[from] && !processes_[from]->executor.paused())
        processes_[from]->send(to, std::to_string(++sent_), rng_.below(3000));
      scheduler_.run_for(std::chrono::microseconds(rng_.below(20'000)));
    }
    network_.heal_all();
    for (std::uint32_t node = 1; node <= 3; ++node) {
      if (!processes_[node]) start(node);
      processes_[node]->executor.resume();
    }
    SimNetwork::Options calm;
    network_.set_options(calm);
    scheduler_.run_for(10s);
    for (std::uint32_t a = 1; a <= 3; ++a) {
      for (std::uint32_t b = 1; b <= 3; ++b) {
        EXPECT_TRUE(a == b || processes_[a]->knows(b)) << a << " does not know " << b;
      }
      judge(*processes_[a]);
    }
  }
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> hash() const {
    return {scheduler_.trace_hash(), network_.trace_hash()};
  }
  [[nodiscard]] const SimNetwork::Stats& stats() const { return network_.stats(); }

 private:
  std::uint32_t draw_node() { return static_cast<std::uint32_t>(rng_.between(1, 3)); }
  void start(std::uint32_t node) {
    processes_[node] = std::make_unique<Process>(scheduler_, network_, node, ++lives_);
  }
  void disturb() {
    const std::uint32_t node = draw_node();
    const std::uint32_t other = 1 + node % 3;
    switch (rng_.below(40)) {
      case 0:
      case 1:
        network_.cut(model::NodeId(node), model::NodeId(other));
        if (rng_.one_in(2)) network_.cut(model::NodeId(other), model::NodeId(node));
        break;
      case 2:
      case 3:
        network_.heal_all();
        break;
      case 4:
        network_.reset(model::NodeId(node), model::NodeId(other));
        break;
      case 5:
        if (!processes_[node]) break;
        judge(*processes_[node]);
        network_.process_died(model::NodeId(node),
                              rng_.one_in(2) ? SimNetwork::Death::kProcess : SimNetwork::Death::kPower);
        processes_[node].reset();
        break;
      case 6:
      case 7:
        if (!processes_[node]) start(node);
        break;
      case 8:
        if (processes_[node] && !processes_[node]->executor.paused()) processes_[node]->executor.pause();
        break;
      case 9:
      case 10:
        if (processes_[node] && processes_[node]->executor.paused()) processes_[node]->executor.resume();
        break;
      default:
        break;
    }
  }
  // What one process saw: begin, messages and end alternate per peer; the numbers of one sender ascend over
  // all sessions, for nothing is sent twice.
  static void judge(const Process& process) {
    std::map<char, bool> open;
    std::map<char, int> last;
    for (const std::string& line : process.seen) {
      const std::size_t space = line.find(' ');
      const char peer = line[space + 1];
      const std::string what = line.substr(0, space);
      if (what == "room") continue;
      EXPECT_EQ(open[peer], what != "begin") << line;
      open[peer] = what != "end";
      if (what != "message") continue;
      const int number = std::stoi(line.substr(space + 3));
      EXPECT_GT(number, last[peer]);
      last[peer] = number;
    }
  }

  SimRng rng_;
  SimScheduler scheduler_;
  SimNetwork network_;
  std::array<std::unique_ptr<Process>, 4> processes_;
  std::uint64_t lives_ = 0;
  int sent_ = 0;
};

TEST(SimNetworkStorm, KeepsThePortsPromisesAndIsReplayedExactly) {
  SimNetwork::Stats sum;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Storm storm(seed);
    storm.run();
    if (seed % 10 == 0) {
      Storm again(seed);
      again.run();
      EXPECT_EQ(again.hash(), storm.hash());
    }
    if (::testing::Test::HasFailure()) break;
    const SimNetwork::Stats& stats = storm.stats();
    sum.resets += stats.resets;
    sum.gave_up += stats.gave_up;
    sum.replaced += stats.replaced;
    sum.half_open += stats.half_open;
    sum.held_messages += stats.held_messages;
    sum.messages_of_dead += stats.messages_of_dead;
    sum.late_messages += stats.late_messages;
  }
  EXPECT_GT(sum.resets, 0U);
  EXPECT_GT(sum.gave_up, 0U);
  EXPECT_GT(sum.replaced, 0U);
  EXPECT_GT(sum.half_open, 0U);
  EXPECT_GT(sum.held_messages, 0U);
  EXPECT_GT(sum.messages_of_dead, 0U);
  EXPECT_GT(sum.late_messages, 0U);
}

}  // namespace
}  // namespace forebay::sim
