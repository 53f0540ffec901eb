#include "cluster/state_export.h"

#include <gtest/gtest.h>

#include <random>

#include "base/crc32c.h"
#include "base/endian.h"
#include "cluster/cluster_codec.h"
#include "cluster/controller.h"
#include "cluster/core/features.h"
#include "cluster/image_store.h"
#include "kv/memory_store.h"

namespace forebay::cluster {
namespace {

ClusterImage image_of_everything() {
  ClusterImage image;
  const auto take = [&image](const ClusterRecord& record) {
    const auto applied = apply(image, record);
    EXPECT_TRUE(applied) << applied.error().to_string();
    image.applied = image.applied.next();
  };
  take(ClusterFormed{model::Uuid{{9, 9}}});
  for (std::uint32_t node = 1; node <= 4; ++node) {
    BrokerRegistration broker;
    broker.node = model::NodeId(node);
    broker.disk = model::Uuid{{static_cast<std::uint8_t>(node)}};
    broker.rack = "r" + std::to_string(node % 2);
    broker.features = spoken_features();
    take(BrokerRegistered{broker});
  }
  take(BrokerDrained{model::NodeId(2), true});
  take(ProducerIdsGranted{model::NodeId(1), model::ProducerId(0), 1'000});
  take(FeatureLevelSet{kMetadataFeature, 2});
  take(ProducerNamed{"meter", model::ProducerId(1'000), model::ProducerEpoch(0)});
  take(ProducerNamed{"meter", model::ProducerId(1'000), model::ProducerEpoch(1)});
  take(ProducerNamed{"old", model::ProducerId(2'000), model::ProducerEpoch(32'766)});
  take(ProducerNamed{"old", model::ProducerId(2'001), model::ProducerEpoch(0)});
  for (const char* name : {"a", "b"}) {
    Topic topic;
    topic.id = model::Uuid{{static_cast<std::uint8_t>(name[0])}};
    topic.name = name;
    topic.config = {{"retention.ms", "1000"}};
    Placement placement;
    placement.replicas = {model::NodeId(1)};
    placement.founders = {{model::NodeId(1), model::Uuid{{1}}}};
    topic.partitions = {placement};
    take(TopicCreated{topic});
    take(PartitionsConfirmed{topic.id, model::NodeId(1), 1});
  }
  take(TopicDeleted{model::Uuid{{'b'}}});
  take(DiskRetired{{model::NodeId(4), model::Uuid{{4}}}});
  return image;
}

void seal(std::string& bytes) {
  const std::size_t body = bytes.size() - 4;
  store_le(reinterpret_cast<std::byte*>(bytes.data()) + body, crc32c(as_bytes(bytes).first(body)));
}

TEST(StateExport, ComesBackWhole) {
  const ClusterImage image = image_of_everything();
  ASSERT_FALSE(image.deleting.empty());
  ASSERT_FALSE(image.retired.empty());
  const auto back = decode_state(as_bytes(encode_state(image)));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->applied, image.applied);
  EXPECT_EQ(entries_of(*back), entries_of(image));
  EXPECT_EQ(encode_state(*back), encode_state(image));
}

TEST(StateExport, GoldenHead) {
  ClusterImage image;
  image.cluster_id = model::Uuid{{1}};
  image.applied = model::Offset(7);
  const std::string bytes = encode_state(image);
  EXPECT_EQ(bytes.substr(0, 16), std::string("FBMSTATE\x01\0\0\0\x03\0\0\0", 16));
  EXPECT_EQ(bytes.substr(16, 24), std::string("\x0f\0\0\0cluster/applied\x01\0\0\0"
                                              "7",
                                              24));
}

TEST(StateExport, StoreHoldsItAndNothingOfAnotherOne) {
  auto disk = std::make_shared<kv::MemoryDisk>();
  auto store = kv::open_memory_store(disk);
  ASSERT_TRUE(store);
  kv::WriteBatch old;
  old.put("cluster/feature/old", "3");
  old.put("other", "stays");
  ASSERT_TRUE((*store)->write(old, kv::Durability::kDurable));
  const ClusterImage image = image_of_everything();
  ASSERT_TRUE((*store)->write(replace_store_by(image), kv::Durability::kDurable));
  const auto loaded = load_image(**store);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(entries_of(*loaded), entries_of(image));
  EXPECT_TRUE(*(*store)->get("other"));
}

TEST(StateExport, OtherVersionIsSaidToBeOne) {
  std::string bytes = encode_state(image_of_everything());
  bytes[8] = 2;
  EXPECT_EQ(decode_state(as_bytes(bytes)).error().code, ErrorCode::kNewerFormat);
}

// Also when what it holds cannot be read by this version: the level says so, not what is behind it.
TEST(StateExport, LevelThatThisVersionDoesNotReadIsRefused) {
  ClusterImage image = image_of_everything();
  const auto spoken = spoken_features().at(kMetadataFeature);
  image.features[kMetadataFeature] = spoken;
  EXPECT_TRUE(decode_state(as_bytes(encode_state(image))));
  image.features[kMetadataFeature] = spoken + 1;
  std::string bytes = encode_state(image);
  const auto refused = decode_state(as_bytes(bytes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNewerFormat);
  EXPECT_NE(refused.error().context.find("start this node with the version"), std::string::npos)
      << refused.error().context;
  const std::size_t broker = bytes.find("cluster/broker/1");
  ASSERT_NE(broker, std::string::npos);
  bytes[broker + std::string("cluster/broker/1").size() + 4] = '\xff';
  seal(bytes);
  EXPECT_EQ(decode_state(as_bytes(bytes)).error().code, ErrorCode::kNewerFormat);
}

TEST(StateExport, EveryCutAndEveryFlippedBitIsSeen) {
  const std::string good = encode_state(image_of_everything());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_state(as_bytes(good.substr(0, size))));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(decode_state(as_bytes(bad))) << "bit " << bit;
  }
}

// With a checksum that is right: whatever comes out is an image that would be sent in the same way.
TEST(StateExport, MutationsAreRefusedOrAreImages) {
  const std::string good = encode_state(image_of_everything());
  std::mt19937_64 rng(5);
  int refused = 0, taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (std::uint64_t i = 1 + rng() % 3; i > 0; --i) {
      const std::size_t at = 12 + rng() % (bad.size() - 16);
      switch (rng() % 3) {
        case 0:
          bad[at] = static_cast<char>(rng() % 128);
          break;
        case 1:
          bad.erase(at, 1 + rng() % 9);
          break;
        default:
          bad.insert(at, std::string(1 + rng() % 9, static_cast<char>(rng() % 128)));
      }
      if (bad.size() < 40) bad = good;
    }
    seal(bad);
    const auto image = decode_state(as_bytes(bad));
    if (!image) {
      ++refused;
      continue;
    }
    ++taken;
    const auto again = decode_state(as_bytes(encode_state(*image)));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(entries_of(*again), entries_of(*image));
  }
  EXPECT_GT(refused, 1'000);
  EXPECT_GT(taken, 100);
}

TEST(StateExport, EntriesOfNothingAreRefused) {
  const ClusterImage image = image_of_everything();
  // As the others are written, and in the order of keys.
  std::string bytes = encode_state(image);
  const std::string name = "cluster/zzz";
  std::string entry;
  entry += std::string("\x0b\0\0\0", 4) + name + std::string("\x01\0\0\0", 4) + "1";
  bytes.insert(bytes.size() - 4, entry);
  auto* count = reinterpret_cast<std::byte*>(bytes.data()) + 12;
  store_le(count, load_le<std::uint32_t>(count) + 1);
  seal(bytes);
  const auto decoded = decode_state(as_bytes(bytes));
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().context.find("belong to nothing"), std::string::npos) << decoded.error().context;
}

TEST(StateExport, IsAskedForByItsPartition) {
  machine::StateRequest request{.id = cluster_partition(), .applied = model::Offset(12), .from = 345};
  const std::string bytes = machine::encode_request(request);
  EXPECT_TRUE(is_metadata_request(as_bytes(bytes)));
  EXPECT_FALSE(is_metadata_request(as_bytes(bytes.substr(0, bytes.size() - 1))));
  EXPECT_FALSE(
      is_metadata_request(as_bytes(encode_proposal(GrantProducerIds{model::NodeId(1), std::nullopt, 5}))));
  request.id.partition = model::PartitionIndex(1);
  EXPECT_FALSE(is_metadata_request(as_bytes(machine::encode_request(request))));
}

}  // namespace
}  // namespace forebay::cluster
