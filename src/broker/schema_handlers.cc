// Where the schema registry is.
#include <utility>

#include "broker/node_broker.h"
#include "cluster/core/internal_topics.h"
#include "schema/registries.h"

namespace forebay::broker {
namespace {

const model::PartitionIndex kRegistryPartition(0);

}  // namespace

bool NodeBroker::has_registry() const {
  return routing()->topics.contains(std::string(cluster::kSchemasTopicName));
}

void NodeBroker::with_registry(UseRegistry use) {
  if (auto open = check_intake(); !open) return use(open.error());
  if (has_registry()) return on_registry(std::move(use), true);
  make_internal_topic(cluster::InternalTopic::kSchemas,
                      [this, use = std::move(use)](const Result<std::monostate>& made) mutable {
                        if (!made) return use(made.error());
                        on_registry(std::move(use), true);
                      });
}

void NodeBroker::with_registry_replica(UseRegistry use) { on_registry(std::move(use), false); }

void NodeBroker::on_registry(UseRegistry use, bool leading) {
  const RoutingPtr table = routing();
  const auto route = table->topics.find(std::string(cluster::kSchemasTopicName));
  if (route == table->topics.end())
    return use(Error{ErrorCode::kNotYet, "the schema registry is being set up; retry", 100});
  const auto id = route->second.id_of(kRegistryPartition);
  const ShardHandle shard = shards_[route->second.shards.front()];
  const bool hosted = route->second.is_hosted_by(config_.self.node, kRegistryPartition);
  shard.executor->post([this, shard, id, hosted, leading, use = std::move(use)]() mutable {
    schema::Registry* registry = shard.registries == nullptr ? nullptr : shard.registries->find(id);
    if (registry == nullptr) return use(not_here(shard, id, hosted));
    auto leads = registry->host().check();
    if (!leads && (leading || leads.error().code != ErrorCode::kNotLeader))
      return use(with_leader(std::move(leads).error(), shard, id));
    use(registry);
  });
}

std::shared_ptr<const schema::SharedImage> NodeBroker::registry_image() const {
  return local_registry_ == nullptr ? nullptr : local_registry_->image();
}

void NodeBroker::with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work,
                              UniqueFunction<void()> then) {
  pool_->run([work = std::move(work), schemas = schemas_]() mutable { work(*schemas); },
             *shards_.front().executor, std::move(then));
}

Error NodeBroker::name_registry_leader(Error error) const {
  if (!error.leader.empty()) return error;
  error.leader = led_elsewhere(std::string(cluster::kSchemasTopicName), kRegistryPartition);
  return error;
}

}  // namespace forebay::broker
