// Topics, nodes, and replicas: what operators ask for.
#include <algorithm>
#include <utility>

#include "memory_broker.h"

namespace forebay::test {
namespace {

const std::set<std::string> kConfigKeys = {"retention.ms", "max.message.bytes"};

}  // namespace

Result<broker::TopicHead> MemoryBroker::topic_head(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = heads_.find(topic);
  if (found == heads_.end()) return unknown_topic(topic);
  return found->second;
}

void MemoryBroker::create_topic(broker::CreateTopicRequest request,
                                broker::Done<broker::CreateTopicResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    if (topics_.contains(request.name)) {
      done(Error{ErrorCode::kTopicExists, "topic '" + request.name + "' exists"});
      return;
    }
    for (const auto& [key, value] : request.config) {
      if (kConfigKeys.contains(key)) continue;
      done(Error{ErrorCode::kInvalidConfig, "unknown key " + key});
      return;
    }
    Topic topic;
    topic.id.bytes[15] = next_topic_;
    topic.partitions.resize(request.partitions);
    topic.config = request.config;
    broker::CreateTopicResult result{topic.id, request.partitions,
                                     request.replication_factor == 0 ? 1 : request.replication_factor};
    if (!request.validate_only) {
      ++next_topic_;
      const std::lock_guard lock(mutex_);
      heads_[request.name] = {topic.id, request.partitions, kMaxMessageBytes};
      topics_[request.name] = std::move(topic);
    }
    done(result);
  });
}

void MemoryBroker::list_topics(bool include_internal, broker::Done<std::vector<broker::TopicSummary>> done) {
  post([this, include_internal, done = std::move(done)]() mutable {
    std::vector<broker::TopicSummary> topics;
    for (const auto& [name, topic] : topics_) {
      const bool internal = name.starts_with("__");
      if (internal && !include_internal) continue;
      topics.push_back(
          {name, topic.id, static_cast<std::uint32_t>(topic.partitions.size()), 1, internal, 42});
    }
    done(std::move(topics));
  });
}

broker::TopicDescription MemoryBroker::describe(const std::string& name, const Topic& topic) const {
  broker::TopicDescription description;
  description.name = name;
  description.id = topic.id;
  description.replication_factor = 1;
  std::int32_t index = 0;
  for (const Partition& partition : topic.partitions) {
    broker::PartitionDescription each;
    each.partition = model::PartitionIndex(index++);
    each.leader = model::NodeId(1);
    each.term = kTerm;
    each.replicas = {model::NodeId(1)};
    each.log_start = partition.log_start;
    each.high_watermark = partition.end;
    each.state = "ready";
    each.damage = {{model::Offset(5), model::Offset(7)}, {model::Offset(9), std::nullopt}};
    each.oldest_append_time = kStartTime;
    each.segments = 1;
    if (const auto leads = check_leads(index - 1); !leads) {
      each.leader = model::NodeId(2);
      each.leader_address = leads.error().leader;
      each.state = "follows";
    }
    description.partitions.push_back(std::move(each));
  }
  for (const std::string& key : kConfigKeys) {
    const auto found = topic.config.find(key);
    const bool is_default = found == topic.config.end();
    description.config.push_back({key, is_default ? "-1" : found->second, is_default, "doc of " + key});
  }
  return description;
}

void MemoryBroker::describe_topic(std::string name, broker::Done<broker::TopicDescription> done) {
  post([this, name = std::move(name), done = std::move(done)]() mutable {
    const auto found = topics_.find(name);
    if (found == topics_.end()) {
      done(unknown_topic(name));
    } else {
      done(describe(name, found->second));
    }
  });
}

void MemoryBroker::alter_topic(broker::AlterTopicRequest request,
                               broker::Done<std::vector<broker::ConfigEntry>> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    const auto found = topics_.find(request.name);
    if (found == topics_.end()) {
      done(unknown_topic(request.name));
      return;
    }
    Topic changed = found->second;
    for (const auto& [key, value] : request.set) changed.config[key] = value;
    for (const std::string& key : request.unset) changed.config.erase(key);
    auto config = describe(request.name, changed).config;
    if (!request.validate_only) found->second = std::move(changed);
    done(std::move(config));
  });
}

void MemoryBroker::delete_topic(std::string name, broker::Done<std::monostate> done) {
  post([this, name = std::move(name), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    if (topics_.erase(name) == 0) {
      done(unknown_topic(name));
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      heads_.erase(name);
    }
    wake_fetches();
    done(std::monostate{});
  });
}

void MemoryBroker::add_partitions(std::string name, std::uint32_t total, bool validate_only,
                                  broker::Done<broker::AddPartitionsResult> done) {
  post([this, name = std::move(name), total, validate_only, done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    const auto found = topics_.find(name);
    if (found == topics_.end()) {
      done(unknown_topic(name));
      return;
    }
    if (total <= found->second.partitions.size()) {
      done(Error{ErrorCode::kInvalidArgument, "total: must be more than now"});
      return;
    }
    if (!validate_only) {
      found->second.partitions.resize(total);
      const std::lock_guard lock(mutex_);
      heads_[name].partitions = total;
    }
    done(broker::AddPartitionsResult{total, "keys may now go elsewhere"});
  });
}

void MemoryBroker::trim_topic(std::string name, std::vector<broker::TrimPoint> points,
                              broker::Done<std::vector<broker::TrimResult>> done) {
  post([this, name = std::move(name), points = std::move(points), done = std::move(done)]() mutable {
    std::vector<broker::TrimResult> results;
    for (const broker::TrimPoint& point : points) {
      broker::TrimResult result;
      result.partition = point.partition;
      auto partition = find(name, point.partition);
      auto leads = check_leads(point.partition.value());
      if (!partition || !leads) {
        result.error = partition ? leads.error() : partition.error();
      } else {
        (*partition)->log_start = point.before.value_or((*partition)->end);
        result.log_start = (*partition)->log_start;
      }
      results.push_back(result);
    }
    done(std::move(results));
  });
}

// Says what it was asked for, from nodes 1 and 2.
void MemoryBroker::move_partition(broker::MoveRequest request, broker::Done<broker::MoveResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, request.partition); !known) return done(known.error());
    if (auto decides = check_leads(-1); !decides) return done(decides.error());
    moves.push_back(request);
    if (refusal_of_moves) return done(*refusal_of_moves);
    broker::PartitionTarget target{request.partition, request.epoch.value_or(0) + 1, {}, {}, std::nullopt};
    target.from = target.to = {model::NodeId(1), model::NodeId(2)};
    if (const auto* move = std::get_if<broker::MoveTo>(&request.what)) target.to = move->nodes;
    if (const auto* rebuild = std::get_if<broker::RebuildReplica>(&request.what))
      target.rebuild = rebuild->node;
    done(broker::MoveResult{{std::move(target)}, {request.validate_only ? "not done" : "done"}});
  });
}

void MemoryBroker::change_replication(broker::ChangeReplicationRequest request,
                                      broker::Done<broker::MoveResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, model::PartitionIndex(0)); !known) return done(known.error());
    replications.push_back(request);
    if (refusal_of_moves) return done(*refusal_of_moves);
    broker::PartitionTarget target{model::PartitionIndex(0), 1, {model::NodeId(1)}, {}, std::nullopt};
    for (std::uint32_t node = 1; node <= request.replication_factor; ++node) target.to.emplace_back(node);
    done(broker::MoveResult{{std::move(target)}, {}});
  });
}

void MemoryBroker::transfer_leader(broker::TransferLeaderRequest request, broker::Done<std::monostate> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, request.partition); !known) return done(known.error());
    if (auto leads = check_leads(request.partition.value()); !leads) return done(leads.error());
    for (broker::PartitionReplicas& one : partition_replicas) {
      if (one.topic == request.topic && one.partition == request.partition) one.leader = request.to;
    }
    done(std::monostate{});
  });
}

void MemoryBroker::describe_node(broker::Done<broker::NodeDescription> done) {
  post([done = std::move(done), advertised = api_advertised]() mutable {
    broker::NodeDescription node;
    node.id = model::NodeId(1);
    node.version = "0.1.0";
    node.cluster_id = "cluster";
    node.disk_id = "disk";
    node.api_address = "0.0.0.0:7400";
    node.api_advertised = advertised;
    node.uptime = std::chrono::milliseconds(1234);
    node.shards = 1;
    node.boot_epoch = model::BootEpoch(2);
    node.warnings = {"one", "two"};
    done(std::move(node));
  });
}

void MemoryBroker::describe_cluster(broker::Done<broker::ClusterDescription> done) {
  post([this, done = std::move(done)]() mutable { done(cluster); });
}

void MemoryBroker::list_partitions(broker::ListPartitionsRequest request,
                                   broker::Done<std::vector<broker::PartitionReplicas>> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    std::vector<broker::PartitionReplicas> found;
    for (const std::string& topic : request.topics) {
      if (!topics_.contains(topic)) return done(Error{ErrorCode::kUnknownTopic, "no topic " + topic});
    }
    for (const broker::PartitionReplicas& one : partition_replicas) {
      const auto& names = request.topics;
      if (names.empty() || std::find(names.begin(), names.end(), one.topic) != names.end())
        found.push_back(one);
    }
    done(std::move(found));
  });
}

void MemoryBroker::recover_partition(broker::RecoverPartitionRequest request,
                                     broker::Done<partition::MajorityLoss> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    recoveries.push_back(std::move(request));
    done(partition::MajorityLoss{{{model::NodeId(2), model::Uuid{{2}}}, {model::NodeId(3), model::Uuid{{3}}}},
                                 {{model::NodeId(1), model::Uuid{{1}}}},
                                 model::Offset(70),
                                 model::Offset(60)});
  });
}

void MemoryBroker::set_node_drained(model::NodeId node, bool drained, broker::Done<std::monostate> done) {
  post([this, node, drained, done = std::move(done)]() mutable {
    for (broker::ClusterNode& one : cluster.nodes) {
      if (one.id != node) continue;
      one.drained = drained;
      return done(std::monostate{});
    }
    done(Error{ErrorCode::kInvalidArgument, "the cluster has no broker " + std::to_string(node.value())});
  });
}

void MemoryBroker::decommission_node(broker::DecommissionNodeRequest request,
                                     broker::Done<broker::DecommissionResult> done) {
  post([this, request, done = std::move(done)]() mutable {
    for (broker::ClusterNode& one : cluster.nodes) {
      if (one.id != request.node) continue;
      if (!request.validate_only) one.decommission = request.cancel ? "" : broker::kDecommissionMoving;
      if (request.cancel) return done(broker::DecommissionResult{});
      return done(broker::DecommissionResult{3, {{model::NodeId(1), 2}, {model::NodeId(2), 1}}});
    }
    done(Error{ErrorCode::kInvalidArgument,
               "the cluster has no broker " + std::to_string(request.node.value())});
  });
}

void MemoryBroker::set_move_rate(std::uint64_t bytes_per_second, broker::Done<std::uint64_t> done) {
  post([this, bytes_per_second, done = std::move(done)]() mutable {
    done(std::exchange(move_rate, bytes_per_second));
  });
}

void MemoryBroker::unready_partitions(broker::Done<std::vector<broker::UnreadyPartition>> done) {
  post([done = std::move(done)]() mutable { done(std::vector<broker::UnreadyPartition>{}); });
}

}  // namespace forebay::test
