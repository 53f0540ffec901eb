// How many bytes of answers may wait for clients to take them. One budget for the node, one share for each
// connection, so that a client that never reads stops itself and nobody else.
// Thread rules: any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace forebay::api {

class ByteBudget {
 public:
  explicit ByteBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // All or nothing; an empty budget grants any size, so that one large answer always gets through.
  [[nodiscard]] bool try_take(std::size_t bytes) {
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (used != 0 && bytes > bytes_max_ - std::min(used, bytes_max_)) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
};

// The shares of the connections that have calls open. A share lives as long as somebody holds it.
class ConnectionShares {
 public:
  explicit ConnectionShares(std::size_t bytes_max_each) : bytes_max_each_(bytes_max_each) {}

  [[nodiscard]] std::shared_ptr<ByteBudget> of(const std::string& peer) {
    const std::lock_guard lock(mutex_);
    if (shares_.size() >= sweep_at_) sweep();
    std::weak_ptr<ByteBudget>& entry = shares_[peer];
    std::shared_ptr<ByteBudget> share = entry.lock();
    if (share == nullptr) {
      share = std::make_shared<ByteBudget>(bytes_max_each_);
      entry = share;
    }
    return share;
  }

 private:
  static constexpr std::size_t kSweepAtLeast = 256;
  // Entries of connections that are gone: amortised over as many new ones as are alive.
  void sweep() {
    std::erase_if(shares_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max(kSweepAtLeast, shares_.size() * 2);
  }

  const std::size_t bytes_max_each_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<ByteBudget>> shares_;
  std::size_t sweep_at_ = kSweepAtLeast;
};

}  // namespace forebay::api
