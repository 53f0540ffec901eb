// The part of LogReplica that readers of records use: from memory where it is there, else from the disk
// (log_reads.h).
#include <algorithm>
#include <utility>

#include "log/log_replica.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

// Frames cover their range, and readers rely on that there is no hole: what follows an accepted one covers
// it.
void cover_holes(ReadResult& result, model::Offset from) {
  for (FramePtr& frame : result.frames) {
    if (frame->header.begin.next_offset > from) {
      Frame wider = *frame;
      wider.header.begin = {from, 0};
      frame = std::make_shared<const Frame>(std::move(wider));
    }
    from = frame->header.end.next_offset;
  }
}

}  // namespace

void LogReplica::read(const ReadRequest& request, ReadResultDone done) {
  const auto is_hole = [](const Damage& one) { return one.kind == DamageKind::kAcceptedMiddle; };
  if (std::none_of(damage_.begin(), damage_.end(), is_hole)) return read_from(request, std::move(done));
  ReadRequest behind = request;
  behind.from = past_accepted(request.from);
  read_from(behind, [from = request.from, done = std::move(done)](Result<ReadResult> result) mutable {
    if (result) cover_holes(*result, from);
    done(std::move(result));
  });
}

void LogReplica::read_from(const ReadRequest& request, ReadResultDone done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  if (request.from < log_start_.next_offset || request.from > end_.next_offset) {
    return done(Error{ErrorCode::kOffsetOutOfRange,
                      "offset " + std::to_string(request.from.value()) + " is outside of " +
                          std::to_string(log_start_.next_offset.value()) + ".." +
                          std::to_string(end_.next_offset.value()) + " of " + id_.to_string()});
  }
  if (request.from >= request.upto || request.from == end_.next_offset)
    return done(ReadResult{{}, request.from});
  if (const auto good = damaged_until(request.from)) return done(data_loss_error(id_, request.from, *good));
  if (!memory_.empty() && memory_.frame(memory_.begin())->header.begin.next_offset <= request.from) {
    ++parts_.env.stats.cache_reads;
    return done(read_memory(request));
  }
  reads_.read(request, std::move(done));
}

ReadResult LogReplica::read_memory(const ReadRequest& request) const {
  ReadResult result{{}, request.from};
  std::size_t bytes = 0;
  for (LogMemory::Number n = memory_.find(request.from); n < memory_.end(); ++n) {
    const FramePtr& frame = memory_.frame(n);
    const FrameHeader& header = frame->header;
    result.next = past_accepted(result.next);
    if (header.begin.next_offset > result.next) break;  // a damaged range lies before it
    if (result.next >= request.upto) break;
    if (header.kind == FrameKind::kRecords) {
      if (header.end.next_offset > request.upto) break;
      if (!result.frames.empty() && bytes + frame->payload.size() > request.bytes_max) break;
      result.frames.push_back(frame);
      bytes += frame->payload.size();
    }
    result.next = std::max(result.next, header.end.next_offset);
    if (result.next >= request.upto || bytes >= request.bytes_max) break;
  }
  return result;
}

std::optional<LogReadsOwner::Place> LogReplica::place_of(model::Offset offset) const {
  // From here on memory has everything; a damaged range before the first frame in memory is asked for
  // separately.
  if (!memory_.empty() && memory_.frame(memory_.begin())->header.begin.next_offset <= offset)
    return std::nullopt;
  auto it = std::partition_point(segments_.begin(), segments_.end(), [offset](const ReplicaSegment& segment) {
    return segment.ref.meta.begin.next_offset <= offset;
  });
  if (it != segments_.begin()) {
    const auto before = std::prev(it);
    if (before->ref.meta.end.next_offset > offset || it == segments_.end()) it = before;
  }
  if (it == segments_.end() || it->ref.meta.end == it->ref.meta.begin) return std::nullopt;
  if (it->ref.meta.end.next_offset <= offset && std::next(it) == segments_.end()) return std::nullopt;
  const bool active = !sealed(*it);
  return Place{it->ref, active ? writer_.active_index() : nullptr,
               active ? std::optional(writer_.active_times()) : it->times};
}

void LogReplica::find_by_time(TimeKind kind, model::Timestamp time, model::Offset upto,
                              UniqueFunction<void(Result<std::optional<model::Offset>>)> done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  reads_.find(FrameSearch::by_time(kind, time), log_start_.next_offset, upto, std::move(done));
}

void LogReplica::find_dead_letters(model::Offset from, model::Offset upto,
                                   UniqueFunction<void(Result<std::optional<model::Offset>>)> done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  const FrameSearch search = FrameSearch::for_dead_letters();
  // Who follows them asks after each commit.
  if (!memory_.empty() && memory_.frame(memory_.begin())->header.begin.next_offset <= from)
    return done(find_in_memory(search, from, upto));
  reads_.find(search, from, upto,
              [this, from, upto, done = std::move(done)](Result<std::optional<model::Offset>> found) mutable {
                if (!found) return done(std::move(found).error());
                // What was there before it nobody knows; without a word it would pass for nothing.
                for (const Damage& one : damage_) {
                  const model::Offset begin = std::max(from, one.begin.next_offset);
                  if (is_accepted(one.kind) || is_tail(one.kind) || one.end.next_offset <= from) continue;
                  if (begin < found->value_or(upto))
                    return done(data_loss_error(id_, begin, one.end.next_offset));
                }
                done(std::move(found));
              });
}

std::optional<model::Offset> LogReplica::find_in_memory(const FrameSearch& search, model::Offset from,
                                                        model::Offset upto) const {
  from = std::max(from, log_start_.next_offset);
  for (LogMemory::Number n = memory_.find(from); n < memory_.end(); ++n) {
    const FrameHeader& header = memory_.frame(n)->header;
    if (header.begin.next_offset >= upto) break;
    if (header.kind != FrameKind::kRecords || header.end.next_offset <= from) continue;
    if (search.finds(header, memory_.frame(n)->payload.span()))
      return std::max(header.begin.next_offset, from);
  }
  return std::nullopt;
}

}  // namespace forebay::log
