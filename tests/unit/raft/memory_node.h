// One Raft core with its log in memory and a disk that is as slow as the test wants: what the core asks for
// waits in order until it is flushed, and a crash loses what waits.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "raft/core/raft.h"

namespace forebay::raft::testing {

class MemoryNode {
 public:
  struct Frame {
    FrameMark mark;
    std::string text;  // what it holds, for people
  };
  struct Truncation {
    model::LogPosition to;
  };
  struct TailRegained {};
  struct Trim {
    log::LogBase base;
  };
  struct NewLog {
    log::LogBase base;
  };
  // What the journal has been asked for.
  using DiskOp = std::variant<log::HardState, Truncation, Frame, TailRegained, Trim, NewLog>;
  struct Append {
    AppendHead head;
    std::vector<Frame> frames;
  };

  MemoryNode(log::Voter self, log::Membership founders);

  // From what the disk holds. Errors: those of Raft::open.
  [[nodiscard]] Result<void> boot();
  // Whatever was not flushed is lost.
  [[nodiscard]] Result<void> crash();
  // A crash after which the last frames of the disk are bad as well: where the log ended is not known.
  [[nodiscard]] Result<void> lose_tail(std::size_t frames);

  [[nodiscard]] Raft& raft() { return *raft_; }
  [[nodiscard]] const Raft& raft() const { return *raft_; }
  [[nodiscard]] const std::vector<Frame>& log() const { return log_; }
  // Where that begins.
  [[nodiscard]] const log::LogBase& base() const { return base_; }
  [[nodiscard]] const std::deque<DiskOp>& waiting() const { return waiting_; }
  // Frames of the log that a crash leaves, cut or not.
  [[nodiscard]] const std::vector<Frame>& durable_log() const { return disk_frames_; }

  void append_records(std::int64_t records, std::string text);
  // The next append to the peer, with so many frames at most.
  [[nodiscard]] std::optional<Append> next_append(model::NodeId peer, std::size_t frames_max);
  // Instead of that, when the log no longer has what the peer needs next.
  [[nodiscard]] std::optional<Install> next_install(model::NodeId peer);
  // Drops the first frames of the log, as far as they are committed.
  void trim(std::size_t frames);
  Raft::AppendPlan receive(model::NodeId from, const Append& append);
  // Makes the first thing that waits durable. Nothing: nothing waits.
  std::optional<DiskOp> flush();
  // Carries out what the core wants, and hands each message to `send`.
  void carry_out(const std::function<void(Outgoing)>& send);

 private:
  void append(Frame frame);
  void tell_flushed(model::LogPosition upto);

  const log::Voter self_;
  const log::Membership founders_;
  std::optional<Raft> raft_;
  log::LogBase base_;
  std::vector<Frame> log_;
  std::deque<DiskOp> waiting_;
  log::HardState disk_state_;
  log::LogBase disk_base_;
  std::vector<Frame> disk_frames_;
  bool tail_damaged_ = false;
};

}  // namespace forebay::raft::testing
