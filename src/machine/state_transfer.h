// How the state of a machine comes from its leader to a replica that lacks it: asked for piece by piece, each
// with the term and the offset of the state that it belongs to. What has been asked of another leader, or of
// another state, is thrown away. Thread rules: everything on the partition's shard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_function.h"
#include "machine/core/state_codec.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::machine {

// What a leader answers. Keeps the bytes of one state while somebody fetches it.
class StateSource {
 public:
  explicit StateSource(runtime::Executor& executor) : executor_(executor) {}
  ~StateSource();
  StateSource(const StateSource&) = delete;
  StateSource& operator=(const StateSource&) = delete;
  // `entries`: of the state as it is now, with what is below `applied`; asked for when it is needed. Errors:
  // kNotYet (it has not got that far, or what was begun is not kept any more), kInvalidArgument, kUnsupported
  // (larger than kStateBytesMax).
  [[nodiscard]] Result<std::string> answer(const StateRequest& request, model::Term term,
                                           model::Offset applied, const std::function<Entries()>& entries);
  [[nodiscard]] bool keeps_any() const { return kept_.has_value(); }

 private:
  struct Kept {
    model::Offset applied;
    std::string bytes;
  };
  runtime::Executor& executor_;
  std::optional<Kept> kept_;
  std::optional<runtime::TimerId> forget_;
};

// One fetch.
class StateFetch {
 public:
  struct Fetched {
    model::Term term;
    model::Offset applied;
    std::string bytes;
  };
  using Done = UniqueFunction<void(Result<Fetched>)>;
  // Errors: those of the request, of decode_piece(), kNotYet when the sender began anew.
  StateFetch(raft::Peers& peers, const model::TopicPartition& id, model::NodeId from, model::Offset at_least,
             Done done);
  ~StateFetch() { *alive_ = nullptr; }
  StateFetch(const StateFetch&) = delete;
  StateFetch& operator=(const StateFetch&) = delete;
  void start() { ask(); }  // may call `done` inside
  [[nodiscard]] model::NodeId from() const { return from_; }

 private:
  void ask();
  void take(Result<std::string> answer);

  raft::Peers& peers_;
  const model::NodeId from_;
  StateRequest next_;
  std::optional<model::Term> term_;
  std::string bytes_;
  Done done_;
  std::shared_ptr<StateFetch*> alive_;
};

}  // namespace forebay::machine
