// Going on without a majority, when an operator has decided so (ADR 13).
#include <set>
#include <utility>

#include "partition/partition.h"

namespace forebay::partition {

Result<MajorityLoss> Partition::majority_loss() const {
  const auto since = group_->leaderless_since();
  MajorityLossFacts facts{.members = group_->membership(),
                          .self = surroundings_.self,
                          .out_of_reach = group_->voters_out_of_reach(),
                          .leader = group_->leader(),
                          .leaderless_since = {},
                          .end = log_.end(),
                          .commit = group_->commit(),
                          .tail_lost = log_.lost_tail().has_value(),
                          .failure = group_->failure() ? group_->failure()->context : std::string()};
  if (holds_state_ && state_at_ < log_.log_start().next_offset)
    facts.failure = "it does not have the state that the log goes on from; name another replica";
  if (since) facts.leaderless_since = since->time_since_epoch();
  return judge_majority_loss(facts, surroundings_.executor->now().time_since_epoch());
}

void Partition::recover_without(const std::vector<log::Voter>& lost, runtime::Duration timeout,
                                Done<std::monostate> done) {
  if (recovering_)
    return done(Error{ErrorCode::kFailedPrecondition, "the partition is being recovered already"});
  const auto loss = majority_loss();
  if (!loss) return done(loss.error());
  if (loss->lost != lost) {
    return done(Error{ErrorCode::kFailedPrecondition,
                      "other voters are out of reach now than those that were declared lost; look again"});
  }
  recovering_ = std::move(done);
  recovery_timer_ = surroundings_.executor->schedule_after(timeout, [this] {
    recovery_timer_.reset();
    std::exchange(recovering_, nullptr)(Error{
        ErrorCode::kOutcomeUnknown,
        "the partition has no leader yet: one of the nodes that are left may have more than this one; see "
        "forebay partition list -o wide, and recover on the node with the longest log"});
  });
  if (auto stands = group_->stand_without(lost); !stands) return end_recovery(stands.error());
  // At once, and not when the metadata says so: until then the lost ones are still wanted as members.
  std::set<model::Uuid> disks;
  for (const log::Voter& voter : lost) disks.insert(voter.disk);
  surroundings_.peers->refuse_disks(disks);
}

// Established: the others that are left have agreed, and the new members are on the disk.
void Partition::end_recovery(Result<void> result) {
  if (!recovering_) return;
  if (recovery_timer_) surroundings_.executor->cancel(*std::exchange(recovery_timer_, std::nullopt));
  auto done = std::exchange(recovering_, nullptr);
  if (!result) return done(std::move(result).error());
  done(std::monostate{});
}

}  // namespace forebay::partition
