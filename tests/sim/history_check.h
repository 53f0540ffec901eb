// Judges a history: sort-based, so that ten million operations take seconds. Pure.
//
//  I1   what was acknowledged is in every final log, at its offset, unless it was trimmed
//  I3   one offset has one value, for all acknowledgements, reads and final logs
//  I4   offsets of a final log have no holes but those that the replica names
//  I5   acknowledged before another was sent: lower offset
//  I6   what is read was sent, to that partition, and is sound
//  I7   what was refused never appears; (with I10) what nobody knows appears at most once
//  I9   what an ordered process sent to a partition lies there in the order of its values
//  I10  a value has one offset
//  I12  what was read is in every final log, unless it was trimmed
//  I13  a reader skips nothing and gets nothing twice
//  I14  high watermark and log start never go back within a session
//  I15  the latest offset, asked for after an acknowledgement, is beyond it
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sim/history.h"

namespace forebay::sim {

struct Violation {
  const char* rule = "";
  std::string what;
};

struct Judgement {
  enum class Verdict : std::uint8_t {
    kValid,
    kInvalid,
    kUnknown,  // records were acknowledged or read and no final log shows what became of them: no pass
  };
  Verdict verdict = Verdict::kUnknown;
  std::vector<Violation> violations;  // the first kViolationsMax
  [[nodiscard]] bool valid() const { return verdict == Verdict::kValid; }
  [[nodiscard]] bool breaks(const std::string& rule) const;
  [[nodiscard]] std::string to_string() const;
};

// One broken rule tends to be broken a million times.
inline constexpr std::size_t kViolationsMax = 20;

[[nodiscard]] Judgement judge(const History& history);

}  // namespace forebay::sim
