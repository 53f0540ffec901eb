// The registry on one shard: there while a replica of `__schemas` is on it. Thread rules: everything on the
// shard, but LocalRegistry.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "machine/replicas.h"
#include "schema/registry.h"

namespace forebay::schema {

// The state that this node holds, for all its threads. Any thread.
class LocalRegistry {
 public:
  // Nothing: no replica is here.
  [[nodiscard]] std::shared_ptr<const SharedImage> image() const {
    const std::lock_guard lock(mutex_);
    return image_;
  }
  void set(std::shared_ptr<const SharedImage> image) {
    const std::lock_guard lock(mutex_);
    image_ = std::move(image);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const SharedImage> image_;
};

class Registries {
 public:
  struct Parts {
    partition::PartitionSet* partitions = nullptr;
    kv::KeyValueStore* store = nullptr;
    runtime::Executor* executor = nullptr;
    runtime::BlockingPool* pool = nullptr;
    runtime::BlockingPool* schema_pool = nullptr;
    runtime::WallClock* clock = nullptr;
    raft::Peers* peers = nullptr;  // none: a node alone
    std::shared_ptr<ParsedSchemas> schemas;
    std::shared_ptr<LocalRegistry> local;
    machine::HostConfig host;
  };
  // All parts outlive it.
  explicit Registries(Parts parts);
  Registries(const Registries&) = delete;
  Registries& operator=(const Registries&) = delete;

  // Nothing: there is no replica of it here.
  [[nodiscard]] Registry* find(const model::TopicPartition& id) { return replicas_.find(id); }
  // What nodes ask one another about the registry. Returns false if it is something else.
  bool answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) {
    if (replicas_.answer_state_request(body, reply)) return true;
    for (const auto& [id, one] : replicas_.all())  // there is one partition
      if (one->answer_refresh(body, reply)) return true;
    return false;
  }
  void stop(UniqueFunction<void()> done) { replicas_.stop(std::move(done)); }

 private:
  Parts parts_;
  machine::Replicas<Registry> replicas_;
};

}  // namespace forebay::schema
