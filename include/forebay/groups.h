// What consumer groups are made of, for those who look after them (Admin) and for members (GroupConsumer).
// Thread rules: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forebay/types.h"

namespace forebay {

// Where a group begins to read a partition for which it has committed nothing. State of the group, set when
// it is made.
struct StartRule {
  enum class Point : std::uint8_t {
    kEarliest = 1,  // the first record that there is
    kLatest = 2,  // the end when the group first owned the partition; of newer partitions their first record
    kAtTime = 3,  // the first record whose event time is time_ms or later
    kFail = 4,    // nowhere: somebody has to say it (Admin::reset_offsets)
  };
  Point point = Point::kEarliest;
  std::int64_t time_ms = 0;
  [[nodiscard]] std::string to_string() const;  // earliest, latest, fail, @MS
  friend bool operator==(const StartRule&, const StartRule&) = default;
};

struct GroupSummary {
  std::string group;
  std::string state;  // empty, assigning, stable
  std::uint32_t members = 0;
  StartRule start;
};
struct GroupMember {
  std::string id;
  std::uint32_t epoch = 0;
  std::string instance_id, client_id, host, rack;
  std::vector<std::string> topics;
  std::string pattern;
  std::vector<TopicPartition> owned;
  std::vector<TopicPartition> giving_up;
  std::vector<TopicPartition> waits_for;  // its by plan, still with somebody else
  bool connected = false;
};
struct GroupOffset {
  TopicPartition partition;
  std::optional<std::int64_t> offset;  // of the next record to process; absent: nothing is committed
  std::string metadata;
  std::int64_t commit_time_ms = 0;
};
struct GroupList {
  std::vector<GroupSummary> groups;
  std::optional<Error> incomplete;  // groups are missing, whose coordinator cannot be asked now: why
};
// A group has stood still there for 30 s or longer, as the coordinator saw it last, although there is
// something to read.
struct StalledPartition {
  TopicPartition partition;
  std::string cause;  // for people
  double seconds = 0;
};
struct GroupDescription {
  GroupSummary summary;
  std::string assignor;
  std::uint64_t epoch = 0;
  std::string coordinator;  // HOST:PORT
  std::vector<GroupMember> members;
  std::vector<GroupOffset> offsets;
  std::vector<TopicPartition> unowned;  // subscribed to, and nobody has them now
  std::vector<StalledPartition> stalled;
};
// How far a group is behind, as the partition's leader measured it: all of one moment.
struct PartitionLag {
  TopicPartition partition;
  std::optional<std::int64_t> committed;
  std::int64_t end = 0;           // first offset that cannot be read yet
  std::uint64_t lag_records = 0;  // from the committed offset, or where the start rule leads, to the end
  std::uint64_t lag_bytes = 0;
  std::optional<double> lag_seconds;  // since the first unread record; 0: there is none; absent: not known
  std::optional<std::string> member;  // who owns it
  std::string stalled;         // why it stands still although there is something to read; empty: it does not
  std::optional<Error> error;  // the leader could not be asked: end and lag are not known
  // Until all is read at the present pace; 0: it is; absent: it does not catch up, or not enough was seen.
  std::optional<double> catch_up_seconds;
};
struct GroupLag {
  std::string group;
  std::string state;
  std::vector<PartitionLag> partitions;
  std::optional<double> catch_up_seconds;  // of all that are behind together
};
struct OffsetMove {
  TopicPartition partition;
  std::int64_t offset = 0;
};
struct OffsetMoved {
  TopicPartition partition;
  std::optional<std::int64_t> before;
  std::int64_t after = 0;
  std::optional<Error> error;  // then none of them is done
};

}  // namespace forebay
