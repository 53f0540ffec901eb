#include "forebay/admin.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "base/result.h"
#include "client/admin_core.h"
#include "client/core/options_check.h"
#include "forebay/v1/admin.grpc.pb.h"
#include "forebay/v1/log.grpc.pb.h"

namespace forebay {
namespace {

using client::RpcError;
using client::UnaryCaller;

Error error_of(const v1::ErrorDetail& detail) { return client::rpc_error_of(detail).error; }

ConfigEntry entry_of(const v1::ConfigEntry& from) {
  return {from.name(), from.value(), from.is_default(), from.doc()};
}

template <typename To, typename From>
std::optional<To> optional_of(bool present, From value) {
  return present ? std::optional<To>(value) : std::nullopt;
}

PartitionDescription partition_of(const v1::PartitionDescription& from) {
  PartitionDescription to;
  to.partition = from.partition();
  to.leader = from.leader();
  to.term = from.term();
  to.replicas.assign(from.replicas().begin(), from.replicas().end());
  to.log_start = from.log_start();
  to.log_end = from.log_end();
  to.disk_bytes = from.disk_bytes();
  to.state = from.state();
  for (const auto& range : from.damage()) {
    to.damage.push_back({range.begin_offset(),
                         optional_of<std::int64_t>(range.has_end_offset(), range.end_offset()),
                         range.accepted()});
  }
  to.oldest_append_time_ms =
      optional_of<std::int64_t>(from.has_oldest_append_time_ms(), from.oldest_append_time_ms());
  to.oldest_leaves_at_ms =
      optional_of<std::int64_t>(from.has_oldest_leaves_at_ms(), from.oldest_leaves_at_ms());
  to.last_full_scrub_ms = optional_of<std::int64_t>(from.has_last_full_scrub_ms(), from.last_full_scrub_ms());
  to.segments = from.segments();
  return to;
}

NodeDescription node_of(const v1::DescribeNodeResponse& response) {
  NodeDescription node;
  node.id = response.id();
  node.version = response.version();
  node.cluster_id = response.cluster_id();
  node.disk_id = response.disk_id();
  node.api_address = response.api_address();
  node.peer_address = response.peer_address();
  node.http_address = response.http_address();
  node.data_dir = response.data_dir();
  node.uptime_ms = response.uptime_ms();
  node.shards = response.shards();
  node.io_engine = response.io_engine();
  node.boot_epoch = response.boot_epoch();
  node.disk_total_bytes = response.disk_total_bytes();
  node.disk_available_bytes = response.disk_available_bytes();
  node.disk_reserve_bytes = response.disk_reserve_bytes();
  node.disk_low_since_ms =
      optional_of<std::int64_t>(response.has_disk_low_since_ms(), response.disk_low_since_ms());
  node.journal_bytes = response.journal_bytes();
  node.memory_bytes = response.memory_bytes();
  node.memory_limit_bytes = response.memory_limit_bytes();
  node.move_bytes_per_second = response.move_bytes_per_second();
  node.topics = response.topics();
  node.partitions = response.partitions();
  node.journal_rounds = response.journal_rounds();
  node.warnings.assign(response.warnings().begin(), response.warnings().end());
  node.wall_time_ms = response.wall_time_ms();
  return node;
}

ClusterNode cluster_node_of(const v1::ClusterNode& from) {
  ClusterNode to;
  to.id = from.id();
  to.disk_id = from.disk_id();
  to.api_address = from.api_address();
  to.peer_address = from.peer_address();
  to.http_address = from.http_address();
  to.rack = from.rack();
  to.version = from.version();
  to.shards = from.shards();
  to.registered = from.registered();
  to.drained = from.drained();
  to.decommission = from.decommission();
  to.waits_for = from.waits_for();
  to.disk_given_up = from.disk_given_up();
  to.controller = from.controller();
  to.alive = from.alive();
  to.away_since_ms = optional_of<std::int64_t>(from.has_away_since_ms(), from.away_since_ms());
  to.not_reached_by.assign(from.not_reached_by().begin(), from.not_reached_by().end());
  to.replicas = from.replicas();
  to.leaders = from.leaders();
  if (from.has_details()) to.details = node_of(from.details());
  to.clock_apart_ms = optional_of<std::int64_t>(from.has_clock_apart_ms(), from.clock_apart_ms());
  return to;
}

PartitionReplicas replicas_of(const v1::PartitionReplicas& from) {
  PartitionReplicas to;
  to.topic = from.topic();
  to.partition = from.partition();
  to.internal = from.internal();
  to.leader = from.leader();
  to.term = from.term();
  to.waits_for = from.waits_for();
  to.leaderless_since_ms =
      optional_of<std::int64_t>(from.has_leaderless_since_ms(), from.leaderless_since_ms());
  for (const v1::ReplicaStatus& replica : from.replicas()) {
    to.replicas.push_back({replica.node(), replica.role(), replica.state(),
                           optional_of<std::int64_t>(replica.has_flushed(), replica.flushed()),
                           optional_of<std::uint64_t>(replica.has_lag_records(), replica.lag_records()),
                           optional_of<std::int64_t>(replica.has_since_ms(), replica.since_ms()),
                           replica.problem(),
                           optional_of<std::uint64_t>(replica.has_lag_bytes(), replica.lag_bytes())});
  }
  if (from.has_rates())
    to.rates = TrafficRates{from.rates().in_records(), from.rates().in_bytes(), from.rates().out_bytes()};
  const v1::MoveStatus& move = from.move();
  to.move.epoch = move.epoch();
  to.move.moving = move.moving();
  to.move.target.assign(move.target().begin(), move.target().end());
  to.move.previous.assign(move.previous().begin(), move.previous().end());
  to.move.leaving.assign(move.leaving().begin(), move.leaving().end());
  to.move.rebuilding = optional_of<std::uint32_t>(move.rebuilding() != 0, move.rebuilding());
  to.move.queued = move.queued();
  return to;
}

template <typename Request>
Request about(const Admin::MoveSubject& subject, Validate validate) {
  Request request;
  request.set_topic(subject.topic);
  request.set_partition(subject.partition);
  if (subject.epoch) request.set_epoch(*subject.epoch);
  request.set_validate_only(validate == Validate::kOnly);
  return request;
}

DecidedMoves moves_of(const v1::MoveResponse& from) {
  DecidedMoves to;
  for (const v1::PartitionTarget& target : from.targets()) {
    to.targets.push_back({target.partition(),
                          target.epoch(),
                          {target.from().begin(), target.from().end()},
                          {target.to().begin(), target.to().end()},
                          optional_of<std::uint32_t>(target.rebuild() != 0, target.rebuild())});
  }
  to.warnings.assign(from.warnings().begin(), from.warnings().end());
  return to;
}

}  // namespace

using Stub = v1::Admin::Stub;

Admin::Admin(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Admin::~Admin() = default;

Result<std::unique_ptr<Admin>> Admin::create(ClientOptions client) {
  if (auto checked = client::check_client_options(client); !checked) return std::move(checked).error();
  return std::unique_ptr<Admin>(new Admin(std::make_unique<Core>(client)));
}

Result<CreatedTopic> Admin::create_topic(const TopicSpec& spec, Validate validate) {
  v1::CreateTopicRequest request;
  request.set_name(spec.name);
  request.set_partitions(spec.partitions);
  request.set_replication_factor(spec.replication_factor);
  request.set_allow_single_copy(spec.allow_single_copy);
  request.mutable_config()->insert(spec.config.begin(), spec.config.end());
  request.set_validate_only(validate == Validate::kOnly);
  // The broker is to say what is not ready before the call itself runs out of time.
  request.set_timeout_ms(static_cast<std::uint32_t>(core_->timeout().count() * 9 / 10));
  v1::CreateTopicResponse response;
  FOREBAY_CHECK(core_->change(&Stub::CreateTopic, request, response));
  return CreatedTopic{response.id(), response.partitions(), response.replication_factor()};
}

Result<std::vector<TopicSummary>> Admin::list_topics(Internal internal) {
  v1::ListTopicsRequest request;
  request.set_include_internal(internal == Internal::kShow);
  v1::ListTopicsResponse response;
  FOREBAY_CHECK(core_->read(&Stub::ListTopics, request, response));
  std::vector<TopicSummary> topics;
  topics.reserve(static_cast<std::size_t>(response.topics_size()));
  for (const auto& topic : response.topics()) {
    topics.push_back({topic.name(), topic.id(), topic.partitions(), topic.replication_factor(),
                      topic.internal(), topic.disk_bytes(), topic.dead_letters_of()});
  }
  return topics;
}

Result<TopicDescription> Admin::describe_topic(const std::string& name) {
  v1::DescribeTopicRequest request;
  request.set_name(name);
  v1::DescribeTopicResponse response;
  FOREBAY_CHECK(core_->read(&Stub::DescribeTopic, request, response));
  TopicDescription topic;
  topic.name = response.name();
  topic.id = response.id();
  topic.replication_factor = response.replication_factor();
  topic.internal = response.internal();
  topic.dead_letters_of = response.dead_letters_of();
  for (const auto& partition : response.partitions()) topic.partitions.push_back(partition_of(partition));
  for (const auto& entry : response.config()) topic.config.push_back(entry_of(entry));
  return topic;
}

Result<std::vector<ConfigEntry>> Admin::alter_topic(const std::string& name, const TopicChange& change,
                                                    Validate validate) {
  v1::AlterTopicRequest request;
  request.set_name(name);
  request.mutable_set()->insert(change.set.begin(), change.set.end());
  for (const std::string& key : change.unset) request.add_unset(key);
  request.set_validate_only(validate == Validate::kOnly);
  v1::AlterTopicResponse response;
  FOREBAY_CHECK(core_->change(&Stub::AlterTopic, request, response));
  std::vector<ConfigEntry> config;
  for (const auto& entry : response.config()) config.push_back(entry_of(entry));
  return config;
}

Result<void> Admin::delete_topic(const std::string& name) {
  v1::DeleteTopicRequest request;
  request.set_name(name);
  v1::DeleteTopicResponse response;
  return core_->change(&Stub::DeleteTopic, request, response);
}

Result<AddedPartitions> Admin::add_partitions(const std::string& name, std::uint32_t total,
                                              Validate validate) {
  v1::AddPartitionsRequest request;
  request.set_name(name);
  request.set_total(total);
  request.set_validate_only(validate == Validate::kOnly);
  v1::AddPartitionsResponse response;
  FOREBAY_CHECK(core_->change(&Stub::AddPartitions, request, response));
  return AddedPartitions{response.partitions(), response.warning()};
}

Result<std::vector<TrimResult>> Admin::trim_topic(const std::string& name,
                                                  const std::vector<TrimPoint>& points) {
  v1::TrimTopicRequest request;
  request.set_name(name);
  for (const TrimPoint& point : points) {
    if (point.before && *point.before < 0) {
      return Error{ErrorCode::kInvalidArgument, "trim: offset " + std::to_string(*point.before) +
                                                    " of partition " + std::to_string(point.partition) +
                                                    " is negative"};
    }
    auto* out = request.add_points();
    out->set_partition(point.partition);
    out->set_before_offset(point.before.value_or(-1));
  }
  v1::TrimTopicResponse response;
  FOREBAY_CHECK(core_->change(&Stub::TrimTopic, request, response));
  std::vector<TrimResult> results;
  for (const auto& from : response.results()) {
    TrimResult& to = results.emplace_back();
    to.partition = from.partition();
    to.log_start = from.log_start();
    if (from.has_error()) to.error = error_of(from.error());
  }
  return results;
}

Result<std::vector<PartitionOffset>> Admin::list_offsets(const std::string& topic,
                                                         const std::vector<std::int32_t>& partitions,
                                                         OffsetSpec spec) {
  v1::ListOffsetsRequest request;
  request.set_topic(topic);
  request.mutable_partitions()->Add(partitions.begin(), partitions.end());
  switch (spec.kind) {
    case OffsetSpec::Kind::kStart:
      request.set_point(v1::START);
      break;
    case OffsetSpec::Kind::kEnd:
      request.set_point(v1::END);
      break;
    case OffsetSpec::Kind::kEventTime:
      request.set_point(v1::EVENT_TIME);
      break;
    case OffsetSpec::Kind::kAppendTime:
      request.set_point(v1::APPEND_TIME);
      break;
    case OffsetSpec::Kind::kOffset:
      return Error{ErrorCode::kInvalidArgument, "an offset that is known needs no looking up"};
  }
  request.set_time_ms(spec.value);
  // A partition that has no leader at the moment gets one: the answer without it is only the last resort.
  v1::ListOffsetsResponse response;
  v1::ListOffsetsResponse latest;
  const auto called = core_->call<v1::Log>(
      &v1::Log::Stub::ListOffsets, request, response, UnaryCaller::Repeat::kAlways,
      [&](const v1::ListOffsetsResponse& answer) -> std::optional<RpcError> {
        latest = answer;
        for (const auto& one : answer.offsets()) {
          if (!one.has_error()) continue;
          if (RpcError error = client::rpc_error_of(one.error()); is_retryable(error.error.code))
            return error;
        }
        return std::nullopt;
      });
  if (!called && latest.offsets().empty()) return called.error();
  std::vector<PartitionOffset> offsets;
  for (const auto& from : latest.offsets()) {
    PartitionOffset& to = offsets.emplace_back();
    to.partition = from.partition();
    to.offset = optional_of<std::int64_t>(from.has_offset(), from.offset());
    to.log_start = from.log_start();
    to.log_end = from.log_end();
    to.term = from.term();
    if (from.has_error()) to.error = error_of(from.error());
    to.end_lost = from.end_lost();
  }
  return offsets;
}

Result<NodeDescription> Admin::describe_node() {
  v1::DescribeNodeResponse response;
  FOREBAY_CHECK(core_->read(&Stub::DescribeNode, v1::DescribeNodeRequest(), response));
  return node_of(response);
}

Result<ClusterDescription> Admin::describe_cluster() {
  v1::DescribeClusterResponse response;
  FOREBAY_CHECK(core_->read(&Stub::DescribeCluster, v1::DescribeClusterRequest(), response));
  ClusterDescription cluster{response.cluster_id(), response.answered_by(), {}};
  for (const auto& node : response.nodes()) cluster.nodes.push_back(cluster_node_of(node));
  return cluster;
}

Result<std::vector<PartitionReplicas>> Admin::list_partitions(const std::vector<std::string>& topics,
                                                              Internal internal) {
  v1::ListPartitionsRequest request;
  request.mutable_topics()->Add(topics.begin(), topics.end());
  request.set_include_internal(internal == Internal::kShow);
  v1::ListPartitionsResponse response;
  FOREBAY_CHECK(core_->read(&Stub::ListPartitions, request, response));
  std::vector<PartitionReplicas> partitions;
  for (const auto& partition : response.partitions()) partitions.push_back(replicas_of(partition));
  return partitions;
}

Result<void> Admin::drain_node(std::uint32_t node) {
  v1::SetNodeDrainedRequest request;
  request.set_node(node);
  request.set_drained(true);
  v1::SetNodeDrainedResponse response;
  return core_->change(&Stub::SetNodeDrained, request, response);
}

Result<void> Admin::undrain_node(std::uint32_t node) {
  v1::SetNodeDrainedRequest request;
  request.set_node(node);
  v1::SetNodeDrainedResponse response;
  return core_->change(&Stub::SetNodeDrained, request, response);
}

Result<Decommissioned> Admin::decommission_node(const DecommissionSpec& spec, Validate validate) {
  v1::DecommissionNodeRequest request;
  request.set_node(spec.node);
  request.set_allow_fewer_racks(spec.allow_fewer_racks);
  request.set_validate_only(validate == Validate::kOnly);
  v1::DecommissionNodeResponse response;
  FOREBAY_CHECK(core_->change(&Stub::DecommissionNode, request, response));
  Decommissioned decided;
  decided.replicas = response.replicas();
  for (const auto& gain : response.gains()) decided.gains[gain.node()] = gain.replicas();
  return decided;
}

Result<void> Admin::keep_node(std::uint32_t node, Validate validate) {
  v1::DecommissionNodeRequest request;
  request.set_node(node);
  request.set_cancel(true);
  request.set_validate_only(validate == Validate::kOnly);
  v1::DecommissionNodeResponse response;
  return core_->change(&Stub::DecommissionNode, request, response);
}

Result<std::uint64_t> Admin::set_move_rate(std::uint64_t bytes_per_second) {
  v1::SetMoveRateRequest request;
  request.set_bytes_per_second(bytes_per_second);
  v1::SetMoveRateResponse response;
  FOREBAY_CHECK(core_->change(&Stub::SetMoveRate, request, response));
  return response.previous();
}

Result<NodeStopCheck> Admin::check_node_stop(std::uint32_t node) {
  v1::CheckNodeStopRequest request;
  request.set_node(node);
  v1::CheckNodeStopResponse response;
  FOREBAY_CHECK(core_->read(&Stub::CheckNodeStop, request, response));
  NodeStopCheck check{response.alive(), response.drained(), {}};
  for (const auto& from : response.obstacles())
    check.obstacles.push_back({from.topic(), from.partition(), from.leads(), from.reason()});
  return check;
}

namespace {

v1::RecoverPartitionRequest recovery_of(const RecoverySpec& spec) {
  v1::RecoverPartitionRequest request;
  request.set_topic(spec.topic);
  request.set_partition(spec.partition);
  request.set_node(spec.node);
  request.mutable_lost()->Add(spec.lost.begin(), spec.lost.end());
  request.set_by(spec.by);
  return request;
}

RecoveryLoss loss_of(const v1::RecoverPartitionResponse& from) {
  RecoveryLoss loss;
  for (const auto& voter : from.lost()) loss.lost.push_back({voter.node(), voter.disk_id()});
  loss.left.assign(from.left().begin(), from.left().end());
  loss.end_offset = from.end_offset();
  loss.committed_offset = from.committed_offset();
  return loss;
}

}  // namespace

Result<RecoveryLoss> Admin::recovery_loss(const RecoverySpec& spec) {
  v1::RecoverPartitionRequest request = recovery_of(spec);
  request.set_dry_run(true);
  v1::RecoverPartitionResponse response;
  FOREBAY_CHECK(core_->read(&Stub::RecoverPartition, request, response));
  return loss_of(response);
}

Result<RecoveryLoss> Admin::recover_partition(const RecoverySpec& spec) {
  v1::RecoverPartitionRequest request = recovery_of(spec);
  request.set_timeout_ms(static_cast<std::uint32_t>(core_->timeout().count()));
  v1::RecoverPartitionResponse response;
  FOREBAY_CHECK(core_->change(&Stub::RecoverPartition, request, response));
  return loss_of(response);
}

Result<DecidedMoves> Admin::move_partition(const MoveSubject& subject, const std::vector<std::uint32_t>& to,
                                           Validate validate) {
  auto request = about<v1::MovePartitionRequest>(subject, validate);
  request.mutable_to()->Add(to.begin(), to.end());
  v1::MoveResponse response;
  FOREBAY_CHECK(core_->change(&Stub::MovePartition, request, response));
  return moves_of(response);
}

Result<DecidedMoves> Admin::cancel_move(const MoveSubject& subject, Validate validate) {
  v1::MoveResponse response;
  FOREBAY_CHECK(core_->change(&Stub::CancelMove, about<v1::CancelMoveRequest>(subject, validate), response));
  return moves_of(response);
}

Result<DecidedMoves> Admin::rebuild_replica(const MoveSubject& subject, std::uint32_t node,
                                            Validate validate) {
  auto request = about<v1::RebuildReplicaRequest>(subject, validate);
  request.set_node(node);
  v1::MoveResponse response;
  FOREBAY_CHECK(core_->change(&Stub::RebuildReplica, request, response));
  return moves_of(response);
}

Result<DecidedMoves> Admin::change_replication(const std::string& topic, std::uint32_t factor,
                                               SingleCopy single_copy, Validate validate) {
  v1::ChangeReplicationRequest request;
  request.set_topic(topic);
  request.set_replication_factor(factor);
  request.set_allow_single_copy(single_copy == SingleCopy::kAllow);
  request.set_validate_only(validate == Validate::kOnly);
  v1::MoveResponse response;
  FOREBAY_CHECK(core_->change(&Stub::ChangeReplication, request, response));
  return moves_of(response);
}

Result<void> Admin::transfer_leader(const std::string& topic, std::int32_t partition, std::uint32_t to) {
  v1::TransferLeaderRequest request;
  request.set_topic(topic);
  request.set_partition(partition);
  request.set_to(to);
  v1::TransferLeaderResponse response;
  return core_->change(&Stub::TransferLeader, request, response);
}

Result<std::vector<ProducerSummary>> Admin::list_producers() {
  std::vector<ProducerSummary> producers;
  v1::ListProducersRequest request;
  v1::ListProducersResponse response;
  do {
    response.Clear();
    FOREBAY_CHECK(core_->read(&Stub::ListProducers, request, response));
    for (const auto& one : response.producers())
      producers.push_back({one.name(), one.producer_id(), one.epoch()});
    if (!producers.empty()) request.set_after(producers.back().name);
  } while (response.more() && response.producers_size() > 0);
  return producers;
}

Result<void> Admin::delete_producer_name(const std::string& name, Validate validate) {
  v1::DeleteProducerNameRequest request;
  request.set_name(name);
  request.set_validate_only(validate == Validate::kOnly);
  v1::DeleteProducerNameResponse response;
  return core_->change(&Stub::DeleteProducerName, request, response);
}

Result<std::string> Admin::set_log_level(const std::string& level) {
  v1::SetLogLevelRequest request;
  request.set_level(level);
  v1::SetLogLevelResponse response;
  FOREBAY_CHECK(core_->change(&Stub::SetLogLevel, request, response));
  return response.previous();
}

}  // namespace forebay
