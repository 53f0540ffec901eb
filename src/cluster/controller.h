// The cluster's metadata on this node: follows __cluster, applies what is committed and on this disk, and
// keeps the state in the key-value store so that opening replays little. Where the partition leads it also
// decides requests against the applied image and logs the results.
//
// Where the log of an only voter is damaged, or behind the store, the node must run all the same: the image
// is then what store and log tell up to there, and no decision is taken until an operator has accepted the
// loss
// (`forebay log accept-loss`). Where there are others, they have what is missing here: it is waited for.
//
// One decision is in flight at a time, so a decision always sees every earlier one applied; and a leader
// decides only when it has applied all that was committed when its leadership was established. Applying reads
// the log like any consumer: replay at start, new records and a follower all take the same path.
// Between requests it decides what follows from the image without anybody's asking (core/upkeep.h).
// Thread rules: everything on the shard of __cluster; the image it hands out may go to any thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/proposals.h"
#include "cluster/core/upkeep.h"
#include "cluster/image_store.h"
#include "kv/key_value_store.h"
#include "machine/state_transfer.h"
#include "partition/partition.h"
#include "runtime/executor.h"

namespace forebay::cluster {

// The one partition of __cluster: its id never changes.
[[nodiscard]] model::TopicPartition cluster_partition();
inline constexpr const char* kClusterTopicName = "__cluster";
// What another node asks for with it is the state of __cluster.
[[nodiscard]] bool is_metadata_request(ByteSpan body);

using ImagePtr = std::shared_ptr<const ClusterImage>;

// How much of the log stays when it is trimmed to what the store holds durably: the leader does so from
// `records_max` on.
struct Trimming {
  std::int64_t records_max = 0;
  std::int64_t records_kept = 0;
};
// A node alone keeps so much that a damaged store can be rebuilt from the log in any but the oldest
// clusters; a million decisions are some hundred MiB.
inline constexpr Trimming kTrimmingAlone{1'000'000, 500'000};
// Where there are others a lost store comes from them, as does the state of a node that was away while
// 100,000 decisions were taken (some 20 MiB): fewer than a day of a cluster in which something moves all the
// time.
inline constexpr Trimming kTrimmingAmongOthers{200'000, 100'000};

class Controller {
 public:
  using Decide = UniqueFunction<Result<ClusterRecord>(const ClusterImage&)>;
  using Decided = UniqueFunction<void(Result<ImagePtr>)>;  // the image that holds the decision

  // `log` need not be ready; the controller is its listener for roles. `kv` is used on the pool only.
  // `on_image` is called after start and after every change, before the decision's own callback. All
  // references outlive the controller.
  Controller(partition::Partition& log, kv::KeyValueStore& kv, runtime::Executor& executor,
             runtime::BlockingPool& pool, runtime::Rng& rng, UniqueFunction<void(ImagePtr)> on_image);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Before start(): there is data of topics, so that an empty log and an empty store of an only voter are a
  // loss, not a first start.
  void expect_formed() { formed_before_ = true; }
  // Before start(): another node forms the cluster, this one waits for its records.
  void join_only() { forms_ = false; }
  // Before start(): who is connected right now, this node included; a node that lives is not replaced by a
  // namesake.
  void set_alive(std::function<std::set<log::Voter>()> alive) { alive_nodes_ = std::move(alive); }
  // Before start(), where there are others: who lacks what the log began with gets the state from its leader.
  void use_peers(raft::Peers& peers) { peers_ = &peers; }
  // Before start(), for tests: instead of the constants.
  void set_trimming(const Trimming& trimming) { trimming_ = trimming; }
  // Before start(): by these it decides what follows from the image; else only what it is asked.
  void keep_up_with(const Limits& limits) { upkeep_limits_ = limits; }
  // Loads the state; then calls `ready`, also when part of the metadata is lost: see check_changeable(). An
  // only voter has replayed its log by then, and formed the cluster on a first start; another replica has
  // what its store had, as soon as that belongs to a cluster, and the rest follows.
  void start(UniqueFunction<void(Result<void>)> ready);
  // Leads __cluster: requests are decided here.
  [[nodiscard]] bool decides() const { return log_.is_ready(); }
  // Has applied all that is known here to be committed.
  [[nodiscard]] bool is_caught_up() const {
    return phase_ == Phase::kFollowing && image_.applied >= log_.watermarks().high_watermark;
  }
  // Whom to ask, as far as it is known; may be this node.
  [[nodiscard]] std::optional<model::NodeId> leader() const { return log_.leader(); }
  // Errors of `decide` come back as they are, and a record that a broker cannot read is refused
  // (features.h). Without any effect: kNotLeader (see leader()) and kNotYet where
  // this node does not lead, or no longer when it would have been its turn; kResourceExhausted;
  // kShuttingDown, kStorageFailed; those of check_changeable(). kOutcomeUnknown, kTimedOut: it was logged or
  // not; also when leadership is lost meanwhile.
  void submit(Decide decide, Decided done);
  // The same; nothing: it is so already, which is a success without a record.
  using DecideChange = UniqueFunction<Result<std::optional<ClusterRecord>>(const ClusterImage&)>;
  void submit_change(DecideChange decide, Decided done) { enqueue(std::move(decide), std::move(done)); }
  // The same for what a node says of itself; what is so already succeeds at once.
  void propose(NodeProposal proposal, Decided done);
  // The same for producer ids, with what its sender has to know.
  void grant_producer_ids(const GrantProducerIds& request, UniqueFunction<void(Result<GrantedIds>)> done);
  // Why no decision is taken, whoever leads: kDataLoss, with what to do about it.
  [[nodiscard]] Result<void> check_changeable() const;
  [[nodiscard]] ImagePtr image() const { return published_; }
  [[nodiscard]] model::Uuid new_id();
  // Another replica asks for the state. Errors: those of StateSource::answer, kNotLeader.
  [[nodiscard]] Result<std::string> answer_state_request(const std::string& body);
  // Whole states that came from a leader since the start.
  [[nodiscard]] std::uint64_t states_taken() const { return states_taken_; }

  [[nodiscard]] std::set<log::Voter> alive() const {
    return alive_nodes_ ? alive_nodes_() : std::set<log::Voter>();
  }
  // What it would decide next by itself, or waits for; as far as this node can tell, wherever that is
  // decided.
  [[nodiscard]] UpkeepStep upkeep();

  // Waits for what is being written to the key-value store; nothing is decided afterwards.
  void stop(UniqueFunction<void()> done);

 private:
  struct Request {
    DecideChange decide;
    Decided done;
  };
  struct Waiting {
    model::Offset offset;  // applied when image.applied is above it
    Decided done;
  };

  void on_loaded(Result<ClusterImage> image);
  void begin();
  void on_role();
  void on_leadership_lost();
  void hand_over_soon();
  void hand_over();
  void replay();
  void adopt_store(model::Offset log_end);
  void read_next();
  void on_frames(Result<partition::FetchOutput> fetched);
  void on_unreadable(const Error& error);
  [[nodiscard]] Result<void> apply_batch(ByteSpan batch, model::Offset from);
  void publish();
  void after_apply();
  void enqueue(DecideChange decide, Decided done);
  void decide_next();
  // In one batch: all of it takes effect, or nothing.
  void log_decision(const std::vector<ClusterRecord>& records, Decided done);
  void on_logged(Result<partition::ProduceAck> ack);
  void keep_up();
  void keep_up_soon();
  void note_missing();
  void write_behind();
  void on_written(const Result<void>& written, model::Offset applied);
  void trim();
  // --- controller_state.cc
  void want_state(model::Offset at_least);
  void fetch_state();
  void fetch_state_later(const Error& why);
  void on_state(Result<machine::StateFetch::Fetched> fetched);
  void take_state();
  void store_state();
  void give_up_taking();
  // What is known stands; nothing is decided any more.
  void degrade(const std::string& why);
  void fail(const Error& error);

  partition::Partition& log_;
  kv::KeyValueStore& kv_;
  runtime::Executor& executor_;
  runtime::BlockingPool& pool_;
  runtime::Rng& rng_;
  UniqueFunction<void(ImagePtr)> on_image_;
  UniqueFunction<void(Result<void>)> ready_;
  ClusterImage image_;
  ImagePtr published_;
  bool changed_ = false;
  enum class Phase : std::uint8_t {
    kLoading,   // the store
    kWaiting,   // an only voter, until it leads
    kAdopting,  // the store as the truth, durably
    kFollowing,
  };
  Phase phase_ = Phase::kLoading;
  model::Offset ready_at_;  // what has to be applied before anything is told
  partition::FetchId fetch_{};

  bool leading_ = false;
  model::Term leading_term_;
  model::Offset decide_at_;  // what has to be applied before anything is decided

  std::deque<Request> requests_;
  bool deciding_ = false;
  Decided deciding_done_;
  std::optional<Waiting> waiting_;
  std::optional<Error> failed_;
  std::optional<Error> degraded_;
  std::optional<Error> stalled_;  // why the log cannot be read right now; tried again
  bool stall_told_ = false;
  std::optional<runtime::TimerId> retry_;
  std::function<std::set<log::Voter>()> alive_nodes_;
  std::optional<Limits> upkeep_limits_;
  std::optional<runtime::TimerId> upkeep_timer_;
  bool upkeep_rests_ = false;   // until the timer: the last decision failed
  std::string upkeep_refusal_;  // the last one that was logged
  std::map<model::NodeId, runtime::TimePoint> missing_since_;
  runtime::TimePoint missing_noted_at_{};
  bool forms_ = true;
  bool formed_before_ = false;
  bool has_holes_ = false;  // part of the log was accepted as lost: a record may speak of what is not there
  bool stopping_ = false;

  StoreChanges dirty_;  // not yet written
  bool writing_ = false;
  model::Offset stored_;  // durably
  std::optional<Trimming> trimming_;
  raft::Peers* peers_ = nullptr;
  machine::StateSource state_source_;
  std::optional<model::Offset> wanted_state_;  // which the log does not lead to
  std::unique_ptr<machine::StateFetch> state_fetch_;
  std::optional<runtime::TimerId> state_retry_;
  Error state_error_;  // the last one that was logged
  struct Coming {
    ClusterImage image;
    model::Term term;
    model::NodeId leader;
  };
  std::optional<Coming> coming_;  // the state that is about to take the place of this one
  std::uint64_t states_taken_ = 0;
  UniqueFunction<void()> stop_done_;
  std::shared_ptr<Controller*> alive_;
};

}  // namespace forebay::cluster
