#include "machine/state_store.h"

#include <charconv>
#include <utility>

namespace forebay::machine {
namespace {

std::string prefix_of(const model::TopicPartition& id) {
  return "state/" + id.topic.to_string() + "/" + std::to_string(id.partition.value()) + "/";
}
// Numbers are text, so that a dump can be read.
std::string applied_key(const model::TopicPartition& id) { return prefix_of(id) + "applied"; }
std::string entry_prefix(const model::TopicPartition& id) { return prefix_of(id) + "entry/"; }

}  // namespace

Result<StoredState> load_state(const kv::View& store, const model::TopicPartition& id) {
  StoredState state;
  FOREBAY_TRY(const auto applied, store.get(applied_key(id)));
  if (applied) {
    std::int64_t number = 0;
    const char* end = applied->data() + applied->size();
    const auto parsed = std::from_chars(applied->data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end || number < 0) {
      return Error{ErrorCode::kDataLoss, "the store's entry " + applied_key(id) +
                                             " cannot be read: " + std::string(applied->substr(0, 64))};
    }
    state.applied = model::Offset(number);
  }
  const std::string prefix = entry_prefix(id);
  FOREBAY_CHECK(store.scan(kv::KeyRange::prefix(prefix), [&](std::string_view key, std::string_view value) {
    state.entries.emplace_hint(state.entries.end(), key.substr(prefix.size()), value);
    return true;
  }));
  return state;
}

kv::WriteBatch changes_batch(const model::TopicPartition& id, Changes changes, model::Offset applied) {
  kv::WriteBatch batch;
  const std::string prefix = entry_prefix(id);
  for (auto& [key, value] : changes) {
    if (value) {
      batch.put(prefix + key, std::move(*value));
    } else {
      batch.remove(prefix + key);
    }
  }
  batch.put(applied_key(id), std::to_string(applied.value()));
  return batch;
}

kv::WriteBatch replacing_batch(const model::TopicPartition& id, const StoredState& state) {
  kv::WriteBatch batch = erasing_batch(id);
  const std::string prefix = entry_prefix(id);
  for (const auto& [key, value] : state.entries) batch.put(prefix + key, value);
  batch.put(applied_key(id), std::to_string(state.applied.value()));
  return batch;
}

kv::WriteBatch erasing_batch(const model::TopicPartition& id) {
  kv::WriteBatch batch;
  batch.remove_range(kv::KeyRange::prefix(prefix_of(id)));
  return batch;
}

}  // namespace forebay::machine
