// The registry on three nodes in a simulated world: kills, cuts, lost stores, changes of leadership. Whatever
// happens, an id is one schema for ever, what was answered holds, and all nodes have the same state.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "machine_cluster.h"
#include "registry_world.h"
#include "schema/registry.h"
#include "schema/schema_cache.h"
#include "sim/seed_range.h"

namespace forebay::schema {
namespace {

class SchemaNode final : public machine::MachineNode {
 public:
  using MachineNode::MachineNode;
  ~SchemaNode() override { shut_down(); }
  [[nodiscard]] machine::Host* host() override { return registry_ ? &registry_->host() : nullptr; }
  [[nodiscard]] bool leads() const override { return registry_ && registry_->host().is_leading(); }
  void close_host() override { registry_.reset(); }
  bool answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) override {
    return registry_ != nullptr && registry_->answer_refresh(body, reply);
  }
  [[nodiscard]] Registry* registry() { return registry_.get(); }

 protected:
  void open_host(partition::Partition& log) override {
    const machine::HostParts parts = host_parts(log);
    registry_ = std::make_unique<Registry>(RegistryParts{.log = &log,
                                                         .store = parts.store,
                                                         .executor = parts.executor,
                                                         .pool = parts.pool,
                                                         .schema_pool = parts.pool,
                                                         .clock = &sim_machine().wall_clock(),
                                                         .peers = parts.peers,
                                                         .schemas = std::make_shared<SchemaCache>(1U << 20)},
                                           config_);
    registry_->start();
  }

 private:
  std::unique_ptr<Registry> registry_;
};

std::unique_ptr<machine::MachineNode> make_node(sim::SimScheduler& scheduler, sim::SimNetwork& network,
                                                std::uint32_t id) {
  return std::make_unique<SchemaNode>(scheduler, network, id);
}

using Identity = std::pair<std::string, Fingerprint>;  // a context's id, and what it is

class World {
 public:
  World(std::uint64_t seed, const sim::SimNetwork::Options& network)
      : requests_(seed), cluster_(seed, 3, network, make_node) {
    const bool trims = seed % 2 == 0;
    for (std::size_t i = 0; i < 3; ++i) {
      cluster_.node(i).config_ = {
          .trimming = trims ? machine::Trimming{8, 2} : machine::Trimming{1'000'000, 1},
          .write_after = std::chrono::milliseconds(trims ? 20 : 400),
          .write_after_records = trims ? 4 : 30};
    }
  }

  void ask() {
    SchemaNode& node = at(requests_.draw(3));
    if (!node.is_up() || node.registry() == nullptr) return;
    auto records = std::make_shared<SchemaRecords>();
    ++open_;
    node.registry()->change(
        [this, records](const ImageAccess& access, ParsedSchemas& schemas,
                        model::Timestamp now) -> Result<SchemaRecords> {
          FOREBAY_TRY(*records, requests_.decide(access, schemas, now));
          return *records;
        },
        [this, records, &node](const Result<model::Offset>& done) {
          --open_;
          if (!done) return ++(done.error().registry_code != 0 ? refused : failed), void();
          ++answered;
          check_answer(node, *records);
        });
  }
  void fault() {
    SchemaNode& one = at(requests_.draw(3));
    switch (requests_.draw(8)) {
      case 0:
      case 1:
        if (one.is_up())
          one.die(requests_.draw(2) == 0 ? machine::MachineNode::End::kKill
                                         : machine::MachineNode::End::kPower);
        break;
      case 2:
      case 3:
        if (!one.is_up()) cluster_.start(one);
        break;
      case 4:
        cluster_.isolate(one);
        break;
      case 5: {
        const model::NodeId from(static_cast<std::uint32_t>(1 + requests_.draw(3)));
        if (from != one.id()) cluster_.network().cut(from, one.id());
        break;
      }
      case 6:
        cluster_.network().heal_all();
        break;
      default:
        if (!one.is_up() && requests_.draw(3) == 0 && one.id() == model::NodeId(3)) one.lose_store();
    }
  }
  // Of every node that holds a state, at any time: an id is what it was everywhere.
  void look_at_ids() {
    for (std::size_t i = 0; i < 3; ++i) {
      if (!at(i).is_up() || at(i).registry() == nullptr) continue;
      for (const auto& [name, context] : at(i).registry()->image()->own().contexts) {
        for (const auto& [id, use] : context.schemas) note(name, id, fingerprint(use.schema->content));
        for (const auto& [id, gone] : context.gone) note(name, id, gone);
      }
    }
  }
  void run_and_settle() {
    cluster_.start_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.settled(); }, std::chrono::minutes(2)))
        << cluster_.state();
    const machine::MachineNode* leader = cluster_.leader();
    for (int step = 0; step < 120; ++step) {
      if (requests_.draw(4) == 0) fault();
      for (std::size_t i = requests_.draw(4); i > 0; --i) ask();
      cluster_.scheduler().run_for(std::chrono::microseconds(1 << requests_.draw(20)));
      look_at_ids();
      if (cluster_.leader() != nullptr && cluster_.leader() != leader) ++moves;
      if (cluster_.leader() != nullptr) leader = cluster_.leader();
    }
    cluster_.network().heal_all();
    cluster_.network().set_options({});
    cluster_.start_all();
    ASSERT_TRUE(
        cluster_.run_until([&] { return cluster_.settled() && is_current(); }, std::chrono::minutes(2)))
        << cluster_.state();
    look_at_ids();
    expect_equal_states();
  }

  std::uint64_t answered = 0, refused = 0, failed = 0, moves = 0;
  [[nodiscard]] std::uint64_t ids() const { return identities_.size(); }

 private:
  [[nodiscard]] SchemaNode& at(std::size_t index) {
    return static_cast<SchemaNode&>(cluster_.node(index));  // NOLINT: as make_node made it
  }
  [[nodiscard]] bool is_current() {
    for (std::size_t i = 0; i < 3; ++i)
      if (at(i).registry() == nullptr || !at(i).registry()->image()->is_current()) return false;
    return true;
  }
  void note(const std::string& context, SchemaId id, const Fingerprint& what) {
    const auto known = identities_.emplace(std::pair(context, id), what).first;
    EXPECT_EQ(known->second, what) << "id " << id << " of context " << context << " is two schemas";
  }
  // Where it was answered it is applied.
  void check_answer(SchemaNode& node, const SchemaRecords& records) {
    EXPECT_TRUE(node.registry()->image()->is_current()) << "a read right after the answer would be refused";
    const RegistryImage& image = node.registry()->image()->own();
    for (const SchemaRecord& record : records) {
      if (const auto* added = std::get_if<SchemaAdded>(&record))
        note(added->context, added->schema.id, fingerprint(added->schema.content));
      if (const auto* version = std::get_if<VersionSet>(&record)) {
        const Version* known = image.version(version->subject, version->version);
        ASSERT_NE(known, nullptr);
        EXPECT_EQ(known->id, version->id);
      }
    }
  }
  void expect_equal_states() {
    SchemaMachine machine;
    for (std::size_t i = 1; i < 3; ++i) {
      const RegistryImage& one = at(0).registry()->image()->own();
      const RegistryImage& two = at(i).registry()->image()->own();
      ASSERT_EQ(one.subjects.size(), two.subjects.size());
      for (const auto& [name, subject] : one.subjects) {
        ASSERT_EQ(subject.versions.size(), two.subjects.at(name).versions.size()) << name;
        for (const auto& [number, version] : subject.versions) {
          const Version& other = two.subjects.at(name).versions.at(number);
          EXPECT_EQ(version.id, other.id);
          EXPECT_EQ(version.deleted, other.deleted);
        }
      }
      EXPECT_EQ(one.referenced_by, two.referenced_by);
      EXPECT_EQ(one.configs, two.configs);
      EXPECT_EQ(one.modes, two.modes);
      EXPECT_EQ(one.bytes, two.bytes);
      for (const auto& [name, context] : one.contexts) {
        if (context.last_id == 0) continue;
        EXPECT_EQ(context.last_id, two.contexts.at(name).last_id);
        EXPECT_EQ(context.gone, two.contexts.at(name).gone);
      }
    }
  }

  RandomRequests requests_;
  machine::MachineCluster cluster_;
  std::map<std::pair<std::string, SchemaId>, Fingerprint> identities_;
  int open_ = 0;
};

TEST(RegistrySim, AnIdIsOneSchemaForEverAndStatesAreEqual) {
  const sim::SeedRange seeds(sim::worlds(30));
  std::uint64_t answered = 0, refused = 0, failed = 0, moves = 0, ids = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::SimRng draws(seed);
    World world(seed, sim::SimNetwork::draw(draws));
    world.run_and_settle();
    answered += world.answered;
    refused += world.refused;
    failed += world.failed;
    moves += world.moves;
    ids += world.ids();
  }
  const std::pair<const char*, std::uint64_t> places[] = {{"changes answered", answered},
                                                          {"changes refused by the rules", refused},
                                                          {"changes that failed with the cluster", failed},
                                                          {"moves of leadership", moves},
                                                          {"ids given", ids}};
  sim::expect_reached(seeds, 30, places);
}

}  // namespace
}  // namespace forebay::schema
