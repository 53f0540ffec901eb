// Brings what this node proposes to the controller, wherever that is, and hands what others propose to the
// controller here. Proposals are idempotent, so that one whose outcome is unknown is simply made again.
// Thread rules: everything on the shard of __cluster.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_function.h"
#include "cluster/controller.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::cluster {

class Proposer {
 public:
  using Done = UniqueFunction<void(Result<void>)>;
  // `leader`: of __cluster, as far as it is known. References outlive the proposer.
  Proposer(raft::Peers& peers, runtime::Executor& executor,
           std::function<std::optional<model::NodeId>()> leader);
  ~Proposer();
  Proposer(const Proposer&) = delete;
  Proposer& operator=(const Proposer&) = delete;

  // The controller of this node, once it runs; null before it goes.
  void set_controller(Controller* controller) { controller_ = controller; }
  // Tries until it is decided. Errors: those of cluster::decide; kTimedOut; kShuttingDown.
  void propose(NodeProposal proposal, runtime::Duration timeout, Done done);
  // The same for producer ids. Errors also: kUnsupported, the controller is of an older version.
  using Granted = UniqueFunction<void(Result<GrantedIds>)>;
  void grant_producer_ids(const GrantProducerIds& request, runtime::Duration timeout, Granted done);
  // From another node. Answers kNotLeader where this node does not decide.
  void receive(const std::string& body, UniqueFunction<void(Result<std::string>)> reply);
  void stop();

 private:
  // As it travels: empty, but for producer ids.
  using Answered = UniqueFunction<void(Result<std::string>)>;
  struct Pending {
    NodeProposal proposal;
    runtime::TimePoint deadline;
    Answered done;
    std::optional<runtime::TimerId> retry;
    std::size_t asked = 0;  // of the nodes in reach, when nobody knows who leads
    Error last;
  };
  void begin(NodeProposal proposal, runtime::Duration timeout, Answered done);
  void attempt(std::uint64_t id);
  // Requires: the controller of this node decides.
  void decide_here(NodeProposal proposal, Answered done);
  void answered(std::uint64_t id, Result<std::string> result);
  void finish(std::uint64_t id, Result<std::string> result);
  [[nodiscard]] std::optional<model::NodeId> whom(Pending& pending) const;

  raft::Peers& peers_;
  runtime::Executor& executor_;
  std::function<std::optional<model::NodeId>()> leader_;
  Controller* controller_ = nullptr;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_ = 1;
  std::shared_ptr<Proposer*> alive_;
};

}  // namespace forebay::cluster
