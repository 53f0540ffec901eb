// Reads what a torture run has written down: history lines of clients and nemesis, dumps of replicas.
//
// A history line: TIME PROCESS TYPE OP TOPIC PARTITION FIELD=VALUE...
//   TIME ns of CLOCK_MONOTONIC, one clock for all processes of the host; TYPE invoke, ok, fail (definitely
//   not applied) or info (nobody knows); TOPIC and PARTITION "-" where there is none.
//   produce  invoke id= first= count=     values first, first+1, ... as one batch; ids are unique in a file
//            ok     id= offset=           of the first one
//            fail, info  id=
//   poll     invoke id= session= position=   ok id= next= hw= start= records=   fail, info id=
//   list     invoke id=                      ok id= latest=                     fail, info id=
//   final    ok start= end= records=      the last full read of a client, after everything was healed
//   topic    ok id= replicas=             TOPIC exists with PARTITION partitions; id as dumps show it
//   nemesis: op = the fault; invoke id= target= within_ms= serves= (see FaultSpan), ok id= when it is over;
//   "skip" is an op of its own, with fault= and why= sample   info lag_us=                 the worst delay of
//   a timer since the sample before
// records=OFFSET:VALUE[xCOUNT][!],...  a run of COUNT offsets and values; ! marks what is not sound.
//
// A dump is what `forebay log dump DIR --records -o json` prints.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/error.h"
#include "sim/history.h"

namespace forebay::torture {

struct FaultSpan {
  std::string fault;
  std::string target;
  sim::HistoryTime begin = 0;
  sim::HistoryTime end = 0;     // 0: never ended
  std::uint64_t within_ms = 0;  // producers must be served again this long after the begin; 0: no promise
  bool serves = true;           // something must be acknowledged while it lasts
};

struct LagSample {
  sim::HistoryTime at = 0;
  std::uint64_t lag_ns = 0;
};

struct Run {
  struct Partition {
    std::string name;  // TOPIC/PARTITION
    std::size_t replicas = 0;
    std::size_t dumps = 0;
    std::size_t final_reads = 0;
  };
  sim::History history;
  std::vector<Partition> partitions;  // by the number that the history uses
  std::vector<FaultSpan> faults;
  std::vector<LagSample> lags;
  std::vector<std::string> skipped;        // faults that did not run, and why
  std::vector<std::string> damage;         // what dumps say is damaged or not readable
  std::vector<std::string> refused_reads;  // of what must be there, for a reason that must not be
};

class RunReader {
 public:
  // `run`: as in the records' values.
  explicit RunReader(std::string run) : run_name_(std::move(run)) {}
  // Errors: kInvalidArgument, naming what is wrong. Such a history proves nothing.
  [[nodiscard]] Result<void> history_line(std::string_view line);
  [[nodiscard]] Result<void> dump_line(const std::string& replica, std::string_view line);
  // What has no answer stays unknown. Call once.
  [[nodiscard]] Result<Run> finish();

 private:
  class Fields;
  struct Line;
  struct PendingProduce {
    std::size_t at = 0;  // in history.sent
    std::size_t count = 0;
  };
  struct PendingRead {
    sim::HistoryTime invoked = 0;
    std::uint32_t session = 0;
    std::int64_t position = 0;
  };

  [[nodiscard]] Result<std::uint32_t> partition_of(const Line& line) const;
  Result<void> topic_line(const Line& line, const Fields& fields);
  Result<void> produce_line(const Line& line, const Fields& fields);
  Result<void> poll_line(const Line& line, const Fields& fields);
  Result<void> list_line(const Line& line, const Fields& fields);
  Result<void> final_line(const Line& line, const Fields& fields);
  Result<void> nemesis_line(const Line& line, const Fields& fields);
  Result<void> dump_partition(const std::string& replica, std::string_view line);
  Result<void> dump_record(const std::string& replica, std::string_view line);

  const std::string run_name_;
  Run run_;
  struct Topic {
    std::string name;
    std::uint32_t first = 0;  // number of its partition 0
    std::uint32_t count = 0;
  };
  std::map<std::string, Topic, std::less<>> topics_;  // by name
  std::map<std::string, Topic, std::less<>> topics_by_id_;
  std::map<std::string, std::uint32_t, std::less<>> processes_;
  std::map<std::uint64_t, PendingProduce> produces_;
  std::map<std::uint64_t, PendingRead> polls_;
  std::map<std::uint64_t, PendingRead> lists_;
  std::map<std::uint64_t, std::size_t> open_faults_;
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> dumps_;  // place in history.finals
};

}  // namespace forebay::torture
