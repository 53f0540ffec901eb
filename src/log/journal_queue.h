// What waits for the next rounds: frames and records of each open log in order, the logs in turn. A log that
// has nothing waiting costs nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "log/core/control.h"
#include "log/core/round.h"
#include "log/journal.h"

namespace forebay::log {

class JournalQueue {
 public:
  struct Record {
    JournalRecord record;
    std::vector<std::byte> entry;  // as it will stand in the round
    Journal::RecordDone done;
  };
  // A frame, or a record.
  struct Item {
    FramePtr frame;
    model::LogEpoch log_epoch;
    std::unique_ptr<Record> record;
    std::uint32_t next = kNone;
    [[nodiscard]] std::size_t bytes() const {
      return frame ? RoundWriter::frame_entry_bytes(*frame) : record->entry.size();
    }
    // May use the ring's last file: what lets a log go on, not what comes with each batch.
    [[nodiscard]] bool is_control() const {
      return !frame ||
             (frame->header.kind == FrameKind::kControl && !goes_with_a_batch(frame->payload.span()));
    }
  };
  static constexpr std::uint32_t kNone = 0xffffffffU;

  void add(std::uint32_t slot, Item item) {
    if (slot >= chains_.size()) chains_.resize(slot + 1);
    pending_bytes_ += item.bytes();
    ++pending_items_;
    if (item.record) ++pending_records_;
    const std::uint32_t place = take_place(std::move(item));
    Chain& chain = chains_[slot];
    if (chain.first == kNone) {
      chain.first = chain.last = place;
      turns_.push_back(slot);
    } else {
      items_[chain.last].next = place;
      chain.last = place;
    }
  }
  [[nodiscard]] bool empty() const { return pending_items_ == 0; }
  [[nodiscard]] std::size_t pending_bytes() const { return pending_bytes_; }
  [[nodiscard]] bool has_records() const { return pending_records_ != 0; }

  // Logs with something waiting, in turn.
  [[nodiscard]] std::size_t turns() const { return turns_.size(); }
  [[nodiscard]] std::uint32_t next_turn() const { return turns_.front(); }
  // Ends the turn of the first log: it goes to the back, or out when it has nothing left.
  void end_turn() {
    const std::uint32_t slot = turns_.front();
    turns_.pop_front();
    if (chains_[slot].first != kNone) turns_.push_back(slot);
  }
  [[nodiscard]] const Item* head(std::uint32_t slot) const {
    const std::uint32_t first = slot < chains_.size() ? chains_[slot].first : kNone;
    return first == kNone ? nullptr : &items_[first];
  }
  Item take(std::uint32_t slot) {
    Chain& chain = chains_[slot];
    FOREBAY_ASSERT(chain.first != kNone);
    const std::uint32_t place = chain.first;
    Item item = std::move(items_[place]);
    chain.first = item.next;
    if (chain.first == kNone) chain.last = kNone;
    items_[place] = Item{};
    free_places_.push_back(place);
    pending_bytes_ -= item.bytes();
    --pending_items_;
    if (item.record) --pending_records_;
    return item;
  }
  // Takes away the frames of one log that begin at `from` or behind. Its records stay, in their order.
  void drop_frames(std::uint32_t slot, const model::LogPosition& from) {
    for (Item& item : drop(slot)) {
      if (!item.frame || item.frame->header.begin < from) add(slot, std::move(item));
    }
  }
  // Everything of one log. The log leaves the turns.
  [[nodiscard]] std::vector<Item> drop(std::uint32_t slot) {
    std::vector<Item> dropped;
    if (slot >= chains_.size() || chains_[slot].first == kNone) return dropped;
    while (chains_[slot].first != kNone) dropped.push_back(take(slot));
    std::erase(turns_, slot);
    return dropped;
  }

 private:
  struct Chain {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  std::uint32_t take_place(Item item) {
    item.next = kNone;
    if (free_places_.empty()) {
      items_.push_back(std::move(item));
      return static_cast<std::uint32_t>(items_.size() - 1);
    }
    const std::uint32_t place = free_places_.back();
    free_places_.pop_back();
    items_[place] = std::move(item);
    return place;
  }

  std::vector<Chain> chains_;
  std::vector<Item> items_;
  std::vector<std::uint32_t> free_places_;
  std::deque<std::uint32_t> turns_;
  std::size_t pending_bytes_ = 0;
  std::size_t pending_items_ = 0;
  std::size_t pending_records_ = 0;
};

}  // namespace forebay::log
