// How frames lie in a segment file, and how to walk them without ever trusting a byte. Byte by byte:
// docs/format/segment.md. Pure.
//
// A segment is a row of pieces. A piece begins on a fresh block of 4 KiB: frames back to back, then zeros to
// the end of the block. Frames continue one another: each begins where the one before it ends, so a frame
// that is missing shows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/frame.h"
#include "log/core/index.h"
#include "log/core/journal_record.h"
#include "model/ids.h"

namespace forebay::log {

inline constexpr std::uint64_t kSegmentBlockBytes = 4096;

[[nodiscard]] constexpr std::uint64_t round_up_to_segment_block(std::uint64_t bytes) {
  return (bytes + kSegmentBlockBytes - 1) / kSegmentBlockBytes * kSegmentBlockBytes;
}

// Bytes of a piece of these frames, in whole blocks.
[[nodiscard]] std::uint64_t piece_bytes(std::span<const FramePtr> frames);
// Requires: to.size() == piece_bytes(frames); the last block of `to` is zeroed.
void encode_piece(std::span<const FramePtr> frames, std::span<std::byte> to);

// Of the frame's batch; of a control frame, and of a batch too short to say it, nothing.
[[nodiscard]] FrameFacts frame_facts(const FrameHeader& header, ByteSpan payload);

// Walks a segment, or a part of it, through windows of its bytes that the caller reads. Every frame it
// returns has been checked whole: header, payload, place in the order, partition. What cannot be trusted
// comes back as a range of positions, as small as the bytes allow, and the walk goes on behind it.
class SegmentCursor {
 public:
  struct Whole {
    FrameHeader header;
    std::uint64_t file_position = 0;
    ByteSpan payload;  // in the window
  };
  // Give at least `bytes` from position() on.
  struct NeedMore {
    std::uint64_t bytes = 0;
  };
  // [begin, end) cannot be trusted. begin == end: only padding is damaged, no frame is lost.
  struct Damaged {
    model::LogPosition begin, end;
    std::uint64_t file_position = 0;
  };
  struct Finished {};
  using Step = std::variant<Whole, NeedMore, Damaged, Finished>;

  struct Start {
    std::uint64_t file_position = 0;  // of a frame's first byte
    model::LogPosition at;            // that frame's begin
  };
  // `segment.size_bytes` and `segment.end` bound the walk. Frames may follow behind the end, where the log
  // was cut.
  SegmentCursor(const model::TopicPartition& id, const SegmentMeta& segment, Start start);

  // `window` holds the file's bytes from position() on. Requires: as much as the last NeedMore asked for.
  [[nodiscard]] Step next(ByteSpan window);
  // The file ends at `bytes` already: what should lie behind is damage.
  void file_ends_at(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] model::LogPosition at() const { return at_; }

 private:
  [[nodiscard]] Step search(ByteSpan window);
  [[nodiscard]] Step finish();
  [[nodiscard]] std::optional<Step> need(ByteSpan window, std::uint64_t bytes) const;
  [[nodiscard]] bool plausible(const FrameHeader& header) const;

  model::TopicPartition id_;
  std::uint64_t size_bytes_;
  model::LogPosition end_;
  std::uint64_t position_;
  model::LogPosition at_;
  bool searching_ = false;     // lost: looking for the next frame that fits
  std::uint64_t lost_at_ = 0;  // file position where that began
  bool finished_ = false;
};

}  // namespace forebay::log
