// What a member and its coordinator say to one another (proto/forebay/v1/groups.proto), as plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "forebay/groups.h"
#include "forebay/types.h"

namespace forebay::client {

using Partitions = std::vector<TopicPartition>;

struct JoinWords {
  std::string group, member_id, new_member_id;
  std::uint32_t member_epoch = 0;
  std::uint64_t number = 0;  // grows with each stream
  std::string instance_id, client_id, rack;
  std::vector<std::string> topics;
  std::string pattern;
  std::optional<StartRule> start;
  std::string assignor;
  std::chrono::milliseconds session_timeout{0}, revoke_timeout{0};
  Partitions owned;
};
struct OffsetWords {
  TopicPartition partition;
  std::int64_t offset = 0;
  std::string topic_id;
};
struct CommitWords {
  std::uint64_t correlation = 0;
  std::vector<OffsetWords> offsets;
};
struct ConfirmWords {
  std::uint64_t assignment = 0;
};
struct HeartbeatWords {
  std::uint64_t number = 0;
};
struct ReleaseWords {
  Partitions partitions;
  std::string reason;
};
struct LeaveWords {};
using MemberWords =
    std::variant<JoinWords, CommitWords, ConfirmWords, HeartbeatWords, ReleaseWords, LeaveWords>;

struct JoinedWords {
  std::string member_id;
  std::uint32_t member_epoch = 0;
  std::chrono::milliseconds session_timeout{0}, heartbeat_interval{0};
  StartRule start;
};
struct AssignmentWords {
  std::uint64_t number = 0;
  struct Owned {
    TopicPartition partition;
    std::optional<std::int64_t> committed;
    std::string topic_id;  // another one than before: a topic made anew under the same name
  };
  std::vector<Owned> owned;
  Partitions give_up;
  std::chrono::milliseconds confirm_within{0};
};
struct CommitAckWords {
  std::uint64_t correlation = 0;
  struct One {
    TopicPartition partition;
    std::optional<Error> error;  // nothing: committed
  };
  std::vector<One> partitions;
};
struct HeartbeatAckWords {
  std::uint64_t number = 0;
};
// The answer to ReleaseWords; what moves is said by an assignment.
struct ReleasedWords {
  Partitions staying;  // nobody else can have them
};
using CoordinatorWords =
    std::variant<JoinedWords, AssignmentWords, CommitAckWords, HeartbeatAckWords, ReleasedWords>;

}  // namespace forebay::client
