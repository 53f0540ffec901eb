// Ids for producers without a name, from blocks that the controller has given to this life of the node. What
// is left of a block at a stop is lost: the next life does not know how far it was handed out, and an id is
// never handed out twice.
// Thread rules: everything on the executor.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/unique_function.h"
#include "cluster/core/proposals.h"
#include "runtime/executor.h"

namespace forebay::broker {

// A decision for so many sessions; a restart loses that many ids of 2^63.
inline constexpr std::uint32_t kProducerIdsPerBlock = 1'000;

// Blocks begin at 0 and never come here.
inline constexpr std::int64_t kDrawnIdsBegin = std::int64_t{1} << 62;

class ProducerIdAllocator {
 public:
  using Granted = UniqueFunction<void(Result<cluster::GrantedIds>)>;
  // Asks the controller for a block behind the one that begins with `used_up`. Answers once, perhaps inside
  // the call.
  using Grant = std::function<void(std::optional<model::ProducerId> used_up, Granted granted)>;
  // Where part of the metadata is lost nothing is decided until an operator has accepted that, and topics can
  // be used all the same: then an id is drawn from those that no block ever has (kDrawnIdsBegin). 62 random
  // bits name nobody twice.
  using Draw = std::function<std::uint64_t()>;
  // `executor` outlives it. `draw`: 64 random bits.
  ProducerIdAllocator(runtime::Executor& executor, Grant grant, Draw draw);
  ~ProducerIdAllocator();
  ProducerIdAllocator(const ProducerIdAllocator&) = delete;
  ProducerIdAllocator& operator=(const ProducerIdAllocator&) = delete;

  // Errors: kNotYet, no block came in time; kResourceExhausted, too many wait for one; kShuttingDown; those
  // of the controller that waiting does not cure.
  using Taken = UniqueFunction<void(Result<model::ProducerId>)>;
  void take(Taken taken);
  // Answers those that wait; nothing is handed out afterwards.
  void stop();

 private:
  struct Waiting {
    runtime::TimePoint until;
    Taken taken;
  };
  [[nodiscard]] std::optional<model::ProducerId> next();
  [[nodiscard]] std::uint64_t left() const;
  void ask_when_low();
  void ask();
  void on_granted(Result<cluster::GrantedIds> granted);
  void serve();
  void serve_drawn();
  void refuse_waiting(const Error& why);
  void watch_waiting();
  void on_late();

  runtime::Executor& executor_;
  const Grant grant_;
  const Draw draw_;
  std::deque<cluster::ProducerIds> blocks_;  // what is left of each; the first one is handed out from
  std::optional<model::ProducerId> newest_;  // begin of the newest block that this node is known to have
  bool asking_ = false;
  bool stopped_ = false;
  std::deque<Waiting> waiting_;  // in the order of `until`
  std::optional<runtime::TimerId> timer_;
  std::shared_ptr<ProducerIdAllocator*> alive_;
};

}  // namespace forebay::broker
