// A bound in bytes for one kind of memory: a queue, a cache, requests in flight. Whoever wants memory takes a
// lease first and answers RESOURCE_EXHAUSTED when there is none. Any thread; no locks. Outlives its leases.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace forebay::runtime {

class ByteBudget {
 public:
  // Gives its bytes back when it dies. Movable; may be released by another thread than the one that took it.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this != &other) {
        release();
        budget_ = std::exchange(other.budget_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
      }
      return *this;
    }
    ~Lease() { release(); }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // Gives back all but `bytes`; never takes more.
    void shrink_to(std::uint64_t bytes) {
      if (bytes >= bytes_) return;
      budget_->release(bytes_ - bytes);
      bytes_ = bytes;
    }
    void release() {
      if (budget_ != nullptr) std::exchange(budget_, nullptr)->release(std::exchange(bytes_, 0));
    }

   private:
    friend class ByteBudget;
    Lease(ByteBudget* budget, std::uint64_t bytes) : budget_(budget), bytes_(bytes) {}
    ByteBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  explicit ByteBudget(std::uint64_t limit_bytes) : limit_(limit_bytes) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // Nothing when it would pass the limit.
  [[nodiscard]] std::optional<Lease> try_acquire(std::uint64_t bytes) {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
      if (used > limit || bytes > limit - used) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return std::nullopt;
      }
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    std::uint64_t high = high_water_.load(std::memory_order_relaxed);
    while (high < used + bytes &&
           !high_water_.compare_exchange_weak(high, used + bytes, std::memory_order_relaxed)) {
    }
    return Lease(this, bytes);
  }

  // What is leased already stays so, also above a lowered limit.
  void set_limit(std::uint64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t high_water() const { return high_water_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void release(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> high_water_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace forebay::runtime
