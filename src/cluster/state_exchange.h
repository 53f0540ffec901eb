// How the state of __cluster comes from its leader to a replica that lacks it: asked for piece by piece, each
// with the term and the offset of the state that it belongs to. What has been asked of another leader, or of
// another state, is thrown away. Thread rules: everything on the shard of __cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "cluster/core/cluster_image.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::cluster {

// One message: others get their turn in between, and a piece is in no queue for long.
inline constexpr std::size_t kStatePieceBytes = 256U << 10;

// docs/format/metadata.md
struct StateRequest {
  model::Offset applied;   // of the state whose pieces came before; at the begin: at least this
  std::uint64_t from = 0;  // bytes of it that are there
  friend bool operator==(const StateRequest&, const StateRequest&) = default;
};
struct StatePiece {
  model::Term term;  // the sender leads in it
  model::Offset applied;
  std::uint64_t size = 0;  // of the whole
  std::string bytes;       // from where it was asked
  friend bool operator==(const StatePiece&, const StatePiece&) = default;
};
[[nodiscard]] bool is_state_request(ByteSpan bytes);  // and no proposal
[[nodiscard]] std::string encode_request(const StateRequest& request);
// Errors of both: kInvalidArgument.
[[nodiscard]] Result<StateRequest> decode_request(ByteSpan bytes);
[[nodiscard]] std::string encode_piece(const StatePiece& piece);
[[nodiscard]] Result<StatePiece> decode_piece(ByteSpan bytes);

// What a leader answers. Keeps the bytes of one state while somebody fetches it.
class StateSource {
 public:
  explicit StateSource(runtime::Executor& executor) : executor_(executor) {}
  ~StateSource();
  StateSource(const StateSource&) = delete;
  StateSource& operator=(const StateSource&) = delete;
  // `image`: as it is now. Errors: kNotYet (it has not got that far, or what was begun is not kept any more),
  // kInvalidArgument, kUnsupported (larger than kStateBytesMax).
  [[nodiscard]] Result<std::string> answer(const StateRequest& request, model::Term term,
                                           const ClusterImage& image);
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
    std::string bytes;
  };
  using Done = UniqueFunction<void(Result<Fetched>)>;
  // Errors: those of the request, of decode_piece(), kNotYet when the sender began anew.
  StateFetch(raft::Peers& peers, model::NodeId from, model::Offset at_least, Done done);
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

}  // namespace forebay::cluster
