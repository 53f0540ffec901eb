// The members of a partition's group: its leader leads them to those that are wanted, and leadership to who
// should have it.
#include <algorithm>
#include <utility>

#include "log/core/damage.h"
#include "partition/core/leader_choice.h"
#include "partition/partition.h"
#include "telemetry/log.h"

namespace forebay::partition {
namespace {

// A node that has just come back may go again: leadership does not follow it to and fro.
constexpr std::uint32_t kBetterLeaderLooks = 10;
constexpr runtime::Duration kMembershipPoll = std::chrono::milliseconds(100);
// A question costs the leader a round of messages to its followers; nothing is urgent about data that goes.
constexpr runtime::Duration kLeavePoll = std::chrono::milliseconds(500);

}  // namespace

void Partition::set_wanted_members(WantedMembers wanted, std::uint32_t epoch, bool others_have_copies) {
  others_have_copies_ = others_have_copies;
  if (wanted == wanted_ && epoch == wanted_epoch_) return;
  wanted_ = std::move(wanted);
  wanted_epoch_ = epoch;
  drive_membership();
}

// Who is wanted and not a member yet may have been one before, and still have what it had then.
bool Partition::all_copies_are_members() const {
  const log::Membership& members = group_->membership();
  const auto is_member = [&members](const log::Voter& wanted) {
    const auto has = [&wanted](const std::vector<log::Voter>& list) {
      return std::find(list.begin(), list.end(), wanted) != list.end();
    };
    return has(members.voters) || has(members.learners);
  };
  return !others_have_copies_ && std::all_of(wanted_.voters.begin(), wanted_.voters.end(), is_member) &&
         std::all_of(wanted_.learners.begin(), wanted_.learners.end(), is_member);
}

void Partition::leave(UniqueFunction<void()> excluded) {
  excluded_ = std::move(excluded);
  if (!leave_timer_) ask_to_leave();
}

void Partition::stay() {
  excluded_ = nullptr;
  group_->ask_no_more();
  if (leave_timer_) surroundings_.executor->cancel(*std::exchange(leave_timer_, std::nullopt));
}

// Whoever leads is among those who are to be members, sooner or later.
void Partition::ask_to_leave() {
  leave_timer_ = surroundings_.executor->schedule_after(kLeavePoll, [this] { ask_to_leave(); });
  if (stopped_ || surroundings_.peers == nullptr) return;
  std::vector<model::NodeId> whom;
  for (const log::Voter& voter : wanted_.voters) whom.push_back(voter.node);
  group_->ask_to_leave(whom);
}

void Partition::on_excluded(model::Term term, model::LogPosition commit) {
  if (!excluded_ || stopped_) return;
  telemetry::log_info("replica leaves its partition, a committed membership excludes it",
                      {{"topic", topic_name_},
                       {"partition", log_.id().partition.value()},
                       {"term", term.value()},
                       {"commit", commit.to_string()}});
  auto excluded = std::move(excluded_);
  stay();
  excluded();
}

bool Partition::is_fit_to_lead() const {
  return !surroundings_.peers->hardship().any() && !log::has_lost_range(log_.damage());
}

LeaderView Partition::leader_view(bool self_fit) const {
  const raft::Peers& peers = *surroundings_.peers;
  LeaderView view{.self = surroundings_.self.node, .self_fit = self_fit, .preferred = {}, .others = {}};
  for (const log::Voter& voter : wanted_.voters) view.preferred.push_back(voter.node);
  for (const log::Voter& voter : group_->membership().voters) {
    if (voter == surroundings_.self) continue;
    const auto progress = group_->progress(voter.node);
    const bool able = progress && progress->flushed >= group_->commit() &&
                      peers.is_reachable(voter.node, log_.id()) && peers.disk_of(voter.node) == voter.disk;
    view.others.push_back(
        {voter.node, able, peers.is_fit(voter.node, log_.id()) && !(progress && progress->damaged)});
  }
  return view;
}

std::optional<model::NodeId> Partition::heir() const {
  if (!group_->is_established() || surroundings_.peers == nullptr || stopped_) return std::nullopt;
  return choose_leader(leader_view(false));  // a node that goes is not fit to lead
}

std::optional<model::NodeId> Partition::better_leader() {
  if (!group_->is_established() || surroundings_.peers == nullptr || stopped_) {
    better_leader_.reset();
    return std::nullopt;
  }
  const LeaderView view = leader_view(is_fit_to_lead());
  const auto better = choose_leader(view);
  better_leader_seen_ = better && better == better_leader_ ? better_leader_seen_ + 1 : 0;
  better_leader_ = better;
  const bool now = !view.self_fit || better_leader_seen_ >= kBetterLeaderLooks;
  return now ? better : std::nullopt;
}

// One step, and a look again a little later until there is nothing left to do: followers come and catch up
// without a word to anybody but the group.
void Partition::drive_membership() {
  if (wanted_.voters.empty() || surroundings_.peers == nullptr || stopped_ || membership_timer_) return;
  membership_waits_for_.clear();
  if (!group_->is_established()) return;
  MembershipStep step =
      plan_membership({.now = group_->membership(),
                       .settled = group_->membership_settled(),
                       .self = surroundings_.self,
                       .commit = group_->commit(),
                       .progress =
                           [this](model::NodeId node) {
                             const auto progress = group_->progress(node);
                             return MemberProgress{surroundings_.peers->is_reachable(node, log_.id()),
                                                   progress ? progress->flushed : model::LogPosition{}};
                           }},
                      wanted_);
  if (step.done()) return tell_members_reached();
  Result<void> taken;
  if (step.change) taken = group_->change_membership(*step.change);
  if (step.transfer_to) taken = group_->transfer_to(*step.transfer_to);
  membership_waits_for_ = taken ? std::move(step.waits_for) : taken.error().context;
  membership_timer_ = surroundings_.executor->schedule_after(kMembershipPoll, [this] {
    membership_timer_.reset();
    drive_membership();
  });
}

void Partition::tell_members_reached() {
  if (reached_epoch_ == wanted_epoch_ || !members_reached_) return;
  reached_epoch_ = wanted_epoch_;
  members_reached_(wanted_epoch_);
}

}  // namespace forebay::partition
