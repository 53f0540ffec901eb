// The part of RaftGroup by which the replicas learn how far all of them have compacted their logs
// (docs/adr/0016). Asked and answered again and again: what is lost on the way is said the next time.
#include <algorithm>

#include "raft/raft_group.h"

namespace forebay::raft {

void RaftGroup::exchange_compacted() {
  if (failed_ || left_) return;
  const model::LogPosition compacted_to = log_.compacted_to();
  if (!is_leader()) {
    tombstone_wait_.begin();
    if (const auto to = leader(); to && surroundings_.peers != nullptr)
      surroundings_.peers->send(*to, Compacted{id(), core_.term(), compacted_to});
    return;
  }
  tombstone_wait_.look(log_.tombstones_wait_for(), compacted_everywhere_, steady_now());
  // No later leader had anybody fed from what this log still held before: it has led until it was compacted.
  read_barrier([this, term = core_.term(), compacted_to](const Result<model::LogPosition>& passed) {
    if (passed && core_.term() == term) said_compacted(surroundings_.self, compacted_to);
  });
}

std::optional<RaftGroup::TombstonesWait> RaftGroup::tombstones_wait() const {
  const auto since = tombstone_wait_.since();
  if (!is_leader() || !since) return std::nullopt;
  return TombstonesWait{*since, compacted_.behind(core_.membership(), *tombstone_wait_.upto())};
}

void RaftGroup::said_compacted(const log::Voter& replica, model::LogPosition compacted_to) {
  compacted_.said(replica, compacted_to);
  // A member that a change would remove may stay one, and what another change adds may have an old copy.
  if (!is_established() || !core_.membership_settled() || !listener_.all_copies_are_members()) return;
  if (const auto everywhere = compacted_.everywhere(core_.membership()))
    compacted_everywhere_ = std::max(compacted_everywhere_, *everywhere);
}

void RaftGroup::receive(model::NodeId from, const Compacted& words) {
  if (failed_ || !is_leader() || words.term != core_.term() || !speaks_for_a_member(from)) return;
  said_compacted({from, *surroundings_.peers->disk_of(from)}, words.compacted_to);
  surroundings_.peers->send(from, CompactedEverywhere{id(), core_.term(), compacted_everywhere_});
}

// Once true it is so for ever: whoever comes to the group later gets what the others have.
void RaftGroup::receive(model::NodeId from, const CompactedEverywhere& words) {
  if (failed_ || words.term != core_.term() || core_.leader() != from) return;
  compacted_everywhere_ = std::max(compacted_everywhere_, words.position);
}

}  // namespace forebay::raft
