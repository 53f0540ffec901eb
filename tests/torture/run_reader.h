// Reads what a torture run has written down: history lines of clients and nemesis, dumps of replicas.
//
// A history line: TIME PROCESS TYPE OP TOPIC PARTITION FIELD=VALUE...
//   TIME ns of CLOCK_MONOTONIC, one clock for all processes of the host; TYPE invoke, ok, fail (definitely
//   not applied) or info (nobody knows); TOPIC and PARTITION "-" where there is none.
//   produce  invoke first= count= by=   values first, first+1, ...; no other invocation has them. by=session:
//                                       an idempotent producer, which promises order; by=name: a named one,
//                                       whose values whoever resumes sends again; absent: one try each
//            ok     first= count= offset=   of values that were sent; offset of the first one
//            fail, info   first= count=
//   stored   ok first= count=           a named producer was told that these are stored already
//   resume   ok upto=                   the same of all that it has sent, up to this value; info: it failed
//   poll     invoke id= session= position=   ok id= next= hw= start= records=   fail, info id=
//   list     invoke id=                      ok id= latest=                     fail, info id=
//   final    ok start= end= records=      the last full read of a client, after everything was healed
//   topic    ok id= replicas=             TOPIC exists with PARTITION partitions; id as dumps show it
//   member, assigned, processed, revoked, lost, joined, left, committed: see group_history.h
//   nemesis: op = the fault; invoke id= target= within_ms= serves= (see FaultSpan), ok id= when it is over;
//   "skip" is an op of its own, with fault= and why= sample   info lag_us=                 the worst delay of
//   a timer since the sample before
// records=OFFSET:VALUE[xCOUNT][!],...  a run of COUNT offsets and values; ! marks what is not sound.
//
// A dump is what `forebay log dump DIR --records -o json` prints.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/history.h"
#include "torture/group_history.h"
#include "torture/history_line.h"

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
  std::vector<std::string> not_stored;     // what a named producer was told to be stored, and is nowhere
  GroupHistory groups;
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
  struct PendingRead {
    sim::HistoryTime invoked = 0;
    std::uint32_t session = 0;
    std::int64_t position = 0;
  };

  [[nodiscard]] std::uint32_t process_number(std::string_view name);
  [[nodiscard]] Result<std::uint32_t> partition_of(const HistoryLine& line) const;
  Result<void> topic_line(const HistoryLine& line);
  Result<void> produce_line(const HistoryLine& line);
  Result<void> sent_line(const HistoryLine& line, std::uint64_t first, std::uint64_t count);
  Result<void> stored_line(const HistoryLine& line);
  void find_stored();
  Result<void> poll_line(const HistoryLine& line);
  Result<void> list_line(const HistoryLine& line);
  Result<void> final_line(const HistoryLine& line);
  Result<void> nemesis_line(const HistoryLine& line);
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
  std::set<std::uint32_t> named_;                        // processes whose values are sent again
  std::unordered_map<std::uint64_t, std::size_t> sent_;  // by value: place in history.sent
  struct Resume {
    std::uint32_t process = 0;
    std::uint64_t upto = 0;
    sim::HistoryTime at = 0;
  };
  std::vector<Resume> resumes_;  // they tell of what stands in other files, too
  std::map<std::uint64_t, sim::HistoryTime>
      stored_;  // values whose offsets nobody told, and when it was said
  GroupReader group_reader_;
  std::map<std::uint64_t, PendingRead> polls_;
  std::map<std::uint64_t, PendingRead> lists_;
  std::map<std::uint64_t, std::size_t> open_faults_;
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> dumps_;  // place in history.finals
};

}  // namespace forebay::torture
