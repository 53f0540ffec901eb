#include "log_world.h"

#include <algorithm>
#include <cstdlib>

#include "base/crc32c.h"
#include "log/core/control.h"

namespace forebay::log::testing {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

std::uint64_t seeds(std::uint64_t few) {
  const char* wanted = std::getenv("FOREBAY_SEEDS");
  return wanted == nullptr ? few : std::strtoull(wanted, nullptr, 10);
}

FramePtr make_frame_of(const model::TopicPartition& id, LogPosition begin, model::Term term,
                       std::vector<std::byte> batch, Timestamp append_time) {
  model::set_base_offset(batch, begin.next_offset);
  model::set_leader_epoch(batch, term);
  const model::BatchHeader head = model::read_batch_header(batch.data());
  FrameHeader header;
  header.partition = id;
  header.begin = begin;
  header.end = begin.after_records(head.last_offset_delta + 1);
  header.term = term;
  header.append_time = append_time;
  header.payload_bytes = static_cast<std::uint32_t>(batch.size());
  header.payload_crc = head.crc;
  return std::make_shared<const Frame>(Frame{header, SharedBytes::take(std::move(batch))});
}

FramePtr make_batch_frame(const model::TopicPartition& id, LogPosition begin, model::Term term,
                          const BatchSpec& spec) {
  model::BatchBuilder builder;
  std::uint64_t state = spec.fill;
  for (std::int64_t i = 0; i < spec.records; ++i) {
    std::vector<std::byte> value(spec.value_bytes);
    for (std::byte& b : value) b = static_cast<std::byte>(sim::splitmix64(state));
    const std::string key = "k" + std::to_string(sim::splitmix64(state) % 10);
    model::NewRecord record;
    record.key = as_bytes(key);
    record.value = ByteSpan(value);
    record.timestamp = spec.event_time;
    EXPECT_TRUE(builder.append(record));
  }
  return make_frame_of(id, begin, term, builder.build(model::Codec::kNone).value(), spec.append_time);
}

FramePtr make_control_frame(const model::TopicPartition& id, LogPosition begin, model::Term term,
                            const Control& control, Timestamp append_time) {
  FrameHeader header;
  header.partition = id;
  header.kind = FrameKind::kControl;
  header.begin = begin;
  header.end = begin.after_control();
  header.term = term;
  header.append_time = append_time;
  std::vector<std::byte> payload = encode_control(control);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload);
  return std::make_shared<const Frame>(Frame{header, SharedBytes::take(std::move(payload))});
}

bool same_bytes(const Frame& a, const Frame& b) {
  const ByteSpan left = a.payload.span();
  const ByteSpan right = b.payload.span();
  return a.header == b.header && std::equal(left.begin(), left.end(), right.begin(), right.end());
}

LogWorld::LogWorld(const WorldOptions& options) : options_(options), machine_(options.seed, options.disk) {}

LogWorld::~LogWorld() {
  logs_.reset();
  directory_.reset();
  EXPECT_EQ(disk().used_after_failure(), std::vector<std::string>{}) << "believed in after a failure";
}

model::TopicPartition LogWorld::partition_id(std::int32_t partition) {
  model::TopicPartition id;
  id.topic.bytes.fill(0x11);
  id.partition = model::PartitionIndex(partition);
  return id;
}

bool LogWorld::start() {
  auto directory = open_data_directory(machine_.file_system(), options_.shard.data_dir, machine_.rng());
  if (!directory) {
    EXPECT_TRUE(disk().power_is_off()) << directory.error().to_string();
    return false;
  }
  directory_ = *std::move(directory);
  auto recovered = recover(machine_.file_system(), machine_.rng(),
                           {options_.shard.data_dir, 1, options_.shard.journal, now()});
  if (!recovered) {
    EXPECT_TRUE(disk().power_is_off()) << recovered.error().to_string();
    return false;
  }
  report_ = recovered->report;
  recovered_epochs_.clear();
  for (const RecoveredPartition& partition : recovered->shards.at(0).partitions) {
    recovered_epochs_[partition.state.id] = partition.state.log_epoch.value();
  }
  logs_ = make_shard_logs(options_.shard, std::move(recovered->shards.at(0)), recovered->epoch,
                          machine_.file_system(), machine_.executor(), machine_.pool(), machine_.wall_clock(),
                          machine_.rng());
  for (auto& [partition, model] : models_) {
    auto adopted = logs_->adopt(model.id, model.config);
    if (!adopted) {
      // A log whose creation was never reported may be gone, nothing else.
      EXPECT_TRUE(model.durable == LogPosition{}) << adopted.error().to_string();
      model.log = nullptr;
      model.frames.clear();
      begin_steps(model);
      continue;
    }
    model.log = *adopted;
    attach(model);
    compare(model);
    begin_steps(model);
  }
  return true;
}

void LogWorld::attach(LogModel& model) {
  model.failed.reset();
  model.log_starts_pending = 0;
  model.log->on_flushed([&model](LogPosition flushed) {
    model.durable = std::max(model.durable, flushed);
    // The last frame of these is durable, and so is what was done before it.
    for (std::size_t i = model.steps_of_frame.size(); i > 0; --i) {
      if (model.frames.at(i - 1)->header.end > flushed) continue;
      model.durable_steps = std::max(model.durable_steps, model.steps_of_frame[i - 1]);
      break;
    }
  });
  model.log->on_failed([&model](const Error& error) { model.failed = error; });
}

void LogWorld::begin_steps(LogModel& model) {
  model.frames_at_start = model.frames;
  model.base_at_start = model.base;
  model.steps_of_frame.assign(model.frames.size(), 0);
  model.steps.clear();
  model.durable_steps = 0;
  const auto epoch = recovered_epochs_.find(model.id);
  model.epoch_at_start = epoch == recovered_epochs_.end() ? 0 : epoch->second;
}

// The log epoch says how many of the cuts are in force, and so which frames may be there: all up to the first
// cut that is not. Returns: the least that must be there.
LogPosition LogWorld::take_steps(LogModel& model) {
  const std::uint64_t cuts = recovered_epochs_.at(model.id) - model.epoch_at_start;
  std::vector<FramePtr> frames = model.frames_at_start;
  model.base = model.base_at_start;
  LogPosition least = frames.empty() ? model.base.begin : frames.back()->header.end;
  std::uint64_t seen = 0;
  std::size_t taken = 0;
  for (; taken < model.steps.size(); ++taken) {
    if (const auto* to = std::get_if<LogPosition>(&model.steps[taken])) {
      if (seen == cuts) break;
      ++seen;
      while (!frames.empty() && frames.back()->header.end > *to) frames.pop_back();
      least = *to;
    } else if (const auto* base = std::get_if<LogBase>(&model.steps[taken])) {
      if (seen == cuts) break;
      ++seen;
      frames.clear();
      model.base = *base;
      least = base->begin;
    } else {
      frames.push_back(std::get<FramePtr>(model.steps[taken]));
      if (taken < model.durable_steps) least = frames.back()->header.end;
    }
  }
  EXPECT_EQ(seen, cuts) << "the log epoch says more truncations than there were";
  EXPECT_LE(model.durable_steps, taken) << "a truncation is forgotten";
  model.frames = std::move(frames);
  return least;
}

// Nothing that was reported is gone, nothing is there that was not appended (I1, I3, I8).
void LogWorld::compare(LogModel& model) {
  const Log& log = *model.log;
  const bool was_cut = std::any_of(model.steps.begin(), model.steps.end(), [](const LogModel::Step& step) {
    return !std::holds_alternative<FramePtr>(step);
  });
  if (was_cut) model.durable = take_steps(model);
  EXPECT_GE(log.end(), model.durable) << model.id.to_string();
  EXPECT_EQ(log.flushed(), log.end());
  EXPECT_GE(log.log_start(), std::max(model.log_start, model.base.begin));
  EXPECT_GE(log.hard_state().term, model.hard_state.term);
  while (!model.frames.empty() && model.frames.back()->header.end > log.end()) model.frames.pop_back();
  const LogPosition end = model.frames.empty() ? model.base.begin : model.frames.back()->header.end;
  EXPECT_EQ(log.end(), std::max(end, log.log_start()))
      << "the log ends inside of a frame, or beyond all of them";
  model.durable = log.end();
  model.log_start = log.log_start();
  model.hard_state = log.hard_state();
}

bool LogWorld::stop_clean(sim::Landing landing) {
  bool stopped = false;
  logs_->stop([&stopped](Result<void> result) {
    EXPECT_TRUE(result) << result.error().to_string();
    stopped = true;
  });
  const bool done = run_until([&] { return stopped || disk().power_is_off(); });
  crash(landing);
  return done && stopped;
}

void LogWorld::crash(sim::Landing landing) {
  for (auto& [partition, model] : models_) model.log = nullptr;
  logs_.reset();
  directory_.reset();
  machine_.reboot(landing);
}

void LogWorld::kill(sim::Landing in_flight) {
  for (auto& [partition, model] : models_) model.log = nullptr;
  logs_.reset();
  directory_.reset();
  machine_.kill_and_restart(in_flight);
}

void LogWorld::kill_with_late_writes() {
  for (auto& [partition, model] : models_) model.log = nullptr;
  logs_.reset();
  directory_.reset();
  machine_.kill_and_restart_with_late_writes();
}

bool LogWorld::create(std::int32_t partition) {
  bool answered = false;
  LogModel& model = models_[partition];
  model = LogModel{};
  model.id = partition_id(partition);
  model.config = options_.log;
  logs_->create(model.id, "events", model.config, [&](Result<Log*> created) {
    answered = true;
    if (!created) return;
    model.log = *created;
    attach(model);
  });
  static_cast<void>(run_until([&] { return answered || disk().power_is_off(); }));
  return model.log != nullptr;
}

void LogWorld::append_frame(std::int32_t partition, FramePtr frame) {
  LogModel& model = models_.at(partition);
  model.latest_time = std::max(model.latest_time, frame->header.append_time);
  model.steps.emplace_back(frame);
  model.frames.push_back(frame);
  model.steps_of_frame.push_back(model.steps.size());
  model.log->append(std::move(frame));
}

void LogWorld::truncate(std::int32_t partition, std::size_t keep) {
  LogModel& model = models_.at(partition);
  const LogPosition to = model.frames.at(keep)->header.begin;
  model.steps.emplace_back(to);
  model.frames.resize(keep);
  model.steps_of_frame.resize(keep);
  model.durable = std::min(model.durable, to);
  model.term = model.term.next();
  model.log->truncate(to);
}

void LogWorld::install(std::int32_t partition, const LogBase& base) {
  LogModel& model = models_.at(partition);
  model.steps.emplace_back(base);
  model.frames.clear();
  model.steps_of_frame.clear();
  model.durable = {};
  model.base = base;
  model.term = std::max(model.term, base.before.term).next();
  model.log->install(base);
}

void LogWorld::append(std::int32_t partition, BatchSpec spec) {
  LogModel& model = models_.at(partition);
  if (spec.append_time == Timestamp(0)) spec.append_time = std::max(now(), model.log->max_append_time());
  if (spec.event_time == Timestamp(0)) spec.event_time = spec.append_time;
  if (spec.fill == 0) spec.fill = next_fill_++;
  append_frame(partition, make_batch_frame(model.id, model.log->end(), model.term, spec));
}

void LogWorld::append_control(std::int32_t partition, const Control& control) {
  LogModel& model = models_.at(partition);
  append_frame(partition, make_control_frame(model.id, model.log->end(), model.term, control,
                                             std::max(now(), model.log->max_append_time())));
}

void LogWorld::set_log_start(std::int32_t partition, LogPosition begin) {
  LogModel& model = models_.at(partition);
  ++model.log_starts_pending;
  model.log->set_log_start(begin, [&model, at = begin](Result<void> result) {
    --model.log_starts_pending;
    if (result) model.log_start = std::max(model.log_start, std::min(at, model.log->end()));
  });
}

void LogWorld::set_hard_state(std::int32_t partition, HardState state) {
  LogModel& model = models_.at(partition);
  model.log->set_hard_state(state, [&model, state](Result<void> result) {
    if (result) model.hard_state = state;
  });
}

bool LogWorld::settle() {
  return run_until([this] {
           if (disk().power_is_off()) return true;
           return std::all_of(models_.begin(), models_.end(), [](const auto& entry) {
             const LogModel& model = entry.second;
             return model.log == nullptr ||
                    (model.log->flushed() == model.log->end() && model.log_starts_pending == 0);
           });
         }) &&
         !disk().power_is_off();
}

bool LogWorld::flush_all() {
  if (!settle()) return false;
  for (auto& [partition, model] : models_) {
    if (model.log != nullptr) model.log->roll();
  }
  return run_until([this] { return disk().power_is_off() || logs_->stats().pinned_bytes == 0; }) &&
         !disk().power_is_off();
}

Result<ReadResult> LogWorld::read(std::int32_t partition, ReadRequest request) {
  const auto answer = std::make_shared<std::optional<Result<ReadResult>>>();
  log(partition).read(request, [answer](Result<ReadResult> result) { *answer = std::move(result); });
  if (!run_until([&] { return answer->has_value() || disk().power_is_off(); }) || !*answer) {
    return Error{ErrorCode::kTimedOut, "the read never answered"};
  }
  return **std::move(answer);
}

Result<std::vector<FramePtr>> LogWorld::read_frames(std::int32_t partition, FramesRequest request) {
  const auto answer = std::make_shared<std::optional<Result<std::vector<FramePtr>>>>();
  log(partition).read_frames(request, [answer](auto result) { *answer = std::move(result); });
  if (!run_until([&] { return answer->has_value() || disk().power_is_off(); }) || !*answer) {
    return Error{ErrorCode::kTimedOut, "the read never answered"};
  }
  return **std::move(answer);
}

Result<std::optional<Offset>> LogWorld::find(std::int32_t partition, TimeKind kind, Timestamp time) {
  std::optional<Result<std::optional<Offset>>> answer;
  log(partition).find_by_time(
      kind, time, log(partition).end().next_offset,
      [&answer](Result<std::optional<Offset>> result) { answer = std::move(result); });
  if (!run_until([&] { return answer.has_value(); }))
    return Error{ErrorCode::kTimedOut, "the search never answered"};
  return *std::move(answer);
}

Result<std::optional<Offset>> LogWorld::find_dead_letters(std::int32_t partition, Offset from, Offset upto) {
  std::optional<Result<std::optional<Offset>>> answer;
  log(partition).find_dead_letters(
      from, upto, [&answer](Result<std::optional<Offset>> result) { answer = std::move(result); });
  if (!run_until([&] { return answer.has_value(); }))
    return Error{ErrorCode::kTimedOut, "the search never answered"};
  return *std::move(answer);
}

std::optional<LogPosition> LogWorld::plan_retention(std::int32_t partition, Timestamp now) {
  std::optional<std::optional<LogPosition>> answer;
  log(partition).plan_retention(now, log(partition).flushed(), [&answer](auto plan) { answer = plan; });
  EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
  return answer.value_or(std::nullopt);
}

Result<std::uint64_t> LogWorld::compact(std::int32_t partition, Timestamp now) {
  std::optional<Result<std::uint64_t>> answer;
  const CompactionBounds bounds{log(partition).flushed(), log(partition).compacted_to()};  // it is alone
  log(partition).compact(now, bounds,
                         [&answer](Result<std::uint64_t> result) { answer = std::move(result); });
  if (!run_until([&] { return answer.has_value() || disk().power_is_off(); }) || !answer) {
    return Error{ErrorCode::kTimedOut, "the compaction never answered"};
  }
  return *std::move(answer);
}

void LogWorld::check_reads(std::int32_t partition, std::size_t bytes_max) {
  LogModel& model = models_.at(partition);
  if (model.log == nullptr) return;
  const Offset end = model.log->flushed().next_offset;
  Offset at = model.log->log_start().next_offset;
  auto expected = model.frames.begin();
  while (at < end) {
    const auto result = read(partition, {at, end, bytes_max});
    if (disk().power_is_off()) return;
    ASSERT_TRUE(result) << model.id.to_string() << " at " << at.value() << ": " << result.error().to_string();
    ASSERT_GT(result->next, at) << "no progress";
    for (const FramePtr& frame : result->frames) {
      while (expected != model.frames.end() &&
             ((*expected)->header.kind == FrameKind::kControl || (*expected)->header.end.next_offset <= at)) {
        ++expected;
      }
      ASSERT_NE(expected, model.frames.end());
      ASSERT_TRUE(same_bytes(*frame, **expected))
          << "got " << frame->header.begin.to_string() << ", want " << (*expected)->header.begin.to_string();
      at = frame->header.end.next_offset;
    }
    ASSERT_GE(result->next, at);
    at = result->next;
  }
  EXPECT_EQ(at, std::max(end, model.log->log_start().next_offset));
}

void LogWorld::check_frames(std::int32_t partition, std::size_t bytes_max) {
  LogModel& model = models_.at(partition);
  if (model.log == nullptr) return;
  const Log& log = *model.log;
  const LogPosition end = log.end();
  std::optional<Membership> membership;
  if (!model.base.memberships.empty()) membership = model.base.memberships.back().second;
  std::vector<TermBegin> terms;
  if (model.base.before.term > model::Term()) terms.push_back(model.base.before);
  for (const FramePtr& frame : model.frames) {
    const FrameHeader& header = frame->header;
    if (terms.empty() || terms.back().term != header.term) terms.push_back({header.term, header.begin});
    if (header.kind == FrameKind::kRecords) continue;
    const auto control = decode_control(frame->payload.span());
    if (const auto* found = std::get_if<Membership>(&*control)) membership = *found;
  }
  const auto memberships = log.memberships();
  EXPECT_EQ(memberships.empty() ? std::nullopt : std::optional(memberships.back().second), membership);
  // Terms of what was trimmed may be known still, or not.
  std::vector<TermBegin> known = log.terms();
  while (known.size() > 1 && known[1].begin <= log.log_start()) known.erase(known.begin());
  while (terms.size() > 1 && terms[1].begin <= log.log_start()) terms.erase(terms.begin());
  EXPECT_TRUE(known == terms || end == log.log_start()) << model.id.to_string();
  if (!model.frames.empty()) {
    EXPECT_GE(log.max_append_time(), model.frames.back()->header.append_time);
  }
  EXPECT_LE(log.max_append_time(), model.latest_time);

  auto expected = std::find_if(model.frames.begin(), model.frames.end(),
                               [&](const FramePtr& frame) { return frame->header.begin >= log.log_start(); });
  while (expected != model.frames.end()) {
    const LogPosition at = (*expected)->header.begin;
    const auto got = read_frames(partition, {at, end, bytes_max});
    if (disk().power_is_off()) return;
    ASSERT_TRUE(got) << model.id.to_string() << " at " << at.to_string() << ": " << got.error().to_string();
    ASSERT_FALSE(got->empty());
    for (const FramePtr& frame : *got) {
      ASSERT_NE(expected, model.frames.end());
      ASSERT_TRUE(same_bytes(*frame, **expected)) << "at " << frame->header.begin.to_string();
      ++expected;
    }
  }
}

std::vector<std::string> LogWorld::segment_files(std::int32_t partition) {
  std::vector<std::string> out;
  const std::string folder = options_.shard.data_dir + "/topics/" +
                             partition_id(partition).topic.to_string() + "/" + std::to_string(partition);
  for (const std::string& path : disk().files()) {
    if (path.starts_with(folder + "/") && path.ends_with(".log")) out.push_back(path);
  }
  return out;
}

std::vector<std::string> LogWorld::files_with(const std::string& text) {
  std::vector<std::string> out;
  for (const std::string& path : disk().files()) {
    if (path.find(text) != std::string::npos) out.push_back(path);
  }
  return out;
}

}  // namespace forebay::log::testing
