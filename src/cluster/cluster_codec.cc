#include "cluster/cluster_codec.h"

#include <cstring>

#include "forebay/internal/v1/cluster.pb.h"

namespace forebay::cluster {
namespace {

namespace pb = forebay::internal::v1;

constexpr std::uint32_t kProducerEpochMax = 32'767;

std::string bytes_of(const model::Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

Result<model::Uuid> uuid_of(const std::string& bytes) {
  model::Uuid id;
  if (bytes.size() != id.bytes.size()) return Error{ErrorCode::kCorruptBatch, "an id is not 16 bytes long"};
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

void put_voter(const log::Voter& voter, pb::Voter* to) {
  to->set_node(voter.node.value());
  to->set_disk(bytes_of(voter.disk));
}

Result<log::Voter> voter_of(const pb::Voter& from) {
  FOREBAY_TRY(const auto disk, uuid_of(from.disk()));
  return log::Voter{model::NodeId(from.node()), disk};
}

template <typename Repeated>
void put_nodes(const std::vector<model::NodeId>& nodes, Repeated* to) {
  for (const model::NodeId node : nodes) to->Add(node.value());
}

template <typename Repeated>
std::vector<model::NodeId> nodes_of(const Repeated& from) {
  std::vector<model::NodeId> nodes;
  for (const auto node : from) nodes.emplace_back(node);
  return nodes;
}

// 0 stands for none.
std::optional<model::NodeId> maybe_node(std::uint32_t node) {
  if (node == 0) return std::nullopt;
  return model::NodeId(node);
}

template <typename Repeated>
void put_placements(const std::vector<Placement>& partitions, Repeated* to) {
  for (const Placement& placement : partitions) {
    auto* one = to->Add();
    put_nodes(placement.replicas, one->mutable_nodes());
    for (const log::Voter& founder : placement.founders) put_voter(founder, one->add_founders());
    one->set_epoch(placement.epoch);
    one->set_reached(placement.reached);
    put_nodes(placement.previous, one->mutable_previous());
    put_nodes(placement.joining, one->mutable_joining());
    put_nodes(placement.leaving, one->mutable_leaving());
    put_nodes(placement.departed, one->mutable_departed());
    if (placement.rebuilding) one->set_rebuilding(placement.rebuilding->value());
  }
}

template <typename Repeated>
Result<std::vector<Placement>> placements_of(const Repeated& from) {
  std::vector<Placement> partitions;
  for (const auto& one : from) {
    Placement placement;
    placement.replicas = nodes_of(one.nodes());
    for (const auto& founder : one.founders()) {
      FOREBAY_TRY(const auto voter, voter_of(founder));
      placement.founders.push_back(voter);
    }
    placement.epoch = one.epoch();
    placement.reached = one.reached();
    placement.previous = nodes_of(one.previous());
    placement.joining = nodes_of(one.joining());
    placement.leaving = nodes_of(one.leaving());
    placement.departed = nodes_of(one.departed());
    placement.rebuilding = maybe_node(one.rebuilding());
    partitions.push_back(std::move(placement));
  }
  return partitions;
}

void put_registration(const BrokerRegistration& broker, pb::Broker* to) {
  to->set_node(broker.node.value());
  to->set_disk(bytes_of(broker.disk));
  to->set_api_address(broker.api_address);
  to->set_peer_address(broker.peer_address);
  to->set_http_address(broker.http_address);
  to->set_rack(broker.rack);
  to->set_shard_count(broker.shard_count);
  to->set_version(broker.version);
  to->mutable_features()->insert(broker.features.begin(), broker.features.end());
}

Result<BrokerRegistration> registration_of(const pb::Broker& from) {
  BrokerRegistration broker;
  broker.node = model::NodeId(from.node());
  FOREBAY_TRY(broker.disk, uuid_of(from.disk()));
  broker.api_address = from.api_address();
  broker.peer_address = from.peer_address();
  broker.http_address = from.http_address();
  broker.rack = from.rack();
  broker.shard_count = from.shard_count();
  broker.version = from.version();
  broker.features.insert(from.features().begin(), from.features().end());
  return broker;
}

pb::Decommission stage_of(Decommission stage) {
  switch (stage) {
    case Decommission::kNone:
      return pb::DECOMMISSION_NONE;
    case Decommission::kEmptying:
      return pb::DECOMMISSION_EMPTYING;
    case Decommission::kEmptied:
      return pb::DECOMMISSION_EMPTIED;
  }
  return pb::DECOMMISSION_NONE;
}

Result<Decommission> stage_of(pb::Decommission stage) {
  switch (stage) {
    case pb::DECOMMISSION_NONE:
      return Decommission::kNone;
    case pb::DECOMMISSION_EMPTYING:
      return Decommission::kEmptying;
    case pb::DECOMMISSION_EMPTIED:
      return Decommission::kEmptied;
    default:
      break;
  }
  return Error{
      ErrorCode::kNewerFormat,
      "cluster record: a stage of a decommission that this version does not know; upgrade this node"};
}

void put_topic(const Topic& topic, pb::Topic* to) {
  to->set_id(bytes_of(topic.id));
  to->set_name(topic.name);
  put_placements(topic.partitions, to->mutable_partitions());
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
  FOREBAY_TRY(topic.partitions, placements_of(from.partitions()));
  topic.replication_factor = from.replication_factor();
  topic.config.insert(from.config().begin(), from.config().end());
  topic.partitioner = from.partitioner();
  for (const auto& [node, partitions] : from.confirmed())
    topic.confirmed.emplace(model::NodeId(node), partitions);
  return topic;
}

void put_targets(const TargetsChanged& record, pb::TargetsChanged* to) {
  to->set_id(bytes_of(record.id));
  for (const TargetChange& change : record.changes) {
    auto* one = to->add_changes();
    one->set_partition(change.partition.value());
    one->set_epoch(change.epoch);
    put_nodes(change.replicas, one->mutable_nodes());
    put_nodes(change.previous, one->mutable_previous());
    if (change.rebuild) one->set_rebuild(change.rebuild->value());
  }
  to->set_replication_factor(record.replication_factor.value_or(0));
}

Result<TargetsChanged> targets_of(const pb::TargetsChanged& from) {
  TargetsChanged record;
  FOREBAY_TRY(record.id, uuid_of(from.id()));
  for (const auto& one : from.changes()) {
    record.changes.push_back({model::PartitionIndex(one.partition()), one.epoch(), nodes_of(one.nodes()),
                              nodes_of(one.previous()), maybe_node(one.rebuild())});
  }
  if (from.replication_factor() != 0) record.replication_factor = from.replication_factor();
  return record;
}

struct Encoder {
  pb::ClusterRecord& to;
  void operator()(const ClusterFormed& r) const {
    to.mutable_cluster_formed()->set_cluster_id(bytes_of(r.cluster_id));
  }
  void operator()(const BrokerRegistered& r) const {
    put_registration(r.broker, to.mutable_broker_registered());
  }
  void operator()(const BrokerDrained& r) const {
    auto* drained = to.mutable_broker_drained();
    drained->set_node(r.node.value());
    drained->set_drained(r.drained);
  }
  void operator()(const BrokerDecommission& r) const {
    auto* decommission = to.mutable_broker_decommission();
    decommission->set_node(r.node.value());
    decommission->set_stage(stage_of(r.stage));
  }
  void operator()(const BrokerRemoved& r) const { to.mutable_broker_removed()->set_node(r.node.value()); }
  void operator()(const ProducerIdsGranted& r) const {
    auto* granted = to.mutable_producer_ids_granted();
    granted->set_node(r.node.value());
    granted->set_first(r.first.value());
    granted->set_count(r.count);
  }
  void operator()(const FeatureLevelSet& r) const {
    auto* set = to.mutable_feature_level_set();
    set->set_name(r.name);
    set->set_level(r.level);
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
    put_placements(r.added, added->mutable_added());
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
    if (r.node) to.mutable_topic_deletion_confirmed()->set_node(r.node->value());
  }
  void operator()(const TargetsChanged& r) const { put_targets(r, to.mutable_targets_changed()); }
  void operator()(const TargetReached& r) const {
    auto* reached = to.mutable_target_reached();
    reached->set_id(bytes_of(r.id));
    reached->set_partition(r.partition.value());
    reached->set_epoch(r.epoch);
  }
  void operator()(const ReplicaGone& r) const {
    auto* gone = to.mutable_replica_gone();
    gone->set_id(bytes_of(r.id));
    gone->set_partition(r.partition.value());
    gone->set_node(r.node.value());
  }
  void operator()(const DiskRetired& r) const { put_voter(r.voter, to.mutable_disk_retired()); }
  void operator()(const ProducerNamed& r) const {
    auto* named = to.mutable_producer_named();
    named->set_name(r.name);
    named->set_id(r.id.value());
    named->set_epoch(static_cast<std::uint32_t>(r.epoch.value()));
  }
  void operator()(const ProducerNameRemoved& r) const {
    to.mutable_producer_name_removed()->set_name(r.name);
  }
};

struct ProposalEncoder {
  pb::NodeProposal& to;
  void operator()(const RegisterBroker& p) const { put_registration(p.broker, to.mutable_register_broker()); }
  void operator()(const ConfirmPartitions& p) const {
    auto* confirm = to.mutable_confirm_partitions();
    confirm->set_id(bytes_of(p.id));
    put_voter(p.from, confirm->mutable_from());
    confirm->set_partitions(p.partitions);
  }
  void operator()(const ConfirmDeletion& p) const {
    auto* confirm = to.mutable_confirm_deletion();
    confirm->set_id(bytes_of(p.id));
    put_voter(p.from, confirm->mutable_from());
  }
  void operator()(const GrantProducerIds& p) const {
    auto* grant = to.mutable_grant_producer_ids();
    grant->set_node(p.node.value());
    if (p.used_up) grant->set_used_up(p.used_up->value());
    grant->set_count(p.count);
  }
  void operator()(const ConfirmTarget& p) const {
    auto* confirm = to.mutable_confirm_target();
    confirm->set_id(bytes_of(p.id));
    put_voter(p.from, confirm->mutable_from());
    confirm->set_partition(p.partition.value());
    confirm->set_epoch(p.epoch);
  }
  void operator()(const ConfirmGone& p) const {
    auto* confirm = to.mutable_confirm_gone();
    confirm->set_id(bytes_of(p.id));
    put_voter(p.from, confirm->mutable_from());
    confirm->set_partition(p.partition.value());
  }
  void operator()(const RetireDisk& p) const { put_voter(p.voter, to.mutable_retire_disk()); }
  void operator()(const MakeInternalTopic& p) const {
    to.mutable_make_internal_topic()->set_id(bytes_of(p.id));
    to.mutable_make_internal_topic()->set_topic(static_cast<std::uint32_t>(p.topic));
  }
};

template <typename Message>
Result<Message> parsed(ByteSpan bytes, const char* what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{ErrorCode::kCorruptBatch, std::string(what) + ": not a valid message"};
  return message;
}

Result<NodeProposal> proposal_of(ByteSpan bytes) {
  FOREBAY_TRY(const auto message, parsed<pb::NodeProposal>(bytes, "proposal"));
  switch (message.kind_case()) {
    case pb::NodeProposal::kRegisterBroker: {
      FOREBAY_TRY(auto broker, registration_of(message.register_broker()));
      return NodeProposal(RegisterBroker{std::move(broker)});
    }
    case pb::NodeProposal::kConfirmPartitions: {
      const auto& confirm = message.confirm_partitions();
      FOREBAY_TRY(const auto id, uuid_of(confirm.id()));
      FOREBAY_TRY(const auto from, voter_of(confirm.from()));
      return NodeProposal(ConfirmPartitions{id, from, confirm.partitions()});
    }
    case pb::NodeProposal::kConfirmDeletion: {
      FOREBAY_TRY(const auto id, uuid_of(message.confirm_deletion().id()));
      FOREBAY_TRY(const auto from, voter_of(message.confirm_deletion().from()));
      return NodeProposal(ConfirmDeletion{id, from});
    }
    case pb::NodeProposal::kGrantProducerIds: {
      const auto& grant = message.grant_producer_ids();
      GrantProducerIds proposal{model::NodeId(grant.node()), std::nullopt, grant.count()};
      if (grant.has_used_up()) proposal.used_up = model::ProducerId(grant.used_up());
      return NodeProposal(proposal);
    }
    case pb::NodeProposal::kRetireDisk: {
      FOREBAY_TRY(const auto voter, voter_of(message.retire_disk()));
      return NodeProposal(RetireDisk{voter});
    }
    case pb::NodeProposal::kMakeInternalTopic: {
      const auto& make = message.make_internal_topic();
      FOREBAY_TRY(const auto id, uuid_of(make.id()));
      if (make.topic() > static_cast<std::uint32_t>(InternalTopic::kSchemas))
        return Error{ErrorCode::kNewerFormat,
                     "an internal topic that this version does not know is to be made; upgrade this node"};
      const auto topic =
          make.topic() == 0 ? InternalTopic::kGroups : static_cast<InternalTopic>(make.topic());
      return NodeProposal(MakeInternalTopic{topic, id});
    }
    case pb::NodeProposal::kConfirmTarget: {
      const auto& confirm = message.confirm_target();
      FOREBAY_TRY(const auto id, uuid_of(confirm.id()));
      FOREBAY_TRY(const auto from, voter_of(confirm.from()));
      return NodeProposal(
          ConfirmTarget{id, from, model::PartitionIndex(confirm.partition()), confirm.epoch()});
    }
    case pb::NodeProposal::kConfirmGone: {
      const auto& confirm = message.confirm_gone();
      FOREBAY_TRY(const auto id, uuid_of(confirm.id()));
      FOREBAY_TRY(const auto from, voter_of(confirm.from()));
      return NodeProposal(ConfirmGone{id, from, model::PartitionIndex(confirm.partition())});
    }
    case pb::NodeProposal::KIND_NOT_SET:
      break;
  }
  return Error{ErrorCode::kUnsupported,
               "proposal of a node: a kind that this version does not know; upgrade this node"};
}

}  // namespace

std::string encode_record(const ClusterRecord& record) {
  pb::ClusterRecord message;
  std::visit(Encoder{message}, record);
  return message.SerializeAsString();
}

Result<ClusterRecord> decode_record(ByteSpan bytes) {
  FOREBAY_TRY(const auto message, parsed<pb::ClusterRecord>(bytes, "cluster record"));
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
      FOREBAY_TRY(auto placements, placements_of(added.added()));
      return ClusterRecord(PartitionsAdded{id, std::move(placements)});
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
      return ClusterRecord(TopicDeletionConfirmed{id, maybe_node(message.topic_deletion_confirmed().node())});
    }
    case pb::ClusterRecord::kBrokerRegistered: {
      FOREBAY_TRY(auto broker, registration_of(message.broker_registered()));
      return ClusterRecord(BrokerRegistered{std::move(broker)});
    }
    case pb::ClusterRecord::kBrokerDrained:
      return ClusterRecord(
          BrokerDrained{model::NodeId(message.broker_drained().node()), message.broker_drained().drained()});
    case pb::ClusterRecord::kBrokerDecommission: {
      FOREBAY_TRY(const auto stage, stage_of(message.broker_decommission().stage()));
      return ClusterRecord(BrokerDecommission{model::NodeId(message.broker_decommission().node()), stage});
    }
    case pb::ClusterRecord::kBrokerRemoved:
      return ClusterRecord(BrokerRemoved{model::NodeId(message.broker_removed().node())});
    case pb::ClusterRecord::kProducerIdsGranted: {
      const auto& granted = message.producer_ids_granted();
      return ClusterRecord(ProducerIdsGranted{model::NodeId(granted.node()),
                                              model::ProducerId(granted.first()), granted.count()});
    }
    case pb::ClusterRecord::kFeatureLevelSet:
      return ClusterRecord(
          FeatureLevelSet{message.feature_level_set().name(), message.feature_level_set().level()});
    case pb::ClusterRecord::kDiskRetired: {
      FOREBAY_TRY(const auto voter, voter_of(message.disk_retired()));
      return ClusterRecord(DiskRetired{voter});
    }
    case pb::ClusterRecord::kTargetsChanged: {
      FOREBAY_TRY(auto changed, targets_of(message.targets_changed()));
      return ClusterRecord(std::move(changed));
    }
    case pb::ClusterRecord::kTargetReached: {
      const auto& reached = message.target_reached();
      FOREBAY_TRY(const auto id, uuid_of(reached.id()));
      return ClusterRecord(TargetReached{id, model::PartitionIndex(reached.partition()), reached.epoch()});
    }
    case pb::ClusterRecord::kReplicaGone: {
      const auto& gone = message.replica_gone();
      FOREBAY_TRY(const auto id, uuid_of(gone.id()));
      return ClusterRecord(
          ReplicaGone{id, model::PartitionIndex(gone.partition()), model::NodeId(gone.node())});
    }
    case pb::ClusterRecord::kProducerNamed: {
      const auto& named = message.producer_named();
      if (named.epoch() > kProducerEpochMax)
        return Error{ErrorCode::kCorruptBatch, "cluster record: a producer epoch above 32767"};
      return ClusterRecord(ProducerNamed{named.name(), model::ProducerId(named.id()),
                                         model::ProducerEpoch(static_cast<std::int16_t>(named.epoch()))});
    }
    case pb::ClusterRecord::kProducerNameRemoved:
      return ClusterRecord(ProducerNameRemoved{message.producer_name_removed().name()});
    case pb::ClusterRecord::KIND_NOT_SET:
      break;
  }
  return Error{ErrorCode::kNewerFormat,
               "the cluster's metadata has a record of a kind that version " FOREBAY_VERSION
               " does not know; nothing was changed: start this node with the version of the other nodes"};
}

std::string encode_topic(const Topic& topic) {
  pb::Topic message;
  put_topic(topic, &message);
  return message.SerializeAsString();
}

Result<Topic> decode_topic(ByteSpan bytes) {
  FOREBAY_TRY(const auto message, parsed<pb::Topic>(bytes, "stored topic"));
  return topic_of(message);
}

std::string encode_deletion(const Deletion& deletion) {
  pb::Topic message;
  put_topic(*deletion.topic, &message);
  for (const model::NodeId node : deletion.waiting) message.add_deletion_waits_for(node.value());
  return message.SerializeAsString();
}

Result<Deletion> decode_deletion(ByteSpan bytes) {
  FOREBAY_TRY(const auto message, parsed<pb::Topic>(bytes, "stored deletion"));
  FOREBAY_TRY(auto topic, topic_of(message));
  Deletion deletion{std::make_shared<const Topic>(std::move(topic)), {}};
  for (const auto node : message.deletion_waits_for()) deletion.waiting.insert(model::NodeId(node));
  if (deletion.waiting.empty()) deletion.waiting = holders(*deletion.topic);
  return deletion;
}

std::string encode_broker(const Broker& broker) {
  pb::Broker message;
  put_registration(broker.registration, &message);
  message.set_drained(broker.drained);
  message.set_decommission(stage_of(broker.decommission));
  return message.SerializeAsString();
}

Result<Broker> decode_broker(ByteSpan bytes) {
  FOREBAY_TRY(const auto message, parsed<pb::Broker>(bytes, "stored broker"));
  FOREBAY_TRY(auto registration, registration_of(message));
  FOREBAY_TRY(const auto stage, stage_of(message.decommission()));
  return Broker{std::move(registration), message.drained(), stage};
}

std::string encode_proposal(const NodeProposal& proposal) {
  pb::NodeProposal message;
  std::visit(ProposalEncoder{message}, proposal);
  return message.SerializeAsString();
}

Result<NodeProposal> decode_proposal(ByteSpan bytes) {
  auto proposal = proposal_of(bytes);
  // Not a log of ours that is damaged, but what somebody sent.
  if (!proposal && proposal.error().code == ErrorCode::kCorruptBatch)
    return Error{ErrorCode::kInvalidArgument, "proposal of a node: " + proposal.error().context};
  return proposal;
}

std::string encode_granted_ids(const GrantedIds& granted) {
  pb::ProducerIdsAnswer message;
  message.set_first(granted.block.first.value());
  message.set_count(granted.block.count);
  message.set_is_new(granted.is_new);
  return message.SerializeAsString();
}

Result<GrantedIds> decode_granted_ids(ByteSpan bytes) {
  const auto message = parsed<pb::ProducerIdsAnswer>(bytes, "producer ids");
  if (!message || message->count() == 0 || message->first() < 0) {
    return Error{ErrorCode::kUnsupported,
                 "the controller of the cluster is of a version that gives no producer ids; upgrade it"};
  }
  return GrantedIds{{model::ProducerId(message->first()), message->count()}, message->is_new()};
}

}  // namespace forebay::cluster
