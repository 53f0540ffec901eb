// What the clients of a run saw, and what every replica holds at its end: what history_check.h judges. Made
// by the simulator, in virtual time, and by harnesses over real processes, in steady time.
//
// Every record that is sent has a value of its own, a number; a retry is another record with another one.
// Times are nanoseconds of one clock for all processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace forebay::sim {

using HistoryTime = std::uint64_t;

enum class Outcome : std::uint8_t {
  kOk,    // acknowledged, with its offset
  kFail,  // refused: it never happened and never will
  kInfo,  // nobody knows
};

// One record on its way in.
struct SentRecord {
  std::uint64_t value = 0;
  std::uint32_t process = 0;
  std::uint32_t partition = 0;
  HistoryTime invoked = 0;
  HistoryTime finished = 0;  // of kOk and kFail
  Outcome outcome = Outcome::kInfo;
  std::int64_t offset = 0;  // of kOk
  bool ordered = false;     // its process promises order: of two values of one partition the lower lies lower
};

struct SeenRecord {
  std::int64_t offset = 0;
  std::uint64_t value = 0;
  bool sound = true;  // checksum, topic and partition are right
  friend bool operator==(const SeenRecord&, const SeenRecord&) = default;
};

// One answered read. The polls of a session, in order, go on where the one before ended; who seeks begins
// another session.
struct Poll {
  std::uint32_t session = 0;
  std::uint32_t partition = 0;
  HistoryTime invoked = 0;
  HistoryTime finished = 0;
  std::int64_t position = 0;
  std::int64_t next = 0;  // where the next one begins
  std::int64_t high_watermark = 0;
  std::int64_t log_start = 0;
  std::vector<SeenRecord> records;
};

// An answer to "where does the partition end?"
struct Listing {
  std::uint32_t partition = 0;
  HistoryTime invoked = 0;
  HistoryTime finished = 0;
  std::int64_t latest = 0;
};

// All of one replica, after everything was healed and had come to rest; or the last full read of a client.
struct FinalLog {
  std::string replica;
  std::uint32_t partition = 0;
  std::int64_t log_start = 0;
  std::int64_t end = 0;
  std::vector<SeenRecord> records;  // in the order in which they lie
  // Offsets without a record, as the replica itself names them: markers, aborted, compacted.
  std::vector<std::pair<std::int64_t, std::int64_t>> gaps;
};

struct History {
  std::vector<SentRecord> sent;
  std::vector<Poll> polls;
  std::vector<Listing> listings;
  std::vector<FinalLog> finals;
};

}  // namespace forebay::sim
