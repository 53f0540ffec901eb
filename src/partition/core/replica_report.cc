#include "partition/core/replica_report.h"

#include <algorithm>
#include <map>

namespace forebay::partition {
namespace {

using log::Voter;

bool contains(const std::vector<Voter>& voters, const Voter& voter) {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

// What is wrong with a member, apart from how far it is.
ReplicaState settled_state(const ReplicaFacts& facts, const Voter& member, bool learns) {
  if (learns && contains(facts.wanted_learners, member))
    return contains(facts.members.learners, member) ? ReplicaState::kInSync : ReplicaState::kBeingAdded;
  if (!facts.wanted.empty() && !contains(facts.wanted, member)) return ReplicaState::kBeingRemoved;
  const log::Membership& members = facts.members;
  if (!members.next_voters.empty() && !contains(members.next_voters, member))
    return ReplicaState::kBeingRemoved;
  const bool counts = !facts.committed_voters || contains(*facts.committed_voters, member);
  return learns || !counts ? ReplicaState::kBeingAdded : ReplicaState::kInSync;
}

void report_self(const ReplicaFacts& facts, ReplicaReport& report) {
  report.flushed = facts.flushed.next_offset;
  if (facts.leads) {
    report.role = ReplicaRole::kLeader;
    report.lag_records =
        static_cast<std::uint64_t>(facts.end.next_offset.value() - facts.flushed.next_offset.value());
  }
  if (facts.failed_since) {
    report.state = ReplicaState::kFailed;
    report.since = facts.failed_since;
  } else if (facts.damaged) {
    report.state = ReplicaState::kDamaged;
    report.since = facts.damaged_since;
  } else if (!facts.leads && report.state == ReplicaState::kInSync) {
    report.state = ReplicaState::kUnknown;
  }
}

void report_other(const ReplicaFacts& facts, Steady now, ReplicaReport& report) {
  const FollowerFacts follower = facts.follower(report.node);
  if (facts.leader == report.node) report.role = ReplicaRole::kLeader;
  if (facts.leads) {
    report.flushed = follower.flushed.next_offset;
    report.lag_records = static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, facts.end.next_offset.value() - follower.flushed.next_offset.value()));
    report.lag_bytes = bytes_from(facts.pieces, facts.end.next_offset, follower.flushed.next_offset);
  }
  if (!follower.reachable) {
    report.state = ReplicaState::kUnreachable;
    report.since = follower.away_since;
    return;
  }
  if (!facts.leads) {
    if (report.state == ReplicaState::kInSync) report.state = ReplicaState::kUnknown;
    return;
  }
  if (report.state != ReplicaState::kInSync || !follower.behind_since) return;
  if (follower.installing) {
    report.state = ReplicaState::kInstalling;
    report.since = follower.behind_since;
    return;
  }
  // One that has just come back is shown at once: it is known to lack something.
  const bool was_away = follower.away_since && *follower.away_since >= *follower.behind_since;
  if (!was_away && now - *follower.behind_since < kBehindGrace) return;
  report.state = ReplicaState::kCatchingUp;
  report.since = follower.behind_since;
}

}  // namespace

std::string_view role_name(ReplicaRole role) {
  switch (role) {
    case ReplicaRole::kLeader:
      return "leader";
    case ReplicaRole::kFollower:
      return "follower";
    case ReplicaRole::kLearner:
      return "learner";
  }
  return "unknown";
}

std::string_view state_name(ReplicaState state) {
  switch (state) {
    case ReplicaState::kInSync:
      return "in sync";
    case ReplicaState::kCatchingUp:
      return "catching up";
    case ReplicaState::kInstalling:
      return "installing";
    case ReplicaState::kUnreachable:
      return "unreachable";
    case ReplicaState::kFailed:
      return "failed";
    case ReplicaState::kDamaged:
      return "damaged";
    case ReplicaState::kBeingAdded:
      return "being added";
    case ReplicaState::kBeingRemoved:
      return "being removed";
    case ReplicaState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::uint64_t bytes_from(const LogPieces& pieces, model::Offset log_end, model::Offset from) {
  double bytes = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& [begin, size] = pieces[i];
    const model::Offset end = i + 1 < pieces.size() ? pieces[i + 1].first : log_end;
    const auto records = static_cast<double>(end.value() - begin.value());
    if (records <= 0 || from >= end) continue;
    const auto missing = static_cast<double>(end.value() - std::max(from, begin).value());
    bytes += static_cast<double>(size) * missing / records;
  }
  return static_cast<std::uint64_t>(bytes);
}

std::vector<ReplicaReport> report_replicas(const ReplicaFacts& facts, Steady now) {
  struct Member {
    Voter voter;
    bool learns = false;
  };
  std::map<model::NodeId, Member> members;
  for (const Voter& voter : facts.members.learners) members[voter.node] = {voter, true};
  for (const Voter& voter : facts.members.next_voters) members[voter.node] = {voter, false};
  for (const Voter& voter : facts.members.voters) members[voter.node] = {voter, false};
  for (const auto* wanted : {&facts.wanted, &facts.wanted_learners}) {
    for (const Voter& voter : *wanted) members.try_emplace(voter.node, Member{voter, true});
  }
  members.try_emplace(facts.self.node, Member{facts.self, true});
  std::vector<ReplicaReport> reports;
  for (const auto& [node, member] : members) {
    ReplicaReport& report = reports.emplace_back();
    report.node = node;
    if (member.learns) report.role = ReplicaRole::kLearner;
    report.state = settled_state(facts, member.voter, member.learns);
    if (node == facts.self.node) {
      report_self(facts, report);
    } else {
      report_other(facts, now, report);
    }
  }
  return reports;
}

}  // namespace forebay::partition
