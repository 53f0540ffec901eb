#include "cluster/cluster_codec.h"

#include <cstring>

#include "forebay/internal/v1/cluster.pb.h"

namespace forebay::cluster {
namespace {

namespace pb = forebay::internal::v1;

std::string bytes_of(const model::Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

Result<model::Uuid> uuid_of(const std::string& bytes) {
  model::Uuid id;
  if (bytes.size() != id.bytes.size())
    return Error{ErrorCode::kCorruptBatch, "cluster record: an id is not 16 bytes long"};
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

template <typename Repeated>
void put_replicas(const std::vector<Replicas>& partitions, Repeated* to) {
  for (const Replicas& replicas : partitions) {
    auto* one = to->Add();
    for (const model::NodeId node : replicas) one->add_nodes(node.value());
  }
}

template <typename Repeated>
std::vector<Replicas> replicas_of(const Repeated& from) {
  std::vector<Replicas> partitions;
  for (const auto& one : from) {
    Replicas replicas;
    for (const auto node : one.nodes()) replicas.emplace_back(node);
    partitions.push_back(std::move(replicas));
  }
  return partitions;
}

void put_topic(const Topic& topic, pb::Topic* to) {
  to->set_id(bytes_of(topic.id));
  to->set_name(topic.name);
  put_replicas(topic.partitions, to->mutable_partitions());
  to->set_replication_factor(topic.replication_factor);
  to->mutable_config()->insert(topic.config.begin(), topic.config.end());
  to->set_partitioner(topic.partitioner);
  for (const auto& [node, partitions] : topic.confirmed)
    (*to->mutable_confirmed())[node.value()] = partitions;
}

Result<Topic> topic_of(const pb::Topic& from) {
  Topic topic;
  FOREBAY_TRY(topic.id, uuid_of(from.id()));
  topic.name = from.name();
  topic.partitions = replicas_of(from.partitions());
  topic.replication_factor = from.replication_factor();
  topic.config.insert(from.config().begin(), from.config().end());
  topic.partitioner = from.partitioner();
  for (const auto& [node, partitions] : from.confirmed())
    topic.confirmed.emplace(model::NodeId(node), partitions);
  return topic;
}

struct Encoder {
  pb::ClusterRecord& to;
  void operator()(const ClusterFormed& r) const {
    to.mutable_cluster_formed()->set_cluster_id(bytes_of(r.cluster_id));
  }
  void operator()(const TopicCreated& r) const { put_topic(r.topic, to.mutable_topic_created()); }
  void operator()(const TopicConfigSet& r) const {
    auto* set = to.mutable_topic_config_set();
    set->set_id(bytes_of(r.id));
    set->mutable_config()->insert(r.config.begin(), r.config.end());
  }
  void operator()(const PartitionsAdded& r) const {
    auto* added = to.mutable_partitions_added();
    added->set_id(bytes_of(r.id));
    put_replicas(r.added, added->mutable_added());
  }
  void operator()(const PartitionsConfirmed& r) const {
    auto* confirmed = to.mutable_partitions_confirmed();
    confirmed->set_id(bytes_of(r.id));
    confirmed->set_node(r.node.value());
    confirmed->set_partitions(r.partitions);
  }
  void operator()(const TopicDeleted& r) const { to.mutable_topic_deleted()->set_id(bytes_of(r.id)); }
  void operator()(const TopicDeletionConfirmed& r) const {
    to.mutable_topic_deletion_confirmed()->set_id(bytes_of(r.id));
  }
};

}  // namespace

std::string encode_record(const ClusterRecord& record) {
  pb::ClusterRecord message;
  std::visit(Encoder{message}, record);
  return message.SerializeAsString();
}

Result<ClusterRecord> decode_record(ByteSpan bytes) {
  pb::ClusterRecord message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error{ErrorCode::kCorruptBatch, "cluster record: not a valid message"};
  }
  switch (message.kind_case()) {
    case pb::ClusterRecord::kClusterFormed: {
      FOREBAY_TRY(const auto id, uuid_of(message.cluster_formed().cluster_id()));
      return ClusterRecord(ClusterFormed{id});
    }
    case pb::ClusterRecord::kTopicCreated: {
      FOREBAY_TRY(auto topic, topic_of(message.topic_created()));
      return ClusterRecord(TopicCreated{std::move(topic)});
    }
    case pb::ClusterRecord::kTopicConfigSet: {
      const auto& set = message.topic_config_set();
      FOREBAY_TRY(const auto id, uuid_of(set.id()));
      return ClusterRecord(TopicConfigSet{id, Overrides(set.config().begin(), set.config().end())});
    }
    case pb::ClusterRecord::kPartitionsAdded: {
      const auto& added = message.partitions_added();
      FOREBAY_TRY(const auto id, uuid_of(added.id()));
      return ClusterRecord(PartitionsAdded{id, replicas_of(added.added())});
    }
    case pb::ClusterRecord::kPartitionsConfirmed: {
      const auto& confirmed = message.partitions_confirmed();
      FOREBAY_TRY(const auto id, uuid_of(confirmed.id()));
      return ClusterRecord(PartitionsConfirmed{id, model::NodeId(confirmed.node()), confirmed.partitions()});
    }
    case pb::ClusterRecord::kTopicDeleted: {
      FOREBAY_TRY(const auto id, uuid_of(message.topic_deleted().id()));
      return ClusterRecord(TopicDeleted{id});
    }
    case pb::ClusterRecord::kTopicDeletionConfirmed: {
      FOREBAY_TRY(const auto id, uuid_of(message.topic_deletion_confirmed().id()));
      return ClusterRecord(TopicDeletionConfirmed{id});
    }
    case pb::ClusterRecord::KIND_NOT_SET:
      break;
  }
  return Error{ErrorCode::kNewerFormat,
               "cluster record: a kind that this version does not know; upgrade this node"};
}

std::string encode_topic(const Topic& topic) {
  pb::Topic message;
  put_topic(topic, &message);
  return message.SerializeAsString();
}

Result<Topic> decode_topic(ByteSpan bytes) {
  pb::Topic message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error{ErrorCode::kCorruptBatch, "stored topic: not a valid message"};
  }
  return topic_of(message);
}

}  // namespace forebay::cluster
