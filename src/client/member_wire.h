// Between a member's words and the messages of proto/forebay/v1/groups.proto. Pure functions.
#pragma once

#include <optional>

#include "client/core/member_words.h"

namespace forebay::v1 {
class MemberRequest;
class MemberUpdate;
class StartRule;
}  // namespace forebay::v1

namespace forebay::client {

void put_words(const MemberWords& words, v1::MemberRequest& to);
// Nothing: it says nothing that this version acts upon.
[[nodiscard]] std::optional<CoordinatorWords> words_of(const v1::MemberUpdate& update);

void put_start_rule(const StartRule& rule, v1::StartRule& to);
[[nodiscard]] StartRule start_rule_of(const v1::StartRule& from);

template <typename Named>
[[nodiscard]] Partitions partitions_of(const Named& topics) {
  Partitions all;
  for (const auto& topic : topics) {
    for (const auto partition : topic.partitions()) all.push_back({topic.topic(), partition});
  }
  return all;
}
// Requires: those of one topic are next to one another.
template <typename Named>
void put_partitions(const Partitions& partitions, Named* to) {
  for (const TopicPartition& one : partitions) {
    if (to->empty() || to->rbegin()->topic() != one.topic) to->Add()->set_topic(one.topic);
    to->rbegin()->add_partitions(one.partition);
  }
}

}  // namespace forebay::client
