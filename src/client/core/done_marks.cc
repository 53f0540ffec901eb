#include "client/core/done_marks.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace forebay::client {
namespace {

// Deliveries so close to one another count as one, the earlier one: else a slow record would keep a note of
// every poll since.
constexpr std::chrono::milliseconds kSameTime{20};

}  // namespace

void DoneMarks::delivered(std::int64_t begin, std::int64_t end, TimePoint now) {
  passed(begin);
  delivered_end_ = end;
  if (!deliveries_.empty() && now - deliveries_.back().at < kSameTime) {
    deliveries_.back().end = end;
  } else {
    deliveries_.push_back({end, now});
  }
}

void DoneMarks::passed(std::int64_t end) {
  if (end <= delivered_end_) return;
  const std::int64_t begin = delivered_end_;
  delivered_end_ = end;
  add(begin, end);
}

Result<void> DoneMarks::mark(std::int64_t begin, std::int64_t end) {
  if (begin < 0 || begin >= end || end > delivered_end_) {
    return Error{ErrorCode::kInvalidArgument, "offset " + std::to_string(end - 1) +
                                                  " was not handed out since the partition came here; "
                                                  "what was is below " +
                                                  std::to_string(delivered_end_)};
  }
  begin = std::max(begin, position_);
  if (begin >= end) return {};
  if (begin > position_ && ranges_.size() >= ranges_max_) {
    return Error{ErrorCode::kResourceExhausted,
                 std::to_string(ranges_.size()) + " runs of records are done behind offset " +
                     std::to_string(position_) + ", which is not; finish that one first"};
  }
  add(begin, end);
  return {};
}

void DoneMarks::restart(std::int64_t offset) {
  if (offset >= delivered_end_) return passed(offset);
  delivered_end_ = offset;
  if (offset <= position_) {
    position_ = offset;
    ranges_.clear();
    deliveries_.clear();
    return;
  }
  ranges_.erase(ranges_.lower_bound(offset), ranges_.end());
  if (!ranges_.empty()) {
    auto& [begin, end] = *ranges_.rbegin();
    end = std::min(end, offset);
  }
  // The first that reaches over it holds what is not marked below.
  const auto over = std::find_if(deliveries_.begin(), deliveries_.end(),
                                 [offset](const Delivery& delivery) { return delivery.end >= offset; });
  if (over == deliveries_.end()) return;  // behind the last one there are only offsets without records
  over->end = offset;
  deliveries_.erase(std::next(over), deliveries_.end());
}

std::optional<DoneMarks::TimePoint> DoneMarks::oldest_unmarked() const {
  if (!has_unmarked() || deliveries_.empty()) return std::nullopt;
  return deliveries_.front().at;
}

// Requires: position_ <= begin < end <= delivered_end_.
void DoneMarks::add(std::int64_t begin, std::int64_t end) {
  auto at = ranges_.upper_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second >= begin) {
    at = std::prev(at);
    begin = at->first;
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  while (at != ranges_.end() && at->first <= end) {
    end = std::max(end, at->second);
    at = ranges_.erase(at);
  }
  if (begin > position_) {
    ranges_.emplace(begin, end);
    return;
  }
  position_ = end;
  while (!deliveries_.empty() && deliveries_.front().end <= position_) deliveries_.pop_front();
}

}  // namespace forebay::client
