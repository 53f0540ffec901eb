// Between the messages of Groups and what a coordinator takes and says. Thread rules: pure functions.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forebay/v1/groups.pb.h"
#include "group/coordinator.h"

namespace forebay::api {

// Nothing: unspecified. Errors: kInvalidArgument.
[[nodiscard]] Result<std::optional<group::StartRule>> start_rule_of(const v1::StartRule& from);
void put_start_rule(const group::StartRule& from, v1::StartRule* to);
[[nodiscard]] Result<std::optional<group::Assignor>> assignor_of(const std::string& name);
[[nodiscard]] const char* assignor_name(group::Assignor assignor);

using CommitFields = google::protobuf::RepeatedPtrField<v1::PartitionCommit>;
// Errors: kInvalidArgument (a negative offset or partition, none, or more than kOffsetsBytesMax in all).
[[nodiscard]] Result<std::vector<group::NamedOffset>> offsets_of(const CommitFields& from);
using PartitionFields = google::protobuf::RepeatedPtrField<v1::TopicPartitions>;
[[nodiscard]] std::vector<group::NamedPartition> partitions_of(const PartitionFields& from);
// As many results as offsets, in their order.
void put_results(const CommitFields& asked, const group::EntryResults& results,
                 google::protobuf::RepeatedPtrField<v1::PartitionCommitted>* to);

// Of partitions by their ids, as the group knows their topics. In the order of topics.
void put_partitions(const group::Group& group, const group::Partitions& from,
                    google::protobuf::RepeatedPtrField<v1::TopicPartitions>* to);
// `wanted`: none: all that have one.
void put_offsets(const group::Group& group, const std::vector<group::NamedPartition>& wanted,
                 google::protobuf::RepeatedPtrField<v1::CommittedOffset>* to);
void describe(const std::string& name, const group::Coordinator& coordinator, const group::Group& group,
              v1::DescribeGroupResponse* to);

void put_lag(const group::GroupLag& lag, v1::GroupLagResponse* to);

[[nodiscard]] group::JoinInput join_input_of(const v1::JoinGroup& from);
[[nodiscard]] group::Subscription subscription_of(const v1::Subscribe& from);
[[nodiscard]] v1::MemberUpdate joined_message(const group::Joined& joined, group::GroupEpoch epoch);
[[nodiscard]] v1::MemberUpdate assignment_message(const group::AssignmentNotice& notice);

}  // namespace forebay::api
