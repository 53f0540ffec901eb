// Shares the partitions of topics with the other members of a consumer group.
//
// The group's coordinator, a broker, decides which member has which partition: each belongs to one at a time,
// and goes on at the offset that the group has committed for it. What is committed follows from what the
// application marks as done, record by record: the offset moves past a record when it and all before it are
// marked, never further. So every record is processed at least once, whoever fails; once more only what was
// not committed.
//
// The member lives by heartbeats in the background, not by poll(): slow work costs no membership. When the
// coordinator cannot be reached for two thirds of the session timeout, everything is taken away at once,
// before anybody else may have it: nothing more is handed out, marked or committed.
//
// Threads: one thread at a time, but for mark_done(), mark_done_through(), owns(), status() and wake(), which
// any thread may call. Hooks: see there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forebay/client_options.h"
#include "forebay/consumer.h"
#include "forebay/groups.h"
#include "forebay/types.h"

namespace forebay {

// None may throw. on_assigned and on_revoked run inside poll() and close(). on_lost runs as soon as it has
// happened, on any thread: it must not wait, and may call owns() only. Without on_revoked, what is to be
// given up goes at once where nothing is in hand, else with the next poll().
struct GroupHooks {
  // They are read from now on, each from its committed offset. Here seek() may be called.
  std::function<void(const std::vector<TopicPartition>&)> on_assigned;
  // They are to be given up: nothing of them is handed out any more. Finish and mark what is in hand: what is
  // marked when this returns is committed, then they go; if that fails, on_lost tells. It must return before
  // `until`, about nine tenths of the revoke timeout after the coordinator's word: later everything is lost.
  std::function<void(const std::vector<TopicPartition>&, std::chrono::steady_clock::time_point until)>
      on_revoked;
  // They are gone already, others may have them soon: nothing can be committed any more.
  std::function<void(const std::vector<TopicPartition>&, const Error& why)> on_lost;
};

// Times are whole milliseconds.
struct GroupOptions {
  std::string group;                // 1 to 249 of a-z A-Z 0-9 . _ -
  std::vector<std::string> topics;  // these, and
  std::string pattern;  // those whose whole name matches this regular expression (RE2 syntax), now or later
  // Makes a new group with this rule (nothing: kEarliest); one that is there with another:
  // START_RULE_CONFLICT.
  std::optional<StartRule> start;
  // A static member: whoever comes with the same name takes over what it had, within the session, and at
  // once: stop the instance before first. One that still runs cannot commit any more, but may hand out
  // records of the same partitions until it hears that it is replaced, or, when nothing reaches it, until its
  // lease is over (two thirds of session_timeout). close() keeps the place: nobody gets the partitions until
  // an instance returns or the session is over.
  std::string instance_id;
  std::string client_id;
  std::string rack;                                   // partitions that are led there are preferred
  std::string assignor;                               // uniform-sticky or range; empty: what the group has
  std::chrono::milliseconds session_timeout{10'000};  // 1 s to 30 min
  std::chrono::milliseconds revoke_timeout{60'000};   // session_timeout to 1 h
  // A partition whose oldest record that is handed out and not marked is older than this goes to another
  // member, if there is one: it is lost here, and the others stay. Nothing more of it is handed out
  // meanwhile; if nobody else can have it, reading goes on. 0: never.
  std::chrono::milliseconds processing_deadline{0};
  std::chrono::milliseconds commit_interval{1'000};  // 10 ms to 1 h
  // How long close() tries to commit and to leave.
  std::chrono::milliseconds close_timeout{10'000};
  GroupHooks hooks;
  // auto_reset: when the committed offset is not in the log any more. Default: poll() reports it.
  ConsumerOptions consumer;
};

struct GroupStatus {
  bool joined = false;    // at this moment
  std::string member_id;  // empty: it has never been a member
  std::uint32_t member_epoch = 0;
  std::optional<Error> trouble;  // why it is not joined; it is being tried again
};

class GroupConsumer {
 public:
  // Begins to join in the background. Errors: kInvalidArgument, naming the option.
  [[nodiscard]] static Result<std::unique_ptr<GroupConsumer>> create(ClientOptions client,
                                                                     GroupOptions options);
  // close(), without its result.
  ~GroupConsumer();
  GroupConsumer(const GroupConsumer&) = delete;
  GroupConsumer& operator=(const GroupConsumer&) = delete;

  // Records, each partition in order; empty when none came in time, or woken.
  // Errors: of one partition, as Consumer::poll, and kFailedPrecondition when the group's start rule is
  // `fail` and nothing is committed: it stands still until seek(), the others go on. Of a commit that was
  // refused: once; it is tried again. Of the membership, each time from then on: kStartRuleConflict,
  // kMemberFenced (another instance has this instance_id), kInvalidArgument and what else waiting does not
  // mend. A coordinator that cannot be reached is not an error but a poll without records: see status().
  [[nodiscard]] Result<std::vector<Record>> poll(std::chrono::milliseconds timeout);
  // The same without copying records. At least one batch, if any came.
  [[nodiscard]] Result<std::vector<ConsumedBatch>> poll_batches(std::chrono::milliseconds timeout);

  // This record is done. In any order; a second time is a success.
  // Errors: kNotOwner (the partition has gone: somebody else will process it), kInvalidArgument (it was never
  // handed out), kResourceExhausted (kMarkedRangesMax: too many done behind one that is not).
  [[nodiscard]] Result<void> mark_done(const Record& record);
  [[nodiscard]] Result<void> mark_done(const TopicPartition& partition, std::int64_t offset);
  // It and everything before it that was handed out.
  [[nodiscard]] Result<void> mark_done_through(const TopicPartition& partition, std::int64_t offset);
  // Out of order, of one partition: runs of done records behind one that is not.
  static constexpr std::size_t kMarkedRangesMax = 100'000;
  // Waits until what is marked now is committed. Errors: kNotOwner (a partition has gone before), kTimedOut,
  // and those of the commit.
  [[nodiscard]] Result<void> commit_now(std::chrono::milliseconds timeout);

  [[nodiscard]] std::vector<TopicPartition> assignment() const;  // that is read now, in order
  [[nodiscard]] bool owns(const TopicPartition& partition) const;
  // Reads on from there. Forward: what was not handed out yet is skipped and counts as done. Back: it is
  // handed out again, and is to be marked again; what is committed stays. Records before it that were handed
  // out stay to be marked: nothing is committed past one that is not. Errors: kNotOwner; those of
  // Consumer::seek.
  [[nodiscard]] Result<void> seek(const TopicPartition& partition, OffsetSpec to);
  // The next offset to hand out. Errors: kNotOwner.
  [[nodiscard]] Result<std::int64_t> position(const TopicPartition& partition) const;
  // A paused partition hands out nothing. As long as it stays here. Errors: kNotOwner.
  [[nodiscard]] Result<void> pause(const TopicPartition& partition);
  [[nodiscard]] Result<void> resume(const TopicPartition& partition);
  // Partitions that stand still until seek(), and those that are being retried.
  [[nodiscard]] std::vector<PartitionFailure> failures() const;
  [[nodiscard]] GroupStatus status() const;

  // Hands over at once: on_revoked with everything, commits what is marked, leaves. Then poll() gives
  // kCancelled. Once more: nothing happens. Errors: kTimedOut: what was not committed comes again, and the
  // others have it only when the session is over. kNotOwner: it was out of the group before all that was
  // marked was committed: that comes again.
  [[nodiscard]] Result<void> close();

  // Makes a poll that waits, or else the next one, return. Any thread.
  void wake();

 private:
  class Core;
  explicit GroupConsumer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace forebay
