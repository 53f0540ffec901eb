#include "raft/range_repair.h"

#include <algorithm>
#include <utility>

#include "log/core/damage.h"

namespace forebay::raft {
namespace {

// Between two looks while something is damaged: what it waits for (a leader that matches, a segment that is
// sealed) takes about as long.
constexpr runtime::Duration kLookAgain = std::chrono::milliseconds(250);
// A read from disk and a message; whoever is slower is asked again later.
constexpr runtime::Duration kAnswerWithin = std::chrono::seconds(2);
// Readers are told to come again for so long after the last success: hand-over and repair take a second or
// two.
constexpr runtime::Duration kHopefulFor = std::chrono::seconds(10);
constexpr std::size_t kAnswerBytesMax = 1U << 20;

}  // namespace

RangeRepair::RangeRepair(log::Log& log, RepairOwner& owner, runtime::Executor& executor, Peers* peers)
    : log_(log),
      owner_(owner),
      executor_(executor),
      peers_(peers),
      alive_(std::make_shared<RangeRepair*>(this)) {
  // Posted: it may be told inside of a call of the log.
  log_.on_damage([alive = alive_, &executor_in = executor_] {
    executor_in.post([alive] {
      if (*alive == nullptr) return;
      (*alive)->owner_.on_damage_changed();
      (*alive)->look();
    });
  });
}

RangeRepair::~RangeRepair() {
  *alive_ = nullptr;
  log_.on_damage(nullptr);
  if (timer_) executor_.cancel(*timer_);
  if (asking_) executor_.cancel(asking_->timer);
}

bool RangeRepair::is_hopeful() const {
  return hopeful_until_ && executor_.now() < *hopeful_until_ && !owner_.repair_view().others.empty();
}

void RangeRepair::arm() {
  if (timer_) return;
  timer_ = executor_.schedule_after(kLookAgain, [this] {
    timer_.reset();
    look();
  });
}

void RangeRepair::look() {
  if (peers_ == nullptr) return;
  if (!log::has_lost_range(log_.damage())) return hopeful_until_.reset();
  if (!hopeful_until_) hopeful_until_ = executor_.now() + kHopefulFor;
  arm();
  if (repairing_) return;
  RepairView view = owner_.repair_view();
  view.damage = log_.damage();
  const auto ranges = repairable(view);
  if (ranges.empty()) return;
  repairing_ = true;
  // One that nobody can give does not hold up the others.
  log_.repair(
      ranges[attempts_++ % ranges.size()],
      [alive = alive_](const log::LogRange& wanted, log::FramesDone done) {
        if (*alive == nullptr) return done(Error{ErrorCode::kCancelled, "the replica is closed"});
        (*alive)->ask(wanted, std::move(done));
      },
      [alive = alive_](const Result<void>& repaired) {
        RangeRepair* self = *alive;
        if (self == nullptr) return;
        self->repairing_ = false;
        if (repaired) self->hopeful_until_ = self->executor_.now() + kHopefulFor;
      });
}

// --- asking

// Asked by the log for each piece: what holds of leader, match and commit is looked at anew.
void RangeRepair::ask(const log::LogRange& range, log::FramesDone done) {
  const auto sources = repair_sources(owner_.repair_view(), range.end);
  asking_ = Asking{.id = 0,
                   .range = range,
                   .term = owner_.repair_term(),
                   .sources = {sources.begin(), sources.end()},
                   .timer = {},
                   .done = std::move(done)};
  ask_next();
}

void RangeRepair::ask_next() {
  Asking& asking = *asking_;
  if (asking.sources.empty())
    return answer(Error{ErrorCode::kUnavailable, "no replica that can be reached has what is lost"});
  asking.id = next_id_++;
  peers_->send(asking.sources.front(),
               RepairRequest{log_.id(), asking.id, asking.term, asking.range.begin, asking.range.end});
  asking.timer = executor_.schedule_after(kAnswerWithin, [this] {
    asking_->sources.pop_front();
    ask_next();
  });
}

void RangeRepair::answer(Result<std::vector<log::FramePtr>> frames) {
  log::FramesDone done = std::move(asking_->done);
  asking_.reset();
  done(std::move(frames));
}

void RangeRepair::receive(model::NodeId from, RepairFrames frames) {
  if (!asking_ || asking_->id != frames.id || asking_->sources.front() != from) return;
  executor_.cancel(asking_->timer);
  // Another term began meanwhile: whom the answer comes from may lead no more, and what matched may be cut.
  const bool same_term = asking_->term == owner_.repair_term();
  if (!same_term) return answer(Error{ErrorCode::kNotYet, "another leader has come meanwhile"});
  if (!frames.frames.empty()) return answer(std::move(frames.frames));
  // What others have trimmed will not come back, and is not missed: this replica has not heard of it.
  const model::LogPosition trimmed = std::min(frames.log_start, owner_.repair_view().commit);
  if (asking_->range.begin < trimmed && log_.log_start() < trimmed) {
    if (owner_.may_give_up(trimmed)) log_.set_log_start(trimmed, [](const Result<void>&) {});
    return answer(Error{ErrorCode::kNotYet, "what is lost is trimmed elsewhere"});
  }
  asking_->sources.pop_front();
  ask_next();
}

// --- answering

void RangeRepair::receive(model::NodeId from, const RepairRequest& request) {
  const bool leads = owner_.leads_in(request.term);
  const model::LogPosition commit = owner_.repair_view().commit;
  const auto reply = [alive = alive_, from, id = request.id](std::vector<log::FramePtr> frames) {
    RangeRepair* self = *alive;
    if (self == nullptr) return;
    // Without room the other one asks again.
    static_cast<void>(self->peers_->send(
        from, RepairFrames{self->log_.id(), id, self->log_.log_start(), std::move(frames)}));
  };
  const bool is_trimmed = request.begin < log_.log_start();
  if (answering_ || is_trimmed || (!leads && commit < request.end)) return reply({});
  answering_ = true;
  log_.read_frames({.from = request.begin,
                    .upto = leads ? log_.end() : commit,
                    .bytes_max = kAnswerBytesMax,
                    .first = log::FirstFrame::kCovering},
                   [alive = alive_, reply, end = request.end](Result<std::vector<log::FramePtr>> frames) {
                     if (*alive == nullptr) return;
                     (*alive)->answering_ = false;
                     if (!frames) return reply({});
                     const auto behind =
                         std::find_if(frames->begin(), frames->end(),
                                      [end](const auto& frame) { return frame->header.begin >= end; });
                     frames->erase(behind, frames->end());
                     reply(*std::move(frames));
                   });
}

}  // namespace forebay::raft
