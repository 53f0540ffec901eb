// Coordinates the groups of one partition of `__groups`, where this node leads it: takes what members and
// operators want into turns of the groups (core/turn.h), logs what is decided, and answers and tells it when
// it is committed and applied. A follower's coordinator holds the state and refuses everything.
//
//  - One turn of a group is under way at a time; what comes meanwhile is decided in the next one. All groups
//    whose turn it is share a batch, so that thousands of commits a second cost a few writes.
//  - Nothing is told that is not committed; what was under way when the leadership ends is answered
//    OUTCOME_UNKNOWN, and streams end with NOT_LEADER: members come back to the next coordinator.
//  - Commits of a member are checked against the high watermark in the order in which they came; of a
//    partition that has moved on, its leader is asked. A leader that is slow holds up nobody else's.
//  - A heartbeat is acknowledged when this node has proved that it still led after it came (core/liveness.h).
//
// Thread rules: everything on the partition's shard; callbacks never inside the call that registered them,
// but for what is refused at once.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "group/core/liveness.h"
#include "group/core/turn.h"
#include "group/core/views.h"
#include "group/group_machine.h"
#include "group/lag_watch.h"
#include "group/ports.h"
#include "machine/host.h"
#include "telemetry/repeat_limiter.h"

namespace forebay::group {

struct NamedPartition {
  std::string topic;
  model::PartitionIndex partition;
};
struct NamedOffset {
  NamedPartition partition;
  model::Offset offset;  // of the next record to process
  std::string metadata;
  model::TopicId topic_id;  // of the topic that is meant; nil: whichever has the name
};

struct CoordinatorParts {
  partition::Partition* log = nullptr;
  kv::KeyValueStore* store = nullptr;
  runtime::Executor* executor = nullptr;
  runtime::BlockingPool* pool = nullptr;
  runtime::WallClock* clock = nullptr;
  runtime::Rng* rng = nullptr;
  raft::Peers* peers = nullptr;  // none: a node alone
  Topics* topics = nullptr;
  PartitionPlaces* places = nullptr;
  std::size_t partitions_per_group_max = kPartitionsPerGroupMax;
};

class Coordinator {
 public:
  Coordinator(const CoordinatorParts& parts, const machine::HostConfig& config);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  void start() { host_.start(); }
  void stop(UniqueFunction<void()> done);   // writes the state, and waits for that
  void erase(UniqueFunction<void()> done);  // stops for good: machine::Host::erase

  // Errors of everything below: those of machine::Host::check and propose; kOutcomeUnknown;
  // kResourceExhausted when too much waits; and those of the turn's function of that name.

  // The member is told its assignments through `stream`, after the answer, until detach() or
  // MemberStream::end. Of `input` its new id is chosen here, and what it owns is `owned`.
  void join(const std::string& group, JoinInput input, std::vector<NamedPartition> owned,
            std::shared_ptr<MemberStream> stream, Done<Joined> done);
  // The stream of that epoch is broken.
  void detach(const std::string& group, MemberNumber member, MemberEpoch epoch);
  void heartbeat(const std::string& group, const MemberRef& member, Done<std::monostate> done);
  void subscribe(const std::string& group, MemberRef member, Subscription subscription,
                 Done<std::monostate> done);
  void confirm(const std::string& group, MemberRef member, AssignmentNumber number,
               Done<std::monostate> done);
  void release(const std::string& group, MemberRef member, std::vector<NamedPartition> partitions,
               Done<ReleaseOutcome> done);
  // Nothing more is told through its stream.
  void leave(const std::string& group, MemberRef member, Done<Leaving> done);
  // `member`: nothing: by nobody. Of an entry also kNotYet: how far its partition goes is not known now.
  void commit(const std::string& group, std::optional<MemberRef> member, std::vector<NamedOffset> offsets,
              Done<EntryResults> done);
  void reset(const std::string& group, std::vector<NamedOffset> offsets, Turn::ResetMode mode,
             Done<std::vector<ResetResult>> done);
  void create(const std::string& group, std::optional<StartRule> start, std::optional<Assignor> assignor,
              Done<bool> done);
  void remove(const std::string& group, Done<std::monostate> done);
  // As the leaders of the partitions say now. Errors also: kUnknownGroup.
  void lag(const std::string& group, Done<GroupLag> done);
  [[nodiscard]] const LagWatch& lags() const { return lags_; }
  // Since this replica is here.
  struct Counts {
    std::uint64_t commits = 0;     // offsets that were committed
    std::uint64_t rebalances = 0;  // times that a new target was made: who is to own what
    Counts& operator+=(const Counts& other) {
      commits += other.commits;
      rebalances += other.rebalances;
      return *this;
    }
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Calls back when what look() shows is not older than this call.
  void read(Done<std::monostate> done) { host_.confirm(std::move(done)); }
  [[nodiscard]] const GroupImage& look() const { return machine_.image(); }
  [[nodiscard]] bool is_attached(const std::string& group, MemberNumber member) const {
    return liveness_.is_attached(group, member);
  }

  // The topics have changed (Topics::generation).
  void topics_changed();
  [[nodiscard]] machine::Host& host() { return host_; }
  [[nodiscard]] bool coordinates() const { return leading_ && host_.is_leading(); }

 private:
  // What is answered when the turn is applied, or was not logged.
  using Finish = UniqueFunction<void(const Result<void>&)>;
  using Decide = UniqueFunction<Finish(Turn&)>;
  struct Input {
    Decide decide;
    UniqueFunction<void(const Error&)> refuse;  // instead of it
    std::size_t bytes = 0;                      // about what its records take
    std::string pattern;                        // of its subscription; empty: none
  };
  struct Work {
    std::deque<Input> waiting;
    bool under_way = false;
    bool queued = false;           // in ready_
    std::uint64_t generation = 0;  // of the topics for which its patterns were asked
  };
  struct DecidedTurn {
    std::string group;
    Decision decision;
    std::vector<Finish> finishes;
    bool makes_group = false;
  };
  using DecidedTurns = std::vector<DecidedTurn>;
  struct Attached {
    MemberEpoch epoch;
    std::shared_ptr<MemberStream> stream;
  };
  // Offsets that wait until the high watermarks are known that they must not pass.
  struct Gated {
    std::string member;  // its id; empty: nobody's
    std::vector<CommitEntry> entries;
    std::vector<std::optional<Error>> unknown;  // of each: why its high watermark is not known
    std::size_t asked = 0;                      // leaders that have not answered, and who asks
    UniqueFunction<void(Gated&)> go;
    UniqueFunction<void(const Error&)> refuse;
  };
  using MemberKey = std::pair<std::string, MemberNumber>;

  void on_leads();
  void on_lost();
  [[nodiscard]] SteadyTime now() const;
  void enqueue(const std::string& group, Input input);
  template <typename T, typename Function>
  [[nodiscard]] Input input_of(Function function, std::shared_ptr<Done<T>> done);
  void queue_turn(const std::string& group, Work& work);
  void run_soon();
  void run_turns();
  [[nodiscard]] DecidedTurn decide_turn(const std::string& group, Work& work, const TopicsSnapshot& topics);
  void propose(std::vector<std::string> records, DecidedTurns turns);
  void prove(DecidedTurns turns);
  bool is_late(const std::string& group, const JoinInput& input);
  void finish_turns(DecidedTurns turns, const Result<void>& logged);
  void finish_turn(DecidedTurn& turn);
  void look_after_topics(const DecidedTurn& turn);
  void tell_assignment(const std::string& group, MemberNumber member);
  void end_stream(const MemberKey& key, MemberEpoch epoch, const Error& why);
  void follow_topics(const std::string& group);
  void find_starts(const std::string& group, const std::vector<WantedStart>& wanted);
  void find_starts_later(const std::string& group);
  void arm_timer();
  void on_timer();
  [[nodiscard]] Result<MemberNumber> find_member(const std::string& group, const MemberRef& member) const;
  [[nodiscard]] model::TopicPartition partition_of(const Group* group, const std::string& topic,
                                                   model::PartitionIndex partition) const;
  [[nodiscard]] std::vector<CommitEntry> entries_of(const std::string& group,
                                                    std::vector<NamedOffset> offsets) const;
  void gate(const std::string& group, std::shared_ptr<Gated> gated);
  void open_gate(const std::string& group);
  [[nodiscard]] std::shared_ptr<Gated> take_open(const std::string& group);
  void run_barrier();
  template <typename Function>
  auto guarded(Function function);

  CoordinatorParts parts_;
  GroupMachine machine_;
  machine::Host host_;
  Liveness liveness_;
  LagWatch lags_;
  Counts counts_;
  bool leading_ = false;
  std::uint64_t leadership_ = 0;  // counts them: what was asked in another one is not taken
  std::map<std::string, Work, std::less<>> work_;
  std::deque<std::string> ready_;  // groups with something waiting and no turn under way
  std::size_t waiting_ = 0;        // inputs
  std::size_t batches_under_way_ = 0;
  std::size_t groups_being_made_ = 0;  // by turns that are under way
  bool run_scheduled_ = false;
  std::map<MemberKey, Attached> streams_;
  // In this leadership: of each member by its group and id, the number of its last join. Those of former ones
  // go when there are so many.
  static constexpr std::size_t kJoinsKeptMin = 1'024;
  std::map<std::pair<std::string, std::string>, std::uint64_t> joins_;
  std::size_t joins_kept_ = kJoinsKeptMin;
  std::map<std::string, std::deque<std::shared_ptr<Gated>>, std::less<>> gates_;
  std::map<std::pair<std::string, model::TopicPartition>, StartRule> finding_;  // starts that are asked for
  telemetry::RepeatLimiter left_out_{std::chrono::minutes(10)};  // by group: it has too many partitions
  std::vector<Done<std::monostate>> heartbeats_;                 // until the next barrier
  bool barrier_under_way_ = false;
  std::optional<runtime::TimerId> timer_;
  bool stopping_ = false;
  std::shared_ptr<Coordinator*> alive_;
};

}  // namespace forebay::group
