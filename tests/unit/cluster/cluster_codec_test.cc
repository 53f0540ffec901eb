#include "cluster/cluster_codec.h"

#include <gtest/gtest.h>

#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3);

Topic topic() {
  Topic topic;
  topic.id.bytes[3] = 7;
  topic.name = "orders";
  topic.partitions = {{{kOne, kTwo}, {{kOne, disk_of(1)}, {kTwo, disk_of(2, 5)}}}, {{kTwo}, {}}};
  topic.replication_factor = 2;
  topic.config = {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}};
  topic.confirmed = {{kOne, 2}, {kTwo, 1}};
  return topic;
}

BrokerRegistration broker() {
  BrokerRegistration broker = registration_of(3, "east");
  broker.features = {{"a", 1}, {"b", 7}};
  return broker;
}

TEST(ClusterCodec, EveryRecordComesBackAsItWas) {
  const std::vector<ClusterRecord> records{
      ClusterFormed{topic().id},
      BrokerRegistered{broker()},
      BrokerDrained{kTwo, true},
      BrokerDrained{kTwo, false},
      BrokerRemoved{kThree},
      ProducerIdsGranted{kTwo, model::ProducerId(1'000'000'000'000), 1000},
      FeatureLevelSet{"txn", 3},
      DiskRetired{{kTwo, disk_of(2)}},
      BrokerDecommission{kTwo, Decommission::kEmptying},
      BrokerDecommission{kTwo, Decommission::kEmptied},
      BrokerDecommission{kTwo, Decommission::kNone},
      TopicCreated{topic()},
      TopicConfigSet{topic().id, {{"a", "b"}}},
      PartitionsAdded{topic().id, {{{kThree}, {{kThree, disk_of(3)}}}, {}}},
      PartitionsConfirmed{topic().id, kTwo, 5},
      TopicDeleted{topic().id},
      TopicDeletionConfirmed{topic().id, kTwo},
      TopicDeletionConfirmed{topic().id, std::nullopt},
      TargetsChanged{topic().id,
                     {{model::PartitionIndex(0), 3, {kOne, kTwo}, {kOne, kThree}, kTwo},
                      {model::PartitionIndex(7), 1, {kThree}, {}, std::nullopt}},
                     2},
      TargetsChanged{topic().id, {}, std::nullopt},
      TargetReached{topic().id, model::PartitionIndex(7), 3},
      ReplicaGone{topic().id, model::PartitionIndex(7), kThree},
      ProducerNamed{"meter", model::ProducerId(0), model::ProducerEpoch(0)},
      ProducerNamed{"meter", model::ProducerId(1'000'000'000'000), model::ProducerEpoch(32'767)},
      ProducerNameRemoved{"meter"}};
  for (const ClusterRecord& record : records) {
    const auto decoded = decode_record(as_bytes(encode_record(record)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, record);
  }
}

TEST(ClusterCodec, EveryStoredThingComesBackAsItWas) {
  EXPECT_EQ(*decode_topic(as_bytes(encode_topic(topic()))), topic());
  Topic moving = topic();
  moving.partitions.front().epoch = 5;
  moving.partitions.front().reached = 4;
  moving.partitions.front().previous = {kTwo, kOne};
  moving.partitions.front().joining = {kThree};
  moving.partitions.front().leaving = {kOne, kThree};
  moving.partitions.front().departed = {kTwo};
  moving.partitions.front().rebuilding = kOne;
  EXPECT_EQ(*decode_topic(as_bytes(encode_topic(moving))), moving);
  for (const bool drained : {false, true}) {
    for (const auto stage : {Decommission::kNone, Decommission::kEmptying, Decommission::kEmptied}) {
      const Broker stored{broker(), drained, stage};
      EXPECT_EQ(*decode_broker(as_bytes(encode_broker(stored))), stored);
    }
  }
  const Deletion deletion{std::make_shared<const Topic>(topic()), {kTwo}};
  const auto decoded = decode_deletion(as_bytes(encode_deletion(deletion)));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded->topic, topic());
  EXPECT_EQ(decoded->waiting, deletion.waiting);
}

TEST(ClusterCodec, EveryProposalComesBackAsItWas) {
  const std::vector<NodeProposal> proposals{
      RegisterBroker{broker()},
      ConfirmPartitions{topic().id, {kTwo, disk_of(2)}, 12},
      ConfirmDeletion{topic().id, {kTwo, disk_of(2)}},
      GrantProducerIds{kOne, std::nullopt, 100},
      GrantProducerIds{kOne, model::ProducerId(0), 100},
      ConfirmTarget{topic().id, {kTwo, disk_of(2)}, model::PartitionIndex(3), 4},
      ConfirmGone{topic().id, {kTwo, disk_of(2)}, model::PartitionIndex(3)},
      RetireDisk{{kTwo, disk_of(2)}},
      MakeInternalTopic{InternalTopic::kGroups, topic().id}};
  for (const NodeProposal& proposal : proposals) {
    const auto decoded = decode_proposal(as_bytes(encode_proposal(proposal)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, proposal);
  }
}

// Bytes as the first version wrote them: its data directories open for ever.
TEST(ClusterCodec, RecordsOfTheFirstVersionAreRead) {
  const std::string id = "\x0a\x10" + std::string(16, '\x11');
  model::TopicId uuid;
  uuid.bytes.fill(0x11);
  const auto record = [](char tag, const std::string& body) {
    return std::string(1, tag) + static_cast<char>(body.size()) + body;
  };
  Topic orders;
  orders.id = uuid;
  orders.name = "orders";
  orders.partitions = {{{kOne}, {}}, {{kOne}, {}}};
  orders.config = {{"segment.ms", "5"}};
  orders.confirmed = {{kOne, 2}};
  const std::string topic_bytes = id + "\x12\x06orders" + "\x1a\x03\x0a\x01\x01" + "\x1a\x03\x0a\x01\x01" +
                                  "\x20\x01" +
                                  "\x2a\x0f\x0a\x0asegment.ms\x12\x01"
                                  "5" +
                                  "\x32\x07murmur2" + "\x3a\x04\x08\x01\x10\x02";
  struct Case {
    std::string bytes;
    ClusterRecord want;
  };
  for (const Case& c :
       {Case{record('\x0a', id), ClusterFormed{uuid}},
        Case{record('\x12', topic_bytes), TopicCreated{orders}},
        Case{record('\x1a', id + "\x12\x06\x0a\x01"
                                 "a\x12\x01"
                                 "b"),
             TopicConfigSet{uuid, {{"a", "b"}}}},
        Case{record('\x22', id + "\x12\x03\x0a\x01\x01"), PartitionsAdded{uuid, {{{kOne}, {}}}}},
        Case{record('\x2a', id), TopicDeleted{uuid}},
        Case{record('\x32', id), TopicDeletionConfirmed{uuid, std::nullopt}},
        Case{record('\x3a', id + "\x10\x01\x18\x02"), PartitionsConfirmed{uuid, kOne, 2}}}) {
    const auto decoded = decode_record(as_bytes(c.bytes));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, c.want);
    // And what is not new in a record is written as it was.
    EXPECT_EQ(encode_record(c.want), c.bytes);
  }
}

// Bytes of records of moves, as the first version that has them writes them.
TEST(ClusterCodec, RecordsOfMovesKeepTheirBytes) {
  model::TopicId uuid;
  uuid.bytes.fill(0x11);
  const std::string id = "\x0a\x10" + std::string(16, '\x11');
  struct Case {
    std::string bytes;
    ClusterRecord want;
  };
  for (const Case& c :
       {Case{"\x6a\x24" + id + "\x12\x0e" + "\x08\x02\x10\x03\x1a\x02\x01\x02\x22\x02\x01\x03\x28\x02" +
                 "\x18\x02",
             TargetsChanged{uuid, {{model::PartitionIndex(2), 3, {kOne, kTwo}, {kOne, kThree}, kTwo}}, 2}},
        Case{"\x72\x16" + id + "\x10\x02\x18\x03", TargetReached{uuid, model::PartitionIndex(2), 3}},
        Case{"\x7a\x16" + id + "\x10\x02\x18\x03", ReplicaGone{uuid, model::PartitionIndex(2), kThree}}}) {
    const auto decoded = decode_record(as_bytes(c.bytes));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, c.want);
    EXPECT_EQ(encode_record(c.want), c.bytes);
  }
}

TEST(ClusterCodec, NamesOfProducersAreReadAsTheyWereFirstWritten) {
  const std::pair<std::string, ClusterRecord> cases[] = {
      {"\xb2\x01\x08\x0a\x01"
       "a\x10\xac\x02\x18\x02",
       ProducerNamed{"a", model::ProducerId(300), model::ProducerEpoch(2)}},
      {"\xba\x01\x03\x0a\x01"
       "a",
       ProducerNameRemoved{"a"}}};
  for (const auto& [bytes, want] : cases) {
    const auto decoded = decode_record(as_bytes(bytes));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, want);
    EXPECT_EQ(encode_record(want), bytes);
  }
}

TEST(ClusterCodec, EpochThatNoProducerCanHaveIsDamage) {
  const std::string bytes =
      "\xb2\x01\x07\x0a\x01"
      "a\x18\x80\x80\x02";
  EXPECT_EQ(decode_record(as_bytes(bytes)).error().code, ErrorCode::kCorruptBatch);
}

TEST(ClusterCodec, GrantedIdsComeBackAsTheyWere) {
  for (const bool is_new : {false, true}) {
    const GrantedIds granted{{model::ProducerId(7'000), 1'000}, is_new};
    const auto decoded = decode_granted_ids(as_bytes(encode_granted_ids(granted)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, granted);
  }
}

// As it answered before it had anything to say.
TEST(ClusterCodec, OlderControllerThatNamesNoIdsIsToldApart) {
  EXPECT_EQ(decode_granted_ids({}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_granted_ids(as_bytes("\xff")).error().code, ErrorCode::kUnsupported);
}

TEST(ClusterCodec, KindOfANewerVersionIsNamedAsSuch) {
  // Field 99, length-delimited and empty: no kind that this version knows.
  const std::string bytes{'\x9a', '\x06', '\0'};
  const Error newer = decode_record(as_bytes(bytes)).error();
  EXPECT_EQ(newer.code, ErrorCode::kNewerFormat);
  EXPECT_NE(newer.context.find("version "), std::string::npos) << newer.context;
  EXPECT_NE(newer.context.find("start this node with the version"), std::string::npos) << newer.context;
  EXPECT_EQ(decode_proposal(as_bytes(bytes)).error().code, ErrorCode::kUnsupported);
}

TEST(ClusterCodec, MalformedProposalIsTheSendersFault) {
  EXPECT_EQ(decode_proposal(as_bytes("\xff")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decode_proposal(as_bytes(std::string{'\x12', '\0'})).error().code, ErrorCode::kInvalidArgument);
}

TEST(ClusterCodec, CutRecordIsNeverTakenForAnotherOne) {
  for (const ClusterRecord& record :
       {ClusterRecord(TopicCreated{topic()}), ClusterRecord(BrokerRegistered{broker()}),
        ClusterRecord(TargetsChanged{
            topic().id, {{model::PartitionIndex(0), 3, {kOne, kTwo}, {kOne, kThree}, kTwo}}, 2})}) {
    const std::string bytes = encode_record(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto decoded = decode_record(as_bytes(bytes.substr(0, size)));
      EXPECT_FALSE(decoded && *decoded == record);
    }
  }
}

}  // namespace
}  // namespace forebay::cluster
