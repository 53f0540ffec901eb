// The part of LogReplica that other replicas read: frames as they are, by position.
#include <algorithm>

#include "log/log_replica.h"

namespace forebay::log {

void LogReplica::read_frames(const FramesRequest& request, FramesDone done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  if (request.from < log_start_ || request.from > end_) return done(no_frame_error(id_, request.from));
  if (request.from >= request.upto || request.from == end_) return done(std::vector<FramePtr>());
  if (damaged_at(request.from)) return done(frames_lost_error(id_, request.from));
  if (is_in_memory(request.from)) {
    ++parts_.env.stats.cache_reads;
    return done(memory_frames(request));
  }
  frame_reads_.read(request, std::move(done));
}

Result<std::vector<FramePtr>> LogReplica::memory_frames(const FramesRequest& request) const {
  std::vector<FramePtr> frames;
  std::size_t bytes = 0;
  model::LogPosition at = request.from;
  LogMemory::Number first = memory_.find_begin(at);
  // Frames of a log that is whole in memory are as their leader made them: seldom does none begin there.
  const auto covers = [&](LogMemory::Number n) {
    return memory_.frame(n)->header.begin < at && at < memory_.frame(n)->header.end;
  };
  if (request.covering && first > memory_.begin() && covers(first - 1)) {
    --first;
    at = memory_.frame(first)->header.begin;
  }
  for (LogMemory::Number n = first; n < memory_.end(); ++n) {
    const FramePtr& frame = memory_.frame(n);
    if (frame->header.begin != at) {
      if (frames.empty()) return no_frame_error(id_, at);
      break;  // a damaged range lies before it
    }
    if (frame->header.end > request.upto) break;
    if (!frames.empty() && bytes + frame->encoded_bytes() > request.bytes_max) break;
    frames.push_back(frame);
    bytes += frame->encoded_bytes();
    at = frame->header.end;
  }
  return frames;
}

bool LogReplica::damaged_at(model::LogPosition position) const {
  return std::any_of(damage_.begin(), damage_.end(), [&](const Damage& one) {
    return !is_tail(one.kind) && one.begin <= position && position < one.end;
  });
}

std::optional<LogReadsOwner::Place> LogReplica::place_at(model::LogPosition position) const {
  const auto behind =
      std::partition_point(segments_.begin(), segments_.end(),
                           [&](const ReplicaSegment& segment) { return segment.ref.meta.begin <= position; });
  if (position < log_start_ || behind == segments_.begin()) return std::nullopt;
  const ReplicaSegment& segment = *std::prev(behind);
  if (segment.ref.meta.end <= position) return std::nullopt;
  const bool active = !sealed(segment);
  return Place{segment.ref, active ? writer_.active_index() : nullptr, std::nullopt};
}

}  // namespace forebay::log
