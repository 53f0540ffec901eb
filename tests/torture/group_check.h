// Judges what consumer groups did. Pure.
//
//  I17  what a group has committed never goes back, and is never beyond the partition's end; a tenure begins
//       nowhere below what was committed before
//  I18  nobody processes what another member was given meanwhile, or what it has given up itself
//  I19  everything below a committed offset was processed before; nothing is left out, and in the end every
//       group has processed and committed everything
//  again  a record is processed a second time only if it was not committed, and whoever had it was killed,
//       paused, or out of the group after it
//
// Exceptions, of which docs/guarantees.md says why they must be: a member that stood still may finish what it
// has in hand after others have the partition.
#pragma once

#include <string>
#include <vector>

#include "sim/history_check.h"
#include "torture/run_reader.h"

namespace forebay::torture {

struct GroupReport {
  struct Group {
    std::string name;
    std::uint64_t members = 0;  // incarnations
    std::uint64_t killed = 0;
    std::uint64_t paused = 0;
    std::uint64_t tenures = 0;
    std::uint64_t lost = 0;       // of them, by loss
    std::uint64_t processed = 0;  // records, each time
    std::uint64_t again = 0;      // of them, not the first time
    std::uint64_t readings = 0;   // of what is committed
  };
  std::vector<Group> groups;
  std::vector<sim::Violation> violations;
  std::string unknown;  // why nothing is proved; empty: it is
};

[[nodiscard]] GroupReport check_groups(const Run& run);

}  // namespace forebay::torture
