// A file or directory of the simulated disk: what the process sees, what is on stable storage, and what lies
// between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/sparse_content.h"

namespace forebay::sim {

inline constexpr std::uint64_t kSectorBytes = 512;  // a sector is written whole or not at all

// A change of a file's content that no sync has made durable yet. They take effect in their order.
struct PendingChange {
  enum class Kind {
    kWrite,
    kTruncate,  // the size becomes `offset`
    kExtend,    // the size becomes `offset` at least
  };
  Kind kind = Kind::kWrite;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes;
  bool durable = false;  // was written durably on top of pending changes: kept, and in its place among them
};

struct SimNode {
  bool is_directory = false;
  bool linked = true;  // has a name that the process sees

  // Directories.
  std::map<std::string, std::shared_ptr<SimNode>> entries;
  std::map<std::string, std::shared_ptr<SimNode>> durable_entries;

  // Files.
  SparseContent content;
  SparseContent durable;
  std::vector<PendingChange> pending;
  bool failed = false;                // a write or a sync of it has failed, and the power has stayed on since
  std::uint64_t reserved_bytes = 0;   // by allocate
  std::uint64_t accounted_bytes = 0;  // what it takes of the disk's capacity
};

using SimNodePtr = std::shared_ptr<SimNode>;

// A change of names that no directory sync has made durable yet: kept or lost as a whole.
struct PendingNames {
  struct Entry {
    SimNodePtr directory;
    std::string name;
    SimNodePtr node;  // null: the name goes
    bool synced = false;
    bool forgotten = false;  // by a failed sync of the directory: no later one makes it durable
  };
  std::vector<Entry> entries;
  SimNodePtr subject;
};

}  // namespace forebay::sim
