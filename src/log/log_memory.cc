#include "log/log_memory.h"

#include <algorithm>

#include "base/assert.h"

namespace forebay::log {
namespace {

// A payload that keeps more than this alive beside itself is copied out of its buffer.
constexpr std::size_t kSlackBytes = 4096;

// What a frame costs beside its payload: the frame object, its counters, the list entry.
constexpr std::uint64_t kFrameOverheadBytes = sizeof(Frame) + 64;

bool keeps_too_much(const SharedBytes& payload) {
  return payload.retained_bytes() > 2 * payload.size() + kSlackBytes;
}

}  // namespace

void MemoryAccount::evict_over_bound() {
  while (cached_bytes_ > cache_bytes_max_ && !cached_logs_.empty()) {
    LogMemory& memory = *cached_logs_.begin()->second;
    memory.pop_front();
    memory.enlist();
  }
}

LogMemory::~LogMemory() {
  account_.pinned_bytes_ -= pinned_bytes_;
  account_.cached_bytes_ -= cached_bytes_;
  if (pinned_age_ != 0) account_.pinned_logs_.erase({pinned_age_, this});
  if (cached_age_ != 0) account_.cached_logs_.erase({cached_age_, this});
}

FramePtr LogMemory::push(FramePtr frame) {
  if (keeps_too_much(frame->payload)) {
    frame = std::make_shared<const Frame>(Frame{frame->header, SharedBytes::copy_of(frame->payload.span())});
  }
  const std::uint64_t charge = frame->payload.retained_bytes() + kFrameOverheadBytes;
  frames_.push_back({frame, charge, account_.next_age_++});
  pinned_bytes_ += charge;
  account_.pinned_bytes_ += charge;
  if (pinned_age_ == 0) enlist();
  return frame;
}

LogMemory::Number LogMemory::find(model::Offset offset) const {
  const auto it = std::partition_point(frames_.begin(), frames_.end(), [offset](const Entry& entry) {
    return entry.frame->header.end.next_offset <= offset;
  });
  return begin_ + static_cast<Number>(it - frames_.begin());
}

LogMemory::Number LogMemory::find_begin(model::LogPosition position) const {
  const auto it = std::partition_point(frames_.begin(), frames_.end(), [position](const Entry& entry) {
    return entry.frame->header.begin < position;
  });
  return begin_ + static_cast<Number>(it - frames_.begin());
}

void LogMemory::unpin_before(Number number) {
  FOREBAY_ASSERT(number <= end());
  if (number <= pinned_begin_) return;
  std::uint64_t moved = 0;
  for (Number n = std::max(pinned_begin_, begin_); n < number; ++n) moved += charge(n);
  pinned_begin_ = number;
  pinned_bytes_ -= moved;
  cached_bytes_ += moved;
  account_.pinned_bytes_ -= moved;
  account_.cached_bytes_ += moved;
  enlist();
  account_.evict_over_bound();
}

void LogMemory::drop_before(Number number) {
  FOREBAY_ASSERT(number <= end());
  if (number <= begin_) return;
  while (begin_ < number) pop_front();
  enlist();
}

void LogMemory::drop_from(Number number) {
  FOREBAY_ASSERT(number >= begin_);
  while (end() > number) {
    const std::uint64_t charge = frames_.back().charge;
    if (end() <= pinned_begin_) {
      cached_bytes_ -= charge;
      account_.cached_bytes_ -= charge;
      --pinned_begin_;
    } else {
      pinned_bytes_ -= charge;
      account_.pinned_bytes_ -= charge;
    }
    frames_.pop_back();
  }
  enlist();
}

void LogMemory::pop_front() {
  const std::uint64_t charge = frames_.front().charge;
  if (begin_ < pinned_begin_) {
    cached_bytes_ -= charge;
    account_.cached_bytes_ -= charge;
  } else {
    pinned_bytes_ -= charge;
    account_.pinned_bytes_ -= charge;
    ++pinned_begin_;
  }
  frames_.pop_front();
  ++begin_;
}

void LogMemory::enlist() {
  const auto place = [this](MemoryAccount::Order& order, std::uint64_t& listed, std::uint64_t age) {
    if (listed == age) return;
    if (listed != 0) order.erase({listed, this});
    listed = age;
    if (age != 0) order.insert({age, this});
  };
  place(account_.pinned_logs_, pinned_age_, pinned_begin_ < end() ? frames_[pinned_begin_ - begin_].age : 0);
  place(account_.cached_logs_, cached_age_,
        begin_ < pinned_begin_ && !frames_.empty() ? frames_.front().age : 0);
}

}  // namespace forebay::log
