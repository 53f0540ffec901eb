// Where a consumer group is coordinated.
#include <utility>

#include "broker/gather.h"
#include "broker/node_broker.h"
#include "cluster/core/internal_topics.h"
#include "group/core/turn.h"

namespace forebay::broker {
namespace {

// Partitions of a new topic elect their leaders meanwhile.
constexpr std::chrono::seconds kInternalReadyMax{25};

std::vector<GroupListing> page_of(const group::GroupImage& image, const std::string& after,
                                  std::size_t count_max) {
  std::vector<GroupListing> page;
  for (auto at = image.groups.upper_bound(after); at != image.groups.end() && page.size() < count_max; ++at) {
    const group::Group& one = at->second;
    page.push_back({at->first, group::state_of(one), one.roster.members.size(), one.start});
  }
  return page;
}

}  // namespace

void NodeBroker::with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) {
  if (auto open = check_intake(); !open) return use(open.error());
  if (auto named = group::check_group_name(group); !named) return use(named.error());
  const RoutingPtr table = routing();
  const auto route = table->topics.find(std::string(cluster::kGroupsTopicName));
  if (route == table->topics.end()) {
    if (topic == GroupsTopic::kExpect)
      return use(Error{ErrorCode::kUnknownGroup, "there is no group '" + group + "'"});
    return make_internal_topic(
        cluster::InternalTopic::kGroups,
        [this, group = std::move(group), use = std::move(use)](const Result<std::monostate>& made) mutable {
          if (!made) return use(made.error());
          with_coordinator(std::move(group), GroupsTopic::kExpect, std::move(use));
        });
  }
  on_coordinator(route->second, group::partition_of_group(group), std::move(use));
}

void NodeBroker::on_coordinator(const TopicRoute& route, model::PartitionIndex partition,
                                UseCoordinator use) {
  const auto id = route.id_of(partition);
  const ShardHandle shard = shards_[route.shards[static_cast<std::size_t>(partition.value())]];
  const bool hosted = route.is_hosted_by(config_.self.node, partition);
  shard.executor->post([this, shard, id, hosted, use = std::move(use)]() mutable {
    group::Coordinator* coordinator = shard.coordinators == nullptr ? nullptr : shard.coordinators->find(id);
    if (coordinator == nullptr) return use(not_here(shard, id, hosted));
    if (auto leads = coordinator->host().check(); !leads)
      return use(with_leader(std::move(leads).error(), shard, id));
    use(coordinator);
  });
}

Error NodeBroker::name_coordinator(Error error, const std::string& group) const {
  if (error.code != ErrorCode::kNotLeader || !error.leader.empty()) return error;
  const RoutingPtr table = routing();
  const auto route = table->topics.find(std::string(cluster::kGroupsTopicName));
  if (route != table->topics.end())
    error.leader = leader_address(route->second.id_of(group::partition_of_group(group)));
  return error;
}

void NodeBroker::list_groups(ListGroupsRequest request, Done<std::vector<ListedGroups>> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  const RoutingPtr table = routing();
  const auto route = table->topics.find(std::string(cluster::kGroupsTopicName));
  if (route == table->topics.end()) return done(std::vector<ListedGroups>{});
  const auto count = static_cast<std::int32_t>(route->second.shards.size());
  if (request.coordinators.empty()) {
    for (std::int32_t i = 0; i < count; ++i) request.coordinators.emplace_back(i);
  }
  auto gather = std::make_shared<Gather<ListedGroups>>(request.coordinators.size(), std::move(done));
  for (std::size_t i = 0; i < request.coordinators.size(); ++i) {
    const auto partition = request.coordinators[i];
    const auto fail = [this, gather, i, partition, id = route->second.id_of(partition)](Error error) {
      if (error.code == ErrorCode::kNotLeader && error.leader.empty()) error.leader = leader_address(id);
      gather->set(i, {partition, std::move(error), {}});
    };
    if (partition.value() < 0 || partition.value() >= count) {
      fail({ErrorCode::kUnknownPartition, "there is no coordinator " + std::to_string(partition.value()) +
                                              "; there are " + std::to_string(count)});
      continue;
    }
    on_coordinator(
        route->second, partition,
        [gather, i, partition, fail, after = request.after,
         count_max = request.count_max](Result<group::Coordinator*> found) {
          if (!found) return fail(found.error());
          group::Coordinator* coordinator = *found;
          coordinator->read([gather, i, partition, fail, after, count_max,
                             coordinator](const Result<std::monostate>& current) {
            if (!current) return fail(current.error());
            gather->set(i, {partition, std::nullopt, page_of(coordinator->look(), after, count_max)});
          });
        });
  }
}

// Proposed by whoever is asked first; the same by others at the same time finds it there.
void NodeBroker::make_internal_topic(cluster::InternalTopic topic, Done<std::monostate> done) {
  on_controller([this, topic, done = std::move(done)]() mutable {
    if (controller_ == nullptr || !controller_->image())
      return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    propose(cluster::MakeInternalTopic{topic, controller_->new_id()},
            [this, topic, done = std::move(done)](const Result<std::monostate>& made) mutable {
              if (!made) return done(made.error());
              const std::string name(cluster::name_of(topic));
              const auto known = controller_->image()->find(name);
              // Decided elsewhere, and its news are not here yet.
              if (!known)
                return done(Error{ErrorCode::kNotYet, "the topic " + name + " is being set up; retry", 100});
              reconciler_->when_ready(known->id, cluster::partitions_of(topic), kInternalReadyMax,
                                      std::move(done));
            });
  });
}

}  // namespace forebay::broker
