// What consumers and state machines read: fetches that wait, ends, searches by time.
#include <algorithm>
#include <limits>
#include <utility>

#include "partition/core/time_search.h"
#include "partition/dead_letter_read.h"
#include "partition/partition.h"

namespace forebay::partition {
namespace {

constexpr runtime::Duration kPassedWaitMax = std::chrono::milliseconds(500);

constexpr std::uint32_t kRepairRetryMs = 250;
// Of batches with dead letters, all of which are decompressed before others have their turn.
constexpr std::size_t kTimeReadBytes = 64U << 10;

std::size_t payload_bytes(const std::vector<log::FramePtr>& frames) {
  std::size_t bytes = 0;
  for (const auto& frame : frames) bytes += frame->payload.size();
  return bytes;
}

Error shutting_down() {
  return Error{ErrorCode::kShuttingDown, "the node is stopping; retry when it is back", 1000};
}

}  // namespace

FetchId Partition::fetch(const FetchInput& input, Done<FetchOutput> done) {
  const FetchId id = next_fetch_;
  next_fetch_ = next_fetch_.next();
  const auto serving = input.from_any_replica && !stopped_ ? Result<void>{} : check_readable();
  if (!serving) {
    done(serving.error());
    return id;
  }
  auto& fetch = fetches_[id];
  fetch.input = input;
  fetch.deadline = surroundings_.executor->now() + input.wait_max;
  fetch.done = std::move(done);
  read_for(id);
  return id;
}

void Partition::cancel_fetch(FetchId id) {
  finish_fetch(id, Error{ErrorCode::kCancelled, "the fetch was cancelled"});
}

Watermarks Partition::readable(const FetchInput& input) const {
  if (!input.from_any_replica) return watermarks();
  const model::LogPosition upto = std::min(group_->commit(), log_.flushed());
  return {log_.log_start().next_offset, upto.next_offset};
}

void Partition::read_for(FetchId id) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end() || at->second.reading) return;
  WaitingFetch& fetch = at->second;
  const Watermarks marks = readable(fetch.input);
  // Readers wait for the next record, which never comes; those who had read further must not take it for a
  // reset.
  if (const auto end = log_.lost_tail(); end && fetch.input.from >= marks.high_watermark)
    return finish_fetch(id, lost_end_error(*end));
  const bool ahead = fetch.input.from_any_replica && fetch.input.from > marks.high_watermark;
  auto step = ahead ? ReadStep::kWait : check_read(fetch.input.from, marks);
  if (!step) return finish_fetch(id, std::move(step).error());
  if (*step == ReadStep::kWait) return on_read(id, log::ReadResult{{}, fetch.input.from});
  fetch.reading = true;
  fetch.upto = marks.high_watermark;
  const log::ReadRequest request{
      .from = fetch.input.from, .upto = marks.high_watermark, .bytes_max = fetch.input.bytes_max};
  auto answer = [alive = alive_, id](Result<log::ReadResult> result) {
    if (*alive != nullptr) (*alive)->on_read(id, std::move(result));
  };
  if (fetch.input.reading == model::Reading::kDeadLetters)
    return read_dead_letters(log_, request, std::move(answer));
  log_.read(request, std::move(answer));
}

void Partition::on_read(FetchId id, Result<log::ReadResult> result) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end()) return;  // cancelled meanwhile
  WaitingFetch& fetch = at->second;
  fetch.reading = false;
  if (!result) return finish_fetch(id, read_error(std::move(result).error()));
  const Watermarks marks = readable(fetch.input);
  const auto now = surroundings_.executor->now();
  const std::size_t bytes = payload_bytes(result->frames);
  // What was passed over is not looked at again, and that the log grew meanwhile is no answer. But it is told
  // soon: who reads to the end waits for that.
  if (fetch.input.reading == model::Reading::kDeadLetters && bytes == 0 && now < fetch.deadline &&
      result->next > fetch.input.from) {
    fetch.input.from = result->next;
    if (!std::exchange(fetch.has_passed, true)) {
      fetch.deadline = std::min(fetch.deadline, now + kPassedWaitMax);
      if (fetch.timer) surroundings_.executor->cancel(*std::exchange(fetch.timer, std::nullopt));
    }
    if (result->next < marks.high_watermark) return read_for(id);
  }
  // A leader that begins knows as committed what its log start shows, which may lie within a frame here: of
  // that one there is nothing to read yet.
  const bool within_frame = result->frames.empty() && result->next <= fetch.input.from;
  const bool at_end =
      result->next >= marks.high_watermark || (within_frame && marks.high_watermark <= fetch.upto);
  if (bytes >= fetch.input.bytes_min || !at_end || end_is_lost() || now >= fetch.deadline) {
    if (!fetch.input.from_any_replica) traffic_.read(bytes);
    return finish_fetch(id, FetchOutput{marks, result->next, std::move(result->frames)});
  }
  if (!fetch.timer) {
    fetch.timer = surroundings_.executor->schedule_after(fetch.deadline - now, [this, id] { read_for(id); });
  }
}

// What another replica has is not lost: leadership goes there, or the range comes from there.
Error Partition::read_error(Error error) const {
  if (error.code != ErrorCode::kDataLoss || is_alone() || end_is_lost() || !group_->repair_is_hopeful())
    return error;
  return Error{ErrorCode::kNotYet,
               error.context +
                   "; it is being repaired from another replica, or leadership is being handed over: retry",
               kRepairRetryMs};
}

void Partition::finish_fetch(FetchId id, Result<FetchOutput> output) {
  const auto at = fetches_.find(id);
  if (at == fetches_.end()) return;
  WaitingFetch fetch = std::move(at->second);
  fetches_.erase(at);
  if (fetch.timer) surroundings_.executor->cancel(*fetch.timer);
  fetch.done(std::move(output));
}

void Partition::wake_state_machines() {
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.input.from_any_replica && !fetch.reading) ids.push_back(id);
  }
  for (const FetchId id : ids) read_for(id);
}

void Partition::wake_fetches() {
  if (fetches_.empty()) return;
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) {
    if (!fetch.reading) ids.push_back(id);
  }
  for (const FetchId id : ids) read_for(id);
}

// --- times

void Partition::read_end(Done<Watermarks> done) {
  if (auto readable = check_readable(); !readable) return done(std::move(readable).error());
  if (is_alone()) return done(watermarks());
  group_->read_barrier(
      [alive = alive_, done = std::move(done)](const Result<model::LogPosition>& passed) mutable {
        if (*alive == nullptr) return done(shutting_down());
        Partition& self = **alive;
        if (auto readable = self.check_readable(); !readable) return done(std::move(readable).error());
        if (!passed) return done(passed.error());
        done(self.watermarks());
      });
}

void Partition::find_by_time(log::TimeKind kind, model::Timestamp time, model::Reading reading,
                             Done<TimeLookup> done) {
  if (auto serving = check_readable(); !serving) return done(std::move(serving).error());
  const Watermarks marks = watermarks();
  if (reading == model::Reading::kDeadLetters)
    return find_dead_letter_by_time(kind, time, marks.log_start, marks, std::move(done));
  log_.find_by_time(kind, time, marks.high_watermark,
                    [alive = alive_, kind, time, marks,
                     done = std::move(done)](Result<std::optional<model::Offset>> found) mutable {
                      if (!found) return done(std::move(found).error());
                      if (*alive == nullptr) return done(shutting_down());
                      if (!found->has_value()) return done(TimeLookup{marks, std::nullopt});
                      (*alive)->refine_time(kind, time, **found, std::move(done));
                    });
}

// The log names the batch; the record inside is found by decoding that one batch.
void Partition::refine_time(log::TimeKind kind, model::Timestamp time, model::Offset from,
                            Done<TimeLookup> done) {
  const Watermarks marks = watermarks();
  const model::Offset begin = std::max(from, marks.log_start);
  if (begin >= marks.high_watermark) return done(TimeLookup{marks, std::nullopt});
  if (kind == log::TimeKind::kAppend || config_.log_append_time) return done(TimeLookup{marks, begin});
  log_.read(
      {.from = begin, .upto = marks.high_watermark, .bytes_max = 1},
      [alive = alive_, marks, time, begin, done = std::move(done)](Result<log::ReadResult> result) mutable {
        if (!result) return done(std::move(result).error());
        for (const auto& frame : result->frames) {
          auto offset =
              first_offset_at_or_after(frame->payload.span(), time, begin, model::Reading::kRecords);
          if (!offset) return done(std::move(offset).error());
          if (offset->has_value()) return done(TimeLookup{marks, **offset});
        }
        done(TimeLookup{marks, begin});
      });
}

// No index has their times: what has them is rare, so it is read until one is that late.
void Partition::find_dead_letter_by_time(log::TimeKind kind, model::Timestamp time, model::Offset from,
                                         Watermarks marks, Done<TimeLookup> done) {
  read_dead_letters(
      log_, {.from = from, .upto = marks.high_watermark, .bytes_max = kTimeReadBytes},
      [alive = alive_, kind, time, from, marks,
       done = std::move(done)](Result<log::ReadResult> result) mutable {
        if (!result) return done(std::move(result).error());
        if (*alive == nullptr) return done(shutting_down());
        const bool by_append = kind == log::TimeKind::kAppend || (*alive)->config_.log_append_time;
        for (const auto& frame : result->frames) {
          if (by_append && frame->header.append_time < time) continue;
          const auto earliest = by_append ? model::Timestamp(std::numeric_limits<std::int64_t>::min()) : time;
          auto found =
              first_offset_at_or_after(frame->payload.span(), earliest, from, model::Reading::kDeadLetters);
          if (!found) return done(std::move(found).error());
          if (*found) return done(TimeLookup{marks, **found});
        }
        if (result->next >= marks.high_watermark || result->next <= from)
          return done(TimeLookup{marks, std::nullopt});
        // From the start: what memory has is answered at once, and would go deeper with each piece.
        (*alive)->surroundings_.executor->post(
            [alive, kind, time, from = result->next, marks, done = std::move(done)]() mutable {
              if (*alive == nullptr) return done(shutting_down());
              (*alive)->find_dead_letter_by_time(kind, time, from, marks, std::move(done));
            });
      });
}

}  // namespace forebay::partition
