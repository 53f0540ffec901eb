// What consumer groups of a torture run did: how members had partitions, one after another, what was seen to
// be committed, and what the harness did to members. Of these history lines (run_reader.h):
//   member    ok group=                 PROCESS, an incarnation of a member, begins
//   assigned  ok                        it has the partition; what it processes of it until it has not is one
//                                       tenure: it counts as the session of a reader, too
//   processed ok records=               written before any of it is marked as done
//   revoked   ok                        it was asked to give the partition up, and is about to
//   lost      ok                        it has lost the partition
//   joined    ok epoch=                 it is seen to be in the group; written when the epoch is another one
//   away      info error=               it is seen not to be in the group
//   trouble   info error= what=         a poll gave an error
//   left      ok, fail                  how its close() ended
//   committed ok group= asked= offset= [end=]   the answer to a question put at `asked`
//   kill, pause, wake     ok member=    by the harness; kill and pause are written before they are done,
//   resume
//                                       when it is
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "torture/history_line.h"

namespace forebay::torture {

struct GroupHistory {
  enum class Kind : std::uint8_t {
    kAssigned,
    kProcessed,
    kRevoked,
    kLost,
    kAway,  // it was out of the group, or is seen to have come back to it; and a close() that failed
    kLeft,
    kKilled,
    kPaused,
    kResumed,
  };
  struct Event {
    sim::HistoryTime at = 0;
    Kind kind = Kind::kAssigned;
    std::uint32_t member = 0;
    std::uint32_t partition = 0;  // of the first four
    std::int64_t begin = 0;       // of kProcessed: [begin, end)
    std::int64_t end = 0;
  };
  struct Reading {  // of a committed offset
    sim::HistoryTime asked = 0;
    sim::HistoryTime told = 0;
    std::uint32_t group = 0;
    std::uint32_t partition = 0;
    std::int64_t offset = 0;
    std::optional<std::int64_t> end;  // of the partition, at that time
  };
  struct Member {
    std::string name;
    std::uint32_t group = 0;
  };
  std::vector<std::string> groups;
  std::vector<Member> members;
  std::vector<Event> events;
  std::vector<Reading> readings;
  std::vector<std::string> troubles;  // errors of polls: waiting does not mend what those tell of
};

class GroupReader {
 public:
  [[nodiscard]] static bool knows(std::string_view op);
  // `partition`: as the history numbers it, where the line names one. What was processed is added to `seen`.
  // Errors: kInvalidArgument.
  [[nodiscard]] Result<void> line(const HistoryLine& line, std::optional<std::uint32_t> partition,
                                  sim::History& seen);
  // Call once. Errors: kInvalidArgument.
  [[nodiscard]] Result<GroupHistory> finish();

 private:
  struct State {
    bool joined = false;
    std::map<std::uint32_t, std::uint32_t> sessions;  // by partition: of the tenure
  };
  [[nodiscard]] std::uint32_t group_number(std::string_view name);
  [[nodiscard]] std::uint32_t member_number(std::string_view name);
  Result<void> member_line(const HistoryLine& line);
  Result<void> partition_line(const HistoryLine& line, std::uint32_t partition, sim::History& seen);
  Result<void> processed_line(const HistoryLine& line, GroupHistory::Event event, sim::History& seen);
  Result<void> committed_line(const HistoryLine& line, std::uint32_t partition);

  GroupHistory history_;
  std::map<std::string, std::uint32_t, std::less<>> groups_;
  std::map<std::string, std::uint32_t, std::less<>> members_;
  std::vector<State> states_;  // by member
  // Above those of other readers.
  std::uint32_t next_session_ = 1U << 20;
};

}  // namespace forebay::torture
