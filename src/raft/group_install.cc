// The part of RaftGroup that begins anew behind what its leader has trimmed (docs/adr/0011): not before what
// lies below may go from here, and the state that is folded from it has come from the leader (docs/adr/0019).
#include <utility>

#include "raft/raft_group.h"

namespace forebay::raft {
namespace {

// The leader's state is not that far, or a request was lost.
constexpr runtime::Duration kLookAgain = std::chrono::milliseconds(200);

}  // namespace

void RaftGroup::receive(model::NodeId from, const Install& install) {
  const bool wanted = core_.begins_anew_by(install);
  if (wanted && !(listener_.may_give_up(install.base.begin) && has_state_for(from, install))) {
    held_install_ = {from, install};
    core_.hear_only(from, install);
    leader_lost_ = leader_lost_ && core_.leader() != from;
    return;
  }
  held_install_.reset();
  carried_.reset();
  core_.receive(from, install);
  if (core_.leader() == from) leader_lost_ = false;
}

void RaftGroup::give_up_allowed() {
  if (!held_install_ || failed_ || left_) return;
  const auto [from, install] = *std::exchange(held_install_, std::nullopt);
  receive(from, install);
  after_input();
}

bool RaftGroup::has_state_for(model::NodeId from, const Install& install) {
  if (carried_) {
    const bool serves = carried_->position ? *carried_->position >= install.base.begin
                                           : carried_->from == from && carried_->term == install.head.term;
    if (serves) return true;
  }
  // What is under way looks at the install again when it ends.
  if (keeping_state_ || install_timer_ || (state_fetch_ && state_fetch_->from() == from)) return false;
  state_fetch_ = std::make_unique<InstallStateFetch>(
      *surroundings_.peers, from, id(), install.base.begin,
      [this, from, term = install.head.term](Result<std::optional<log::StateSnapshot>> state) {
        state_fetched(from, term, std::move(state));
      });
  state_fetch_->start();
  return false;
}

// In the middle of something only when it was not even sent.
void RaftGroup::state_fetched(model::NodeId from, model::Term term,
                              Result<std::optional<log::StateSnapshot>> state) {
  state_fetch_.reset();
  if (!state) return look_at_install_again();
  if (!*state) {
    carried_ = CarriedState{from, term, std::nullopt};
    return give_up_allowed();
  }
  if (!held_install_ || failed_ || left_) return;
  keeping_state_ = true;
  const CarriedState carried{from, term, (*state)->position};
  log_.write_state(**std::move(state), [alive = alive_, carried](const Result<void>& durable) {
    RaftGroup* group = *alive;
    if (group == nullptr) return;
    group->keeping_state_ = false;
    if (!durable) return group->look_at_install_again();
    if (!group->held_install_) return;
    group->carried_ = carried;
    group->give_up_allowed();
    // Not taken after all: what else is written meanwhile may take the place of that state.
    if (*alive != nullptr && group->held_install_) group->carried_.reset();
  });
}

// Until a later leader has something else to say.
void RaftGroup::look_at_install_again() {
  if (install_timer_) return;
  install_timer_ = surroundings_.executor->schedule_after(kLookAgain, [this] {
    install_timer_.reset();
    give_up_allowed();
  });
}

Result<std::string> RaftGroup::answer(const InstallStateRequest& request) {
  if (!is_leader()) return Error{ErrorCode::kNotLeader, "this node does not lead the partition"};
  if (!state_source_) {
    state_source_ = std::make_unique<InstallStateSource>(*surroundings_.executor,
                                                         [this] { return listener_.state_for_install(); });
  }
  return state_source_->answer(request);
}

}  // namespace forebay::raft
