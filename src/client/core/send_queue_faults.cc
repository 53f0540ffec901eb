// A batch of which the broker refuses some records: those are answered, each with its own fault, and the
// others are sent again without them, at the batch's old place among those of its lane.
//
// To an idempotent lane it is a batch that was given up and another one that takes its place: what is behind
// it cannot be stored under the old identity, so that all of it, which is certainly not stored, begins anew
// under the next epoch (send_queue_sequences.cc). The new batch is fit for the old identity meanwhile, for it
// follows the same one: where it, or something behind it, may be stored, and has to be asked for first, it
// goes out under that. The broker stores one of the two with that sequence: once it is the new one, the old
// one is not there, and nothing that was behind it is.
#include <limits>
#include <utility>

#include "client/core/send_queue.h"
#include "client/core/send_queue_lane.h"
#include "model/record_iterator.h"

namespace forebay::client {
namespace {

constexpr std::size_t kDecodedBytesMax = std::numeric_limits<std::int32_t>::max();  // they are our own

// Ascending, and within the batch.
bool are_of(const std::vector<RecordFault>& faults, std::size_t records) {
  std::int64_t before = -1;
  for (const RecordFault& fault : faults) {
    if (fault.index <= before || static_cast<std::size_t>(fault.index) >= records) return false;
    before = fault.index;
  }
  return !faults.empty();
}

Error error_of(const RecordFault& fault, const Error& whole) {
  Error error{ErrorCode::kInvalidRecord, fault.text.empty() ? whole.context : fault.text};
  error.registry_code = whole.registry_code;
  return error;
}

// The batch without those records. Requires: are_of().
Result<void> add_others(ByteSpan batch, const std::vector<RecordFault>& faults, model::BatchBuilder& to) {
  FOREBAY_TRY(const auto view, model::RecordBatchView::parse(batch));
  std::vector<std::byte> scratch;
  std::vector<model::HeaderView> headers;
  auto fault = faults.begin();
  std::int32_t index = 0;
  Result<void> added;
  FOREBAY_CHECK(model::for_each_record(view, kDecodedBytesMax, scratch, [&](const model::RecordView& record) {
    const bool is_faulty = fault != faults.end() && fault->index == index;
    ++index;
    if (is_faulty) ++fault;
    if (is_faulty || !added) return;
    headers.assign(record.headers.begin(), record.headers.end());
    added = to.append({record.key, record.value, headers, record.timestamp});
  }));
  return added;
}

// [begin, end) of them; functions are moved out.
Answers part_of(Answers& all, std::size_t begin, std::size_t end) {
  Answers part;
  for (std::size_t i = begin; i < end; ++i) {
    if (all.functions.empty())
      part.tokens.push_back(all.tokens[i]);
    else
      part.functions.push_back(std::move(all.functions[i]));
  }
  return part;
}

}  // namespace

bool SendQueue::leaves_faults_out(Lane& lane, Batch& batch, const Error& error) {
  if (error.code != ErrorCode::kInvalidRecord || batch.finished ||
      !are_of(error.record_faults, batch.answers.size()))
    return false;
  if (limits_.stop_on_failure) return stops_at_faults(lane, batch, error);
  const std::size_t others = batch.answers.size() - error.record_faults.size();
  if (others > 0) {
    model::BatchBuilder builder;
    if (batch.sequence)
      builder.set_producer(model::ProducerId(lane.identity.id), model::ProducerEpoch(lane.identity.epoch),
                           *batch.sequence);
    if (!add_others(batch.bytes.span(), error.record_faults, builder)) return false;
    auto bytes = builder.build(limits_.codec);
    if (!bytes) return false;
    take_bytes(lane, batch, SharedBytes::take(std::move(*bytes)));
    batch.record_count = static_cast<std::int32_t>(others);
    if (batch.sequence) {
      lane.broken = true;
      batch.shortened = batch.shortened || batch.maybe_stored;
    }
  }
  answer_faults(batch, error);
  if (others == 0) forget(lane, batch);
  return true;
}

// A named producer sends nothing behind a record that failed. The others are told that it stops.
bool SendQueue::stops_at_faults(Lane& lane, Batch& batch, const Error& error) {
  if (batch.maybe_stored) return false;
  if (!stop_) stop_ = stopped_by(error_of(error.record_faults.front(), error));
  answer_faults(batch, error);
  finish(batch, *stop_);
  forget(lane, batch);
  return true;
}

// Those that are left stay with the batch. Of a batch without any, the last answer is that of the batch.
void SendQueue::answer_faults(Batch& batch, const Error& error) {
  Answers left;
  auto fault = error.record_faults.begin();
  const std::size_t count = batch.answers.size();
  const bool all = error.record_faults.size() == count;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_faulty = fault != error.record_faults.end() && static_cast<std::size_t>(fault->index) == i;
    Answers one;
    Answers& to = is_faulty ? one : left;
    if (batch.answers.functions.empty()) {
      to.tokens.push_back(batch.answers.tokens[i]);
    } else {
      to.functions.push_back(std::move(batch.answers.functions[i]));
    }
    if (!is_faulty) continue;
    Error why = error_of(*fault, error);
    if (batch.maybe_stored) why = unknown_after(why);
    ++fault;
    if (all && i + 1 == count) {
      batch.answers = std::move(one);
      return finish(batch, std::move(why));
    }
    ++stats_.records_failed;
    finished_.push_back({kNoBatch, std::move(one), std::move(why)});
  }
  batch.answers = std::move(left);
}

// A batch with dead letters is told in runs: those say why, and the offsets go on through all of them.
void SendQueue::answer_stored(Batch& batch, const StoredBatch& stored) {
  const std::size_t count = batch.answers.size();
  if (batch.finished || !are_of(stored.quarantined, count)) return finish(batch, stored.first);
  Answers all = std::exchange(batch.answers, {});
  auto fault = stored.quarantined.begin();
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    const bool is_here = fault != stored.quarantined.end();
    const bool is_fault = is_here && static_cast<std::size_t>(fault->index) == begin;
    end = is_fault ? begin + 1 : is_here ? static_cast<std::size_t>(fault->index) : count;
    Answers run = part_of(all, begin, end);
    Ack ack = stored.first;
    ack.offset += static_cast<std::int64_t>(begin);
    if (is_fault) {
      ack.quarantined = fault++->text;
      ++stats_.records_quarantined;
    }
    if (end == count) {
      batch.answers = std::move(run);
      return finish(batch, std::move(ack));
    }
    stats_.records_acked += run.size();
    finished_.push_back({kNoBatch, std::move(run), std::move(ack)});
  }
}

}  // namespace forebay::client
