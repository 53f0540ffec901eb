#include "interaction_text.h"

#include <algorithm>

namespace forebay::raft::testing {
namespace {

std::string text_of(model::Term term) { return std::to_string(term.value()); }

template <typename Items, typename Text>
std::string joined(const Items& items, const char* between, Text text) {
  std::string line;
  for (const auto& item : items) line += (line.empty() ? "" : between) + text(item);
  return line;
}

std::string voters_text(const std::vector<log::Voter>& voters) {
  return joined(voters, ",", [](const log::Voter& voter) { return std::to_string(voter.node.value()); });
}

std::string text_of(const VoteRequest& request) {
  return std::string(request.pre ? "would you vote" : "vote") + " for me in term " + text_of(request.term) +
         (request.transfer ? ", the leader asked me to" : "") + "? my log ends at " +
         request.end.to_string() + " in term " + text_of(request.last_term);
}

std::string text_of(const VoteResponse& response) {
  const std::string term = " (term " + text_of(response.term) + ")";
  if (response.pre) return (response.granted ? "I would" : "I would not") + term;
  return (response.granted ? "my vote" : "no vote") + term;
}

std::string text_of(const AppendResponse& response) {
  std::string text = "term " + text_of(response.term) + ": ";
  if (response.accepted) {
    text += "matched " + response.matched.to_string() + ", flushed " + response.flushed.to_string();
  } else {
    text += "refused at " + response.prev.to_string() + "; go on below " + response.hint.to_string() +
            ", where I have term " + text_of(response.hint_term);
  }
  if (response.barrier != 0) text += ", barrier " + std::to_string(response.barrier);
  if (response.tail_damaged) text += ", my tail is lost";
  return text;
}

std::string text_of(const TransferNow& transfer) { return "stand now (term " + text_of(transfer.term) + ")"; }

std::string text_of(const Install& install) {
  return "term " + text_of(install.head.term) + ": my log begins at " + install.base.begin.to_string() +
         " (term " + text_of(install.head.prev_term) + "), begin there too, commit " +
         install.head.commit.to_string();
}

}  // namespace

std::string to_text(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "?";
}

std::string to_text(const Message& message) {
  return std::visit([](const auto& one) { return text_of(one); }, message);
}

std::string to_text(const MemoryNode::Append& append) {
  const AppendHead& head = append.head;
  std::string text =
      "term " + text_of(head.term) + ": after " + head.prev.to_string() + " (term " +
      text_of(head.prev_term) + ") comes " +
      (append.frames.empty() ? "nothing"
                             : joined(append.frames, " ", [](const auto& frame) { return to_text(frame); }));
  text += ", commit " + head.commit.to_string();
  if (head.barrier != 0) text += ", barrier " + std::to_string(head.barrier);
  if (head.regain != model::LogPosition{})
    text += ", you count again from " + head.regain.to_string() + " on";
  return text;
}

std::string to_text(const MemoryNode::Frame& frame) {
  return frame.text + '(' + text_of(frame.mark.term) + ')';
}

std::string to_text(const log::HardState& state) {
  return "term " + text_of(state.term) +
         (state.vote ? " with a vote for " + std::to_string(state.vote->value()) : " without a vote");
}

std::string to_text(const MemoryNode::DiskOp& op) {
  if (const auto* state = std::get_if<log::HardState>(&op)) return to_text(*state);
  if (const auto* cut = std::get_if<MemoryNode::Truncation>(&op)) return "cut at " + cut->to.to_string();
  if (const auto* frame = std::get_if<MemoryNode::Frame>(&op)) return to_text(*frame);
  if (const auto* trim = std::get_if<MemoryNode::Trim>(&op))
    return "begins at " + trim->base.begin.to_string();
  if (const auto* begun = std::get_if<MemoryNode::NewLog>(&op))
    return "begins anew at " + begun->base.begin.to_string();
  return "the tail is regained";
}

std::string to_text(const log::Membership& membership) {
  std::string text = "voters " + voters_text(membership.voters);
  if (!membership.next_voters.empty()) text += " and next " + voters_text(membership.next_voters);
  if (!membership.learners.empty()) text += ", learners " + voters_text(membership.learners);
  return text;
}

std::string log_text(const MemoryNode& node) {
  const auto& disk = node.durable_log();
  std::string text;
  bool durable = true;
  for (const MemoryNode::Frame& frame : node.log()) {
    durable = durable && std::any_of(disk.begin(), disk.end(), [&](const MemoryNode::Frame& there) {
                return there.mark.begin == frame.mark.begin && there.mark.term == frame.mark.term;
              });
    text += (text.empty() ? "" : " ") + (durable ? to_text(frame) : '[' + to_text(frame) + ']');
  }
  if (text.empty()) text = "nothing";
  const model::LogPosition begin = node.base().begin;
  return begin == model::LogPosition{} ? text : "from " + begin.to_string() + ": " + text;
}

}  // namespace forebay::raft::testing
