// The part of RaftGroup that hears the other members: what they say of the log, of damage, and of leaving.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "log/core/damage.h"
#include "log/core/widened.h"
#include "raft/raft_group.h"

namespace forebay::raft {
namespace {

std::vector<FrameMark> marks_of(const std::vector<log::FramePtr>& frames) {
  std::vector<FrameMark> marks;
  marks.reserve(frames.size());
  for (const log::FramePtr& frame : frames) {
    FrameMark& mark = marks.emplace_back(
        FrameMark{frame->header.begin, frame->header.end, frame->header.term, std::nullopt});
    if (frame->header.kind != log::FrameKind::kControl) continue;
    const auto control = log::decode_control(frame->payload.span());
    if (!control) continue;
    if (const auto* membership = std::get_if<log::Membership>(&*control)) mark.membership = *membership;
  }
  return marks;
}

}  // namespace

// A wiped node is another voter: what it says does not count for the one that it was.
bool RaftGroup::speaks_for_a_member(model::NodeId node) const {
  const auto disk = surroundings_.peers->disk_of(node);
  return disk && core_.is_member({node, *disk});
}

void RaftGroup::receive(model::NodeId from, const Message& message) {
  if (failed_ || left_) return;
  const bool counts = speaks_for_a_member(from);
  if (const auto* vote = std::get_if<VoteResponse>(&message)) {
    if (counts || !vote->granted) core_.receive(from, *vote);
  } else if (const auto* answer = std::get_if<AppendResponse>(&message)) {
    if (counts) core_.receive(from, *answer);
    if (const auto progress = core_.progress(from); progress && is_leader())
      watch_.flushed(from, progress->flushed, core_.end(), steady_now());
  } else if (const auto* asked = std::get_if<VoteRequest>(&message)) {
    core_.receive(from, *asked);
  } else if (const auto* install = std::get_if<Install>(&message)) {
    receive(from, *install);
  } else {
    core_.receive(from, std::get<TransferNow>(message));
  }
  after_input();
}

void RaftGroup::receive(model::NodeId from, Append append) {
  if (failed_ || left_) return;
  const Raft::AppendPlan plan = core_.receive(from, append.head, marks_of(append.frames));
  if (plan.truncate_to) {
    log_.truncate(*plan.truncate_to);
    listener_.on_truncated(*plan.truncate_to);
  }
  if (core_.leader() == from) leader_lost_ = false;
  if (plan.accepted) {
    if (plan.rest_from) {
      log::FramePtr& first = append.frames.at(plan.first_new);
      auto rest = log::rest_of(*first, *plan.rest_from);
      FOREBAY_ASSERT(rest);  // a frame ended there before compaction: the terms say so
      first = std::make_shared<const log::Frame>(*std::move(rest));
    }
    for (std::size_t i = plan.first_new; i < append.frames.size(); ++i) {
      log_.append(append.frames[i]);
      listener_.on_frame(*append.frames[i]);
    }
  }
  after_input();
}

void RaftGroup::lose_tail(model::Offset upto, UniqueFunction<void(Result<void>)> durable) {
  if (failed_) return durable(*failed_);
  if (is_leader()) core_.quorum_lost();
  log_.report_lost_tail(std::move(durable));
  core_.tail_lost(upto);
  after_input();
}

// --- damage

void RaftGroup::receive(model::NodeId from, const RepairRequest& request) {
  if (!failed_ && speaks_for_a_member(from)) repair_.receive(from, request);
}

void RaftGroup::receive(model::NodeId from, RepairFrames frames) {
  if (!failed_ && speaks_for_a_member(from)) repair_.receive(from, std::move(frames));
}

RepairView RaftGroup::repair_view() const {
  RepairView view{
      .damage = {}, .commit = core_.commit(), .matched = core_.matched(), .leader = {}, .others = {}};
  if (!is_leader()) view.leader = leader();
  const log::Membership& now = core_.membership();
  for (const auto* list : {&now.voters, &now.next_voters, &now.learners}) {
    for (const log::Voter& member : *list) {
      if (member == surroundings_.self || surroundings_.peers == nullptr) continue;
      const bool known = std::find(view.others.begin(), view.others.end(), member.node) != view.others.end();
      if (!known && surroundings_.peers->is_reachable(member.node, id()) && speaks_for_a_member(member.node))
        view.others.push_back(member.node);
    }
  }
  return view;
}

void RaftGroup::on_damage_changed() {
  if (failed_) return;
  const bool damaged = log::is_open(log_.damage());
  if (damaged != damaged_)
    damaged_since_ = damaged ? std::optional(surroundings_.executor->now()) : std::nullopt;
  damaged_ = damaged;
  core_.damage_changed(log::has_lost_range(log_.damage()), log_.terms(), log_.memberships());
  after_input();
}

// --- leaving

void RaftGroup::ask_to_leave(const std::vector<model::NodeId>& whom) {
  if (failed_ || is_leader()) return;
  const std::uint64_t number = surroundings_.rng->next();
  leave_question_ = LeaveQuestion{number, core_.term(), core_.end(), core_.commit()};
  for (const model::NodeId node : whom) {
    if (node != surroundings_.self.node) surroundings_.peers->send(node, LeaveRequest{id(), number});
  }
}

// The barrier says that no other leader had taken the node in again when it asked.
void RaftGroup::receive(model::NodeId from, const LeaveRequest& request) {
  if (!is_leader() || failed_) return;
  read_barrier([this, from, number = request.number](const Result<model::LogPosition>& passed) {
    if (!passed || !core_.membership_settled() || core_.is_listed(from)) return;
    surroundings_.peers->send(from, LeaveResponse{id(), number, core_.term(), core_.commit()});
  });
}

void RaftGroup::receive(const LeaveResponse& response) {
  if (!leave_question_ || leave_question_->number != response.number) return;
  const LeaveQuestion asked = *std::exchange(leave_question_, std::nullopt);
  const bool unchanged = core_.term() == asked.term && core_.end() == asked.end &&
                         core_.commit() == asked.commit && !is_leader();
  if (!unchanged) return;
  left_ = true;
  listener_.on_excluded(response.term, response.commit);
}

}  // namespace forebay::raft
