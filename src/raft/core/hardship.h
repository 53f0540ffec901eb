// What speaks against a node as a leader though it votes and follows: each node tells it of itself with its
// heartbeats. Such a node hands leadership over, is handed none, and stands late or not at all.
#pragma once

namespace forebay::raft {

struct Hardship {
  bool low_on_disk = false;   // below its reserve: a leader there refuses records
  bool writes_stall = false;  // its journal waits for a disk that hangs: as a leader it would promise nothing
  [[nodiscard]] bool any() const { return low_on_disk || writes_stall; }
  friend bool operator==(const Hardship&, const Hardship&) = default;
};

}  // namespace forebay::raft
