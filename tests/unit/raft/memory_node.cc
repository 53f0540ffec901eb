#include "memory_node.h"

#include <algorithm>
#include <utility>

namespace forebay::raft::testing {
namespace {

std::string text_of(const log::Control& control) {
  if (std::holds_alternative<log::TermStart>(control)) return "start";
  if (std::holds_alternative<log::Membership>(control)) return "members";
  return "log-start";
}

void drop_below(std::vector<MemoryNode::Frame>& frames, model::LogPosition begin) {
  std::erase_if(frames, [begin](const MemoryNode::Frame& frame) { return frame.mark.end <= begin; });
}

}  // namespace

MemoryNode::MemoryNode(log::Voter self, log::Membership founders)
    : self_(self), founders_(std::move(founders)) {}

Result<void> MemoryNode::boot() {
  log_ = disk_frames_;
  base_ = disk_base_;
  Restored restored;
  restored.log_start = restored.end = base_.begin;
  restored.memberships = base_.memberships;
  if (base_.before.term > model::Term()) restored.terms.push_back(base_.before);
  restored.hard_state = disk_state_;
  restored.founders = founders_;
  restored.tail_damaged = tail_damaged_;
  for (const Frame& frame : log_) {
    if (restored.terms.empty() || restored.terms.back().term != frame.mark.term)
      restored.terms.push_back({frame.mark.term, frame.mark.begin});
    if (frame.mark.membership) restored.memberships.emplace_back(frame.mark.begin, *frame.mark.membership);
    restored.end = frame.mark.end;
  }
  auto opened = Raft::open(self_, restored);
  if (!opened) return std::move(opened).error();
  raft_.emplace(std::move(*opened));
  return {};
}

Result<void> MemoryNode::crash() {
  waiting_.clear();
  return boot();
}

Result<void> MemoryNode::lose_tail(std::size_t frames) {
  waiting_.clear();
  disk_frames_.resize(disk_frames_.size() - std::min(frames, disk_frames_.size()));
  tail_damaged_ = true;
  return boot();
}

void MemoryNode::append(Frame frame) {
  log_.push_back(frame);
  waiting_.emplace_back(std::move(frame));
}

void MemoryNode::append_records(std::int64_t records, std::string text) {
  const model::LogPosition begin = raft_->end();
  const model::LogPosition end = begin.after_records(records);
  append({{begin, end, raft_->term(), std::nullopt}, std::move(text)});
  raft_->appended(end);
}

std::optional<MemoryNode::Append> MemoryNode::next_append(model::NodeId peer, std::size_t frames_max) {
  const auto head = raft_->next_append(peer);
  if (!head) return std::nullopt;
  Append append{*head, {}};
  for (const Frame& frame : log_) {
    if (frame.mark.begin >= head->prev && append.frames.size() < frames_max) append.frames.push_back(frame);
  }
  raft_->sent(peer, append.frames.empty() ? head->prev : append.frames.back().mark.end);
  return append;
}

Raft::AppendPlan MemoryNode::receive(model::NodeId from, const Append& append) {
  std::vector<FrameMark> marks;
  for (const Frame& frame : append.frames) marks.push_back(frame.mark);
  const Raft::AppendPlan plan = raft_->receive(from, append.head, marks);
  if (!plan.accepted) return plan;
  if (plan.truncate_to) {
    while (!log_.empty() && log_.back().mark.begin >= *plan.truncate_to) log_.pop_back();
    waiting_.emplace_back(Truncation{*plan.truncate_to});
  }
  for (std::size_t f = plan.first_new; f < append.frames.size(); ++f) this->append(append.frames[f]);
  return plan;
}

std::optional<Install> MemoryNode::next_install(model::NodeId peer) {
  const auto head = raft_->next_append(peer);
  if (!head || head->prev >= base_.begin) return std::nullopt;
  Install install = raft_->install_instead(*head, base_);
  raft_->install_sent(peer, base_.begin);
  return install;
}

void MemoryNode::trim(std::size_t frames) {
  for (std::size_t f = 0; f < frames && f < log_.size() && log_[f].mark.end <= raft_->commit(); ++f) {
    const FrameMark& mark = log_[f].mark;
    if (mark.term != base_.before.term) base_.before = {mark.term, mark.begin};
    if (mark.membership) base_.memberships = {{mark.begin, *mark.membership}};
    base_.begin = mark.end;
  }
  drop_below(log_, base_.begin);
  waiting_.emplace_back(Trim{base_});
}

// What waits makes worthless what it cuts, an install everything.
void MemoryNode::tell_flushed(model::LogPosition upto) {
  for (const DiskOp& later : waiting_) {
    if (const auto* cut = std::get_if<Truncation>(&later)) upto = std::min(upto, cut->to);
    if (std::holds_alternative<NewLog>(later)) return;
  }
  raft_->flushed(upto);
}

// The journal is one order: what is durable is a beginning of what was asked for.
std::optional<MemoryNode::DiskOp> MemoryNode::flush() {
  if (waiting_.empty()) return std::nullopt;
  DiskOp op = std::move(waiting_.front());
  waiting_.pop_front();
  if (const auto* state = std::get_if<log::HardState>(&op)) {
    disk_state_ = *state;
    raft_->hard_state_durable(*state);
  } else if (const auto* truncation = std::get_if<Truncation>(&op)) {
    while (!disk_frames_.empty() && disk_frames_.back().mark.begin >= truncation->to) disk_frames_.pop_back();
  } else if (std::holds_alternative<TailRegained>(op)) {
    tail_damaged_ = false;
    raft_->tail_regained();
  } else if (const auto* trim = std::get_if<Trim>(&op)) {
    disk_base_ = trim->base;
    drop_below(disk_frames_, disk_base_.begin);
  } else if (const auto* install = std::get_if<NewLog>(&op)) {
    disk_base_ = install->base;
    disk_frames_.clear();
    tell_flushed(disk_base_.begin);
  } else {
    disk_frames_.push_back(std::get<Frame>(op));
    tell_flushed(disk_frames_.back().mark.end);
  }
  return op;
}

void MemoryNode::carry_out(const std::function<void(Outgoing)>& send) {
  while (raft_->has_ready()) {
    Ready ready = raft_->take_ready();
    if (ready.hard_state) waiting_.emplace_back(*ready.hard_state);
    if (ready.install) {
      log_.clear();
      base_ = *ready.install;
      waiting_.emplace_back(NewLog{base_});
    }
    for (const log::Control& control : ready.controls) {
      const model::LogPosition begin = raft_->end();
      std::optional<log::Membership> membership;
      if (const auto* says = std::get_if<log::Membership>(&control)) membership = *says;
      append({{begin, begin.after_control(), raft_->term(), membership}, text_of(control)});
      raft_->appended(begin.after_control(), membership);
    }
    for (Outgoing& outgoing : ready.messages) send(std::move(outgoing));
    if (ready.regained) waiting_.emplace_back(TailRegained{});
  }
}

}  // namespace forebay::raft::testing
