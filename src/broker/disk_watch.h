// Watches the free space of the data directory's file system against the reserve. Below it produce is
// refused, so that what was accepted can still reach its segment; reading and trimming go on. Between two
// looks at the disk it counts what it has admitted: a fast producer would else eat the reserve in the
// meantime. Thread rules: admission(), shortage(), space() and low_for() from any thread; the rest on the
// home executor.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_function.h"
#include "io/file_system.h"
#include "runtime/executor.h"

namespace forebay::broker {

class DiskWatch {
 public:
  static constexpr auto kInterval = std::chrono::seconds(1);

  // `on_low`: the disk has just gone below the reserve. References outlive the watch.
  DiskWatch(std::string path, std::uint64_t reserve_bytes, io::FileSystem& fs, runtime::Executor& home,
            runtime::BlockingPool& pool, UniqueFunction<void()> on_low);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  void start();
  // Takes in `bytes` that are to be stored. Errors: kDiskFull below the reserve.
  [[nodiscard]] Result<void> admission(std::uint64_t bytes);
  // The same question of nothing.
  [[nodiscard]] Result<void> shortage() const;
  [[nodiscard]] io::DiskSpace space() const {
    return {total_.load(std::memory_order_relaxed), available_.load(std::memory_order_relaxed)};
  }
  [[nodiscard]] std::uint64_t reserve_bytes() const { return reserve_bytes_; }
  // For so long there have been fewer than kLowReserves reserves, as it saw by itself. Nothing: there are
  // more, or there were fewer already when it looked first.
  static constexpr std::uint64_t kLowReserves = 2;
  [[nodiscard]] std::optional<std::chrono::milliseconds> low_for() const;

 private:
  // Each byte may take its place twice before the next look: in a file that the journal adds, and in its
  // segment.
  static constexpr std::uint64_t kPlacesPerByte = 2;
  [[nodiscard]] std::uint64_t left() const;
  [[nodiscard]] Error full(std::uint64_t left) const;
  void look();
  void look_soon();
  void note_low(bool low);
  void seen(const Result<io::DiskSpace>& space, std::uint64_t admitted_before);

  std::string path_;
  std::uint64_t reserve_bytes_;
  io::FileSystem& fs_;
  runtime::Executor& home_;
  runtime::BlockingPool& pool_;
  UniqueFunction<void()> on_low_;
  std::atomic<std::uint64_t> total_{0}, available_{UINT64_MAX};
  std::atomic<std::uint64_t> admitted_{0};  // bytes since the last look
  std::atomic<bool> looking_soon_{false};
  // Of the executor's clock, ns.
  static constexpr std::int64_t kNotLow = -1, kLowSinceBefore = -2;
  std::atomic<std::int64_t> low_since_{kNotLow};
  bool seen_once_ = false;
  std::optional<runtime::TimerId> timer_;
  std::shared_ptr<DiskWatch*> alive_;
};

}  // namespace forebay::broker
