#include "partition/core/producer_state.h"

#include <algorithm>
#include <utility>

namespace forebay::partition {
namespace {

// Entry of a hash table, and the allocation for its batches.
constexpr std::size_t kEntryBytes = 112;

std::size_t bytes_of(const SourcePosition& position) {
  return sizeof position + position.source.size() + position.position.size();
}

}  // namespace

bool operator==(const ProducerState& a, const ProducerState& b) {
  const bool same_name = a.named == b.named || (a.named && b.named && *a.named == *b.named);
  return a.epoch == b.epoch && a.last_time == b.last_time && a.batches == b.batches && same_name;
}

SessionEnd ProducerState::session_end() const {
  return {epoch, batches.back().last_sequence, batches.back().last_offset(),
          named ? named->position : std::nullopt};
}

void ProducerState::begin_session(model::ProducerEpoch session) {
  if (named) {
    auto changed = *named;
    if (!batches.empty()) changed.before = session_end();
    changed.position.reset();
    changed.next.reset();
    named = std::make_shared<const NamedProducer>(std::move(changed));
  }
  batches.clear();
  epoch = session;
}

void ProducerState::store(model::ProducerEpoch batch_epoch, const StoredBatch& batch) {
  if (batch_epoch < epoch) return;  // no leader takes such; the newer session stands
  std::optional<SourcePosition> position;
  if (named && named->next && named->next->epoch == batch_epoch &&
      named->next->last_sequence == batch.last_sequence) {
    position = named->next->position;
  }
  if (batch_epoch > epoch) begin_session(batch_epoch);
  // Compaction leaves gaps between the batches of a log. What does not come after the last one was written
  // after the producer was forgotten: the numbers from before name other records.
  if (!batches.empty() && batch.first_sequence != next_sequence(batches.back().last_sequence) &&
      batch.first_sequence <= batches.back().last_sequence) {
    batches.clear();
  }
  if (batches.size() == kRememberedBatches) batches.erase(batches.begin());
  if (batches.empty()) batches.reserve(1);
  batches.push_back(batch);
  last_time = batch.append_time;
  if (named && (named->position != position || named->next)) {
    auto changed = *named;
    changed.position = std::move(position);
    changed.next.reset();
    named = std::make_shared<const NamedProducer>(std::move(changed));
  }
}

void ProducerState::fence(model::ProducerEpoch fence_epoch, model::Timestamp time) {
  if (fence_epoch < epoch) return;
  if (!named) named = std::make_shared<const NamedProducer>();
  if (fence_epoch > epoch) begin_session(fence_epoch);
  last_time = time;
}

void ProducerState::announce(NamedProducer::Next next, model::Timestamp time) {
  if (!named || next.epoch < epoch) return;
  auto changed = *named;
  changed.next = std::move(next);
  named = std::make_shared<const NamedProducer>(std::move(changed));
  last_time = time;
}

bool ProducerState::is_silent(const log::ProducersForgotten& forgotten) const {
  return !named && last_time < forgotten.silent_before;
}

bool ProducerState::is_quiet(const log::ProducersForgotten& forgotten) const {
  return !batches.empty() && batches.back().append_time < forgotten.quiet_before;
}

void ProducerState::forget(const log::ProducersForgotten& forgotten) {
  if (is_silent(forgotten)) {
    *this = {};
  } else if (is_quiet(forgotten) && batches.size() > 1) {
    batches = std::vector<StoredBatch>{batches.back()};
  }
}

const StoredBatch* ProducerState::find(std::int32_t first_sequence, std::int32_t last_sequence) const {
  const auto same = [&](const StoredBatch& one) {
    return one.first_sequence == first_sequence && one.last_sequence == last_sequence;
  };
  const auto found = std::find_if(batches.rbegin(), batches.rend(), same);
  return found == batches.rend() ? nullptr : &*found;
}

std::int32_t ProducerState::last_sequence() const {
  return batches.empty() ? -1 : batches.back().last_sequence;
}

std::size_t ProducerState::memory_bytes() const {
  std::size_t bytes = kEntryBytes + batches.capacity() * sizeof(StoredBatch);
  if (named) {
    bytes += sizeof *named;
    if (named->before && named->before->position) bytes += bytes_of(*named->before->position);
    if (named->position) bytes += bytes_of(*named->position);
    if (named->next) bytes += bytes_of(named->next->position);
  }
  return bytes;
}

}  // namespace forebay::partition
