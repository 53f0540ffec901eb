// Runs the Raft core over the log of one replica: carries out its effects, makes the frames, and reports what
// is committed. Thread rules: everything on the shard that owns the log. The loop never waits for the disk:
// durability comes back as an event.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "log/log.h"
#include "raft/core/raft.h"
#include "runtime/executor.h"

namespace forebay::raft {

// What happens to a group. All calls on the shard, never from inside append_*.
class GroupListener {
 public:
  virtual ~GroupListener() = default;
  virtual void on_leader() = 0;  // may append from now on
  virtual void on_commit(model::LogPosition commit) = 0;
  virtual void on_log_failed(
      const Error& error) = 0;  // appended but uncommitted frames have an unknown outcome
};

class RaftGroup {
 public:
  // `log`, `clock` and `listener` outlive the group.
  [[nodiscard]] static Result<std::unique_ptr<RaftGroup>> open(log::Log& log, log::Voter self,
                                                               runtime::WallClock& clock,
                                                               GroupListener& listener);
  ~RaftGroup();
  RaftGroup(const RaftGroup&) = delete;
  RaftGroup& operator=(const RaftGroup&) = delete;

  void start();  // stands for election

  [[nodiscard]] bool is_leader() const { return core_.role() == Role::kLeader && !failed_; }
  // Leader, and its own term-start frame is committed: reads of the end are fresh.
  [[nodiscard]] bool is_established() const { return !failed_ && core_.has_committed_in_term(); }
  // Its own term-start frame has been committed, also when the log has failed since: what is below commit()
  // may be read.
  [[nodiscard]] bool was_established() const { return was_established_; }
  [[nodiscard]] model::Term term() const { return core_.term(); }
  [[nodiscard]] model::LogPosition commit() const { return core_.commit(); }
  [[nodiscard]] const log::Membership& membership() const { return core_.membership(); }
  [[nodiscard]] const std::optional<Error>& failure() const { return failed_; }

  struct Appended {
    model::Offset base_offset;
    model::LogPosition end;
    model::Term term;
    model::Timestamp append_time;
  };
  // Requires: is_leader(); `batch` is a checked record batch of `record_count` records. Writes base offset
  // and leader epoch into it and, for `log_append_time`, the append time (the batch's CRC is then made anew).
  Appended append_records(std::string batch, std::int32_t record_count, bool log_append_time);
  // Requires: is_leader().
  Appended append_control(const log::Control& control);

 private:
  RaftGroup(log::Log& log, Raft core, runtime::WallClock& clock, GroupListener& listener);
  void carry_out();
  [[nodiscard]] model::Timestamp next_append_time();
  void append_frame(log::FramePtr frame);

  log::Log& log_;
  Raft core_;
  runtime::WallClock& clock_;
  GroupListener& listener_;
  std::optional<Error> failed_;
  bool was_established_ = false;
  std::shared_ptr<RaftGroup*> alive_;  // emptied by the destructor: completions that come later find nothing
};

}  // namespace forebay::raft
