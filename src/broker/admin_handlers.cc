// Topics: decided by the controller, carried out by the reconciler, answered when it is done.
#include <algorithm>
#include <numeric>
#include <utility>

#include "broker/gather.h"
#include "broker/node_broker.h"
#include "cluster/core/dead_letter_topics.h"
#include "cluster/core/decisions.h"
#include "config/topic_name.h"
#include "log/core/damage.h"

namespace forebay::broker {
namespace {

// Below the 30 s that clients wait by default, so that they hear what is not ready.
constexpr std::chrono::seconds kAddedReadyMax{25};

// The effect of an alteration on a topic's overrides. Errors: kInvalidConfig.
Result<cluster::Overrides> altered(const cluster::Overrides& before, const AlterTopicRequest& request,
                                   const config::TopicConfig& defaults) {
  cluster::Overrides overrides = before;
  for (const std::string& key : request.unset) {
    const auto& keys = config::topic_keys();
    if (std::none_of(keys.begin(), keys.end(), [&](const auto& known) { return known.name == key; })) {
      return Error{ErrorCode::kInvalidConfig, "there is no topic configuration key '" + key + "' to unset"};
    }
    overrides.erase(key);
  }
  for (const auto& [key, value] : request.set) overrides[key] = value;
  FOREBAY_CHECK(config::parse_topic_config(overrides, defaults));
  return config::canonical_overrides(overrides, defaults);
}

CreateTopicResult created(const cluster::Topic& topic) {
  return {topic.id, static_cast<std::uint32_t>(topic.partitions.size()), topic.replication_factor};
}

PartitionDescription describe(model::PartitionIndex partition, const cluster::Replicas& replicas,
                              partition::PartitionStatus status) {
  PartitionDescription description;
  description.partition = partition;
  description.leader = status.leader;
  description.term = status.term;
  description.replicas = replicas;
  description.log_start = status.marks.log_start;
  description.high_watermark = status.marks.high_watermark;
  description.disk_bytes = status.log.disk_bytes;
  description.state = std::move(status.state);
  for (const auto& damage : status.log.damage) {
    DamagedRange range{damage.begin.next_offset, std::nullopt, log::is_accepted(damage.kind)};
    if (!log::is_tail(damage.kind)) range.end = damage.end.next_offset;
    description.damage.push_back(range);
  }
  description.oldest_append_time = status.oldest_append_time;
  description.oldest_leaves_at = status.oldest_leaves_at;
  description.last_full_scrub = status.log.last_full_scrub;
  description.segments = static_cast<std::uint32_t>(status.log.segments.size());
  return description;
}

// The status of each partition of a route, or a description that says why there is none.
void describe_partitions(const std::vector<ShardHandle>& shards, const TopicRoute& route,
                         Done<std::vector<PartitionDescription>> done) {
  auto gather = std::make_shared<Gather<PartitionDescription>>(route.shards.size(), std::move(done));
  for (std::size_t i = 0; i < route.shards.size(); ++i) {
    const model::PartitionIndex index(static_cast<std::int32_t>(i));
    const ShardHandle shard = shards[route.shards[i]];
    const auto id = route.id_of(index);
    shard.executor->post([shard, id, index, i, gather, replicas = route.topic->partitions[i].replicas] {
      const auto without_status = [gather, i, index, replicas](std::string state) {
        PartitionDescription description;
        description.partition = index;
        description.replicas = replicas;
        description.state = std::move(state);
        gather->set(i, std::move(description));
      };
      partition::Partition* partition = shard.partitions->find(id);
      if (partition == nullptr) {
        return without_status(shard.partitions->not_here(id).to_string());
      }
      partition->status(
          [gather, i, index, replicas, without_status](Result<partition::PartitionStatus> status) {
            if (!status) return without_status(status.error().to_string());
            gather->set(i, describe(index, replicas, std::move(*status)));
          });
    });
  }
}

// From memory: a list of topics must not read the disk for every partition there is.
void sum_disk_bytes(const std::vector<ShardHandle>& shards, const TopicRoute& route,
                    UniqueFunction<void(std::uint64_t)> done) {
  auto gather = std::make_shared<Gather<std::uint64_t>>(
      route.shards.size(), [done = std::move(done)](Result<std::vector<std::uint64_t>> bytes) mutable {
        done(std::accumulate(bytes->begin(), bytes->end(), std::uint64_t{0}));
      });
  for (std::size_t i = 0; i < route.shards.size(); ++i) {
    const ShardHandle shard = shards[route.shards[i]];
    shard.executor->post(
        [shard, gather, i, id = route.id_of(model::PartitionIndex(static_cast<std::int32_t>(i)))] {
          const partition::Partition* partition = shard.partitions->find(id);
          gather->set(i, partition == nullptr ? 0 : partition->disk_bytes());
        });
  }
}

}  // namespace

std::vector<ConfigEntry> NodeBroker::entries_of(const config::TopicConfig& effective,
                                                const cluster::Overrides& overrides) const {
  std::vector<ConfigEntry> entries;
  const auto values = config::to_map(effective);
  for (const auto& key : config::describe_topic_keys()) {
    const auto at = values.find(key.name);
    if (at != values.end()) entries.push_back({key.name, at->second, !overrides.contains(key.name), key.doc});
  }
  return entries;
}

void NodeBroker::create_topic(CreateTopicRequest request, Done<CreateTopicResult> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  if (auto named = config::check_topic_name(request.name); !named) return done(named.error());
  auto overrides = config::canonical_overrides(request.config, config_.topic_defaults);
  if (!overrides) return done(overrides.error());
  on_controller([this, request = std::move(request), overrides = std::move(*overrides),
                 done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    cluster::CreateTopic create{request.name, request.partitions, request.replication_factor,
                                std::move(overrides), request.allow_single_copy};
    const auto id = controller_->new_id();
    auto decide = [this, create = std::move(create),
                   id](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
      FOREBAY_TRY(auto created, cluster::decide_create(image, create, id, config_.limits));
      return cluster::ClusterRecord(std::move(created));
    };
    if (request.validate_only) {
      if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
      auto record = decide(*controller_->image());
      if (!record) return done(record.error());
      return done(created(std::get<cluster::TopicCreated>(*record).topic));
    }
    controller_->submit(std::move(decide), [this, id, timeout = request.timeout,
                                            done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
      if (!image) return done(with_controller(std::move(image).error()));
      const auto topic = (*image)->by_id.find(id);
      if (topic == (*image)->by_id.end())
        return done(Error{ErrorCode::kUnknownTopic, "the topic was deleted meanwhile"});
      const CreateTopicResult result = created(*topic->second);
      reconciler_->when_ready(result.id, result.partitions, timeout,
                              [result, done = std::move(done)](Result<std::monostate> ready) mutable {
                                if (!ready) return done(ready.error());
                                done(result);
                              });
    });
  });
}

void NodeBroker::list_topics(bool include_internal, Done<std::vector<TopicSummary>> done) {
  const RoutingPtr table = routing();
  std::vector<const TopicRoute*> routes;
  for (const auto& [name, route] : table->topics) {
    if (include_internal || !route.internal) routes.push_back(&route);
  }
  for (const auto& [name, route] : table->dead_letters) routes.push_back(&route);
  std::sort(routes.begin(), routes.end(), [](const auto* a, const auto* b) { return a->name() < b->name(); });
  auto gather = std::make_shared<Gather<TopicSummary>>(routes.size(), std::move(done));
  for (std::size_t i = 0; i < routes.size(); ++i) {
    TopicSummary summary{.name = routes[i]->name(),
                         .id = routes[i]->id(),
                         .partitions = static_cast<std::uint32_t>(routes[i]->shards.size()),
                         .replication_factor = routes[i]->topic->replication_factor,
                         .internal = routes[i]->internal,
                         .disk_bytes = 0,
                         .dead_letters_of = routes[i]->dead_letters_of()};
    if (!summary.dead_letters_of.empty()) {  // they take no room of their own
      gather->set(i, std::move(summary));
      continue;
    }
    sum_disk_bytes(shards_, *routes[i],
                   [gather, i, summary = std::move(summary)](std::uint64_t disk_bytes) mutable {
                     summary.disk_bytes = disk_bytes;
                     gather->set(i, std::move(summary));
                   });
  }
}

void NodeBroker::describe_topic(std::string name, Done<TopicDescription> done) {
  const RoutingPtr table = routing();
  const auto route = table->find_readable(name);
  if (!route) return done(route.error());
  TopicDescription description;
  description.name = (*route)->name();
  description.id = (*route)->id();
  description.dead_letters_of = (*route)->dead_letters_of();
  description.replication_factor = (*route)->topic->replication_factor;
  description.internal = (*route)->internal;
  description.config = entries_of((*route)->config, (*route)->topic->config);
  describe_partitions(shards_, **route,
                      [this, source = (*route)->topic->id, description = std::move(description),
                       done = std::move(done)](Result<std::vector<PartitionDescription>> partitions) mutable {
                        if (!partitions) return done(partitions.error());
                        for (PartitionDescription& one : *partitions)
                          name_leader({source, one.partition}, one);
                        description.partitions = std::move(*partitions);
                        done(std::move(description));
                      });
}

void NodeBroker::alter_topic(AlterTopicRequest request, Done<std::vector<ConfigEntry>> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    auto decide = [this, request](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
      FOREBAY_CHECK(cluster::check_not_dead_letters(image, request.name, "configured"));
      const auto topic = image.find(request.name);
      if (!topic) return cluster::unknown_topic(request.name);
      FOREBAY_TRY(auto overrides, altered(topic->config, request, config_.topic_defaults));
      FOREBAY_TRY(auto set, cluster::decide_set_config(image, request.name, std::move(overrides)));
      return cluster::ClusterRecord(std::move(set));
    };
    if (request.validate_only) {
      auto record = decide(*controller_->image());
      if (!record) return done(record.error());
      const auto& overrides = std::get<cluster::TopicConfigSet>(*record).config;
      auto effective = config::parse_topic_config(overrides, config_.topic_defaults);
      if (!effective) return done(effective.error());
      return done(entries_of(*effective, overrides));
    }
    controller_->submit(std::move(decide), [this, name = request.name,
                                            done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
      if (!image) return done(with_controller(std::move(image).error()));
      const RoutingPtr table = routing();
      const auto route = table->find(name, "configured");
      if (!route) return done(route.error());
      done(entries_of((*route)->config, (*route)->topic->config));
    });
  });
}

void NodeBroker::delete_topic(std::string name, Done<std::monostate> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, name = std::move(name), done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    auto id = std::make_shared<model::TopicId>();
    controller_->submit(
        [name, id](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
          FOREBAY_TRY(auto deleted, cluster::decide_delete(image, name));
          *id = deleted.id;
          return cluster::ClusterRecord(deleted);
        },
        [this, id, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
          if (!image) return done(with_controller(std::move(image).error()));
          reconciler_->when_gone(*id, std::move(done));
        });
  });
}

void NodeBroker::add_partitions(std::string name, std::uint32_t total, bool validate_only,
                                Done<AddPartitionsResult> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, name = std::move(name), total, validate_only, done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    auto decide = [this, name, total](const cluster::ClusterImage& image) -> Result<cluster::ClusterRecord> {
      FOREBAY_TRY(auto added, cluster::decide_add_partitions(image, name, total, config_.limits));
      return cluster::ClusterRecord(std::move(added));
    };
    const AddPartitionsResult result{total,
                                     "records with a key may go to other partitions from now on: order per "
                                     "key holds within the records before and within "
                                     "those after this change, not across it"};
    if (validate_only) {
      auto record = decide(*controller_->image());
      if (!record) return done(record.error());
      return done(result);
    }
    controller_->submit(std::move(decide), [this, name, result,
                                            done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
      if (!image) return done(with_controller(std::move(image).error()));
      const auto topic = (*image)->find(name);
      if (!topic) return done(cluster::unknown_topic(name));
      reconciler_->when_ready(topic->id, result.partitions, kAddedReadyMax,
                              [result, done = std::move(done)](Result<std::monostate> ready) mutable {
                                if (!ready) return done(ready.error());
                                done(result);
                              });
    });
  });
}

// Not subject to check_intake's disk or memory bounds: trimming is how a full disk is emptied.
void NodeBroker::trim_topic(std::string name, std::vector<TrimPoint> points,
                            Done<std::vector<TrimResult>> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  const RoutingPtr table = routing();
  const auto route = table->find(name, "trimmed");
  if (!route) return done(route.error());
  if ((*route)->internal)
    return done(Error{ErrorCode::kInvalidArgument, "topic '" + name + "' is internal; it trims itself"});
  auto gather = std::make_shared<Gather<TrimResult>>(points.size(), std::move(done));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const TrimPoint point = points[i];
    const auto answer = [gather, i, point](Result<model::Offset> log_start) {
      TrimResult result{point.partition, {}, std::nullopt};
      if (log_start) {
        result.log_start = *log_start;
      } else {
        result.error = log_start.error();
      }
      gather->set(i, std::move(result));
    };
    const auto shard_index = (*route)->shard_of(point.partition);
    if (!shard_index) {
      answer(shard_index.error());
      continue;
    }
    const ShardHandle shard = shards_[*shard_index];
    const bool hosted = (*route)->is_hosted_by(config_.self.node, point.partition);
    shard.executor->post([this, shard, id = (*route)->id_of(point.partition), hosted, point, answer] {
      partition::Partition* partition = shard.partitions->find(id);
      if (partition == nullptr) return answer(not_here(shard, id, hosted));
      partition->trim(point.before, [this, shard, id, answer](Result<model::Offset> log_start) {
        if (!log_start) return answer(with_leader(std::move(log_start).error(), shard, id));
        answer(log_start);
      });
    });
  }
}

}  // namespace forebay::broker
