// Runs a state machine on one replica of an internal partition: applies what is committed and on this disk,
// in order, keeps the state in the key-value store behind it, and trims the log behind that. Where the
// partition leads, its user proposes records.
//
//  - Every replica applies by the same path: replay at start, new records, a follower. What is proposed takes
//    effect when it is read back from the log, committed.
//  - A leader is told to lead when it has applied all that was promised before its leadership.
//  - Store: one batch with the changes and the offset up to which they go, so that a crash finds a state to
//    go on from; now and then and not after each record, for the log has them too.
//  - Trimming: each replica moves its log start only as far as its own store goes (docs/adr/0017).
//  - A replica whose log does not lead to its state (away for too long, new, its store lost) takes the whole
//    state of the leader before its log begins anew.
//  - A store that holds a state while the log has never held a record is of a replica that was removed here:
//    it goes.
//
// Costs nothing while no records come: one fetch that waits, no timer but its own.
// Thread rules: everything on the partition's shard; callbacks never inside the call that registered them
// unless said.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "kv/key_value_store.h"
#include "machine/core/state_machine.h"
#include "machine/core/trimming.h"
#include "machine/state_store.h"
#include "machine/state_transfer.h"
#include "partition/partition.h"
#include "runtime/executor.h"

namespace forebay::machine {

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

// Proposals whose outcome is not known yet. A user that gathers while they are under way needs few; each is a
// batch of up to kProposalBytesMax.
inline constexpr std::size_t kInFlightMax = 64;
// Values of one proposal: an eighth of the largest frame that the journal takes by default.
inline constexpr std::size_t kProposalBytesMax = 1U << 20;

struct HostConfig {
  // A hundred thousand records of some hundred bytes are 10 MiB for each partition: what a replica may be
  // behind without taking the whole state.
  Trimming trimming{200'000, 100'000};
  // The store is written so long after the first change, or after so many records: applying those again takes
  // well under a second, and 16 machines at work sync the store three times a second.
  runtime::Duration write_after = std::chrono::seconds(5);
  std::int64_t write_after_records = 20'000;
};

struct HostParts {
  partition::Partition* log = nullptr;  // holds_state; need not be ready
  StateMachine* machine = nullptr;      // as loaded of no entries
  kv::KeyValueStore* store = nullptr;   // used on the pool only
  runtime::Executor* executor = nullptr;
  runtime::BlockingPool* pool = nullptr;
  raft::Peers* peers = nullptr;  // none: a node alone
};

class Host {
 public:
  struct Listener {
    // Leads, and has applied all that was promised before. Again for each term.
    UniqueFunction<void(model::Term)> leads;
    // No more; all proposals under way were answered before.
    UniqueFunction<void()> lost;
    // It has stopped for good: what the machine has is not what the log has any more. May be empty.
    UniqueFunction<void()> failed = {};
  };
  // All parts outlive the host; it is the partition's listener for roles.
  Host(const HostParts& parts, const HostConfig& config, Listener listener);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void start();
  // Why it has stopped for good, on whatever node leads.
  [[nodiscard]] const std::optional<Error>& failure() const { return failed_; }
  // Between Listener::leads and lost, and the partition agrees.
  [[nodiscard]] bool is_leading() const;
  // Why nothing can be proposed or told here: kNotLeader, kNotYet; for good: kDataLoss, kStorageFailed,
  // kNewerFormat.
  [[nodiscard]] Result<void> check() const;
  // One batch: all of it takes effect, or nothing, after all that was proposed before. `done`, in the order
  // of the proposals: with the offset of the first record, when it is committed and applied here; or
  // kOutcomeUnknown when leadership ended first. Errors, and then nothing happened and `done` is not called:
  // those of check(), kResourceExhausted, kDiskFull, kInvalidArgument (empty, larger than kProposalBytesMax).
  [[nodiscard]] Result<void> propose(const std::vector<std::string>& records, Done<model::Offset> done);
  // Calls back once this node has proved that it led when it was asked, with everything applied that was
  // acknowledged by then: before an answer that must not be an old one. Errors: those of check().
  void confirm(Done<std::monostate> done);
  // Another replica asks for the state. Errors: those of StateSource::answer, kNotLeader.
  [[nodiscard]] Result<std::string> answer_state_request(const StateRequest& request);

  [[nodiscard]] model::Offset applied() const { return applied_; }
  [[nodiscard]] model::Offset stored() const { return stored_; }  // durably
  [[nodiscard]] std::uint64_t states_taken() const { return states_taken_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  // Writes what the store lacks, and waits for that; nothing is proposed or applied afterwards.
  void stop(UniqueFunction<void()> done);
  // Stops; the replica goes from here for good: nothing of its state is left in the store. The host may be
  // destroyed before `done`. What a crash, or a store that fails, leaves goes when a replica is made here
  // again.
  void erase(UniqueFunction<void()> done);

 private:
  struct Proposal {
    std::uint64_t id = 0;
    std::optional<partition::ProduceAck> ack;
    Done<model::Offset> done;
  };
  struct Standing {  // leads, and has not applied enough yet
    model::Term term;
    model::Offset at;
  };
  struct Barrier {
    model::Offset at;
    Done<std::monostate> done;
  };
  struct Coming {
    StoredState state;
    model::Term term;
    model::NodeId leader;
  };

  void on_loaded(Result<StoredState> loaded);
  void begin();
  void adopt(StoredState state);
  void follow();
  void on_role();
  void lead_when_applied();
  void end_leadership(const Error& why);
  void hand_over_soon();
  void hand_over();
  void read_next();
  void on_frames(Result<partition::FetchOutput> fetched);
  void on_unreadable(const Error& error);
  [[nodiscard]] Result<void> apply_batch(ByteSpan batch, model::Offset from);
  void on_ack(std::uint64_t id, Result<partition::ProduceAck> ack);
  void answer_applied();
  void write_soon();
  void write_behind();
  using Written = UniqueFunction<void(Host&, const Result<void>&)>;
  void write(kv::WriteBatch batch, Written then);
  void put(std::shared_ptr<kv::WriteBatch> batch, Written then);
  void put_later(std::shared_ptr<kv::WriteBatch> batch, Written then, const Error& why);
  [[nodiscard]] bool drop_unwritten();
  void on_written(const Result<void>& written, model::Offset applied);
  void fail(const Error& error);
  void quit(const Error& why);
  [[nodiscard]] Error describe(ErrorCode code, const std::string& text, std::uint32_t retry_ms = 0) const;
  // --- host_state.cc
  void want_state(model::Offset at_least);
  void fetch_state();
  void fetch_state_later(const Error& why);
  void on_state(Result<StateFetch::Fetched> fetched);
  void take_state();
  void store_state();
  void give_up_taking();

  partition::Partition& log_;
  StateMachine& machine_;
  kv::KeyValueStore& store_;
  runtime::Executor& executor_;
  runtime::BlockingPool& pool_;
  raft::Peers* peers_;
  const HostConfig config_;
  Listener listener_;
  const model::TopicPartition id_;
  enum class Phase : std::uint8_t {
    kLoading,   // the store
    kWaiting,   // an only voter, until it leads
    kAdopting,  // another state, durably
    kFollowing,
  };
  Phase phase_ = Phase::kLoading;
  StoredState loaded_;  // until it is known what the log says to it
  model::Offset applied_;
  model::Offset stored_;
  partition::FetchId fetch_{};
  bool has_holes_ = false;  // part of the log was accepted as lost: a record may speak of what is not there

  bool leading_ = false;
  model::Term leading_term_;
  std::optional<Standing> standing_;
  std::deque<Proposal> in_flight_;
  std::uint64_t next_proposal_ = 1;
  std::optional<std::uint64_t> proposing_;  // inside of propose()
  std::optional<Error> refused_;            // inside of it
  std::deque<Barrier> barriers_;

  std::optional<Error> failed_;
  std::optional<Error> stalled_;  // why the log cannot be read right now; tried again
  bool stall_told_ = false;
  std::optional<runtime::TimerId> retry_;
  bool writing_ = false;
  bool write_again_ = false;                             // at once, when that is written
  std::shared_ptr<UniqueFunction<void()>> after_write_;  // in the place of all else; outlives the host
  std::optional<runtime::TimerId> write_timer_;
  // What found the disk full, and is tried again: nothing may be written before it.
  std::optional<runtime::TimerId> rewrite_timer_;
  bool disk_full_told_ = false;

  StateSource state_source_;
  std::optional<model::Offset> wanted_state_;  // which the log does not lead to
  std::unique_ptr<StateFetch> state_fetch_;
  std::optional<runtime::TimerId> state_retry_;
  std::string state_error_;  // the last one that was logged
  std::optional<Coming> coming_;
  std::uint64_t states_taken_ = 0;
  bool stopping_ = false;
  UniqueFunction<void()> stop_done_;
  std::shared_ptr<Host*> alive_;
};

}  // namespace forebay::machine
