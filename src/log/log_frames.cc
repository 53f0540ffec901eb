// The part of LogReplica that other replicas read: frames as they are, by position.
#include <algorithm>

#include "log/log_replica.h"

namespace forebay::log {

void LogReplica::read_frames(const FramesRequest& request, FramesDone done) {
  if (closed_) return done(Error{ErrorCode::kCancelled, "log " + id_.to_string() + " is closed"});
  if (request.from > end_) return done(no_frame_error(id_, request.from));
  // The frame that covers log start is still there, all of it.
  const model::LogPosition first = std::max(request.from, log_start_);
  if (request.from >= request.upto || first == end_) {
    const bool is_gone = request.from < first && request.first == FirstFrame::kThere;
    return done(is_gone ? Result<std::vector<FramePtr>>(no_frame_error(id_, request.from))
                        : std::vector<FramePtr>());
  }
  if (damaged_at(first)) return done(frames_lost_error(id_, first));
  if (is_in_memory(first)) {
    ++parts_.env.stats.cache_reads;
    return done(memory_frames(request));
  }
  frame_reads_.read(request, std::move(done));
}

Result<std::vector<FramePtr>> LogReplica::memory_frames(const FramesRequest& request) const {
  std::vector<FramePtr> frames;
  std::size_t bytes = 0;
  model::LogPosition at = std::max(request.from, log_start_);
  LogMemory::Number n = memory_.find_begin(at);
  if (n > memory_.begin() && memory_.frame(n - 1)->header.end > at) --n;
  for (; n < memory_.end(); ++n) {
    FramePtr frame = memory_.frame(n);
    if (frames.empty()) {
      frame = first_frame(request, log_start_, std::move(frame));
      if (frame == nullptr) return no_frame_error(id_, request.from);
      at = frame->header.begin;
    }
    if (frame->header.begin != at) break;  // a damaged range lies before it
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
