// The store is the image: whatever records there were, written in whatever portions, loading gives it back.
#include "cluster/image_store.h"

#include <gtest/gtest.h>

#include <random>

#include "cluster/cluster_codec.h"
#include "cluster/core/decisions.h"
#include "cluster/core/producer_sessions.h"
#include "cluster/core/proposals.h"
#include "drawn_moves.h"
#include "images.h"
#include "kv/memory_store.h"

namespace forebay::cluster {
namespace {

class ImageStoreTest : public testing::Test {
 protected:
  void SetUp() override { store_ = std::move(*kv::open_memory_store(std::make_shared<kv::MemoryDisk>())); }

  void take(const ClusterRecord& record) {
    const TouchedEntries touched(image_, record);
    ASSERT_TRUE(cluster::apply(image_, record));
    image_.applied = image_.applied.next();
    touched.note(image_, changes_);
  }
  void write() {
    kv::WriteBatch batch;
    for (auto& [name, value] : changes_) {
      if (value) {
        batch.put(name, *value);
      } else {
        batch.remove(name);
      }
    }
    batch.put(std::string(kAppliedKey), std::to_string(image_.applied.value()));
    changes_.clear();
    ASSERT_TRUE(store_->write(batch, kv::Durability::kDurable));
  }
  void put(const std::string& name, const std::string& value) {
    kv::WriteBatch batch;
    batch.put(name, value);
    ASSERT_TRUE(store_->write(batch, kv::Durability::kDurable));
  }
  void expect_same() {
    const auto loaded = load_image(*store_);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    EXPECT_EQ(loaded->cluster_id, image_.cluster_id);
    EXPECT_EQ(loaded->applied, image_.applied);
    EXPECT_EQ(loaded->brokers, image_.brokers);
    EXPECT_EQ(loaded->retired, image_.retired);
    EXPECT_EQ(loaded->features, image_.features);
    EXPECT_EQ(loaded->next_producer_id, image_.next_producer_id);
    EXPECT_EQ(loaded->producer_ids, image_.producer_ids);
    EXPECT_EQ(loaded->producer_names.all(), image_.producer_names.all());
    ASSERT_EQ(loaded->topics.size(), image_.topics.size());
    for (const auto& [name, topic] : image_.topics) {
      EXPECT_EQ(*loaded->topics.at(name), *topic);
      EXPECT_EQ(loaded->by_id.at(topic->id), loaded->topics.at(name));
    }
    ASSERT_EQ(loaded->deleting.size(), image_.deleting.size());
    for (const auto& [id, deletion] : image_.deleting) {
      EXPECT_EQ(*loaded->deleting.at(id).topic, *deletion.topic);
      EXPECT_EQ(loaded->deleting.at(id).waiting, deletion.waiting);
    }
  }

  std::unique_ptr<kv::KeyValueStore> store_;
  ClusterImage image_;
  StoreChanges changes_;
};

TEST_F(ImageStoreTest, EmptyStoreIsAnEmptyImage) { expect_same(); }

TEST_F(ImageStoreTest, DrawnHistoriesComeBack) {
  std::mt19937_64 rng(5);
  take(ClusterFormed{uuid_of(0xcc)});
  std::map<std::uint32_t, std::uint8_t> lives;
  std::uint8_t next_id = 1;
  for (int step = 0; step < 600; ++step) {
    const auto node = static_cast<std::uint32_t>(1 + rng() % 4);
    const log::Voter voter{model::NodeId(node), disk_of(node, lives[node])};
    const std::string name = "t" + std::to_string(rng() % 4);
    std::optional<ClusterRecord> record;
    const auto propose = [&](const NodeProposal& proposal) {
      if (auto decided = decide(image_, proposal)) record = std::move(*decided);
    };
    if (rng() % 20 == 0) {
      if (const auto lost = decide(image_, RetireDisk{voter}); lost && *lost) take(**lost);
    }
    switch (rng() % 14) {
      case 0:
        if (rng() % 3 == 0) ++lives[node];
        {
          auto broker = registration_of(node, "r", lives[node]);
          broker.features["f"] = 100;
          propose(RegisterBroker{std::move(broker)});
        }
        break;
      case 1:
        if (const auto removed = decide_remove_broker(image_, voter.node)) {
          record = *removed;
          ++lives[node];
        }
        break;
      case 2:
        if (const auto drained = decide_drain(image_, voter.node, rng() % 3 == 0); drained && *drained)
          record = **drained;
        if (image_.broker(voter.node) != nullptr && rng() % 3 == 0) {
          record =
              BrokerDecommission{voter.node, rng() % 2 == 0 ? Decommission::kEmptying : Decommission::kNone};
        }
        break;
      case 3:
        propose(GrantProducerIds{voter.node, image_.next_producer_id, 5});
        break;
      case 4:
        if (const auto set = decide_feature_level(image_, "f", static_cast<std::uint32_t>(rng() % 100));
            set && *set) {
          record = **set;
        }
        break;
      case 5:
        if (const auto topic = image_.find(name)) {
          propose(ConfirmPartitions{topic->id, voter,
                                    static_cast<std::uint32_t>(1 + rng() % topic->partitions.size())});
        }
        break;
      case 6:
        if (auto deleted = decide_delete(image_, name)) record = *deleted;
        break;
      case 7:
        if (!image_.deleting.empty()) propose(ConfirmDeletion{image_.deleting.begin()->first, voter});
        break;
      case 8:
        if (auto added = decide_add_partitions(image_, name, static_cast<std::uint32_t>(1 + rng() % 9), {}))
          record = std::move(*added);
        break;
      case 9:
      case 10:
        record = drawn_move(image_, name, voter, rng);
        break;
      case 11:
        if (auto session = decide_producer_session(image_, name, {})) record = std::move(*session);
        break;
      case 12:
        if (auto removed = decide_remove_producer_name(image_, name)) record = std::move(*removed);
        break;
      default:
        if (next_id == 255) break;
        if (auto created =
                decide_create(image_, {.name = name, .partitions = 2, .config = {{"segment.ms", "5"}}},
                              uuid_of(next_id++), {})) {
          record = std::move(*created);
        }
    }
    if (record) take(*record);
    if (rng() % 7 == 0) {
      write();
      expect_same();
    }
  }
  EXPECT_FALSE(image_.retired.empty());
  EXPECT_GT(image_.producer_names.size(), 0U);
  EXPECT_FALSE(image_.features.empty());
}

// As the version that knew one node only wrote it.
TEST_F(ImageStoreTest, DeletionWithoutTheBrokersItWaitsForWaitsForAll) {
  Topic topic;
  topic.id = uuid_of(1);
  topic.name = "orders";
  topic.partitions = {{{model::NodeId(1)}, {}}};
  put("cluster/deleting/" + topic.id.to_string(), encode_topic(topic));
  const auto loaded = load_image(*store_);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->deleting.at(topic.id).waiting, std::set{model::NodeId(1)});
}

TEST_F(ImageStoreTest, UnreadableEntriesAreNamed) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"cluster/id", "no uuid"},
                                                                      {"cluster/applied", "12x"},
                                                                      {"cluster/next-producer-id", ""},
                                                                      {"cluster/producer-ids/1", "12"},
                                                                      {"cluster/producer-ids/x", "1 2"},
                                                                      {"cluster/retired/x", "1"},
                                                                      {"cluster/feature/txn", "two"}}) {
    SetUp();
    put(name, value);
    const auto loaded = load_image(*store_);
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, ErrorCode::kDataLoss);
    EXPECT_NE(loaded.error().context.find(name), std::string::npos) << loaded.error().context;
  }
  for (const char* name : {"cluster/topic/x", "cluster/deleting/x", "cluster/broker/1"}) {
    SetUp();
    put(name, "\xff\xff");
    EXPECT_FALSE(load_image(*store_)) << name;
  }
}

}  // namespace
}  // namespace forebay::cluster
