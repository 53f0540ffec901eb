#include "log/compact.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "log/core/roll.h"
#include "log/core/segment_layout.h"
#include "log/sealed_file.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kTurnBytes = 1U << 20;  // read in one turn on the pool

}  // namespace

struct Compactor::Turn {
  std::uint64_t bytes = 0;
  bool finished = false;
  std::optional<Error> error;
  std::optional<SealedSegment> file;  // of the group that is complete now
  std::vector<SegmentMeta> replaces;
};

// Lives on the pool while a turn runs and rests in between: never on both sides at once.
class Compactor::Job {
 public:
  Job(io::FileSystem& fs, std::string data_dir, const model::TopicPartition& id, model::BootEpoch epoch,
      const LogConfig& config, const Compaction::Rules& rules, const std::array<std::uint64_t, 4>& seed,
      std::vector<CompactionSegment> segments, CompactionRange range)
      : fs_(fs),
        data_dir_(std::move(data_dir)),
        id_(id),
        epoch_(epoch),
        config_(config),
        compaction_(rules, seed),
        segments_(std::move(segments)),
        range_(range),
        changed_(range.end, false) {
    segments_.resize(range.end);
  }

  Turn turn() {
    Turn out;
    while (out.bytes < kTurnBytes && !out.finished && !out.error && !out.file) {
      const Result<void> stepped = step(out);
      if (!stepped) out.error = stepped.error();
    }
    if (out.error && file_) file_->discard();
    return out;
  }

  [[nodiscard]] const TombstonesLeft& tombstones_left() const { return compaction_.tombstones_left(); }
  [[nodiscard]] std::uint64_t tombstones_removed() const { return compaction_.tombstones_removed(); }

 private:
  enum class Phase { kBeginPass, kLearn, kJudge, kGroups, kOpenGroup, kRewrite };

  Result<void> step(Turn& out) {
    switch (phase_) {
      case Phase::kBeginPass:
        if (compaction_.begin_pass()) {
          start_walk(range_.dirty_begin, range_.end, Phase::kLearn);
        } else {
          phase_ = Phase::kGroups;
        }
        return {};
      case Phase::kLearn:
        return learn(out);
      case Phase::kJudge:
        return judge(out);
      case Phase::kGroups:
        for (std::size_t i = range_.dirty_begin; i < range_.end; ++i) changed_[i] = true;
        groups_ = group_segments(segments_, changed_, roll_bytes(config_));
        compaction_.begin_rewrite();
        segment_ = 0;
        walk_.reset();
        phase_ = Phase::kOpenGroup;
        return {};
      case Phase::kOpenGroup:
        return open_group(out);
      case Phase::kRewrite:
        return rewrite(out);
    }
    return {};
  }

  void start_walk(std::size_t begin, std::size_t end, Phase phase) {
    segment_ = begin;
    walk_end_ = end;
    walk_.reset();
    phase_ = phase;
  }

  // The next frame of the walk; nothing at its end. Damage ends the compaction: what cannot be read must not
  // be replaced.
  Result<std::optional<SegmentCursor::Whole>> next_frame(Turn& out) {
    for (;;) {
      if (!walk_) {
        if (segment_ == walk_end_) return std::optional<SegmentCursor::Whole>();
        FOREBAY_TRY(walk_, SegmentWalk::open(fs_, data_dir_, id_, segments_[segment_].meta));
      }
      const std::uint64_t before = walk_->position();
      FOREBAY_TRY(const SegmentCursor::Step step, walk_->next());
      out.bytes += walk_->position() - before;
      if (const auto* whole = std::get_if<SegmentCursor::Whole>(&step)) return std::optional(*whole);
      if (std::holds_alternative<SegmentCursor::Damaged>(step)) {
        return Error{ErrorCode::kDataLoss,
                     "segment " + segment_file_name(segments_[segment_].meta) + " is damaged"};
      }
      walk_.reset();
      ++segment_;
    }
  }

  Result<void> learn(Turn& out) {
    FOREBAY_TRY(const auto frame, next_frame(out));
    if (!frame) {
      start_walk(0, range_.end, Phase::kJudge);
    } else if (!compaction_.learn(frame->header, frame->payload)) {
      std::fill(changed_.begin(), changed_.end(), false);
      phase_ = Phase::kBeginPass;
    }
    return {};
  }

  Result<void> judge(Turn& out) {
    FOREBAY_TRY(const auto frame, next_frame(out));
    if (!frame) {
      phase_ = Phase::kBeginPass;
    } else if (compaction_.judge(frame->header, frame->payload)) {
      changed_[segment_] = true;
    }
    return {};
  }

  // Segments outside of the groups are walked too: the fates of records are counted through.
  Result<void> open_group(Turn& out) {
    if (group_ == groups_.size()) {
      out.finished = true;
      return {};
    }
    const CompactionGroup& group = groups_[group_];
    if (segment_ < group.begin) {
      walk_end_ = group.begin;
      FOREBAY_TRY(const auto frame, next_frame(out));
      if (frame) static_cast<void>(compaction_.rewrite(frame->header, frame->payload));
      return {};
    }
    SegmentMeta meta = segments_[group.begin].meta;
    meta.end = segments_[group.end - 1].meta.end;
    meta.boot_epoch = epoch_;
    meta.size_bytes = 0;
    meta.generation = 0;
    for (std::size_t i = group.begin; i < group.end; ++i) {
      meta.generation = std::max(meta.generation, segments_[i].meta.remakes());
    }
    ++meta.generation;
    file_.emplace(fs_, data_dir_, id_, meta, config_.index_interval_bytes);
    widener_.emplace();
    FOREBAY_CHECK(file_->create());
    start_walk(group.begin, group.end, Phase::kRewrite);
    return {};
  }

  Result<void> rewrite(Turn& out) {
    FOREBAY_TRY(const auto frame, next_frame(out));
    if (!frame) return finish_group(out);
    Compaction::Outcome outcome = compaction_.rewrite(frame->header, frame->payload);
    Frame result{frame->header, {}};
    switch (outcome.fate) {
      case Compaction::Fate::kGone:
        result.payload = SharedBytes::copy_of(frame->payload.first(model::kBatchHeaderBytes));
        return add(widener_->drop(result));
      case Compaction::Fate::kSame:
        result.payload = SharedBytes::copy_of(frame->payload);
        break;
      case Compaction::Fate::kRewritten:
        result.header.payload_bytes = static_cast<std::uint32_t>(outcome.batch.size());
        result.header.payload_crc = model::read_batch_header(outcome.batch.data()).crc;
        result.payload = SharedBytes::take(std::move(outcome.batch));
        break;
    }
    return add(widener_->keep(std::move(result)));
  }

  Result<void> add(std::optional<Frame> complete) {
    return complete ? file_->add(*std::move(complete)) : Result<void>();
  }

  Result<void> finish_group(Turn& out) {
    FOREBAY_CHECK(add(widener_->finish()));
    FOREBAY_TRY(out.file, file_->finish());
    file_.reset();
    const CompactionGroup& group = groups_[group_++];
    for (std::size_t i = group.begin; i < group.end; ++i) out.replaces.push_back(segments_[i].meta);
    phase_ = Phase::kOpenGroup;
    return {};
  }

  io::FileSystem& fs_;
  std::string data_dir_;
  model::TopicPartition id_;
  model::BootEpoch epoch_;
  LogConfig config_;
  Compaction compaction_;
  std::vector<CompactionSegment> segments_;
  CompactionRange range_;
  std::vector<bool> changed_;
  std::vector<CompactionGroup> groups_;
  std::size_t group_ = 0;
  Phase phase_ = Phase::kBeginPass;
  std::size_t segment_ = 0;
  std::size_t walk_end_ = 0;
  std::optional<SegmentWalk> walk_;
  std::optional<SealedFile> file_;
  std::optional<FrameWidener> widener_;
};

Compactor::~Compactor() {
  if (timer_) env_.executor.cancel(*timer_);
}

void Compactor::start(CompactionOwner& owner, const model::TopicPartition& id, model::Timestamp now,
                      const CompactionBounds& bounds, Done done) {
  waiting_.push_back({&owner, id, now, bounds, std::move(done)});
  if (!running_) begin_next();
}

void Compactor::cancel(CompactionOwner& owner) {
  const Error cancelled{ErrorCode::kCancelled, "the log is closed"};
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->owner != &owner) {
      ++it;
      continue;
    }
    Done done = std::move(it->done);
    it = waiting_.erase(it);
    done(cancelled);
  }
  if (running_ && running_->owner == &owner) finish(cancelled);
}

void Compactor::begin_next() {
  while (!running_ && !waiting_.empty()) {
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    reclaimed_ = 0;
    CompactionOwner& owner = *running_->owner;
    if (owner.compaction_config().min_compaction_lag_ms <= 0) return plan();
    owner.load_times(lifetime_.guard([this, expected = &owner] {
      if (running_ && running_->owner == expected && job_ == nullptr) plan();
    }));
    return;
  }
}

void Compactor::plan() {
  const CompactionOwner& owner = *running_->owner;
  if (owner.damaged()) {
    return finish(Error{ErrorCode::kDataLoss, "partition " + running_->id.to_string() + " is damaged"});
  }
  std::vector<CompactionSegment> segments = owner.compactable();
  const LogConfig& config = owner.compaction_config();
  const auto range =
      plan_compaction(config, segments, running_->bounds, running_->now, owner.tombstones_left());
  if (!range) return finish(std::uint64_t{0});
  Compaction::Rules rules = rules_;
  rules.now = running_->now;
  rules.delete_retention_ms = config.delete_retention_ms;
  rules.everywhere = running_->bounds.everywhere;
  const std::array<std::uint64_t, 4> seed{env_.rng.next(), env_.rng.next(), env_.rng.next(), env_.rng.next()};
  job_ = std::make_shared<Job>(env_.fs, env_.config.data_dir, running_->id, env_.epoch, config, rules, seed,
                               std::move(segments), *range);
  turn();
}

void Compactor::turn() {
  env_.run_blocking(
      lifetime_, [job = job_] { return job->turn(); },
      [this, job = job_](Turn done) {
        if (job == job_) return after_turn(std::move(done));
        // Cancelled meanwhile: the file, if one was just completed, is nobody's; the next start tidies it
        // away.
      });
}

void Compactor::after_turn(Turn turn) {
  if (turn.error) return finish(*std::move(turn.error));
  if (turn.file) return file_ready(std::move(turn));
  if (turn.finished) {
    running_->owner->compacted(job_->tombstones_left());
    env_.stats.tombstones_removed += job_->tombstones_removed();
    return finish(reclaimed_);
  }
  rest(turn.bytes);
}

void Compactor::rest(std::uint64_t bytes) {
  const auto pause = std::chrono::nanoseconds(bytes * 1'000'000'000 / kBytesPerSecond);
  timer_ = env_.executor.schedule_after(pause, [this] {
    timer_.reset();
    this->turn();
  });
}

void Compactor::file_ready(Turn turn) {
  const SealedSegment added = *turn.file;
  CompactionOwner& owner = *running_->owner;
  if (!owner.still_there(turn.replaces) || owner.damaged()) {
    discard_file(added.meta);
    return finish(reclaimed_);
  }
  std::uint64_t before = 0;
  for (const SegmentMeta& segment : turn.replaces) before += segment.size_bytes;
  owner.replace_segments(std::move(turn.replaces), added,
                         lifetime_.guard([this, job = job_, before, after = added.meta.size_bytes,
                                          bytes = turn.bytes](Result<void> replaced) {
                           if (job != job_) return;
                           if (!replaced) return finish(std::move(replaced).error());
                           ++env_.stats.compacted_files;
                           reclaimed_ += before - std::min(before, after);
                           rest(bytes);
                         }));
}

void Compactor::discard_file(const SegmentMeta& meta) {
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, id = running_->id, meta] {
        static_cast<void>(fs.remove_file(index_path(data_dir, id, meta)));
        return fs.remove_file(segment_path(data_dir, id, meta));
      },
      [](const Result<void>&) {});
}

void Compactor::finish(Result<std::uint64_t> result) {
  if (timer_) env_.executor.cancel(*std::exchange(timer_, std::nullopt));
  job_.reset();
  Done done = std::move(running_->done);
  running_.reset();
  done(std::move(result));
  begin_next();
}

}  // namespace forebay::log
