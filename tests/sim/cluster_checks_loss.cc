// What must hold where a majority of the replicas is gone for ever and an operator lets those that are left
// go on (docs/adr/0013): nothing that the chosen one had is lost, nor what any of them knew to be committed.
#include <algorithm>
#include <set>

#include "sim/cluster_checks.h"

namespace forebay::sim {
namespace {

model::Term term_of(const std::vector<log::TermBegin>& terms, model::LogPosition at) {
  model::Term term;
  for (const log::TermBegin& one : terms) {
    if (one.begin <= at) term = one.term;
  }
  return term;
}

}  // namespace

void ClusterChecks::node_is_lost(const ClusterNode& node) { lost_.insert(node.index()); }

void ClusterChecks::expect_recovery(std::size_t partition, const ClusterNode& chosen) {
  Group& group = groups_[partition];
  log::Log& log = chosen.find(partition)->log();
  group.recovery = Recovery{chosen.index(), log.end(), log.log_start(), log.terms()};
}

// Where the chosen log and that of a lost replica part; nothing when the lost one had no more.
std::optional<model::LogPosition> ClusterChecks::parts_from(const Recovery& chosen,
                                                            const Replica& lost) const {
  std::set<model::LogPosition> begins;
  for (const auto* terms : {&chosen.terms, &lost.terms}) {
    for (const log::TermBegin& one : *terms) begins.insert(one.begin);
  }
  const model::LogPosition first = std::max(chosen.log_start, lost.log_start);
  for (const model::LogPosition at : begins) {
    if (at < first || at >= std::min(chosen.end, lost.end)) continue;
    if (term_of(chosen.terms, at) != term_of(lost.terms, at)) return at;
  }
  if (lost.end > chosen.end) return chosen.end;
  return std::nullopt;
}

// It has just begun to lead, in a term that nobody could have voted it into.
void ClusterChecks::on_recovery(const ClusterNode& node, std::size_t partition, const log::Log& log) {
  Group& group = groups_[partition];
  const Recovery& before = *group.recovery;
  const std::string where = name(node, partition);
  if (node.index() != before.node) return fail(where + " leads, and another one was chosen");
  for (const log::TermBegin& one : before.terms) {
    if (one.begin < before.end && one.begin >= log.log_start() && term_of(log.terms(), one.begin) != one.term)
      return fail("what the chosen " + where + " had at " + one.begin.to_string() + " is gone");
  }
  if (log.end() < before.end) return fail("the end of the chosen " + where + " is gone");

  auto& committed = group.committed;
  const auto kept = [&](const CommittedFrame& frame) {
    return frame.begin < log.log_start() ||
           (frame.end <= before.end && term_of(before.terms, frame.begin) == frame.term);
  };
  const auto first = std::find_if_not(committed.begin(), committed.end(), kept);
  const model::LogPosition upto = first == committed.end() ? before.end : first->begin;
  for (std::uint32_t other = 0; other < replicas_.size(); ++other) {
    if (!lost_.contains(other) && replicas_[other][partition].committed > upto)
      return fail("I22: node " + std::to_string(other + 1) + " is left and knew partition " +
                  std::to_string(partition) + " to be committed up to " +
                  replicas_[other][partition].committed.to_string() + "; all from " + upto.to_string() +
                  " on is given up");
  }
  counts_.frames_given_up += static_cast<std::uint64_t>(committed.end() - first);
  committed.erase(first, committed.end());
  if (producers_) producers_->give_up(partition, committed_end(partition));
  group.recovered = true;
  ++counts_.recoveries;

  std::optional<model::LogPosition> from;
  for (const std::uint32_t other : lost_) {
    if (const auto parts = parts_from(before, replicas_[other][partition]))
      from = std::min(from.value_or(*parts), *parts);
  }
  trace(where + " goes on without a majority; " +
        (from ? "what was at " + from->to_string() + " and above may be lost" : "nothing is lost"));
  if (from) on_given_up_(static_cast<std::uint32_t>(partition), from->next_offset.value());
}

}  // namespace forebay::sim
