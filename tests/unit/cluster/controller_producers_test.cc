// Names and ids of producers, as several nodes decide about them: whatever happens to nodes and network, no
// session and no id is given twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "cluster/core/producer_sessions.h"
#include "metadata_cluster.h"
#include "sim/seed_range.h"

namespace forebay::cluster {
namespace {

using std::chrono::seconds;

using Session = std::pair<std::int64_t, std::int16_t>;  // of a name a later one is always greater

// Submits, and tells the session once it is committed and applied.
void begin_session(Controller& controller, const std::string& name,
                   std::function<void(Result<Session>)> done) {
  auto session = std::make_shared<Session>();
  controller.submit(
      [name, session](const ClusterImage& image) -> Result<ClusterRecord> {
        FOREBAY_TRY(auto named, decide_producer_session(image, name, {}));
        *session = {named.id.value(), named.epoch.value()};
        return ClusterRecord(std::move(named));
      },
      [session, done = std::move(done)](const Result<ImagePtr>& image) {
        done(image ? Result<Session>(*session) : image.error());
      });
}

class ControllerProducersTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.start_all();
    converge();
  }
  void converge() {
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.converged(); }, std::chrono::minutes(2)))
        << cluster_.state();
  }
  MetadataNode& follower() {
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      if (&cluster_.node(i) != cluster_.leader()) return cluster_.node(i);
    }
    std::abort();
  }
  Result<Session> session(const std::string& name) {
    std::optional<Result<Session>> answer;
    begin_session(*cluster_.leader()->controller(), name,
                  [&answer](Result<Session> session) { answer = std::move(session); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  GrantedIds grant(MetadataNode& node, std::optional<model::ProducerId> used_up) {
    std::optional<Result<GrantedIds>> answer;
    node.proposer().grant_producer_ids(
        {node.id(), used_up, 1'000}, seconds(30),
        [&answer](Result<GrantedIds> granted) { answer = std::move(granted); });
    EXPECT_TRUE(cluster_.run_until([&] { return answer.has_value(); }));
    EXPECT_TRUE(*answer) << answer->error().to_string();
    return *answer ? **answer : GrantedIds{};
  }
  MetadataCluster cluster_{21, 3};
};

TEST_F(ControllerProducersTest, OnlyTheCopyOfARequestThatGotABlockIsToldThatItIsNew) {
  for (MetadataNode* node : {cluster_.leader(), &follower()}) {
    const GrantedIds first = grant(*node, std::nullopt);
    EXPECT_TRUE(first.is_new);
    EXPECT_EQ(first.block.count, 1'000U);
    // Once more, and by the next life of the node, which knows nothing of it.
    EXPECT_EQ(grant(*node, std::nullopt), (GrantedIds{first.block, false}));
    const GrantedIds second = grant(*node, first.block.first);
    EXPECT_TRUE(second.is_new);
    EXPECT_GE(second.block.first, first.block.first.plus(1'000));
  }
}

TEST_F(ControllerProducersTest, NameGoesOnWithAnotherController) {
  ASSERT_EQ(*session("meter"), (Session{0, 0}));
  cluster_.leader()->die(MetadataNode::End::kPower);
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; }));
  EXPECT_EQ(*session("meter"), (Session{0, 1}));
  EXPECT_EQ(*session("another"), (Session{1, 0}));
}

TEST_F(ControllerProducersTest, OlderVersionHoldsBackTheFirstName) {
  MetadataNode& older = follower();
  const auto restart_as = [&](const std::string& version, Features features) {
    older.die(MetadataNode::End::kPower);
    older.set_version(version, std::move(features));
    older.start();
    ASSERT_TRUE(cluster_.run_until([&] {
      return cluster_.converged() && older.image()->broker(older.id())->registration.version == version;
    }));
  };
  restart_as("1.1.0", {{kMetadataFeature, 1}});
  const auto refused = session("meter");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().context.find("(version 1.1.0)"), std::string::npos) << refused.error().context;
  EXPECT_TRUE(grant(older, std::nullopt).is_new);  // every version reads those
  restart_as("2.0.0", spoken_features());
  EXPECT_TRUE(session("meter"));
  EXPECT_EQ(cluster_.leader()->image()->features, (Features{{kMetadataFeature, 2}}));  // and no more
}

// --- drawn schedules

struct World {
  explicit World(std::uint64_t seed, const sim::SimNetwork::Options& network)
      : rng(seed), cluster(seed, 3, network) {
    if (seed % 2 == 0) cluster.set_trimming({8, 2});
  }
  std::mt19937_64 rng;
  MetadataCluster cluster;
  std::set<Session> sessions;           // that somebody got, of all names and blocks
  std::map<std::string, Session> last;  // that somebody got
  std::map<std::int64_t, std::string> owners;
  // Of each node's present life: the newest block that it knows of, whosever.
  std::map<model::NodeId, std::optional<model::ProducerId>> used_up;
  std::uint64_t lost = 0, blocks = 0, old_blocks = 0;

  std::uint64_t draw(std::uint64_t below) { return rng() % below; }

  void take(const std::string& owner, const Session& session) {
    EXPECT_TRUE(sessions.insert(session).second) << owner << " " << session.first << " " << session.second;
    EXPECT_EQ(owners.emplace(session.first, owner).first->second, owner) << session.first;
  }
  void ask_session() {
    MetadataNode& one = cluster.node(draw(cluster.size()));
    if (!one.is_up() || one.controller() == nullptr) return;
    const std::string name = "p" + std::to_string(draw(5));
    const std::optional<Session> before = last.contains(name) ? std::optional(last.at(name)) : std::nullopt;
    begin_session(*one.controller(), name, [this, name, before](const Result<Session>& session) {
      if (!session) {
        ++lost;
        return;
      }
      take(name, *session);
      // Whoever got one before this was asked for has a lower one.
      EXPECT_TRUE(!before || *before < *session) << name;
      last[name] = std::max(last[name], *session);
    });
  }
  void ask_block() {
    MetadataNode& one = cluster.node(draw(cluster.size()));
    if (!one.is_up()) return;
    one.proposer().grant_producer_ids({one.id(), used_up[one.id()], 5}, seconds(10),
                                      [this, node = one.id()](const Result<GrantedIds>& granted) {
                                        if (!granted) return;
                                        used_up[node] = std::max(used_up[node].value_or(granted->block.first),
                                                                 granted->block.first);
                                        if (!granted->is_new) {
                                          ++old_blocks;
                                          return;
                                        }
                                        ++blocks;
                                        for (std::int64_t i = 0; i < granted->block.count; ++i)
                                          take("block", {granted->block.first.value() + i, 0});
                                      });
  }
  void fault() {
    MetadataNode& one = cluster.node(draw(cluster.size()));
    switch (draw(6)) {
      case 0:
      case 1:
        if (!one.is_up()) break;
        one.die(draw(2) == 0 ? MetadataNode::End::kKill : MetadataNode::End::kPower);
        used_up[one.id()].reset();
        break;
      case 2:
      case 3:
        if (!one.is_up()) one.start();
        break;
      case 4:
        cluster.isolate(one);
        break;
      default:
        cluster.network().heal_all();
    }
  }
};

TEST(ControllerProducersSim, NoSessionAndNoIdIsGivenTwice) {
  const sim::SeedRange seeds(sim::worlds(60));
  std::uint64_t got = 0, lost = 0, blocks = 0, old_blocks = 0, moves = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::SimRng draws(seed);
    World world(seed, sim::SimNetwork::draw(draws));
    MetadataCluster& cluster = world.cluster;
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
        << cluster.state();
    MetadataNode* leader = cluster.leader();
    for (int step = 0; step < 150; ++step) {
      if (world.draw(4) == 0) world.fault();
      if (world.draw(2) == 0) world.ask_session();
      if (world.draw(3) == 0) world.ask_block();
      cluster.scheduler().run_for(std::chrono::microseconds(1 << world.draw(20)));
      if (cluster.leader() != nullptr && std::exchange(leader, cluster.leader()) != cluster.leader()) ++moves;
    }
    cluster.network().heal_all();
    cluster.network().set_options({});
    cluster.start_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
        << cluster.state();
    cluster.expect_agreement();
    const ImagePtr image = cluster.node(0).image();
    for (const auto& [name, session] : world.last) {
      const NamedProducer* known = image->producer_names.find(name);
      ASSERT_NE(known, nullptr) << name;
      EXPECT_GE(Session(known->id.value(), known->epoch.value()), session) << name;
    }
    got += world.sessions.size();
    lost += world.lost;
    blocks += world.blocks;
    old_blocks += world.old_blocks;
  }
  const std::pair<const char*, std::uint64_t> places[] = {{"sessions", got},
                                                          {"sessions that nobody got", lost},
                                                          {"new blocks", blocks},
                                                          {"blocks of an earlier copy or life", old_blocks},
                                                          {"moves of leadership", moves}};
  sim::expect_reached(seeds, 60, places);
}

}  // namespace
}  // namespace forebay::cluster
