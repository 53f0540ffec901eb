// The registry's state where every thread of the node may look at it: the replica's shard changes it, others
// read. A look is short: maps are searched in it, nothing is parsed.
#pragma once

#include <functional>
#include <mutex>
#include <shared_mutex>

#include "schema/core/decisions.h"

namespace forebay::schema {

class SharedImage final : public ImageAccess {
 public:
  // Any thread.
  void look(const std::function<void(const RegistryImage&)>& look) const override {
    const std::shared_lock lock(mutex_);
    look(image_);
  }
  // Whether what is seen is at most as old as this replica: it has once caught up since it was opened. Until
  // then it may lack what was registered long ago.
  [[nodiscard]] bool is_current() const {
    const std::shared_lock lock(mutex_);
    return current_;
  }

  // By the shard that owns it.
  template <typename Change>
  auto change(Change change) {
    const std::unique_lock lock(mutex_);
    return change(image_);
  }
  void set_current(bool current) {
    const std::unique_lock lock(mutex_);
    current_ = current;
  }
  [[nodiscard]] const RegistryImage& own() const { return image_; }  // on that shard

 private:
  mutable std::shared_mutex mutex_;
  RegistryImage image_;
  bool current_ = false;
};

}  // namespace forebay::schema
