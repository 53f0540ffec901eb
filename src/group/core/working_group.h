// One group as it will be when the records of a turn are applied. Reads go through what the turn has changed
// to what is applied; what a turn of commits touches is copied, nothing else.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "group/core/group_image.h"

namespace forebay::group {

class WorkingGroup {
 public:
  // `applied`: nothing if there is no such group. Outlives this.
  WorkingGroup(std::string name, const Group* applied);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool exists() const { return start_.has_value(); }
  // Requires: exists().
  [[nodiscard]] const StartRule& start() const { return *start_; }
  [[nodiscard]] const Roster& roster() const;
  [[nodiscard]] const Position* position(const model::TopicPartition& partition) const;
  [[nodiscard]] bool roster_changed() const { return roster_.has_value(); }

  // Decides on a record: from here on the group is as if it were applied. Requires: it can follow.
  void decide(GroupRecord record);
  // Of the records so far, about: their texts and what stands for each partition.
  [[nodiscard]] std::size_t record_bytes() const { return record_bytes_; }
  [[nodiscard]] std::vector<GroupRecord> take_records() { return std::move(records_); }

 private:
  void load_positions(const GroupRecord& record);
  [[nodiscard]] const Position* applied_position(const model::TopicPartition& partition) const;

  std::string name_;
  const Group* applied_;
  std::optional<StartRule> start_;
  std::optional<Roster> roster_;        // once it is changed
  Positions positions_;                 // those that are changed
  std::set<model::TopicId> forgotten_;  // of these nothing that is applied counts
  std::vector<GroupRecord> records_;
  std::size_t record_bytes_ = 0;
};

}  // namespace forebay::group
