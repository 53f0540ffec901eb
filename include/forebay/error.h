// What can go wrong, as a value: the one list of error codes of the program, mirrored by `ErrorReason` in
// proto/forebay/v1/error.proto (a test compares the two), and the `Result<T>` that carries it.
// Nothing in Forebay throws; a Result that is not looked at does not compile.
// Thread rules: plain values, no shared state.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace forebay {

// Numbers are part of the wire contract: never reuse or renumber one.
enum class ErrorCode : std::uint16_t {
  kInternal = 1,          // our own fault; report it with the context
  kInvalidArgument = 2,   // a field of the request cannot be right; the context names it
  kUnknownTopic = 3,      // no such topic; create it first
  kUnknownPartition = 4,  // the topic has fewer partitions
  kTopicExists = 5,       // a topic of that name is there already
  kInvalidTopicName = 6,  // see the naming rule in the context
  kInvalidConfig = 7,     // unknown key, wrong type or value out of range
  kCorruptBatch = 8,      // checksum, length or count of a record batch is wrong; do not retry the same bytes
  kInvalidRecord = 9,     // a record breaks a rule of its topic (for example: no key in a compacted topic)
  kRecordTooLarge = 10,   // larger than max.message.bytes
  kUnsupported = 11,      // a feature, version or codec that this build does not have
  kOffsetOutOfRange = 12,   // below the log start or above the log end
  kNotLeader = 13,          // another node leads this partition; the detail names it
  kNotYet = 14,             // leadership is young: retry
  kOutcomeUnknown = 15,     // the request may or may not have been applied
  kResourceExhausted = 16,  // a byte bound is reached; retry after the delay in the detail
  kDiskFull = 17,           // the disk is below its reserve; trim, or add space
  kDataLoss = 18,           // the range, or the end of the log, is lost on this node and no other copy exists
  kStorageFailed = 19,      // the disk refused a read or a write
  kTimedOut = 20,           // the deadline of the request passed first
  kCancelled = 21,          // the caller went away
  kShuttingDown = 22,       // the node is stopping; use another, or retry when it is back
  kUnavailable = 23,        // nobody answers at the address
  kMemoryBudget = 24,       // granting this would pass the memory limit; the context says what is needed
  kFailedPrecondition = 25,  // the system is not in the state that the request needs
  kNewerFormat = 26,         // written by a newer version: upgrade this one; nothing was touched
  kLocked = 27,              // another process uses the data directory
  kNotFound = 28,            // a file or an entry is missing
  kOutOfOrderSequence = 29,  // a batch of a producer does not follow its last one: one between is missing
  kProducerFenced = 30,      // a newer session of the same producer has begun: this one must stop
  kUnknownProducer = 31,     // the partition knows nothing of this producer, and its batch is not its first
  kEarlyAckLost = 32,        // what was acknowledged early is lost; the detail has the last sequence held
  kUnknownGroup = 33,        // no such consumer group
  kUnknownMember = 34,       // the group has no such member, or no longer: join again
  kMemberFenced = 35,        // the member's epoch is over, or another took its static id
  kNotOwner = 36,            // the member does not own the partition: nothing was committed
  kOffsetMovedBack = 37,     // a commit below the committed offset: only an explicit reset goes back
  kStartRuleConflict = 38,   // the group was created with another start rule
  kInvalidSchema = 39,       // a schema that its format does not allow, or whose references lead nowhere
  kIncompatibleSchema = 40,  // a new version breaks the compatibility rule of its subject
};

// The name as it stands in proto and in JSON, for example "UNKNOWN_TOPIC".
[[nodiscard]] std::string_view error_code_name(ErrorCode code);

// True when the same request may succeed later without a change.
[[nodiscard]] bool is_retryable(ErrorCode code);

// A record of a batch that was refused, and why; for people.
struct RecordFault {
  std::int32_t index = 0;  // within the batch, from 0
  std::string text;
  friend bool operator==(const RecordFault&, const RecordFault&) = default;
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string context;  // what happened, to what, and what to do next; for people
  std::uint32_t retry_after_ms =
      0;  // with a retryable code: the earliest sensible retry; 0 = the caller decides
  // HOST:PORT of the API of the node that leads, when that is another one and it is known.
  std::string leader = {};
  // With kOutOfOrderSequence and kEarlyAckLost: of the last record of the producer's session that the
  // partition holds; -1: of none.
  std::optional<std::int32_t> last_sequence = {};
  // Of the schema registry: the number that its REST API has for this error, such as 40401; 0: none of its.
  std::uint32_t registry_code = 0;
  // With kInvalidRecord of a batch that breaks the schemas of its topic: the records that do, in their order;
  // nothing was stored, and the others may be sent again without them. Empty: the whole batch is wrong.
  std::vector<RecordFault> record_faults = {};

  [[nodiscard]] std::string to_string() const;  // "UNKNOWN_TOPIC: topic 'orders' does not exist; ..."
  friend bool operator==(const Error&, const Error&) = default;
};

// A value or an Error. Default-constructed: an internal error, so that a forgotten result is not a success.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result() : state_(std::in_place_index<1>, Error{}) {}
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: has_value(). Aborts otherwise: a wrong assumption of ours, not of the world.
  [[nodiscard]] T& value() & { return *checked(); }
  [[nodiscard]] const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(*checked()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return checked(); }
  const T* operator->() const { return const_cast<Result*>(this)->checked(); }

  // Requires: !has_value().
  [[nodiscard]] const Error& error() const& {
    if (has_value()) std::abort();
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] Error&& error() && {
    if (has_value()) std::abort();
    return std::move(*std::get_if<1>(&state_));
  }
  [[nodiscard]] T value_or(T other) const& { return has_value() ? value() : std::move(other); }

 private:
  T* checked() {
    T* value = std::get_if<0>(&state_);
    if (value == nullptr) std::abort();
    return value;
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() : error_(std::nullopt) {}                 // success, so that `return {};` reads naturally
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design
  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const& {
    if (!error_) std::abort();
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    if (!error_) std::abort();
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace forebay
