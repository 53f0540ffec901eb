#include "cluster/core/producer_sessions.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>

#include "cluster/core/proposals.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const Limits kLimits;

ProducerNamed begin(ClusterImage& image, const std::string& name) {
  const auto session = decide_producer_session(image, name, kLimits);
  EXPECT_TRUE(session) << session.error().to_string();
  const auto applied = apply(image, *session);
  EXPECT_TRUE(applied) << applied.error().to_string();
  return *session;
}

ProducerNamed session(const std::string& name, std::int64_t id, int epoch) {
  return {name, model::ProducerId(id), model::ProducerEpoch(static_cast<std::int16_t>(epoch))};
}

TEST(ProducerSessions, NameKeepsItsIdAndEachSessionHasTheNextEpoch) {
  ClusterImage image = image_of(1);
  EXPECT_EQ(begin(image, "a"), session("a", 0, 0));
  EXPECT_EQ(begin(image, "b"), session("b", 1, 0));
  EXPECT_EQ(begin(image, "a"), session("a", 0, 1));
  EXPECT_EQ(begin(image, "a"), session("a", 0, 2));
  EXPECT_EQ(image.next_producer_id, model::ProducerId(2));
}

TEST(ProducerSessions, EpochsThatAreUsedUpBeginAnewWithAnotherId) {
  ClusterImage image = image_of(1);
  begin(image, "a");
  ASSERT_TRUE(apply(image, session("a", 0, 32'765)));
  EXPECT_EQ(begin(image, "a"), session("a", 0, 32'766));
  EXPECT_EQ(begin(image, "a"), session("a", 1, 0)) << "32767 fences those before, and no session has it";
  EXPECT_EQ(begin(image, "a"), session("a", 1, 1));
}

TEST(ProducerSessions, IdBeforeIsKnownAsLongAsTheNameHasTheNextOne) {
  ClusterImage image = image_of(1);
  const auto previous = [&image] { return image.producer_names.find("a")->previous_id; };
  begin(image, "a");
  EXPECT_EQ(previous(), std::nullopt);
  ASSERT_TRUE(apply(image, session("a", 0, 32'766)));
  EXPECT_EQ(previous(), std::nullopt);
  for (int i = 0; i < 3; ++i) {
    const auto next = decide_producer_session(image, "a", kLimits);
    ASSERT_TRUE(next);
    EXPECT_EQ(previous_id(image, *next), model::ProducerId(0));
    begin(image, "a");
    EXPECT_EQ(previous(), model::ProducerId(0));
  }
  ASSERT_TRUE(apply(image, session("a", 1, 32'766)));
  begin(image, "a");
  EXPECT_EQ(previous(), model::ProducerId(1));
  ASSERT_TRUE(apply(image, ProducerNameRemoved{"a"}));
  begin(image, "a");
  EXPECT_EQ(previous(), std::nullopt) << "another producer";
}

TEST(ProducerSessions, FreedNameIsAnotherProducer) {
  ClusterImage image = image_of(1);
  begin(image, "a");
  const auto removed = decide_remove_producer_name(image, "a");
  ASSERT_TRUE(removed);
  ASSERT_TRUE(apply(image, *removed));
  EXPECT_EQ(image.producer_names.size(), 0U);
  EXPECT_EQ(begin(image, "a"), session("a", 1, 0));
}

TEST(ProducerSessions, NameThatIsNotThereCannotBeFreed) {
  const auto removed = decide_remove_producer_name(image_of(1), "a");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kNotFound);
  EXPECT_NE(removed.error().context.find("forebay producer list"), std::string::npos);
}

TEST(ProducerSessions, NamesAreBoundedAndThoseThatAreThereGoOn) {
  ClusterImage image = image_of(1);
  begin(image, "a");
  begin(image, "b");
  Limits limits;
  limits.producer_names_max = 2;
  const auto refused = decide_producer_session(image, "c", limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kMemoryBudget);
  EXPECT_NE(refused.error().context.find("forebay producer delete NAME"), std::string::npos);
  EXPECT_TRUE(decide_producer_session(image, "b", limits));
  ASSERT_TRUE(apply(image, ProducerNameRemoved{"a"}));
  EXPECT_TRUE(decide_producer_session(image, "c", limits));
}

TEST(ProducerSessions, LastIdIsNeverGiven) {
  ClusterImage image = image_of(1);
  begin(image, "a");
  image.next_producer_id = model::ProducerId(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(decide_producer_session(image, "b", kLimits).error().code, ErrorCode::kInternal);
  EXPECT_TRUE(decide_producer_session(image, "a", kLimits));
}

// A damaged log must not make two of one.
TEST(ProducerSessions, RecordThatGivesASessionTwiceDoesNotApply) {
  ClusterImage image = image_of(1);
  begin(image, "a");
  begin(image, "a");
  for (const ProducerNamed& record :
       {session("a", 0, 1), session("a", 0, 0), session("b", 0, 0), session("b", 0, 5), session("", 9, 0),
        session("b", 9, -1), session("b", std::numeric_limits<std::int64_t>::max(), 0)})
    EXPECT_FALSE(apply(image, record)) << record.name << " " << record.id.value();
  EXPECT_FALSE(apply(image, ProducerNameRemoved{"b"}));
  // What lies between may have been accepted as lost.
  EXPECT_TRUE(apply(image, session("a", 0, 5)));
  EXPECT_TRUE(apply(image, session("b", 7, 3)));
  EXPECT_EQ(image.next_producer_id, model::ProducerId(8));
}

// Whoever takes ids, in blocks or by name, has them alone; and the epochs of an id only grow.
TEST(ProducerSessions, NoPairIsGivenTwice) {
  std::mt19937_64 rng(3);
  ClusterImage image = image_of(3);
  std::map<std::int64_t, std::string> owners;
  std::map<std::int64_t, int> epochs;
  std::set<std::string> removed;
  for (int step = 0; step < 3'000; ++step) {
    const std::string name = "p" + std::to_string(rng() % 20);
    switch (rng() % 8) {
      case 0: {
        const model::NodeId node(static_cast<std::uint32_t>(1 + rng() % 3));
        const auto last = image.producer_ids.find(node);
        const auto used_up =
            last == image.producer_ids.end() ? std::nullopt : std::optional(last->second.first);
        const auto granted = decide(image, GrantProducerIds{node, used_up, 10});
        ASSERT_TRUE(granted && *granted);
        ASSERT_TRUE(apply(image, **granted));
        const ProducerIds& block = image.producer_ids.at(node);
        for (std::int64_t i = 0; i < block.count; ++i)
          ASSERT_TRUE(owners.emplace(block.first.value() + i, "unnamed").second);
        break;
      }
      case 1:
        if (const auto gone = decide_remove_producer_name(image, name)) {
          ASSERT_TRUE(apply(image, *gone));
          removed.insert(name);
        }
        break;
      default: {
        const ProducerNamed one = begin(image, name);
        const std::int64_t id = one.id.value();
        if (one.epoch == model::ProducerEpoch(0)) {
          ASSERT_TRUE(owners.emplace(id, name).second) << id;
        } else {
          ASSERT_EQ(owners.at(id), name);
          ASSERT_GT(one.epoch.value(), epochs.at(id));
        }
        epochs[id] = one.epoch.value();
        // Near the end, so that it is reached here.
        if (rng() % 200 == 0) {
          epochs[id] = 32'760;
          image.producer_names.set(name, {one.id, model::ProducerEpoch(32'760)});
        }
      }
    }
  }
  EXPECT_FALSE(removed.empty());
  const auto ended_at = [&epochs](int epoch) {
    return std::count_if(epochs.begin(), epochs.end(),
                         [epoch](const auto& one) { return one.second == epoch; });
  };
  EXPECT_GT(ended_at(32'766), 0);
  EXPECT_EQ(ended_at(32'767), 0) << "that one is there to fence";
}

}  // namespace
}  // namespace forebay::cluster
