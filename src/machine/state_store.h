// The state of a machine in the key-value store of the node: its entries, and up to where they go, under a
// prefix of the partition's own. Thread rules: what takes a store blocks, and runs on the pool.
#pragma once

#include <string>

#include "base/result.h"
#include "kv/key_value_store.h"
#include "machine/core/state_machine.h"

namespace forebay::machine {

struct StoredState {
  model::Offset applied;  // next offset to apply
  Entries entries;
};

// Errors: kDataLoss for entries that cannot be read.
[[nodiscard]] Result<StoredState> load_state(const kv::View& store, const model::TopicPartition& id);
// Changes of a state that is there, up to `applied`.
[[nodiscard]] kv::WriteBatch changes_batch(const model::TopicPartition& id, Changes changes,
                                           model::Offset applied);
// Makes the store hold this state and nothing of another one, in one step.
[[nodiscard]] kv::WriteBatch replacing_batch(const model::TopicPartition& id, const StoredState& state);
// Nothing is left of it.
[[nodiscard]] kv::WriteBatch erasing_batch(const model::TopicPartition& id);

}  // namespace forebay::machine
