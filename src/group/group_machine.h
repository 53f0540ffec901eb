// The groups of one partition of `__groups` as a state machine (machine/core/state_machine.h): what its
// records mean stands in core/, here is how the state is cut into entries (docs/format/groups.md). Thread
// rules: the partition's shard.
#pragma once

#include <compare>
#include <cstdint>
#include <set>
#include <string>

#include "group/core/group_image.h"
#include "machine/core/state_machine.h"

namespace forebay::group {

class GroupMachine final : public machine::StateMachine {
 public:
  [[nodiscard]] Result<void> apply(model::Offset offset, ByteSpan record) override;
  [[nodiscard]] machine::Changes take_changes() override;
  [[nodiscard]] machine::Entries entries() const override;
  [[nodiscard]] Result<void> load(const machine::Entries& entries) override;

  [[nodiscard]] const GroupImage& image() const { return image_; }

 private:
  enum class Kind : std::uint8_t { kHead, kMember, kTopic, kPosition };
  // Names an entry; what does not belong to its kind is empty.
  struct Entry {
    std::string group;
    Kind kind = Kind::kHead;
    MemberNumber member;
    model::TopicPartition partition;  // of a topic: 0
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  [[nodiscard]] static std::string key_of(const Entry& entry);
  // Nothing: there is none any more.
  [[nodiscard]] std::optional<std::string> value_of(const Entry& entry) const;
  [[nodiscard]] std::set<Entry> all_of(const std::string& group) const;
  void touch(const GroupRecord& record);
  void touch_topics(const std::string& group, const Partitions& partitions);
  [[nodiscard]] Result<void> load_entry(const std::string& key, const std::string& value);

  GroupImage image_;
  std::set<Entry> changed_;
};

}  // namespace forebay::group
