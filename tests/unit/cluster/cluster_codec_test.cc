#include "cluster/cluster_codec.h"

#include <gtest/gtest.h>

namespace forebay::cluster {
namespace {

Topic topic() {
  Topic topic;
  topic.id.bytes[3] = 7;
  topic.name = "orders";
  topic.partitions = {{model::NodeId(1), model::NodeId(2)}, {model::NodeId(2)}};
  topic.replication_factor = 2;
  topic.config = {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}};
  topic.confirmed = {{model::NodeId(1), 2}, {model::NodeId(2), 1}};
  return topic;
}

TEST(ClusterCodec, EveryRecordComesBackAsItWas) {
  const std::vector<ClusterRecord> records{ClusterFormed{topic().id},
                                           TopicCreated{topic()},
                                           TopicConfigSet{topic().id, {{"a", "b"}}},
                                           PartitionsAdded{topic().id, {{model::NodeId(3)}, {}}},
                                           PartitionsConfirmed{topic().id, model::NodeId(2), 5},
                                           TopicDeleted{topic().id},
                                           TopicDeletionConfirmed{topic().id}};
  for (const ClusterRecord& record : records) {
    const auto decoded = decode_record(as_bytes(encode_record(record)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, record);
  }
  EXPECT_EQ(*decode_topic(as_bytes(encode_topic(topic()))), topic());
}

TEST(ClusterCodec, KindOfANewerVersionIsNamedAsSuch) {
  // Field 99, length-delimited and empty: no kind that this version knows.
  const std::string bytes{'\x9a', '\x06', '\0'};
  EXPECT_EQ(decode_record(as_bytes(bytes)).error().code, ErrorCode::kNewerFormat);
}

TEST(ClusterCodec, CutRecordIsNeverTakenForAnotherOne) {
  const std::string bytes = encode_record(TopicCreated{topic()});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_record(as_bytes(bytes.substr(0, size)));
    EXPECT_FALSE(decoded && *decoded == ClusterRecord(TopicCreated{topic()}));
  }
}

}  // namespace
}  // namespace forebay::cluster
