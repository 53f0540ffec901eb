// The bound on bytes that were taken in and not yet answered, of the whole node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace forebay::broker {

// Thread rules: any thread, no lock.
class ByteBound {
 public:
  explicit ByteBound(std::uint64_t limit) : limit_(limit) {}

  // Gives back what it holds when it dies.
  class Lease {
   public:
    Lease(ByteBound& bound, std::uint64_t bytes) : bound_(&bound), bytes_(bytes) {}
    Lease(Lease&& other) noexcept : bound_(std::exchange(other.bound_, nullptr)), bytes_(other.bytes_) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(bound_, other.bound_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Lease() {
      if (bound_ != nullptr) bound_->held_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    ByteBound* bound_;
    std::uint64_t bytes_;
  };

  // Nothing when the bound would be passed. A single request larger than the bound is let in when nothing
  // else is held.
  [[nodiscard]] std::optional<Lease> take(std::uint64_t bytes) {
    const std::uint64_t before = held_.fetch_add(bytes, std::memory_order_relaxed);
    if (before != 0 && before + bytes > limit_) {
      held_.fetch_sub(bytes, std::memory_order_relaxed);
      return std::nullopt;
    }
    return Lease(*this, bytes);
  }
  [[nodiscard]] std::uint64_t held() const { return held_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }

 private:
  std::uint64_t limit_;
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace forebay::broker
