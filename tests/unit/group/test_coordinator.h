// What the shell of a coordinator does, without a log: it decides turns, applies at once what they give, and
// keeps the members' times.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "group/core/group_image.h"
#include "group/core/liveness.h"
#include "group/core/turn.h"
#include "group/core/views.h"

namespace forebay::group::testing {

inline model::TopicId topic_id(std::uint8_t number) {
  model::TopicId id;
  id.bytes[0] = number;
  return id;
}

struct TestCoordinator {
  GroupImage image;
  std::vector<GroupRecord> history;
  TopicsSnapshot topics;
  Liveness liveness;
  SteadyTime now{0};
  std::uint8_t topics_made = 0;
  std::size_t partitions_max = kPartitionsPerGroupMax;

  // A new topic, or more partitions of one.
  model::TopicId set_topic(const std::string& name, std::size_t partitions,
                           const std::vector<std::string>& racks = {}) {
    TopicView& view = topics.by_name[name];
    if (view.id.is_nil()) view.id = topic_id(++topics_made);
    view.leader_racks = racks;
    view.leader_racks.resize(partitions);
    topics.version = topics.version.next();
    return view.id;
  }
  void delete_topic(const std::string& name) {
    topics.by_name.erase(name);
    topics.version = topics.version.next();
  }
  [[nodiscard]] model::TopicPartition partition(const std::string& topic, std::int32_t index) const {
    return {topics.by_name.at(topic).id, model::PartitionIndex(index)};
  }
  // Offset `offset` of a partition whose high watermark is 1000.
  [[nodiscard]] CommitEntry entry(const std::string& topic, std::int32_t index, std::int64_t offset,
                                  const std::string& metadata = {}) const {
    return {topic, partition(topic, index), model::Offset(offset), metadata, model::Offset(1'000)};
  }

  Decision turn(const std::string& group, const std::function<void(Turn&)>& inputs) {
    Turn turn(group, image.find(group), {topics, image.groups.size(), partitions_max});
    inputs(turn);
    const Decision decision = turn.finish();
    for (const GroupRecord& record : decision.records) {
      const auto applied = apply(image, record);
      EXPECT_TRUE(applied) << applied.error().context;
      history.push_back(record);
    }
    if (decision.roster_changed) liveness.follow(group, image.find(group), now);
    return decision;
  }
  [[nodiscard]] const Group& group(const std::string& name) const { return *image.find(name); }
  [[nodiscard]] Assignment assignment(const std::string& name, MemberNumber member) const {
    return assignment_of(group(name), member);
  }
};

inline JoinInput new_member(const std::string& id, const std::vector<std::string>& topics) {
  JoinInput input;
  input.new_id = id;
  input.subscription.topics = topics;
  return input;
}

inline std::vector<std::int32_t> indexes(const std::vector<OwnedPartition>& owned) {
  std::vector<std::int32_t> found;
  for (const OwnedPartition& one : owned) found.push_back(one.partition.partition.value());
  return found;
}
inline std::vector<std::int32_t> indexes(const Partitions& partitions) {
  std::vector<std::int32_t> found;
  for (const model::TopicPartition& one : partitions) found.push_back(one.partition.value());
  return found;
}

}  // namespace forebay::group::testing
