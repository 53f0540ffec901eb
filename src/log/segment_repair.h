// One repair of a damaged range (core/splice.h): reads the segments around it, asks for what is missing, and
// makes one file of both, beside those in use. In small turns on the blocking pool, at a bounded rate.
// Whoever began it puts the file in place through the journal, or throws it away; a crash before that leaves
// what was, and the next start tidies the file away. Thread rules: everything on the shard.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "log/core/splice.h"
#include "log/log.h"
#include "log/log_shard.h"
#include "log/sealed_file.h"

namespace forebay::log {

class SegmentRepair {
 public:
  static constexpr std::uint64_t kBytesPerSecond = 64U << 20;

  struct Plan {
    std::vector<SegmentMeta> segments;  // sealed, in order; what lies between them is missing
    Splice::Plan splice;
    std::uint32_t index_interval_bytes = 0;
  };
  struct Repaired {
    SealedSegment file;
    std::vector<LogRange> filled;
    // What came from the other replica, as far as the log has to know it.
    std::vector<TermBegin> terms;
    std::vector<FramePtr> controls;
  };
  // Without a common border in the range of the plan: begin anew with this one.
  using Outcome = std::variant<Repaired, LogRange>;
  using Done = UniqueFunction<void(Result<Outcome>)>;

  SegmentRepair(LogEnvironment& environment, const model::TopicPartition& id, Plan plan,
                std::shared_ptr<RepairSource> source);
  ~SegmentRepair();
  SegmentRepair(const SegmentRepair&) = delete;
  SegmentRepair& operator=(const SegmentRepair&) = delete;

  // Once. `done` may destroy this object. Errors: those of the source; kCorruptBatch when what it gave does
  // not fit; kDiskFull, kStorageFailed.
  void start(Done done);

 private:
  class Job;  // the work on the pool
  struct Turn;

  void turn(std::vector<FramePtr> frames);
  void after_turn(Turn turn);
  void ask(const LogRange& gap);
  void rest(std::uint64_t bytes, std::vector<FramePtr> frames);
  void finish(Result<Outcome> outcome);

  LogEnvironment& env_;
  std::shared_ptr<RepairSource> source_;
  std::shared_ptr<Job> job_;
  Done done_;
  std::optional<runtime::TimerId> timer_;
  Lifetime lifetime_;
};

}  // namespace forebay::log
