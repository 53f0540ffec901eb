// How the state that somebody folds from a log comes to a replica that is to begin anew behind what its
// leader has trimmed (docs/adr/0019): asked for piece by piece, and on the disk before anything of the old
// log goes. Thread rules: everything on the shard of the log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "log/core/state_snapshot.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::raft {

// One message: others get their turn in between.
inline constexpr std::size_t kInstallStatePieceBytes = 256U << 10;

// docs/format/peer-messages.md
struct InstallStateRequest {
  model::TopicPartition group;
  // At the begin: where the log is to begin, below which no state is of use. Then: of the state whose pieces
  // came before.
  model::LogPosition position;
  std::uint64_t from = 0;  // bytes of it that are there
  friend bool operator==(const InstallStateRequest&, const InstallStateRequest&) = default;
};
struct InstallStatePiece {
  bool is_there = false;  // else nobody folds anything from this log, and the rest is empty
  model::LogPosition position;
  model::Term term;
  std::uint64_t size = 0;  // of the whole
  std::string bytes;       // from where it was asked
  friend bool operator==(const InstallStatePiece&, const InstallStatePiece&) = default;
};
[[nodiscard]] bool is_install_state_request(ByteSpan body);  // and nothing of the layers above
[[nodiscard]] std::string encode_request(const InstallStateRequest& request);
// Errors of both: kInvalidArgument.
[[nodiscard]] Result<InstallStateRequest> decode_install_state_request(ByteSpan body);
[[nodiscard]] std::string encode_piece(const InstallStatePiece& piece);
[[nodiscard]] Result<InstallStatePiece> decode_install_state_piece(ByteSpan body);

// What a leader answers. Keeps a state while somebody fetches it.
class InstallStateSource {
 public:
  // Nothing: there is none to give. Errors: kNotYet.
  using Take = UniqueFunction<Result<std::optional<log::StateSnapshot>>()>;
  InstallStateSource(runtime::Executor& executor, Take take) : executor_(executor), take_(std::move(take)) {}
  ~InstallStateSource();
  InstallStateSource(const InstallStateSource&) = delete;
  InstallStateSource& operator=(const InstallStateSource&) = delete;
  // A piece, encoded. Errors: kNotYet (the state is not that far, or what was begun is not kept any more),
  // kInvalidArgument.
  [[nodiscard]] Result<std::string> answer(const InstallStateRequest& request);

 private:
  runtime::Executor& executor_;
  Take take_;
  std::optional<log::StateSnapshot> kept_;
  std::optional<runtime::TimerId> forget_;
};

// One fetch from one leader.
class InstallStateFetch {
 public:
  // Nothing: the leader has none, or is of a version that knows of none.
  using Done = UniqueFunction<void(Result<std::optional<log::StateSnapshot>>)>;
  // Errors, after all of which it makes sense to ask again: kNotYet, kUnavailable, kOutcomeUnknown,
  // kNotLeader.
  InstallStateFetch(Peers& peers, model::NodeId from, const model::TopicPartition& group,
                    const model::LogPosition& at_least, Done done);
  ~InstallStateFetch() { *alive_ = nullptr; }
  InstallStateFetch(const InstallStateFetch&) = delete;
  InstallStateFetch& operator=(const InstallStateFetch&) = delete;
  void start() { ask(); }  // may call `done` inside
  [[nodiscard]] model::NodeId from() const { return from_; }

 private:
  void ask();
  void take(Result<std::string> answer);
  [[nodiscard]] bool knows_no_states(const Error& answer) const;
  void finish(Result<std::optional<log::StateSnapshot>> result) {
    std::exchange(done_, nullptr)(std::move(result));
  }

  Peers& peers_;
  const model::NodeId from_;
  InstallStateRequest next_;
  model::Term term_;
  std::string bytes_;
  Done done_;
  bool sent_ = false;
  std::shared_ptr<InstallStateFetch*> alive_;
};

}  // namespace forebay::raft
