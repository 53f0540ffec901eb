#include "journal_harness.h"

#include <algorithm>

#include "base/crc32c.h"
#include "log/core/control.h"
#include "log/core/recovery_fold.h"

namespace forebay::log::testing {

TopicPartition partition_id(std::uint8_t topic, std::int32_t partition) {
  TopicPartition id;
  id.topic.bytes.fill(topic);
  id.partition = model::PartitionIndex(partition);
  return id;
}

namespace {

FramePtr finish_frame(FrameHeader header, std::vector<std::byte> payload, std::size_t skipped) {
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(ByteSpan(payload).subspan(skipped));
  return std::make_shared<const Frame>(Frame{header, SharedBytes::take(std::move(payload))});
}

bool same_frame(const Frame& a, const Frame& b) {
  const ByteSpan left = a.payload.span();
  const ByteSpan right = b.payload.span();
  return a.header == b.header && std::equal(left.begin(), left.end(), right.begin(), right.end());
}

void cut_frames(std::vector<FramePtr>& frames, const LogPosition& to) {
  while (!frames.empty() && frames.back()->header.end > to) frames.pop_back();
}

}  // namespace

FramePtr records_frame(const TopicPartition& id, const LogPosition& begin, std::int64_t records,
                       model::Term term, std::size_t payload_bytes, std::uint64_t fill) {
  FrameHeader header;
  header.partition = id;
  header.begin = begin;
  header.end = begin.after_records(records);
  header.term = term;
  header.append_time = model::Timestamp(static_cast<std::int64_t>(fill));
  std::vector<std::byte> payload(std::max(payload_bytes, kBatchPrefixBytes));
  for (std::byte& byte : payload) byte = static_cast<std::byte>(sim::splitmix64(fill));
  return finish_frame(header, std::move(payload), kBatchPrefixBytes);
}

FramePtr control_frame(const TopicPartition& id, const LogPosition& begin, model::Term term) {
  FrameHeader header;
  header.partition = id;
  header.kind = FrameKind::kControl;
  header.begin = begin;
  header.end = begin.after_control();
  header.term = term;
  return finish_frame(header, encode_control(TermStart{model::NodeId(1)}), 0);
}

void apply_op(ModelState& state, const ModelOp& op) {
  if (const auto* frame = std::get_if<FramePtr>(&op)) {
    state.frames.push_back(*frame);
    return;
  }
  const auto& record = std::get<JournalRecord>(op);
  if (std::holds_alternative<CreateReplica>(record)) {
    state = ModelState{
        .exists = true, .hard_state = state.hard_state, .log_start = {}, .log_epoch = {}, .frames = {}};
  } else if (std::holds_alternative<RemoveReplica>(record)) {
    state = ModelState{
        .exists = false, .hard_state = state.hard_state, .log_start = {}, .log_epoch = {}, .frames = {}};
  } else if (const auto* hard = std::get_if<SetHardState>(&record)) {
    state.hard_state = hard->state;
  } else if (const auto* cut = std::get_if<Truncate>(&record)) {
    cut_frames(state.frames, cut->to);
    state.log_epoch = cut->log_epoch;
  } else if (const auto* start = std::get_if<SetLogStart>(&record)) {
    state.log_start = start->begin;
  }
}

JournalHarness::JournalHarness(const HarnessOptions& options)
    : options_(options), machine_(options.seed, {.engine = options.engine}), rng_(options.seed * 7919 + 1) {
  for (std::uint32_t i = 0; i < options.partitions; ++i) {
    ModelPartition p;
    p.id = partition_id(static_cast<std::uint8_t>(1 + i % 3), static_cast<std::int32_t>(i));
    partitions_.push_back(std::move(p));
  }
}

JournalHarness::~JournalHarness() {
  stop_objects();
  EXPECT_EQ(disk().used_after_failure(), std::vector<std::string>{}) << "believed in after a failure";
}

Result<Recovered> JournalHarness::recover_only() {
  if (!directory_) {
    FOREBAY_TRY(directory_, open_data_directory(machine_.file_system(), kDataDir, machine_.rng()));
  }
  RecoveryOptions options;
  options.data_dir = kDataDir;
  options.shard_count = options_.shard_count;
  options.journal = options_.journal;
  options.wall_now = machine_.wall_clock().now();
  return recover(machine_.file_system(), machine_.rng(), options);
}

bool JournalHarness::start() {
  auto recovered = recover_only();
  if (!recovered) {
    EXPECT_TRUE(disk().power_is_off()) << recovered.error().to_string();
    return false;
  }
  recovered_ = std::move(*recovered);
  check_and_adopt(recovered_);
  journal_ = make_journal(recovered_.shards[0].seed, options_.journal, machine_.file_system(),
                          machine_.executor(), machine_.pool(), machine_.wall_clock(), *this);
  for (ModelPartition& p : partitions_) p.slot = journal_->open(p.id);
  return true;
}

void JournalHarness::stop_objects() {
  journal_.reset();
  directory_.reset();
  failure_.reset();
  for (ModelPartition& p : partitions_) p.slot.reset();
}

void JournalHarness::reboot(sim::Landing landing) {
  stop_objects();
  machine_.reboot(landing);
}

void JournalHarness::add_op(ModelPartition& p, ModelOp op) {
  apply_op(p.latest, op);
  p.ops.push_back(op);
  if (const auto* frame = std::get_if<FramePtr>(&op)) {
    journal_->add_frame(*p.slot, p.latest.log_epoch, *frame);
  } else {
    journal_->add_record(*p.slot, std::get<JournalRecord>(op), [this, &p](const Result<void>& result) {
      if (result) op_durable(p);
    });
  }
}

void JournalHarness::op_durable(ModelPartition& p) {
  const ModelOp& op = p.ops.at(p.durable_ops);
  ASSERT_TRUE(std::holds_alternative<JournalRecord>(op)) << "a record was reported before an earlier frame";
  apply_op(p.durable, op);
  ++p.durable_ops;
  p.segment_end = std::min(p.segment_end, p.durable.end());
}

void JournalHarness::on_frames_durable(LogSlot slot, model::LogEpoch, LogPosition end) {
  for (ModelPartition& p : partitions_) {
    if (p.slot != slot) continue;
    while (p.durable_ops < p.ops.size()) {
      const auto* frame = std::get_if<FramePtr>(&p.ops[p.durable_ops]);
      if (frame == nullptr || (*frame)->header.end > end) break;
      apply_op(p.durable, p.ops[p.durable_ops++]);
    }
    EXPECT_EQ(p.durable.end(), end);
  }
}

void JournalHarness::on_space_wanted(std::span<const std::pair<LogSlot, LogPosition>> wanted) {
  ++space_requests_;
  if (!options_.flush_on_space_wanted) return;
  for (const auto& [slot, end] : wanted) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
      if (partitions_[i].slot == slot) flush_segment(i, end);
    }
  }
}

std::vector<PartitionCheckpoint> JournalHarness::checkpoint() {
  std::vector<PartitionCheckpoint> all;
  for (const ModelPartition& p : partitions_) {
    if (!p.durable.exists && p.durable.hard_state == HardState{}) continue;
    PartitionCheckpoint state;
    state.id = p.id;
    state.hard_state = p.durable.hard_state;
    state.removed = !p.durable.exists;
    state.log_epoch = p.durable.log_epoch;
    state.log_start = p.durable.log_start;
    state.segment_end = p.segment_end;
    all.push_back(std::move(state));
  }
  return all;
}

void JournalHarness::append(std::size_t i, std::int64_t records, std::size_t payload_bytes) {
  ModelPartition& p = partitions_.at(i);
  const model::Term term = std::max(p.latest.hard_state.term, model::Term(1));
  add_op(p, records_frame(p.id, p.latest.end(), records, term, payload_bytes, next_fill_++));
}

void JournalHarness::append_control(std::size_t i) {
  ModelPartition& p = partitions_.at(i);
  add_op(p, control_frame(p.id, p.latest.end(), std::max(p.latest.hard_state.term, model::Term(1))));
}

void JournalHarness::record(std::size_t i, JournalRecord record) {
  add_op(partitions_.at(i), ModelOp(std::move(record)));
}

void JournalHarness::set_term(std::size_t i, std::uint64_t term, std::optional<std::uint32_t> vote) {
  HardState state;
  state.term = model::Term(term);
  if (vote) state.vote = model::NodeId(*vote);
  record(i, SetHardState{state});
}

void JournalHarness::truncate(std::size_t i, std::size_t keep_frames) {
  ModelPartition& p = partitions_.at(i);
  Truncate cut;
  cut.to = keep_frames == 0 ? LogPosition{} : p.latest.frames.at(keep_frames - 1)->header.end;
  cut.log_epoch = p.latest.log_epoch.next();
  record(i, cut);
}

void JournalHarness::flush_segment(std::size_t i, LogPosition upto) {
  ModelPartition& p = partitions_.at(i);
  const LogPosition end = std::min(upto, p.durable.end());
  if (end > p.segment_end) {
    p.segment = p.durable.frames;
    cut_frames(p.segment, end);
    p.segment_end = end;
  }
  journal_->segment_flushed(*p.slot, p.segment_end);
}

void JournalHarness::random_op() {
  const std::size_t i = rng_.below(partitions_.size());
  ModelPartition& p = partitions_[i];
  if (!p.latest.exists) {
    if (p.latest.hard_state.term.value() == 0 || rng_.one_in(2))
      set_term(i, p.latest.hard_state.term.value() + 1, 1);
    return create(i);
  }
  switch (rng_.below(24)) {
    case 0:
      return append_control(i);
    case 1:
      return set_term(i, p.latest.hard_state.term.value() + 1,
                      rng_.one_in(2) ? std::optional(3U) : std::nullopt);
    case 2:
      if (p.latest.frames.empty()) return;
      return truncate(
          i, p.latest.frames.size() - 1 - rng_.below(std::min<std::size_t>(3, p.latest.frames.size())));
    case 3:
      return record(i, SetLogStart{std::max(p.latest.log_start, p.durable.log_start)});
    case 4:
      if (rng_.one_in(4)) return record(i, RemoveReplica{});
      return;
    case 5:
    case 6:
      if (!p.durable.frames.empty()) {
        flush_segment(i, p.durable.frames[rng_.below(p.durable.frames.size())]->header.end);
      }
      return;
    case 7:
      return append(i, 100, 9000 + rng_.below(8000));
    default:
      return append(i, static_cast<std::int64_t>(1 + rng_.below(5)), 30 + rng_.below(700));
  }
}

bool JournalHarness::settle() {
  const auto done = [&] {
    return disk().power_is_off() || failure_ ||
           std::all_of(partitions_.begin(), partitions_.end(),
                       [](const ModelPartition& p) { return p.durable_ops == p.ops.size(); });
  };
  const bool reached =
      machine_.scheduler().run_until(done, {.steps_max = 200'000, .duration_max = std::chrono::seconds(60)});
  return reached && !disk().power_is_off() && !failure_;
}

bool JournalHarness::stop_clean() {
  std::optional<Result<void>> stopped;
  journal_->stop([&](Result<void> result) { stopped = std::move(result); });
  const bool reached =
      machine_.scheduler().run_until([&] { return stopped.has_value() || disk().power_is_off(); },
                                     {.steps_max = 200'000, .duration_max = std::chrono::seconds(60)});
  return reached && stopped && stopped->has_value();
}

std::string JournalHarness::difference(const ModelState& want, const ModelPartition& p,
                                       const RecoveredPartition* found, const PartitionCheckpoint* removed) {
  const HardState got_hard = found ? found->state.hard_state : removed ? removed->hard_state : HardState{};
  HardState want_hard = want.hard_state;
  for (const FramePtr& frame : want.frames) {
    if (frame->header.term > want_hard.term) want_hard = {frame->header.term, kUnknownVote};
  }
  // A vote known only from frames that were cut again is kept: never less than the model has.
  const bool only_frames = got_hard.vote == kUnknownVote && got_hard.term >= want_hard.term;
  if (got_hard != want_hard && !only_frames) {
    return "hard state: term " + std::to_string(got_hard.term.value()) + " instead of " +
           std::to_string(want_hard.term.value());
  }
  if (want.exists != (found != nullptr)) return "existence";
  if (found == nullptr) return "";
  if (found->state.log_epoch != want.log_epoch) return "log epoch";
  if (found->state.log_start != want.log_start) return "log start";
  if (!found->state.damage.empty()) return "damage at " + found->state.damage.front().begin.to_string();
  if (found->end != want.end())
    return "end " + found->end.to_string() + " instead of " + want.end().to_string();
  std::vector<FramePtr> frames = p.segment;
  cut_frames(frames, found->state.segment_end);
  const LogPosition in_segments = frames.empty() ? LogPosition{} : frames.back()->header.end;
  if (in_segments != found->state.segment_end) return "segment end " + found->state.segment_end.to_string();
  frames.insert(frames.end(), found->tail.begin(), found->tail.end());
  if (frames.size() != want.frames.size()) return "number of frames";
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (!same_frame(*frames[i], *want.frames[i])) return "frame " + std::to_string(i);
  }
  return "";
}

void JournalHarness::check_and_adopt(const Recovered& recovered) {
  for (ModelPartition& p : partitions_) {
    const RecoveredPartition* found = nullptr;
    const PartitionCheckpoint* removed = nullptr;
    for (const Recovered::Shard& shard : recovered.shards) {
      for (const RecoveredPartition& candidate : shard.partitions) {
        if (candidate.state.id == p.id) found = &candidate;
      }
      for (const PartitionCheckpoint& candidate : shard.removed) {
        if (candidate.id == p.id) removed = &candidate;
      }
    }
    ModelState state = p.durable;
    std::string all;
    std::optional<std::size_t> match;
    for (std::size_t k = p.durable_ops;; ++k) {
      const std::string different = difference(state, p, found, removed);
      if (different.empty()) {
        match = k;
        break;
      }
      all += "\n  after " + std::to_string(k) + " operations: " + different;
      if (k == p.ops.size()) break;
      apply_op(state, p.ops[k]);
    }
    std::string notes;
    for (const std::string& note : recovered.report.notes) notes += "\n  note: " + note;
    EXPECT_TRUE(match) << p.id.to_string() << ": " << p.durable_ops << " operations were reported durable, "
                       << p.ops.size() << " asked for; none fits:" << all << notes;
    if (found) p.segment_end = found->state.segment_end;
    if (!found) p.segment_end = {};
    state.hard_state = found ? found->state.hard_state : removed ? removed->hard_state : HardState{};
    p.base = p.durable = p.latest = state;
    p.ops.clear();
    p.durable_ops = 0;
  }
}

}  // namespace forebay::log::testing
