// What a coordinator of groups needs from its surroundings, and tells its members through.
// Thread rules: everything on the coordinator's shard.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "group/core/records.h"
#include "group/core/topics.h"

namespace forebay::group {

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

// An assignment, with the names that a client goes by.
struct AssignmentNotice {
  struct Partition {
    std::string topic;
    model::PartitionIndex partition;
    std::optional<model::Offset> next;  // owned ones: nothing: by the start rule
    model::TopicId topic_id;            // a topic that is made anew under its name is another one
  };
  AssignmentNumber number;
  GroupEpoch epoch;
  std::vector<Partition> owned;    // all that it may read now
  std::vector<Partition> give_up;  // stop, commit, confirm `number`
  Milliseconds confirm_within{0};  // 0: nothing to give up
};

// The way back to one member. What is told must be handed over without blocking, and must not call the
// coordinator.
class MemberStream {
 public:
  virtual ~MemberStream() = default;
  virtual void tell(AssignmentNotice notice) = 0;
  // The last call.
  virtual void end(Error why) = 0;
};

// The topics that groups may read, of one shard: as the metadata on this node has them.
class Topics {
 public:
  virtual ~Topics() = default;
  // Nothing: the metadata is not there yet. Good until the next turn of the shard's event loop.
  [[nodiscard]] virtual const TopicsSnapshot* snapshot() = 0;
  // Counts the changes that matter to who reads which partition; patterns are asked for again after each.
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
  // From now on `matches` has an entry for it; after an error one that matches nothing. Errors:
  // kInvalidArgument (it is no regular expression).
  [[nodiscard]] virtual Result<void> want_pattern(const std::string& pattern) = 0;
};

// Where somebody goes on in a partition whose lag is asked for.
struct LagFrom {
  enum class Kind : std::uint8_t {
    kOffset = 0,  // `value`
    kBegin = 1,   // the log start
    kEnd = 2,     // the high watermark
    kTime = 3,    // the first record with an event time of `value`, in ms, or later
  };
  Kind kind = Kind::kBegin;
  std::int64_t value = 0;
  friend bool operator==(const LagFrom&, const LagFrom&) = default;
};
// Of one moment.
struct PartitionLag {
  model::Offset next;         // where he goes on; not below the log start
  model::Offset end;          // the high watermark
  std::uint64_t records = 0;  // offsets between them
  std::uint64_t bytes = 0;    // of those in the log: within a piece of it, which is a segment or what is in
                              // memory only, records count as equally large
  // Since the event time of the first of them (since it was appended, if it has none): 0 if there is none.
  // Nothing: it cannot be read.
  std::optional<Milliseconds> age;
  friend bool operator==(const PartitionLag&, const PartitionLag&) = default;
};

// Where partitions of topics are, wherever they are led. Errors of all: kUnknownTopic, kNotYet, kTimedOut,
// kUnavailable, kOutcomeUnknown: to be asked again.
class PartitionPlaces {
 public:
  virtual ~PartitionPlaces() = default;
  // A value that the high watermark has reached, as far as this node knows.
  [[nodiscard]] virtual std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition& partition) const = 0;
  // The same, asked of the leader.
  virtual void ask_high_watermark(const model::TopicPartition& partition, Done<model::Offset> done) = 0;
  // Where a start rule leads now. Requires: it is not kFail.
  virtual void find_start(const model::TopicPartition& partition, const StartRule& rule,
                          Done<model::Offset> done) = 0;
  // `done` may be called inside.
  virtual void ask_lag(const model::TopicPartition& partition, const LagFrom& from,
                       Done<PartitionLag> done) = 0;
};

}  // namespace forebay::group
