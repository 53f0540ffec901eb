#include "cluster/proposer.h"

#include <utility>
#include <vector>

#include "cluster/cluster_codec.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

constexpr runtime::Duration kRetryAfter = std::chrono::milliseconds(100);
// Longer than an election: the one that is asked may be the one that is being elected.
constexpr runtime::Duration kAnswerTimeout = std::chrono::seconds(3);

// Another node, or the same one a little later, may decide it.
bool is_worth_another_try(ErrorCode code) {
  return is_retryable(code) || code == ErrorCode::kNotLeader || code == ErrorCode::kOutcomeUnknown ||
         code == ErrorCode::kUnavailable || code == ErrorCode::kTimedOut;
}

}  // namespace

Proposer::Proposer(raft::Peers& peers, runtime::Executor& executor,
                   std::function<std::optional<model::NodeId>()> leader)
    : peers_(peers),
      executor_(executor),
      leader_(std::move(leader)),
      alive_(std::make_shared<Proposer*>(this)) {}

Proposer::~Proposer() {
  *alive_ = nullptr;
  for (const auto& [id, pending] : pending_) {
    if (pending.retry) executor_.cancel(*pending.retry);
  }
}

void Proposer::propose(NodeProposal proposal, runtime::Duration timeout, Done done) {
  begin(std::move(proposal), timeout, [done = std::move(done)](Result<std::string> answer) mutable {
    done(answer ? Result<void>{} : std::move(answer).error());
  });
}

void Proposer::grant_producer_ids(const GrantProducerIds& request, runtime::Duration timeout, Granted done) {
  begin(request, timeout, [done = std::move(done)](Result<std::string> answer) mutable {
    if (!answer) return done(std::move(answer).error());
    done(decode_granted_ids(as_bytes(*answer)));
  });
}

void Proposer::begin(NodeProposal proposal, runtime::Duration timeout, Answered done) {
  const std::uint64_t id = next_++;
  pending_[id] = {std::move(proposal), executor_.now() + timeout, std::move(done), std::nullopt, 0, {}};
  attempt(id);
}

std::optional<model::NodeId> Proposer::whom(Pending& pending) const {
  const auto nodes = peers_.nodes();
  // Who hears no news of the group any more may have an old one.
  const bool is_old = pending.last.code == ErrorCode::kNotLeader;
  if (const auto leader = leader_(); leader && !is_old && nodes.contains(*leader)) return leader;
  std::vector<model::NodeId> in_reach;
  for (const auto& [id, status] : nodes) {
    if (status.links > 0) in_reach.push_back(id);
  }
  if (in_reach.empty()) return std::nullopt;
  return in_reach[pending.asked++ % in_reach.size()];
}

void Proposer::attempt(std::uint64_t id) {
  const auto at = pending_.find(id);
  if (at == pending_.end()) return;
  Pending& pending = at->second;
  pending.retry.reset();
  if (controller_ != nullptr && controller_->decides()) {
    decide_here(pending.proposal, [alive = alive_, id](Result<std::string> answer) {
      if (*alive != nullptr) (*alive)->answered(id, std::move(answer));
    });
    return;
  }
  const auto node = whom(pending);
  if (!node) {
    return answered(id, Error{ErrorCode::kUnavailable, "no other node of the cluster can be reached"});
  }
  peers_.request(*node, cluster_partition(), encode_proposal(pending.proposal), kAnswerTimeout,
                 [alive = alive_, id](Result<std::string> answer) {
                   if (*alive != nullptr) (*alive)->answered(id, std::move(answer));
                 });
}

void Proposer::decide_here(NodeProposal proposal, Answered done) {
  if (const auto* ids = std::get_if<GrantProducerIds>(&proposal)) {
    return controller_->grant_producer_ids(*ids,
                                           [done = std::move(done)](Result<GrantedIds> granted) mutable {
                                             if (!granted) return done(std::move(granted).error());
                                             done(encode_granted_ids(*granted));
                                           });
  }
  controller_->propose(std::move(proposal), [done = std::move(done)](Result<ImagePtr> image) mutable {
    if (!image) return done(std::move(image).error());
    done(std::string());
  });
}

void Proposer::answered(std::uint64_t id, Result<std::string> result) {
  const auto at = pending_.find(id);
  if (at == pending_.end()) return;
  Pending& pending = at->second;
  if (result || !is_worth_another_try(result.error().code)) return finish(id, std::move(result));
  if (pending.last.context != result.error().context)
    telemetry::log_info("waiting for the controller", {{"reason", result.error().to_string()}});
  pending.last = result.error();
  if (executor_.now() >= pending.deadline) {
    return finish(id, Error{ErrorCode::kTimedOut,
                            "the controller has not decided in time: " + pending.last.to_string()});
  }
  pending.retry = executor_.schedule_after(kRetryAfter, [this, id] { attempt(id); });
}

void Proposer::finish(std::uint64_t id, Result<std::string> result) {
  const auto at = pending_.find(id);
  Answered done = std::move(at->second.done);
  if (at->second.retry) executor_.cancel(*at->second.retry);
  pending_.erase(at);
  done(std::move(result));
}

void Proposer::receive(const std::string& body, UniqueFunction<void(Result<std::string>)> reply) {
  if (is_metadata_request(as_bytes(body))) {
    if (controller_ == nullptr) return reply(Error{ErrorCode::kNotLeader, "the node is starting"});
    return reply(controller_->answer_state_request(body));
  }
  auto proposal = decode_proposal(as_bytes(body));
  if (!proposal) return reply(std::move(proposal).error());
  if (controller_ == nullptr || !controller_->decides())
    return reply(Error{ErrorCode::kNotLeader, "this node is not the controller of the cluster"});
  decide_here(std::move(*proposal), std::move(reply));
}

void Proposer::stop() {
  while (!pending_.empty())
    finish(pending_.begin()->first, Error{ErrorCode::kShuttingDown, "the node is stopping", 1000});
}

}  // namespace forebay::cluster
