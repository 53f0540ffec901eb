// Random logs of producers against a naive model: a function of the whole list of frames, which knows nothing
// of commits, truncations, snapshots, tables, or of who is in memory and who is on the disk only.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "log/core/control.h"
#include "partition/core/producer_snapshot.h"
#include "partition/core/producer_states.h"
#include "producer_frames.h"

namespace forebay::partition {
namespace {

using model::LogPosition;
using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;
using model::Timestamp;

struct Known {
  std::int16_t epoch = -1;
  bool named = false;
  std::int64_t last_time = -1;
  std::vector<StoredBatch> session;  // all of it since it was last quiet
};

// What the frames of a log say of one producer.
std::optional<Known> known_of(const std::vector<log::Frame>& frames, std::int64_t id) {
  std::optional<Known> known;
  for (const log::Frame& frame : frames) {
    const std::int64_t time = frame.header.append_time.value();
    if (frame.header.kind == log::FrameKind::kControl) {
      const auto control = *log::decode_control(frame.payload.span());
      if (const auto* fence = std::get_if<log::ProducerFence>(&control)) {
        if (fence->producer.value() != id) continue;
        if (!known) known.emplace();
        if (fence->epoch.value() < known->epoch) continue;
        if (fence->epoch.value() > known->epoch) known->session.clear();
        known->epoch = fence->epoch.value();
        known->named = true;
        known->last_time = time;
      } else if (const auto* position = std::get_if<log::ProducerPosition>(&control)) {
        if (position->producer.value() != id) continue;
        if (known && known->named && position->epoch.value() >= known->epoch) known->last_time = time;
      } else if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&control)) {
        if (known && !known->named && known->last_time < forgotten->silent_before.value()) known.reset();
        if (known && !known->session.empty() &&
            known->session.back().append_time.value() < forgotten->quiet_before.value())
          known->session = {known->session.back()};
      }
      continue;
    }
    const auto head = model::read_batch_header(frame.payload.data());
    if (head.producer_id.value() != id) continue;
    if (!known) known.emplace();
    if (head.producer_epoch.value() > known->epoch) known->session.clear();
    known->epoch = head.producer_epoch.value();
    known->last_time = time;
    known->session.push_back({head.base_sequence, head.last_sequence(), head.base_offset, Timestamp(time)});
  }
  return known;
}

// As text, so that a difference can be read.
std::string naive_verdict(const std::vector<log::Frame>& frames, const model::BatchHeader& batch) {
  const auto known = known_of(frames, batch.producer_id.value());
  if (!known) return batch.base_sequence == 0 ? "fresh" : "UNKNOWN_PRODUCER";
  if (batch.producer_epoch.value() < known->epoch) return "PRODUCER_FENCED";
  if (batch.producer_epoch.value() > known->epoch || known->session.empty())
    return batch.base_sequence == 0 ? "fresh" : "OUT_OF_ORDER_SEQUENCE after -1";
  const auto& session = known->session;
  for (std::size_t i = 0; i < std::min(session.size(), kRememberedBatches); ++i) {
    const StoredBatch& one = session[session.size() - 1 - i];
    if (one.first_sequence == batch.base_sequence && one.last_sequence == batch.last_sequence())
      return "copy of " + std::to_string(one.first_offset.value());
  }
  const std::int64_t next = (std::int64_t{session.back().last_sequence} + 1) % (std::int64_t{1} << 31);
  return batch.base_sequence == next
             ? "fresh"
             : "OUT_OF_ORDER_SEQUENCE after " + std::to_string(session.back().last_sequence);
}

std::string text_of(const BatchVerdict& verdict) {
  if (const auto* duplicate = std::get_if<DuplicateBatch>(&verdict))
    return "copy of " + std::to_string(duplicate->first.first_offset.value());
  const auto* refusal = std::get_if<ProducerRefusal>(&verdict);
  if (refusal == nullptr) return "fresh";
  std::string text(error_code_name(refusal->code));
  if (refusal->code == ErrorCode::kOutOfOrderSequence)
    text += " after " + std::to_string(refusal->last_sequence);
  return text;
}

// State files by their position.
using Disk = std::map<LogPosition, std::vector<std::byte>>;

void look_up(ProducerStates& states, const Disk& disk, ProducerId id) {
  if (!states.is_away(id)) return;
  const auto block = *states.table().index()->block_of(id);
  const auto bytes = ByteSpan(disk.at(states.table().base())).subspan(block.begin, block.end - block.begin);
  ASSERT_TRUE(block.is_whole(bytes));
  ProducerReader in(bytes);
  std::optional<ProducerState> found;
  while (auto entry = *in.next()) {
    if (entry->first == id) found = std::move(entry->second);
  }
  states.bring({{id, std::move(found)}});
  ASSERT_FALSE(states.is_away(id));
}

void fold(ProducerStates& states, const Disk& disk, LogPosition upto) {
  states.committed(upto);
  while (!states.awaited().empty()) {
    look_up(states, disk, *states.awaited().begin());
    states.committed(upto);
  }
  ASSERT_GE(states.position(), upto);
}

ProducerWriter::Encoded whole(ProducerStates& states, const Disk& disk) {
  const ProducerDraft draft = states.draft();
  return *finish_draft(draft, draft.base ? ByteSpan(disk.at(*draft.base)) : ByteSpan());
}

class RandomLog {
 public:
  RandomLog(std::uint64_t seed, const ProducerLimits& limits) : limits_(limits), rng_(seed) {
    states_.reset({});
  }

  void step() {
    switch (pick(16)) {
      case 0:
        if (pick(3) == 0) return forget();
        frames_.now = frames_.now.plus(static_cast<std::int64_t>(1 + pick(5)));
        return;
      case 1:
        return add(frames_.plain(1 + static_cast<std::int32_t>(pick(3))));
      case 2:
        return fence();
      case 3:
      case 4:
      case 5:
        return commit();
      case 6:
        return truncate();
      case 7:
        return snapshot();
      case 8:
        if (!disk_.empty() && pick(3) == 0) return reopen();
        [[fallthrough]];
      default:
        return send();
    }
  }

  [[nodiscard]] std::size_t gone() const { return gone_; }

  // Opened from any snapshot, or from none, it is the same.
  void check_refolds() {
    fold(states_, disk_, committed_);
    disk_.emplace(LogPosition{}, ProducerStates(limits_).encode());
    for (const auto& [at, bytes] : disk_) {
      ProducerStates other = refold(at, bytes, frames_.all());
      ASSERT_EQ(*decode_producers(whole(other, disk_).bytes), *decode_producers(whole(states_, disk_).bytes));
      for (int i = 0; i < 20; ++i) {
        const auto head = draw_head();
        ASSERT_EQ(verdict_of(other, head), verdict_of(states_, head));
      }
    }
  }

  // Where of some batches only the last one of each producer is left, other copies are known than before, and
  // nothing else changes.
  void check_compacted() {
    std::vector<log::Frame> left;
    std::vector<ProducerId> seen;
    for (auto at = frames_.all().rbegin(); at != frames_.all().rend(); ++at) {
      if (at->header.kind == log::FrameKind::kRecords) {
        const ProducerId id = model::producer_id_of(at->payload.span());
        const bool last = std::find(seen.begin(), seen.end(), id) == seen.end();
        seen.push_back(id);
        if (!last && pick(3) != 0) continue;
      }
      left.push_back(*at);
    }
    std::reverse(left.begin(), left.end());
    ProducerStates other = refold({}, ProducerStates(limits_).encode(), left);
    for (int i = 0; i < 40; ++i) {
      const auto head = draw_head();
      const std::string whole = verdict_of(states_, head);
      const std::string compacted = verdict_of(other, head);
      const auto is_copy = [](const std::string& text) { return text.starts_with("copy of "); };
      const auto is_gap = [](const std::string& text) { return text.starts_with("OUT_OF_ORDER"); };
      if ((is_copy(whole) && is_gap(compacted)) || (is_gap(whole) && is_copy(compacted))) continue;
      ASSERT_EQ(compacted, whole);
    }
  }

 private:
  std::uint64_t pick(std::uint64_t count) { return rng_() % count; }

  void add(const log::Frame& frame) { states_.appended(frame); }

  std::string verdict_of(ProducerStates& states, const model::BatchHeader& head) {
    look_up(states, disk_, head.producer_id);
    return text_of(states.check(head));
  }

  // Written in the background: much may happen before it is there.
  void snapshot() {
    if (!writing_) {
      writing_ = {states_.position(), whole(states_, disk_)};
      return;
    }
    auto [at, encoded] = *std::exchange(writing_, std::nullopt);
    if (at <= states_.table().base()) return;
    disk_[at] = encoded.bytes;
    states_.written(at, std::move(encoded.index));
    gone_ += states_.let_go().producers;
  }

  void forget() {
    const Timestamp silent = frames_.now.plus(-static_cast<std::int64_t>(pick(10)));
    add(frames_.forgotten(silent, silent.plus(static_cast<std::int64_t>(pick(4)))));
  }

  void fence() {
    const auto id = static_cast<std::int64_t>(pick(3));  // the others stay unnamed
    const auto epoch =
        static_cast<std::int16_t>(epochs_[static_cast<std::size_t>(id)] + static_cast<int>(pick(2)));
    look_up(states_, disk_, ProducerId(id));
    const auto verdict = states_.check_fence(ProducerId(id), ProducerEpoch(epoch));
    const auto known = known_of(frames_.all(), id);
    const bool is_older = known && epoch < known->epoch;
    const bool is_there = known && known->named && epoch == known->epoch;
    ASSERT_EQ(std::holds_alternative<ProducerRefusal>(verdict), is_older);
    ASSERT_EQ(std::holds_alternative<KnownFence>(verdict), is_there);
    if (is_older || is_there) return;
    epochs_[static_cast<std::size_t>(id)] = epoch;
    add(frames_.fence(id, epoch));
  }

  model::BatchHeader draw_head() {
    const auto id = static_cast<std::int64_t>(pick(epochs_.size()));
    const std::int16_t known_epoch = epochs_[static_cast<std::size_t>(id)];
    const auto epoch = static_cast<std::int16_t>(
        std::max(0, pick(10) == 0 ? known_epoch + static_cast<int>(pick(3)) - 1 : int{known_epoch}));
    // Large ones, so that sequences wrap, though not within the remembered batches.
    const bool large = pick(4) < (id % 2 == 0 ? 3U : 1U);
    const std::int32_t records = (large ? (1 << 28) - 1 : 1) + static_cast<std::int32_t>(pick(3));
    std::vector<model::BatchHeader> stored;
    for (const auto& frame : frames_.all()) {
      if (frame.header.kind != log::FrameKind::kRecords) continue;
      const auto head = model::read_batch_header(frame.payload.data());
      if (head.producer_id.value() == id) stored.push_back(head);
    }
    if (stored.empty() || pick(12) == 0)
      return head_of(id, epoch, static_cast<std::int32_t>(pick(3)) / 2, records);
    if (pick(3) == 0) {  // a copy of one of the last, or nearly so
      const auto back = std::min<std::size_t>(stored.size(), 1 + pick(7));
      auto head = stored[stored.size() - back];
      if (pick(4) == 0) head.last_offset_delta += 1;
      return head;
    }
    std::int32_t next = next_sequence(stored.back().last_sequence());
    if (stored.back().producer_epoch.value() != epoch) next = 0;
    if (pick(12) == 0) next = next_sequence(next);
    return head_of(id, epoch, next, records);
  }

  void send() {
    const auto head = draw_head();
    const std::string verdict = verdict_of(states_, head);
    ASSERT_EQ(verdict, naive_verdict(frames_.all(), head));
    if (verdict != "fresh") return;
    auto& epoch = epochs_[static_cast<std::size_t>(head.producer_id.value())];
    epoch = std::max(epoch, head.producer_epoch.value());
    const std::string place = std::to_string(frames_.all().size());
    if (states_.check_position(head, {"file", place}) && pick(2) == 0) {
      add(frames_.position(head.producer_id.value(), head.producer_epoch.value(), head.last_sequence(),
                           "file", place));
      if (pick(8) == 0) return;  // its batch never came
    }
    add(frames_.batch(head));
    constexpr const char* kClients[] = {"", "one", "two"};
    states_.used_by(head.producer_id, kClients[pick(3)]);
  }

  // To some frame's end.
  LogPosition draw_end() {
    std::vector<LogPosition> ends{committed_};
    for (const auto& frame : frames_.all()) {
      if (frame.header.end > committed_) ends.push_back(frame.header.end);
    }
    return ends[pick(ends.size())];
  }
  // Whoever is looked up for it may come later.
  void commit() {
    committed_ = draw_end();
    states_.committed(committed_);
    if (pick(2) == 0) fold(states_, disk_, committed_);
    gone_ += states_.let_go().producers;
  }
  void truncate() {
    const LogPosition to = draw_end();
    frames_.truncate(to);
    states_.truncated(to);
  }

  ProducerStates refold(LogPosition at, ByteSpan bytes, const std::vector<log::Frame>& frames) {
    ProducerStates other(limits_);
    EXPECT_TRUE(other.restore(at, bytes));
    for (const auto& frame : frames) {
      other.appended(frame);
      if (pick(2) == 0) fold(other, disk_, std::min(frame.header.end, committed_));
      if (pick(4) == 0) static_cast<void>(other.let_go());
    }
    fold(other, disk_, committed_);
    return other;
  }
  void reopen() {
    const auto from = std::next(disk_.begin(), static_cast<std::ptrdiff_t>(pick(disk_.size())));
    states_ = refold(from->first, from->second, frames_.all());
    writing_.reset();
  }

  const ProducerLimits limits_;
  std::mt19937_64 rng_;
  ProducerFrames frames_;
  ProducerStates states_{limits_};
  LogPosition committed_;
  std::size_t gone_ = 0;
  Disk disk_;
  std::optional<std::pair<LogPosition, ProducerWriter::Encoded>> writing_;
  std::vector<std::int16_t> epochs_ = std::vector<std::int16_t>(5, 0);
};

// How many went from memory.
std::size_t run(std::uint64_t seed, const ProducerLimits& limits) {
  SCOPED_TRACE(seed);
  RandomLog log(seed, limits);
  const auto failed = [] { return testing::Test::HasFatalFailure(); };
  for (int i = 0; i < 200 && !failed(); ++i) log.step();
  if (!failed()) log.check_refolds();
  if (!failed()) log.check_compacted();
  return log.gone();
}

TEST(ProducerStatesRandom, SaysWhatTheWholeLogSays) {
  for (std::uint64_t seed = 1; seed <= 300 && !HasFatalFailure(); ++seed) EXPECT_EQ(run(seed, {}), 0U);
}

TEST(ProducerStatesRandom, SaysTheSameWhereOnlyAFewFitInMemory) {
  std::size_t gone = 0;
  for (std::uint64_t seed = 1; seed <= 600 && !HasFatalFailure(); ++seed)
    gone += run(seed, {.in_memory_per_client = seed % 2});
  EXPECT_GT(gone, 3'000U) << "or nothing is tested here";
}

}  // namespace
}  // namespace forebay::partition
