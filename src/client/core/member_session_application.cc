// What the application does with what its member owns.
#include <algorithm>
#include <utility>

#include "client/core/member_session.h"

namespace forebay::client {
namespace {

Error not_owner(const TopicPartition& partition) {
  return Error{ErrorCode::kNotOwner, partition.to_string() +
                                         " does not belong to this member, or no longer; its records come "
                                         "again to whoever has it"};
}

}  // namespace

std::vector<MemberSession::Reading> MemberSession::reading() const {
  std::vector<Reading> list;
  for (const auto& [partition, owned] : owned_) {
    if (owned.state == State::kReading && owned.told)
      list.push_back({partition, owned.grant, owned.from, owned.is_held_back()});
  }
  return list;
}

bool MemberSession::delivered(const TopicPartition& partition, Grant grant, std::int64_t begin,
                              std::int64_t end, TimePoint now) {
  look_at_clock(now);
  const auto at = owned_.find(partition);
  if (at == owned_.end() || at->second.grant != grant || at->second.state != State::kReading) return false;
  DoneMarks& marks = at->second.marks;
  if (begin < marks.delivered_end()) marks.restart(begin);  // the log has gone back
  marks.delivered(begin, end, now);
  return true;
}

void MemberSession::passed(const TopicPartition& partition, Grant grant, std::int64_t end) {
  const auto at = owned_.find(partition);
  if (at != owned_.end() && at->second.grant == grant && at->second.state == State::kReading)
    at->second.marks.passed(end);
}

Result<void> MemberSession::mark(const TopicPartition& partition, std::int64_t begin, std::int64_t end) {
  const auto at = owned_.find(partition);
  if (at == owned_.end() || at->second.state == State::kGivenUp) return not_owner(partition);
  // From the first one that is not done: whoever marks everything up to an offset need not know it.
  const std::int64_t from = begin >= 0 ? begin : std::min(at->second.marks.position(), end - 1);
  return at->second.marks.mark(from, end);
}

Result<void> MemberSession::restart(const TopicPartition& partition, std::int64_t offset) {
  const auto at = owned_.find(partition);
  if (at == owned_.end() || at->second.state != State::kReading) return not_owner(partition);
  at->second.marks.restart(offset);
  return {};
}

void MemberSession::gave_up(const Partitions& partitions) {
  for (const TopicPartition& partition : partitions) {
    const auto at = owned_.find(partition);
    if (at == owned_.end() || at->second.state != State::kGivingUp) continue;
    at->second.state = State::kGivenUp;
    commit_at_ = {};
  }
}

std::vector<std::pair<OffsetWords, MemberSession::Grant>> MemberSession::commit_soon() {
  std::vector<std::pair<OffsetWords, Grant>> wanted;
  for (const auto& [partition, owned] : owned_) {
    if (owned.is_dirty())
      wanted.push_back({{partition, owned.marks.position(), owned.topic_id}, owned.grant});
  }
  commit_at_ = {};
  return wanted;
}

Result<bool> MemberSession::is_committed(const OffsetWords& wanted, Grant grant) const {
  const auto at = owned_.find(wanted.partition);
  if (at == owned_.end() || at->second.grant != grant) return not_owner(wanted.partition);
  return at->second.committed.value_or(0) >= wanted.offset;
}

void MemberSession::leave() {
  if (leaving_) return;
  leaving_ = true;
  Partitions revoked;
  for (auto at = owned_.begin(); at != owned_.end(); ++at) {
    if (at->second.state == State::kReading) take_away(at, revoked);
  }
  if (!revoked.empty()) tidings_.push_back({Tiding::Kind::kRevoked, std::move(revoked), TimePoint::max()});
  commit_at_ = {};
  if (phase_ == Phase::kAway) not_before_ = {};
}

bool MemberSession::owns(const TopicPartition& partition) const {
  const auto at = owned_.find(partition);
  return at != owned_.end() && at->second.state != State::kGivenUp;
}

}  // namespace forebay::client
