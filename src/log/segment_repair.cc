#include "log/segment_repair.h"

#include <algorithm>
#include <utility>

#include "log/segment_io.h"
#include "model/record_batch.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kTurnBytes = 1U << 20;  // read in one turn on the pool

SegmentMeta meta_of(const SegmentRepair::Plan& plan, model::BootEpoch epoch) {
  SegmentMeta meta;
  meta.begin = plan.splice.file.begin;
  meta.end = plan.splice.file.end;
  meta.boot_epoch = epoch;
  for (const SegmentMeta& segment : plan.segments)
    meta.generation = std::max(meta.generation, segment.generation & ~kRetriedFile);
  meta.generation += kRepairedFileStep;
  meta.generation |= kRetriedFile;  // to be compacted again, whatever it was before
  return meta;
}

}  // namespace

struct SegmentRepair::Turn {
  std::uint64_t bytes = 0;
  std::optional<Error> error;
  std::optional<LogRange> gap;  // to be asked for
  std::optional<Outcome> outcome;
};

// Lives on the pool while a turn runs and rests in between: never on both sides at once.
class SegmentRepair::Job {
 public:
  Job(io::FileSystem& fs, std::string data_dir, const model::TopicPartition& id, model::BootEpoch epoch,
      Plan plan)
      : fs_(fs),
        data_dir_(std::move(data_dir)),
        id_(id),
        plan_(std::move(plan)),
        splice_(plan_.splice),
        meta_(meta_of(plan_, epoch)) {}

  Turn turn(const std::vector<FramePtr>& frames) {
    Turn out;
    if (const auto stepped = step(frames, out); !stepped) out.error = stepped.error();
    const bool made = out.outcome && std::holds_alternative<Repaired>(*out.outcome);
    if ((out.error || (out.outcome && !made)) && file_) file_->discard();
    return out;
  }

  void discard() {
    if (file_) file_->discard();
  }

 private:
  Result<void> step(const std::vector<FramePtr>& frames, Turn& out) {
    if (!file_) {
      FOREBAY_CHECK(fs_.create_directories(partition_directory(data_dir_, id_)));
      file_.emplace(fs_, data_dir_, id_, meta_, plan_.index_interval_bytes);
      FOREBAY_CHECK(file_->create());
    }
    const model::LogPosition before = splice_.at();
    for (const FramePtr& frame : frames) {
      FOREBAY_CHECK(take(*frame, out));
      if (out.outcome) return {};
    }
    if (!frames.empty() && splice_.at() == before) return unfit(frames.front()->header.begin);
    // The last of them may reach over the local frame that was to come next.
    if (local_ && !frames.empty() && !is_of_use(local_->header, out)) local_.reset();
    if (out.outcome) return {};
    while (out.bytes < kTurnBytes) {
      if (!local_) FOREBAY_CHECK(find_local(out));
      if (out.outcome) return {};
      out.gap = splice_.gap_before(local_ ? local_->header.begin : plan_.splice.file.end);
      if (out.gap) return {};
      if (!local_) return finish(out);
      splice_.put_local(local_->header);
      FOREBAY_CHECK(file_->add(*std::exchange(local_, std::nullopt)));
    }
    return {};
  }

  // The next local frame that is of use; none at the end of the segments.
  Result<void> find_local(Turn& out) {
    while (segment_ < plan_.segments.size()) {
      if (!walk_) {
        auto opened = SegmentWalk::open(fs_, data_dir_, id_, plan_.segments[segment_]);
        if (!opened && opened.error().code != ErrorCode::kNotFound) return opened.error();
        if (!opened) {  // all of it is missing
          ++segment_;
          continue;
        }
        walk_.emplace(*std::move(opened));
      }
      const std::uint64_t before = walk_->position();
      FOREBAY_TRY(const SegmentCursor::Step next, walk_->next());
      out.bytes += walk_->position() - before;
      if (std::holds_alternative<SegmentCursor::Finished>(next)) {
        walk_.reset();
        ++segment_;
      } else if (const auto* whole = std::get_if<SegmentCursor::Whole>(&next)) {
        if (is_of_use(whole->header, out))
          local_ = Frame{whole->header, SharedBytes::copy_of(whole->payload)};
        if (local_ || out.outcome) return {};
      }
    }
    return {};
  }

  [[nodiscard]] bool is_of_use(const FrameHeader& header, Turn& out) {
    const Splice::Verdict verdict = splice_.judge_local(header);
    if (verdict == Splice::Verdict::kWiden) out.outcome = splice_.wider();
    return verdict == Splice::Verdict::kUse;
  }

  // A frame of the other replica.
  Result<void> take(const Frame& frame, Turn& out) {
    if (frame.header.partition != id_) return unfit(frame.header.begin);
    Frame used = frame;
    switch (splice_.judge_fetched(frame.header)) {
      case Splice::Verdict::kSkip:
        return {};
      case Splice::Verdict::kWiden:
        out.outcome = splice_.wider();
        return {};
      case Splice::Verdict::kWrong:
        return unfit(frame.header.begin);
      case Splice::Verdict::kNarrow:
        if (frame.header.kind == FrameKind::kRecords &&
            model::read_batch_header(frame.payload.data()).base_offset < splice_.at().next_offset)
          return unfit(frame.header.begin);
        used.header.begin = splice_.at();
        break;
      case Splice::Verdict::kUse:
        break;
    }
    if (terms_.empty() || terms_.back().term != used.header.term)
      terms_.push_back({used.header.term, used.header.begin});
    if (used.header.kind == FrameKind::kControl) controls_.push_back(std::make_shared<const Frame>(used));
    splice_.put_fetched(used.header);
    out.bytes += used.encoded_bytes();
    return file_->add(std::move(used));
  }

  [[nodiscard]] Error unfit(model::LogPosition begin) const {
    return {ErrorCode::kCorruptBatch, "another replica gave a frame at " + begin.to_string() +
                                          " for what is lost at " + splice_.at().to_string() +
                                          " of partition " + id_.to_string()};
  }

  Result<void> finish(Turn& out) {
    FOREBAY_TRY(SealedSegment sealed, file_->finish());
    out.outcome = Repaired{std::move(sealed), splice_.filled(), std::move(terms_), std::move(controls_)};
    return {};
  }

  io::FileSystem& fs_;
  const std::string data_dir_;
  const model::TopicPartition id_;
  const Plan plan_;
  Splice splice_;
  const SegmentMeta meta_;
  std::optional<SealedFile> file_;
  std::size_t segment_ = 0;
  std::optional<SegmentWalk> walk_;
  std::optional<Frame> local_;
  std::vector<TermBegin> terms_;
  std::vector<FramePtr> controls_;
};

SegmentRepair::SegmentRepair(LogEnvironment& environment, const model::TopicPartition& id, Plan plan,
                             std::shared_ptr<RepairSource> source)
    : env_(environment),
      source_(std::move(source)),
      job_(std::make_shared<Job>(environment.fs, environment.config.data_dir, id, environment.epoch,
                                 std::move(plan))) {}

SegmentRepair::~SegmentRepair() {
  if (timer_) env_.executor.cancel(*timer_);
}

void SegmentRepair::start(Done done) {
  done_ = std::move(done);
  turn({});
}

void SegmentRepair::turn(std::vector<FramePtr> frames) {
  env_.run_blocking(
      lifetime_, [job = job_, frames = std::move(frames)] { return job->turn(frames); },
      [this](Turn done) { after_turn(std::move(done)); });
}

void SegmentRepair::after_turn(Turn turn) {
  if (turn.error) return finish(*std::move(turn.error));
  if (turn.outcome) return finish(*std::move(turn.outcome));
  if (turn.gap) return ask(*turn.gap);
  rest(turn.bytes, {});
}

void SegmentRepair::ask(const LogRange& gap) {
  (*source_)(gap, lifetime_.guard([this](Result<std::vector<FramePtr>> frames) {
    if (frames && frames->empty())
      frames = Error{ErrorCode::kUnavailable, "another replica has nothing of what is lost"};
    if (frames) {
      std::uint64_t bytes = 0;
      for (const FramePtr& frame : *frames) bytes += frame->encoded_bytes();
      return rest(bytes, *std::move(frames));
    }
    env_.run_blocking(
        lifetime_,
        [job = job_] {
          job->discard();
          return true;
        },
        [this, error = frames.error()](bool) { finish(error); });
  }));
}

void SegmentRepair::rest(std::uint64_t bytes, std::vector<FramePtr> frames) {
  const auto pause = std::chrono::nanoseconds(bytes * 1'000'000'000 / kBytesPerSecond);
  timer_ = env_.executor.schedule_after(pause, lifetime_.guard([this, frames = std::move(frames)]() mutable {
    timer_.reset();
    turn(std::move(frames));
  }));
}

void SegmentRepair::finish(Result<Outcome> outcome) {
  Done done = std::move(done_);
  done(std::move(outcome));
}

}  // namespace forebay::log
