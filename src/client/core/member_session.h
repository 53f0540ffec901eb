// A member of a consumer group: joining and coming back, the lease, what it owns and gives up, what it
// commits. Pure: no thread, no clock, no stream; time is an argument. The owner (group_consumer_core.cc)
// guards it with its mutex, does what next_action() names, and reports back.
//
// Invariants:
//  - What reading() names is owned: the lease runs, the coordinator has granted it and not asked for it back.
//  - A commit never passes a record that is not marked; of what is not owned nothing is committed.
//  - An assignment is confirmed when everything that it takes away has left the application's hands and its
//    last commit is answered.
//  - Whatever it waits for has a deadline: the lease, the time to give up, joining, leaving.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/core/backoff.h"
#include "client/core/done_marks.h"
#include "client/core/fetched.h"
#include "client/core/member_words.h"
#include "client/core/nodes.h"

namespace forebay::client {

// Of a session: how long a member goes on without an acknowledged heartbeat, from the sending of the last
// one. The coordinator counts the whole session from its arrival.
[[nodiscard]] constexpr std::chrono::milliseconds member_lease_of(std::chrono::milliseconds session) {
  return session * 2 / 3;
}
// Of the time in which an assignment has to be confirmed.
[[nodiscard]] constexpr std::chrono::milliseconds member_gives_up_within(std::chrono::milliseconds confirm) {
  return confirm * 9 / 10;
}

class MemberSession {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using StreamId = std::uint64_t;  // names one Join stream; never used again
  using Grant = std::uint64_t;     // names one time of owning a partition; never used again

  struct Settings {
    JoinWords join;  // but for who it is and what it owns
    std::chrono::milliseconds processing_deadline{0};
    std::chrono::milliseconds commit_interval{1'000};
    std::size_t marked_ranges_max = 0;
    bool asks_before_giving_up = false;  // there is a hook
    BackoffRange reconnect;
  };

  struct OpenStream {  // and say `join` on it
    StreamId stream = 0;
    Nodes::Id node = 0;
    std::string address;
    JoinWords join;
  };
  struct Say {
    StreamId stream = 0;
    MemberWords words;
  };
  struct Cancel {
    StreamId stream = 0;
  };
  using Action = std::variant<OpenStream, Say, Cancel>;

  // What the application has to know. Of a partition in this order: assigned, revoked or lost.
  struct Tiding {
    enum class Kind : std::uint8_t { kAssigned, kRevoked } kind = Kind::kAssigned;
    Partitions partitions;
    TimePoint until{};  // kRevoked: gave_up() has to come before
  };
  struct Loss {
    Partitions partitions;
    Error why;
  };

  struct Reading {
    TopicPartition partition;
    Grant grant = 0;
    std::optional<std::int64_t> from;  // nothing: the start rule says it
    bool held_back = false;            // nothing more for now: it is too slow
  };

  MemberSession(Settings settings, std::vector<std::string> servers, std::uint64_t seed);

  // --- what to do ---
  [[nodiscard]] std::optional<Action> next_action(TimePoint now);
  // When next_action() may have something although nothing happened.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  // On the application's thread. Assigned: from now on it is in reading().
  [[nodiscard]] std::optional<Tiding> next_tiding();
  [[nodiscard]] std::optional<Loss> next_loss();
  // A partition's commit was refused; once.
  [[nodiscard]] std::optional<Error> next_refusal();

  // --- what happened ---
  void heard(StreamId stream, const CoordinatorWords& words, TimePoint now);
  // The stream is over. No error: it was cancelled, or the broker ended it, as after leaving.
  void ended(StreamId stream, const std::optional<RpcError>& error, TimePoint now);

  // --- the application ---
  [[nodiscard]] std::vector<Reading> reading() const;
  // Returns: false: it has gone; the records must not be handed out.
  [[nodiscard]] bool delivered(const TopicPartition& partition, Grant grant, std::int64_t begin,
                               std::int64_t end, TimePoint now);
  void passed(const TopicPartition& partition, Grant grant, std::int64_t end);
  // Errors: kNotOwner, and those of DoneMarks::mark.
  [[nodiscard]] Result<void> mark(const TopicPartition& partition, std::int64_t begin, std::int64_t end);
  // Errors: kNotOwner.
  [[nodiscard]] Result<void> restart(const TopicPartition& partition, std::int64_t offset);
  // The application has done with what a kRevoked tiding named.
  void gave_up(const Partitions& partitions);
  // All that is marked by now is committed soon. Returns: what has to be waited for.
  [[nodiscard]] std::vector<std::pair<OffsetWords, Grant>> commit_soon();
  // Errors: kNotOwner.
  [[nodiscard]] Result<bool> is_committed(const OffsetWords& wanted, Grant grant) const;
  // Gives up everything, with a tiding, and then leaves. After it is_over() comes true.
  void leave();
  [[nodiscard]] bool owns(const TopicPartition& partition) const;

  // Something is not read for it is too slow; a mark may change that.
  [[nodiscard]] bool holds_back() const { return holds_back_; }
  // Nothing more will happen: it has left, or waiting does not mend what error() says.
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  // Why something that was marked was not committed before it left: it comes again.
  [[nodiscard]] const std::optional<Error>& unfinished() const { return unfinished_; }
  [[nodiscard]] bool is_joined() const { return phase_ == Phase::kJoined; }
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  [[nodiscard]] const std::string& member_id() const { return member_id_; }
  [[nodiscard]] std::uint32_t member_epoch() const { return member_epoch_; }
  [[nodiscard]] const StartRule& start_rule() const { return start_; }

 private:
  enum class Phase : std::uint8_t { kAway, kJoining, kJoined };
  enum class State : std::uint8_t {
    kReading,
    kGivingUp,  // in the application's hands
    kGivenUp,   // its last commit is to be answered
  };
  struct Owned {
    Owned(Grant number, std::optional<std::int64_t> at, std::size_t ranges_max, std::string topic)
        : grant(number),
          from(at),
          committed(at),
          marks(at.value_or(0), ranges_max),
          topic_id(std::move(topic)) {}
    Grant grant;
    std::optional<std::int64_t> from;
    std::optional<std::int64_t> committed;
    DoneMarks marks;
    State state = State::kReading;
    bool told = false;  // that it is assigned
    std::string topic_id;
    bool overdue = false;   // past the processing deadline
    bool released = false;  // the coordinator knows that
    bool stays = false;     // and nobody else can have it
    [[nodiscard]] bool is_held_back() const { return overdue && !stays; }
    [[nodiscard]] bool is_dirty() const { return marks.position() > committed.value_or(0); }
  };
  using OwnedMap = std::map<TopicPartition, Owned>;

  void on_joined(const JoinedWords& words, TimePoint now);
  void on_assignment(const AssignmentWords& words);
  void on_commit_ack(const CommitAckWords& words, TimePoint now);
  void on_heartbeat_ack(const HeartbeatAckWords& words);
  void on_released(const ReleasedWords& words);
  void take_away(OwnedMap::iterator at, Partitions& revoked);
  void lose(const Partitions& partitions, const Error& why);
  void lose_all(const Error& why);
  void forget_tidings_of(const TopicPartition& partition);
  void stop_for_good(const Error& why);
  void drop_stream();
  void come_back(const std::optional<RpcError>& error, TimePoint now);
  void look_at_clock(TimePoint now);
  void look_for_slow(TimePoint now);
  [[nodiscard]] std::optional<Action> open(TimePoint now);
  [[nodiscard]] std::optional<MemberWords> next_words(TimePoint now);
  [[nodiscard]] std::optional<MemberWords> next_commit(TimePoint now);
  [[nodiscard]] bool may_confirm() const;
  [[nodiscard]] std::chrono::milliseconds join_patience() const;
  [[nodiscard]] static std::optional<TimePoint> earlier(std::optional<TimePoint> a,
                                                        std::optional<TimePoint> b);
  [[nodiscard]] TimePoint lease_end() const { return heard_sent_ + member_lease_of(session_); }

  Settings settings_;
  JitterRng rng_;
  Nodes nodes_;

  Phase phase_ = Phase::kAway;
  StreamId stream_ = 0;  // of kJoining and kJoined
  StreamId next_stream_ = 1;
  std::deque<StreamId> cancels_;
  Nodes::Id node_ = 0;
  TimePoint not_before_{};
  std::uint32_t failures_ = 0;  // in a row
  std::uint32_t hops_ = 0;      // hints followed in a row
  std::optional<Error> trouble_;

  std::string member_id_;
  std::string new_id_;  // asked for while there is none
  std::uint32_t member_epoch_ = 0;
  StartRule start_;
  std::chrono::milliseconds session_{0}, heartbeat_interval_{0};
  TimePoint join_sent_{};
  TimePoint heard_sent_{};  // sending of the last heartbeat (or join) that was acknowledged
  std::map<std::uint64_t, TimePoint> heartbeats_;  // not acknowledged: when they were sent
  std::uint64_t next_heartbeat_ = 1;
  TimePoint heartbeat_at_{};

  OwnedMap owned_;
  Grant next_grant_ = 1;
  std::optional<std::uint64_t> to_confirm_;
  std::optional<TimePoint> give_up_until_;   // to_confirm_ has to be confirmed before
  std::optional<TimePoint> unproved_until_;  // what was confirmed has to be known to have arrived before
  std::uint64_t proof_ = 0;                  // the heartbeat whose answer says so

  TimePoint commit_at_{};
  std::optional<CommitWords> committing_;
  std::uint64_t next_correlation_ = 1;

  bool holds_back_ = false;
  bool leaving_ = false;
  bool leave_said_ = false;
  bool over_ = false;
  std::optional<Error> error_;
  std::optional<Error> unfinished_;
  std::deque<Tiding> tidings_;
  std::deque<Loss> losses_;
  std::deque<Error> refusals_;
};

}  // namespace forebay::client
