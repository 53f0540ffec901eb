// What lives on an internal partition: a state that is a function of the partition's records, and nothing
// else. Everybody who applied the same records has the same state. The host (machine/host.h) reads the log,
// keeps the store and moves whole states between nodes; a state machine only knows what a record means and
// how its state is cut into entries. Pure: no clock, no randomness, no I/O. Thread rules: the partition's
// shard.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::machine {

// The state as keys and values: what is changed by itself has an entry of its own, so that a record writes
// little. Of a key: at most kEntryKeyBytesMax.
using Entries = std::map<std::string, std::string>;
// An empty optional removes.
using Changes = std::map<std::string, std::optional<std::string>>;

// The store's bound (1024) less what the host puts before each key.
inline constexpr std::size_t kEntryKeyBytesMax = 900;

class StateMachine {
 public:
  virtual ~StateMachine() = default;
  // In the order of offsets, each once. A refused record changes nothing. Errors: kCorruptBatch for what
  // cannot be read or cannot follow, kNewerFormat for what a later version wrote: the host stops.
  [[nodiscard]] virtual Result<void> apply(model::Offset offset, ByteSpan record) = 0;
  // What has to be changed in the entries since the last call, or since load().
  [[nodiscard]] virtual Changes take_changes() = 0;
  // The whole state.
  [[nodiscard]] virtual Entries entries() const = 0;
  // Takes the place of the state that was; none: the state before the first record. After an error it is used
  // no more. Errors: kCorruptBatch, kNewerFormat.
  [[nodiscard]] virtual Result<void> load(const Entries& entries) = 0;
};

}  // namespace forebay::machine
