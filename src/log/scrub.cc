#include "log/scrub.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace forebay::log {
namespace {

constexpr std::uint64_t kTurnBytes = 1U << 20;  // read in one turn on the pool
// What was read longer ago than this does not count for the pass under way any more.
constexpr std::int64_t kPassMsMax = 30LL * 24 * 3600 * 1000;

}  // namespace

// Owned by one side at a time: the pool while it reads, the shard in between.
struct Scrub::Job {
  SegmentRef segment;
  std::optional<SegmentWalk> walk;
  bool second_look =
      false;  // damage was seen: the whole file is read once more, and what is seen then counts
  bool damaged = false;
};

struct Scrub::Round {
  std::uint64_t bytes = 0;
  bool finished = false;
  std::optional<Error> error;
  std::vector<SegmentCursor::Damaged> damage;
};

Scrub::Scrub(LogEnvironment& environment, Logs logs) : env_(environment), logs_(std::move(logs)) {}

Scrub::~Scrub() { stop(); }

void Scrub::start() {
  if (running_ || env_.config.scrub_bytes_per_second == 0) return;
  running_ = true;
  begin_pass();
}

void Scrub::stop() {
  running_ = false;
  if (timer_) env_.executor.cancel(*std::exchange(timer_, std::nullopt));
  job_.reset();
}

void Scrub::wait(runtime::Duration pause, void (Scrub::*then)()) {
  timer_ = env_.executor.schedule_after(pause, [this, then] {
    timer_.reset();
    if (running_) (this->*then)();
  });
}

// How long the log need not be read yet, since it was read whole.
runtime::Duration Scrub::due_in(const LogReplica& log) const {
  const auto last = log.last_full_scrub();
  const std::int64_t ago = last ? env_.clock.now().value() - last->value() : -1;
  if (ago < 0) return {};  // never, or the clock was set back
  return std::max(env_.config.scrub_pause - std::chrono::milliseconds(ago), runtime::Duration(0));
}

// A pass takes the logs that are due: those first in which one was begun, then those that wait longest.
void Scrub::begin_pass() {
  std::vector<const LogReplica*> due;
  runtime::Duration soonest = env_.config.scrub_pause;
  bool any = false;
  for (const LogReplica* log : logs_.all()) {
    if (!log->holds_sealed_segments()) continue;
    any = true;
    const runtime::Duration wait_for = due_in(*log);
    soonest = std::min(soonest, wait_for);
    if (wait_for == runtime::Duration(0)) due.push_back(log);
  }
  if (!any) {
    running_ = false;  // start() is called again when a segment has been sealed
    return;
  }
  if (due.empty()) return wait(soonest, &Scrub::begin_pass);
  const auto rank = [](const LogReplica* log) {
    const ScrubState& state = log->scrub();
    return std::tuple(state.pass_begin == model::kNoTimestamp, state.last_full, log->id());
  };
  std::sort(due.begin(), due.end(),
            [&rank](const LogReplica* a, const LogReplica* b) { return rank(a) > rank(b); });
  pass_.clear();
  for (const LogReplica* log : due) pass_.push_back(log->id());
  segments_.clear();
  next_segment();
}

// Lists what is left to read of the log whose turn it is.
void Scrub::begin_log() {
  LogReplica* log = logs_.find(pass_.back());
  if (log == nullptr || !log->holds_sealed_segments()) return pass_.pop_back();
  ScrubState state = log->scrub();
  const model::Timestamp now = env_.clock.now();
  const std::int64_t begun_ago = now.value() - state.pass_begin.value();
  if (state.pass_begin == model::kNoTimestamp || begun_ago < 0 || begun_ago > kPassMsMax) {
    state.pass_begin = now;
    state.upto = {};
    log->set_scrub(state);
  }
  log_complete_ = true;
  for (auto it = log->segments().rbegin(); it != log->segments().rend(); ++it) {
    if (log->sealed(*it) && it->ref.meta.end > state.upto) segments_.push_back(it->ref);
  }
  if (segments_.empty()) end_log();
}

void Scrub::next_segment() {
  job_.reset();
  while (segments_.empty()) {
    if (pass_.empty()) return wait(env_.config.scrub_pause, &Scrub::begin_pass);
    begin_log();
  }
  job_ = std::make_shared<Job>(Job{segments_.back(), std::nullopt, false, false});
  segments_.pop_back();
  read_on();
}

void Scrub::end_log() {
  LogReplica* log = logs_.find(pass_.back());
  pass_.pop_back();
  if (log != nullptr && log_complete_) log->set_scrub({.last_full = env_.clock.now()});
}

// What could not be read is where the next pass goes on.
void Scrub::end_segment(LogReplica& log, const SegmentRef& segment, bool failed) {
  if (!log.lists(segment)) return;  // trimmed or replaced on the way there
  if (failed) log_complete_ = false;
  if (!log_complete_) return;
  ScrubState state = log.scrub();
  state.upto = segment.meta.end;
  log.set_scrub(state);
}

void Scrub::read_on() {
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, job = job_] {
        Round round;
        if (!job->walk) {
          auto opened = SegmentWalk::open(fs, data_dir, job->segment.id, job->segment.meta);
          if (!opened) {
            round.error = opened.error();
            return round;
          }
          job->walk.emplace(*std::move(opened));
        }
        const std::uint64_t begin = job->walk->position();
        while (job->walk->position() - begin < kTurnBytes) {
          const auto step = job->walk->next();
          if (!step) {
            round.error = step.error();
            break;
          }
          if (const auto* damaged = std::get_if<SegmentCursor::Damaged>(&*step))
            round.damage.push_back(*damaged);
          if (std::holds_alternative<SegmentCursor::Finished>(*step)) {
            round.finished = true;
            break;
          }
        }
        round.bytes = job->walk->position() - begin;
        return round;
      },
      [this, job = job_](const Round& round) {
        if (!running_ || job != job_) return;
        env_.stats.scrubbed_bytes += round.bytes;
        LogReplica* log = logs_.find(job->segment.id);
        if (!round.damage.empty() && !std::exchange(job->second_look, true)) {
          job->walk.reset();
          return read_on();
        }
        if (log != nullptr) {
          job->damaged = job->damaged || !round.damage.empty();
          for (const auto& damage : round.damage) log->report_damage(job->segment, damage);
          if (round.error && round.error->code == ErrorCode::kNotFound) log->report_missing(job->segment);
          if (round.finished && !job->damaged) log->segment_verified(job->segment);
          if (round.finished || round.error) end_segment(*log, job->segment, round.error.has_value());
        }
        const bool done = round.finished || round.error || log == nullptr;
        if (done && segments_.empty()) end_log();
        const std::uint64_t bytes =
            std::max<std::uint64_t>(round.bytes, 4096);  // opening a file is not free either
        const auto pause =
            std::chrono::nanoseconds(bytes * 1'000'000'000 / env_.config.scrub_bytes_per_second);
        wait(pause, done ? &Scrub::next_segment : &Scrub::read_on);
      });
}

}  // namespace forebay::log
