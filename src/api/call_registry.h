// The calls that are open: counted, so that shutdown can ask all of them to end and wait until none is left.
//
// A call object outlives two parties that do not know of each other: gRPC (until OnDone) and the broker
// (until the last `done`). It counts them and deletes itself when the last one lets go. Thread rules: any
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/result.h"

namespace forebay::api {

class CallRegistry;

class OpenCall {
 public:
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;

  // The node is stopping: end soon, with `why`, after what was promised. Any thread, more than once.
  virtual void stop(const Error& why) = 0;

  void retain() { holders_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  // Born with one holder: gRPC, which lets go in OnDone.
  explicit OpenCall(std::shared_ptr<CallRegistry> registry) : registry_(std::move(registry)) {}
  virtual ~OpenCall();
  // To be called when the object is whole, for stop() may come at once from another thread.
  // Returns: false when the node is stopping already: nobody will call stop().
  [[nodiscard]] bool enlist();

 private:
  friend class CallRegistry;
  // Unless it is about to be deleted. Under the registry's lock.
  [[nodiscard]] bool try_retain() {
    int holders = holders_.load(std::memory_order_relaxed);
    while (holders > 0) {
      if (holders_.compare_exchange_weak(holders, holders + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  const std::shared_ptr<CallRegistry> registry_;
  std::atomic<int> holders_{1};
};

// Keeps a call alive, for example inside the callback that the broker holds.
template <typename Call>
class CallHold {
 public:
  explicit CallHold(Call* call) : call_(call) { call_->retain(); }
  CallHold(CallHold&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  CallHold& operator=(CallHold&&) = delete;
  ~CallHold() {
    if (call_ != nullptr) call_->release();
  }
  Call* operator->() const { return call_; }

 private:
  Call* call_;
};

class CallRegistry {
 public:
  CallRegistry() = default;
  CallRegistry(const CallRegistry&) = delete;
  CallRegistry& operator=(const CallRegistry&) = delete;
  ~CallRegistry() { FOREBAY_ASSERT(calls_.empty()); }

  // From now on stopping() is true, and every open call has been told.
  void stop_all(const Error& why) {
    std::vector<OpenCall*> told;
    {
      const std::lock_guard lock(mutex_);
      stopping_.store(true, std::memory_order_relaxed);
      told.reserve(calls_.size());
      for (OpenCall* call : calls_) {
        if (call->try_retain()) told.push_back(call);
      }
    }
    for (OpenCall* call : told) {
      call->stop(why);
      call->release();
    }
  }
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t open() const {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }
  // Returns: false when calls were still open at the deadline.
  [[nodiscard]] bool wait_until_empty(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return empty_.wait_until(lock, deadline, [this] { return calls_.empty(); });
  }

 private:
  friend class OpenCall;
  [[nodiscard]] bool add(OpenCall* call) {
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
    return !stopping_.load(std::memory_order_relaxed);
  }
  void remove(OpenCall* call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
    if (calls_.empty()) empty_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_set<OpenCall*> calls_;
  std::atomic<bool> stopping_{false};
};

inline OpenCall::~OpenCall() { registry_->remove(this); }
inline bool OpenCall::enlist() { return registry_->add(this); }

}  // namespace forebay::api
