#include "broker/disk_watch.h"

#include <algorithm>
#include <utility>

#include "telemetry/log.h"

namespace forebay::broker {
namespace {
constexpr std::uint32_t kFullRetryMs = 1000;
}

DiskWatch::DiskWatch(std::string path, std::uint64_t reserve_bytes, io::FileSystem& fs,
                     runtime::Executor& home, runtime::BlockingPool& pool, UniqueFunction<void()> on_low)
    : path_(std::move(path)),
      reserve_bytes_(reserve_bytes),
      fs_(fs),
      home_(home),
      pool_(pool),
      on_low_(std::move(on_low)),
      alive_(std::make_shared<DiskWatch*>(this)) {}

DiskWatch::~DiskWatch() {
  *alive_ = nullptr;
  if (timer_) home_.cancel(*timer_);
}

void DiskWatch::start() { look(); }

void DiskWatch::look() {
  timer_.reset();
  auto space = std::make_shared<Result<io::DiskSpace>>();
  pool_.run([fs = &fs_, path = path_, space] { *space = fs->space(path); }, home_,
            [alive = alive_, space, admitted = admitted_.load(std::memory_order_relaxed)] {
              if (*alive != nullptr) (*alive)->seen(*space, admitted);
            });
}

// Before the timer says so: a good part of what there was may be gone.
void DiskWatch::look_soon() {
  if (looking_soon_.exchange(true, std::memory_order_relaxed)) return;
  home_.post([alive = alive_] {
    if (*alive == nullptr || !(*alive)->timer_) return;  // a look is under way
    (*alive)->home_.cancel(*(*alive)->timer_);
    (*alive)->look();
  });
}

void DiskWatch::seen(const Result<io::DiskSpace>& space, std::uint64_t admitted_before) {
  looking_soon_.store(false, std::memory_order_relaxed);
  timer_ = home_.schedule_after(kInterval, [this] { look(); });
  if (!space) {
    telemetry::log_warn("free space unknown", {{"path", path_}, {"error", space.error().to_string()}});
    return;
  }
  const bool low_before = available_.load(std::memory_order_relaxed) < reserve_bytes_;
  total_.store(space->total_bytes, std::memory_order_relaxed);
  available_.store(space->available_bytes, std::memory_order_relaxed);
  admitted_.fetch_sub(admitted_before, std::memory_order_relaxed);
  note_low(space->available_bytes < kLowReserves * reserve_bytes_);
  const bool low = space->available_bytes < reserve_bytes_;
  if (low && !low_before) {
    telemetry::log_error(
        "disk below its reserve, produce refused",
        {{"path", path_}, {"available_bytes", space->available_bytes}, {"reserve_bytes", reserve_bytes_}});
  } else if (!low && low_before) {
    telemetry::log_info("disk above its reserve again",
                        {{"path", path_}, {"available_bytes", space->available_bytes}});
  }
  // Every time, not only on the change: what retention may take grows with time.
  if (low) on_low_();
}

void DiskWatch::note_low(bool low) {
  const bool first = !std::exchange(seen_once_, true);
  if (!low) return low_since_.store(kNotLow, std::memory_order_relaxed);
  if (low_since_.load(std::memory_order_relaxed) != kNotLow) return;
  const auto now = std::chrono::nanoseconds(home_.now().time_since_epoch());
  low_since_.store(first ? kLowSinceBefore : now.count(), std::memory_order_relaxed);
}

std::optional<std::chrono::milliseconds> DiskWatch::low_for() const {
  const std::int64_t since = low_since_.load(std::memory_order_relaxed);
  if (since < 0) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(home_.now().time_since_epoch() -
                                                               std::chrono::nanoseconds(since));
}

std::uint64_t DiskWatch::left() const {
  const std::uint64_t available = available_.load(std::memory_order_relaxed);
  const std::uint64_t taken = admitted_.load(std::memory_order_relaxed) * kPlacesPerByte;
  return available - std::min(available, taken);
}

Result<void> DiskWatch::admission(std::uint64_t bytes) {
  const std::uint64_t available = available_.load(std::memory_order_relaxed);
  const std::uint64_t now = left();
  // Half of the room above the reserve is spoken for: another look, before anybody is refused for nothing.
  if (available >= reserve_bytes_ && now - std::min(now, reserve_bytes_) <= (available - reserve_bytes_) / 2)
    look_soon();
  if (now < reserve_bytes_) return full(now);
  admitted_.fetch_add(bytes, std::memory_order_relaxed);
  return {};
}

Result<void> DiskWatch::shortage() const {
  const std::uint64_t now = left();
  if (now >= reserve_bytes_) return {};
  return full(now);
}

Error DiskWatch::full(std::uint64_t left) const {
  return Error{ErrorCode::kDiskFull,
               "the disk has " + std::to_string(left) + " bytes free and keeps " +
                   std::to_string(reserve_bytes_) +
                   " in reserve (storage.disk_reserve_bytes); free space with: forebay topic trim, or "
                   "shorten retention",
               kFullRetryMs};
}

}  // namespace forebay::broker
