// What must hold of consumer groups, judged apart from the scenario: by the records of the replicated log, by
// what coordinators have acknowledged, by what applications have done with records, and by what members
// believe that they own.
//  - I17: a committed offset never goes back without a reset, nor past the high watermark; what was
//  acknowledged
//    is in the log, and stays. Only the deletion of a topic takes its offsets.
//  - I18: a partition is granted when nobody owns it; only its owner commits; no two members that are awake
//    believe to own it, each by its own clock.
//  - I19: what is below a committed offset was done before it was committed.
//  - All replicas of the log hold the same records and the same state.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/shared_bytes.h"
#include "group/core/group_image.h"
#include "sim/group_topics.h"
#include "sim/trace_hash.h"

namespace forebay::sim {

// Records of a partition of which everything below a point is done, and some beyond.
class DoneRecords {
 public:
  void add(std::int64_t offset) {
    if (offset < below_) return;
    beyond_.insert(offset);
    while (beyond_.erase(below_) > 0) ++below_;
  }
  // By somebody's word: skipped, or read by nobody.
  void all_below(std::int64_t end) {
    below_ = std::max(below_, end);
    beyond_.erase(beyond_.begin(), beyond_.lower_bound(below_));
    while (beyond_.erase(below_) > 0) ++below_;
  }
  [[nodiscard]] std::int64_t below() const { return below_; }

 private:
  std::int64_t below_ = 0;
  std::set<std::int64_t> beyond_;
};

class GroupChecks {
 public:
  using Fail = std::function<void(std::string what)>;
  GroupChecks(const GroupTopics& topics, Fail fail) : topics_(topics), fail_(std::move(fail)) {}

  // --- the log: records that are committed and on the disk of a node, in any order of nodes
  void logged(model::Offset at, ByteSpan record);
  // Next offset that no node has shown yet.
  [[nodiscard]] model::Offset next() const { return next_; }
  [[nodiscard]] const group::GroupImage& image() const { return image_; }

  // --- coordinators
  // An entry of a commit was acknowledged by a node that has applied all below `applied`.
  void acknowledged(const model::TopicPartition& partition, model::Offset offset, model::Offset applied);

  // --- members and their applications
  using Name = std::pair<std::string, std::int32_t>;
  void done(const model::TopicPartition& partition, std::int64_t offset) { done_[partition].add(offset); }
  [[nodiscard]] std::int64_t done_below(const model::TopicPartition& partition) {
    return done_[partition].below();
  }
  // What a member that is awake believes to own, all of it; nothing when it sleeps or is dead.
  void believes(std::uint32_t member, std::set<Name> owned);
  [[nodiscard]] const std::set<Name>& beliefs(std::uint32_t member) { return beliefs_[member]; }

  // After everything: everything that was acknowledged has been looked for.
  void finish();

  struct Counts {
    std::uint64_t records = 0, commits = 0, resets = 0, joins = 0, returns = 0, left = 0, sessions_ended = 0,
                  revokes_timed_out = 0, granted = 0, asked_back = 0, confirmed = 0, avoided = 0, starts = 0,
                  topics_forgotten = 0, acknowledged = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_.value(); }

 private:
  struct Acknowledged {
    model::TopicPartition partition;
    model::Offset offset, applied;
  };
  struct Committed {
    model::Offset at;  // of its record
    model::Offset offset;
    bool reset = false;
  };
  void fold(const group::GroupRecord& record);
  void fold_commit(const group::OffsetsCommitted& record);
  void fold_members(const group::GroupRecord& record);
  void fold_ownership(const group::GroupRecord& record);
  void release(const std::function<bool(const model::TopicPartition&, group::MemberNumber)>& which);
  void look_for(const Acknowledged& one);

  const GroupTopics& topics_;
  Fail fail_;
  model::Offset next_;
  std::map<model::Offset, std::string> ahead_;     // of nodes that show more than is folded
  std::map<model::Offset, std::uint64_t> folded_;  // hashes
  group::GroupImage image_;
  std::map<model::TopicPartition, group::MemberNumber> owners_;
  std::map<model::TopicPartition, std::vector<Committed>> committed_;
  std::map<group::MemberNumber, group::MemberEpoch> epochs_;
  std::map<model::TopicPartition, DoneRecords> done_;
  std::deque<Acknowledged> waiting_;  // what they applied is not folded yet
  std::map<std::uint32_t, std::set<Name>> beliefs_;
  Counts counts_;
  TraceHash trace_;
};

}  // namespace forebay::sim
