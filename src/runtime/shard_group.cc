#include "runtime/shard_group.h"

#include "base/assert.h"

namespace forebay::runtime {

ShardGroup::ShardGroup(std::size_t count) {
  FOREBAY_ASSERT(count > 0);
  for (std::size_t i = 0; i < count; ++i)
    shards_.push_back(std::make_unique<Shard>("fb-shard-" + std::to_string(i)));
}

void ShardGroup::start() {
  for (const auto& shard : shards_) shard->start();
}

void ShardGroup::stop_and_join() {
  for (const auto& shard : shards_) shard->stop_and_join();
}

}  // namespace forebay::runtime
