// Collects one answer from each of several shards and hands all of them on together.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"

namespace forebay::broker {

// Thread rules: set() from any thread, once for each index; `done` runs on the thread of the last set().
template <typename T>
class Gather {
 public:
  // With count 0 `done` is called at once.
  Gather(std::size_t count, UniqueFunction<void(Result<std::vector<T>>)> done)
      : left_(count), results_(count), done_(std::move(done)) {
    if (count == 0) done_(std::move(results_));
  }
  void set(std::size_t index, T value) {
    {
      const std::lock_guard lock(mutex_);
      results_[index] = std::move(value);
      if (--left_ > 0) return;
    }
    done_(std::move(results_));
  }

 private:
  std::mutex mutex_;  // shards answer at the same time; held for one move
  std::size_t left_;
  std::vector<T> results_;
  UniqueFunction<void(Result<std::vector<T>>)> done_;
};

}  // namespace forebay::broker
