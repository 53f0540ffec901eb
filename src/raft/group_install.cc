// The part of RaftGroup for replicas that lack what their leader has trimmed (docs/adr/0011): told to begin
// where the leader's log does, and then sent what follows like any other.
#include "log/core/log_base.h"
#include "raft/raft_group.h"

namespace forebay::raft {

void RaftGroup::send_install(model::NodeId peer, const AppendHead& head, model::LogPosition begin) {
  const log::LogBase base = log::base_at(begin, log_.terms(), log_.memberships());
  // Else room for it pumps again.
  if (!surroundings_.peers->send(peer, id(), core_.install_instead(head, base))) return;
  core_.install_sent(peer, begin);
  surroundings_.peers->count_install_sent();
}

}  // namespace forebay::raft
