// Reads every sealed segment of the shard again and again, slowly, and checks every byte: rot is found before
// a reader meets it. One file at a time, on the blocking pool, at a bounded rate. How far it
// has come and when each log was read whole is in the checkpoints: a start goes on from there. Thread rules:
// everything on the shard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "log/log_replica.h"

namespace forebay::log {

class Scrub {
 public:
  // `logs` lists the logs that are open; `find` the one of an id, or null.
  struct Logs {
    std::function<std::vector<LogReplica*>()> all;
    std::function<LogReplica*(const model::TopicPartition&)> find;
  };
  Scrub(LogEnvironment& environment, Logs logs);
  ~Scrub();
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

  void start();  // idempotent
  void stop();

 private:
  struct Job;
  struct Round;  // what one turn on the pool found

  [[nodiscard]] runtime::Duration due_in(const LogReplica& log) const;
  void begin_pass();
  void begin_log();
  void next_segment();
  void read_on();
  void end_segment(LogReplica& log, const SegmentRef& segment, bool failed);
  void end_log();
  void wait(runtime::Duration pause, void (Scrub::*then)());

  LogEnvironment& env_;
  Logs logs_;
  std::vector<model::TopicPartition> pass_;  // logs still to do, last first
  std::vector<SegmentRef> segments_;         // of the present log, last first
  std::shared_ptr<Job> job_;                 // the file being read
  bool running_ = false;
  bool log_complete_ = true;  // every segment of the present log could be read to its end
  std::optional<runtime::TimerId> timer_;
  Lifetime lifetime_;
};

}  // namespace forebay::log
