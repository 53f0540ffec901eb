#include "log/salvage.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <tuple>

#include "log/core/control.h"
#include "log/core/damage.h"
#include "log/segment_io.h"

namespace forebay::log {
namespace {

using model::LogPosition;

constexpr LogPosition kNoEnd{model::Offset(std::numeric_limits<std::int64_t>::max()), 0};

// Segments of one folder, those in front first; of several that begin at one place the newest first.
std::vector<SegmentMeta> segments_in(const std::vector<io::DirectoryEntry>& entries) {
  std::vector<SegmentMeta> segments;
  for (const io::DirectoryEntry& entry : entries) {
    auto meta = entry.is_directory ? std::nullopt : parse_segment_file_name(entry.name);
    if (!meta) continue;
    meta->size_bytes = round_up_to_segment_block(entry.size_bytes);
    segments.push_back(*meta);
  }
  const auto order = [](const SegmentMeta& meta) { return std::pair(meta.remakes(), meta.generation); };
  std::sort(segments.begin(), segments.end(), [&order](const SegmentMeta& a, const SegmentMeta& b) {
    return std::tuple(a.begin, b.boot_epoch, order(b)) < std::tuple(b.begin, a.boot_epoch, order(a));
  });
  const auto same_begin = [](const SegmentMeta& a, const SegmentMeta& b) { return a.begin == b.begin; };
  segments.erase(std::unique(segments.begin(), segments.end(), same_begin), segments.end());
  return segments;
}

// What is known so far. Log starts are kept with the place of their frames: a later segment may void those.
struct Found {
  PartitionCheckpoint state;
  std::vector<std::pair<LogPosition, LogPosition>> log_starts;
};

void note_frame(Found& found, const SegmentCursor::Whole& frame) {
  PartitionCheckpoint& state = found.state;
  const FrameHeader& header = frame.header;
  if (state.terms.empty() || state.terms.back().term != header.term) {
    state.terms.push_back({header.term, header.begin});
  }
  if (header.term > state.hard_state.term) state.hard_state = {header.term, kUnknownVote};
  state.max_append_time = std::max(state.max_append_time, header.append_time);
  if (header.kind != FrameKind::kControl) return;
  if (const auto control = decode_control(frame.payload)) {
    if (const auto* membership = std::get_if<Membership>(&*control)) {
      state.memberships.emplace_back(header.begin, *membership);
    } else if (const auto* start = std::get_if<LogStart>(&*control)) {
      found.log_starts.emplace_back(header.begin, std::min(start->begin, header.begin));
    }
  }
}

// Walks a segment to its last whole frame and completes its meta.
Result<void> walk_segment(io::FileSystem& fs, const std::string& data_dir, SegmentMeta& segment,
                          Found& found) {
  PartitionCheckpoint& state = found.state;
  SegmentMeta bounds = segment;
  bounds.end = kNoEnd;
  FOREBAY_TRY(SegmentWalk walk, SegmentWalk::open(fs, data_dir, state.id, bounds));
  segment.end = segment.begin;
  segment.size_bytes = 0;
  std::optional<Damage> hole;
  for (;;) {
    FOREBAY_TRY(const SegmentCursor::Step step, walk.next());
    if (std::holds_alternative<SegmentCursor::Finished>(step)) return {};
    if (const auto* damaged = std::get_if<SegmentCursor::Damaged>(&step)) {
      // A hole only if a frame follows; else the file simply ends here.
      if (damaged->begin < damaged->end) hole = Damage{DamageKind::kMiddle, damaged->begin, damaged->end};
    } else if (const auto* whole = std::get_if<SegmentCursor::Whole>(&step)) {
      if (hole) state.damage.push_back(*std::exchange(hole, std::nullopt));
      note_frame(found, *whole);
      segment.end = whole->header.end;
      segment.size_bytes =
          round_up_to_segment_block(whole->file_position + kFrameHeaderBytes + whole->header.payload_bytes);
    }
  }
}

// Forgets what is known at and above the position: a later segment begins there.
void forget_from(Found& found, const LogPosition& at) {
  PartitionCheckpoint& state = found.state;
  state.segments.back().end = at;
  std::erase_if(state.terms, [&](const TermBegin& term) { return term.begin >= at; });
  std::erase_if(state.memberships, [&](const auto& entry) { return entry.first >= at; });
  std::erase_if(state.damage, [&](const Damage& damage) { return damage.begin >= at; });
  std::erase_if(found.log_starts, [&](const auto& entry) { return entry.first >= at; });
}

// A sole voter's segments hold what was committed. Nothing below is of interest any more.
void raise_log_start(Found& found) {
  PartitionCheckpoint& state = found.state;
  for (const auto& [frame, begin] : found.log_starts) state.log_start = std::max(state.log_start, begin);
  std::erase_if(state.damage, [&](const Damage& damage) { return damage.end <= state.log_start; });
  for (Damage& damage : state.damage) damage.begin = std::max(damage.begin, state.log_start);
}

}  // namespace

Result<std::vector<model::TopicPartition>> partition_folders(io::FileSystem& fs,
                                                             const std::string& data_dir) {
  std::vector<model::TopicPartition> ids;
  const std::string root = data_dir + "/topics";
  if (!fs.exists(root)) return ids;
  FOREBAY_TRY(const auto topics, fs.list(root));
  for (const io::DirectoryEntry& topic : topics) {
    const auto topic_id = model::Uuid::parse(topic.name);
    if (!topic.is_directory || !topic_id) continue;
    FOREBAY_TRY(const auto partitions, fs.list(root + "/" + topic.name));
    for (const io::DirectoryEntry& entry : partitions) {
      std::int32_t index = 0;
      const char* end = entry.name.data() + entry.name.size();
      const auto parsed = std::from_chars(entry.name.data(), end, index);
      if (!entry.is_directory || parsed.ec != std::errc() || parsed.ptr != end || index < 0) continue;
      ids.push_back({*topic_id, model::PartitionIndex(index)});
    }
  }
  return ids;
}

Result<std::optional<PartitionCheckpoint>> salvage_partition(io::FileSystem& fs, const std::string& data_dir,
                                                             const model::TopicPartition& id) {
  FOREBAY_TRY(const auto entries, fs.list(partition_directory(data_dir, id)));
  std::vector<SegmentMeta> segments = segments_in(entries);
  if (segments.empty()) return std::optional<PartitionCheckpoint>();
  Found found;
  PartitionCheckpoint& state = found.state;
  state.id = id;
  state.log_start = state.segment_end = segments.front().begin;
  for (SegmentMeta& segment : segments) {
    if (!state.segments.empty() && segment.begin < state.segment_end) {
      // Left over from a compaction or a repair, or the log was cut there and went on.
      if (segment.remakes() < state.segments.back().remakes()) continue;
      forget_from(found, segment.begin);
    } else if (segment.begin > state.segment_end) {
      state.damage.push_back({DamageKind::kMiddle, state.segment_end, segment.begin});
    }
    FOREBAY_CHECK(walk_segment(fs, data_dir, segment, found));
    state.segment_end = segment.end;
    state.segments.push_back(segment);
  }
  raise_log_start(found);
  return std::optional(std::move(state));
}

void join_salvaged(PartitionCheckpoint salvaged, FoldedPartition& folded) {
  PartitionCheckpoint& known = folded.state;
  const LogPosition end = salvaged.segment_end;
  if (known.hard_state.term >= salvaged.hard_state.term) salvaged.hard_state = known.hard_state;
  salvaged.log_epoch = known.log_epoch;
  salvaged.log_start = std::max(salvaged.log_start, known.log_start);
  salvaged.lowest_truncation = known.lowest_truncation;
  std::erase_if(folded.tail, [&](const ScannedFrame& frame) { return frame.header.begin < end; });
  for (Damage damage : known.damage) {
    damage.begin = std::max(damage.begin, end);
    damage.end = std::max(damage.end, end);
    if (is_tail(damage.kind) || damage.begin < damage.end) salvaged.damage.push_back(damage);
  }
  folded.end = std::max(folded.end, end);
  if (folded.tail.empty()) add_lost_tail(salvaged.damage, folded.end);
  known = std::move(salvaged);
}

}  // namespace forebay::log
