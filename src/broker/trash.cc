#include "broker/trash.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "telemetry/log.h"

namespace forebay::broker {

std::optional<model::Timestamp> trashed_at(std::string_view folder) {
  const auto dash = folder.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = folder.substr(dash + 1);
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ms);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.size() < 10) return std::nullopt;
  return model::Timestamp(ms);
}

Trash::Trash(std::string path, std::chrono::milliseconds delay, io::FileSystem& fs, runtime::Executor& home,
             runtime::BlockingPool& pool, runtime::WallClock& clock)
    : path_(std::move(path)),
      delay_(delay),
      fs_(fs),
      home_(home),
      pool_(pool),
      clock_(clock),
      alive_(std::make_shared<Trash*>(this)) {}

Trash::~Trash() {
  *alive_ = nullptr;
  if (timer_) home_.cancel(*timer_);
}

Result<std::size_t> Trash::sweep(io::FileSystem& fs, const std::string& path, model::Timestamp now,
                                 std::chrono::milliseconds delay) {
  if (!fs.exists(path)) return std::size_t{0};
  FOREBAY_TRY(const auto entries, fs.list(path));
  std::size_t gone = 0;
  for (const auto& entry : entries) {
    const auto at = trashed_at(entry.name);
    if (!at || now.value() - at->value() < delay.count()) continue;
    FOREBAY_CHECK(fs.remove_all(path + "/" + entry.name));
    ++gone;
  }
  if (gone > 0) FOREBAY_CHECK(fs.sync_directory(path));
  return gone;
}

void Trash::start() {
  timer_.reset();
  auto swept = std::make_shared<Result<std::size_t>>();
  pool_.run([fs = &fs_, path = path_, now = clock_.now(), delay = delay_,
             swept] { *swept = sweep(*fs, path, now, delay); },
            home_,
            [alive = alive_, swept] {
              if (*alive == nullptr) return;
              if (!*swept) telemetry::log_warn("trash not emptied", {{"error", swept->error().to_string()}});
              if (*swept && **swept > 0) telemetry::log_info("trash emptied", {{"folders", **swept}});
              (*alive)->arm();
            });
}

void Trash::arm() {
  // Often enough that a folder outlives its delay by a tenth at most.
  const auto interval =
      std::clamp(delay_ / 10, std::chrono::milliseconds(1'000), std::chrono::milliseconds(600'000));
  timer_ = home_.schedule_after(interval, [this] { start(); });
}

}  // namespace forebay::broker
