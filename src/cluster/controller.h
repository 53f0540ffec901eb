// The cluster's metadata on this node: decides requests against the applied image, logs the results in
// __cluster, applies what is committed, and keeps the state in the key-value store so that opening replays
// little.
//
// Where the log is damaged, or behind the store, the node must run all the same: the image is then what store
// and log tell up to there, and no decision is taken until an operator has accepted the loss (`forebay log
// accept-loss`).
//
// One decision is in flight at a time, so a decision always sees every earlier one applied. Applying reads
// the log like any consumer: replay at start, new records and (later) a follower all take the same path.
// Thread rules: everything on the shard of __cluster; the image it hands out may go to any thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/proposals.h"
#include "cluster/image_store.h"
#include "kv/key_value_store.h"
#include "partition/partition.h"
#include "runtime/executor.h"

namespace forebay::cluster {

// The one partition of __cluster: its id never changes.
[[nodiscard]] model::TopicPartition cluster_partition();
inline constexpr const char* kClusterTopicName = "__cluster";

using ImagePtr = std::shared_ptr<const ClusterImage>;

class Controller {
 public:
  using Decide = UniqueFunction<Result<ClusterRecord>(const ClusterImage&)>;
  using Decided = UniqueFunction<void(Result<ImagePtr>)>;  // the image that holds the decision

  // `log` is ready. `kv` is used on the pool only. `on_image` is called after start and after every change,
  // before the decision's own callback. All references outlive the controller.
  Controller(partition::Partition& log, kv::KeyValueStore& kv, runtime::Executor& executor,
             runtime::BlockingPool& pool, runtime::Rng& rng, UniqueFunction<void(ImagePtr)> on_image);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Before start(): there is data of topics, so that an empty log and an empty store are a loss, not a first
  // start.
  void expect_formed() { formed_before_ = true; }
  // Loads the state, replays the log behind it, forms the cluster on a first start; then calls `ready`, also
  // when part of the metadata is lost: see check_changeable().
  void start(UniqueFunction<void(Result<void>)> ready);
  // Errors of `decide` come back as they are; kShuttingDown, kStorageFailed, kOutcomeUnknown from the log;
  // those of check_changeable().
  void submit(Decide decide, Decided done);
  // The same for what a node says of itself; what is so already succeeds at once.
  void propose(NodeProposal proposal, Decided done);
  // Why no decision is taken: kDataLoss, with what to do about it.
  [[nodiscard]] Result<void> check_changeable() const;
  [[nodiscard]] ImagePtr image() const { return published_; }
  [[nodiscard]] model::Uuid new_id();

  // Waits for what is being written to the key-value store; nothing is decided afterwards.
  void stop(UniqueFunction<void()> done);

 private:
  using MaybeDecide = UniqueFunction<Result<std::optional<ClusterRecord>>(const ClusterImage&)>;
  struct Request {
    MaybeDecide decide;
    Decided done;
  };
  struct Waiting {
    model::Offset offset;  // applied when image.applied is above it
    Decided done;
  };

  void on_loaded(Result<ClusterImage> image);
  void replay();
  void adopt_store(model::Offset log_end);
  void read_next();
  void on_frames(Result<partition::FetchOutput> fetched);
  [[nodiscard]] Result<void> apply_batch(ByteSpan batch, model::Offset from);
  void publish();
  void after_apply();
  void enqueue(MaybeDecide decide, Decided done);
  void decide_next();
  void on_logged(Result<partition::ProduceAck> ack);
  void write_behind();
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
  model::Offset replay_until_;
  partition::FetchId fetch_{};

  std::deque<Request> requests_;
  bool deciding_ = false;
  Decided deciding_done_;
  std::optional<Waiting> waiting_;
  std::optional<Error> failed_;
  std::optional<Error> degraded_;
  bool formed_before_ = false;
  bool has_holes_ = false;  // part of the log was accepted as lost: a record may speak of what is not there
  bool stopping_ = false;

  StoreChanges dirty_;  // not yet written
  bool writing_ = false;
  UniqueFunction<void()> stop_done_;
  std::shared_ptr<Controller*> alive_;
};

}  // namespace forebay::cluster
