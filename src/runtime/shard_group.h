// All shards of the process.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/shard.h"

namespace forebay::runtime {

// Half the cores, rounded up: gRPC's threads need the rest.
[[nodiscard]] constexpr std::size_t default_shard_count(std::size_t cores) {
  return cores < 2 ? 1 : (cores + 1) / 2;
}

class ShardGroup {
 public:
  explicit ShardGroup(std::size_t count);  // at least 1; threads fb-shard-0, fb-shard-1, ...
  ~ShardGroup() { stop_and_join(); }

  void start();
  // Every shard, one after the other: what one posts to another that has stopped is destroyed with the group.
  void stop_and_join();
  [[nodiscard]] std::size_t size() const { return shards_.size(); }
  [[nodiscard]] Shard& at(std::size_t index) { return *shards_.at(index); }

 private:
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace forebay::runtime
