// Timers in order of (deadline, tie-break, arrival). A binary heap that knows where each timer stands:
// cancelling is O(log n) and leaves nothing behind, slots are reused, so a timer that is moved all the time
// allocates nothing. Owned by one thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "runtime/executor.h"

namespace forebay::runtime {

template <typename Payload>
class TimerQueue {
 public:
  TimerId add(TimePoint deadline, Payload payload, std::uint64_t tie_break = 0) {
    const std::uint32_t slot = take_slot();
    slots_[slot].payload.emplace(std::move(payload));
    heap_.push_back({deadline, tie_break, next_sequence_++, slot});
    place(heap_.size() - 1, heap_.back());
    sift_up(heap_.size() - 1);
    return id_of(slot);
  }

  // The payload, when the timer was still waiting.
  std::optional<Payload> cancel(TimerId timer) {
    const auto slot = static_cast<std::uint32_t>(timer.value());
    if (slot >= slots_.size() || !slots_[slot].payload.has_value() || id_of(slot) != timer)
      return std::nullopt;
    return remove_at(slots_[slot].heap_index);
  }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  // Requires, for the next four: !empty(). They speak of the timer that comes first.
  [[nodiscard]] TimePoint next_deadline() const { return heap_.front().deadline; }
  [[nodiscard]] std::uint64_t next_sequence() const { return heap_.front().sequence; }
  [[nodiscard]] TimerId next_id() const { return id_of(heap_.front().slot); }
  [[nodiscard]] Payload pop() {
    FOREBAY_ASSERT(!heap_.empty());
    return remove_at(0);
  }

  // Takes out every timer whose payload satisfies `predicate`, in no particular order.
  template <typename Predicate>
  [[nodiscard]] std::vector<Payload> extract_if(Predicate predicate) {
    std::vector<TimerId> found;
    for (const Entry& entry : heap_) {
      if (predicate(*slots_[entry.slot].payload)) found.push_back(id_of(entry.slot));
    }
    std::vector<Payload> payloads;
    payloads.reserve(found.size());
    for (const TimerId timer : found) payloads.push_back(*cancel(timer));
    return payloads;
  }

 private:
  struct Entry {
    TimePoint deadline;
    std::uint64_t tie_break;
    std::uint64_t sequence;
    std::uint32_t slot;
  };
  struct Slot {
    std::optional<Payload> payload;
    std::uint32_t generation = 1;  // a TimerId of an earlier use of the slot does not match
    std::size_t heap_index = 0;
  };

  [[nodiscard]] static bool before(const Entry& a, const Entry& b) {
    return std::tie(a.deadline, a.tie_break, a.sequence) < std::tie(b.deadline, b.tie_break, b.sequence);
  }
  [[nodiscard]] TimerId id_of(std::uint32_t slot) const {
    return TimerId((static_cast<std::uint64_t>(slots_[slot].generation) << 32) | slot);
  }
  std::uint32_t take_slot() {
    if (free_slots_.empty()) {
      slots_.emplace_back();
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  void place(std::size_t index, const Entry& entry) {
    heap_[index] = entry;
    slots_[entry.slot].heap_index = index;
  }
  void sift_up(std::size_t index) {
    const Entry entry = heap_[index];
    while (index > 0 && before(entry, heap_[(index - 1) / 2])) {
      place(index, heap_[(index - 1) / 2]);
      index = (index - 1) / 2;
    }
    place(index, entry);
  }
  void sift_down(std::size_t index) {
    const Entry entry = heap_[index];
    for (std::size_t child = 2 * index + 1; child < heap_.size(); child = 2 * index + 1) {
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], entry)) break;
      place(index, heap_[child]);
      index = child;
    }
    place(index, entry);
  }
  Payload remove_at(std::size_t index) {
    const std::uint32_t slot = heap_[index].slot;
    Payload payload = std::move(*slots_[slot].payload);
    slots_[slot].payload.reset();
    ++slots_[slot].generation;
    free_slots_.push_back(slot);
    const Entry last = heap_.back();
    heap_.pop_back();
    if (index < heap_.size()) {
      place(index, last);
      sift_up(index);
      sift_down(slots_[last.slot].heap_index);
    }
    return payload;
  }

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace forebay::runtime
