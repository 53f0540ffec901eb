#include "log/core/segment_layout.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/endian.h"
#include "model/record_batch.h"

namespace forebay::log {
namespace {

constexpr std::size_t kBatchMaxTimestampAt = 35;  // docs/format/segment.md, the record batch
// A frame header and the part of a batch that it vouches for.
constexpr std::uint64_t kHeadBytes = kFrameHeaderBytes + kBatchPrefixBytes;

// The first bytes of a frame (docs/format/frame.md): a cheap sieve for the search after damage.
constexpr std::uint32_t kFrameMagic = 0x31664246;

bool may_begin_frame(ByteSpan bytes) {
  if (bytes.size() < sizeof kFrameMagic) return bytes[0] == std::byte{kFrameMagic & 0xff};
  return load_le<std::uint32_t>(bytes.data()) == kFrameMagic;
}

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

std::uint64_t piece_bytes(std::span<const FramePtr> frames) {
  std::uint64_t bytes = 0;
  for (const FramePtr& frame : frames) bytes += frame->encoded_bytes();
  return round_up_to_segment_block(bytes);
}

void encode_piece(std::span<const FramePtr> frames, std::span<std::byte> to) {
  std::size_t at = 0;
  for (const FramePtr& frame : frames) {
    FOREBAY_ASSERT(at + frame->encoded_bytes() <= to.size());
    encode_frame_header(frame->header, frame->payload.span(), to.data() + at);
    at += kFrameHeaderBytes;
    if (!frame->payload.empty()) std::memcpy(to.data() + at, frame->payload.data(), frame->payload.size());
    at += frame->payload.size();
  }
  FOREBAY_ASSERT(round_up_to_segment_block(at) == to.size());
}

FrameFacts frame_facts(const FrameHeader& header, ByteSpan payload) {
  if (header.kind != FrameKind::kRecords || payload.size() < model::kBatchHeaderBytes) return {};
  return {.event_time = model::Timestamp(load_be<std::int64_t>(payload.data() + kBatchMaxTimestampAt)),
          .has_dead_letters = model::has_dead_letters(payload)};
}

SegmentCursor::SegmentCursor(const model::TopicPartition& id, const SegmentMeta& segment, Start start)
    : id_(id),
      size_bytes_(segment.size_bytes),
      end_(segment.end),
      position_(start.file_position),
      at_(start.at) {}

void SegmentCursor::file_ends_at(std::uint64_t bytes) { size_bytes_ = std::min(size_bytes_, bytes); }

std::optional<SegmentCursor::Step> SegmentCursor::need(ByteSpan window, std::uint64_t bytes) const {
  const std::uint64_t there = size_bytes_ - position_;
  if (window.size() >= std::min(bytes, there)) return std::nullopt;
  return Step(NeedMore{std::min(bytes, there)});
}

bool SegmentCursor::plausible(const FrameHeader& header) const {
  return header.partition == id_ && header.begin >= at_ && header.end > header.begin && header.end <= end_;
}

SegmentCursor::Step SegmentCursor::finish() {
  if (std::exchange(finished_, true) || (at_ == end_ && !searching_)) return Finished{};
  const model::LogPosition begin = std::exchange(at_, end_);
  return Damaged{begin, end_, searching_ ? lost_at_ : position_};
}

SegmentCursor::Step SegmentCursor::next(ByteSpan window) {
  for (;;) {
    if (finished_ || position_ >= size_bytes_) return finish();
    if (searching_) return search(window);
    const std::uint64_t block_left = kSegmentBlockBytes - position_ % kSegmentBlockBytes;
    if (auto more = need(window, 1)) return *more;
    if (window[0] == std::byte{0} && block_left != kSegmentBlockBytes) {
      // Padding: a frame never begins with a zero byte, a piece always begins on a block.
      if (auto more = need(window, block_left)) return *more;
      const std::uint64_t padding = std::min<std::uint64_t>(block_left, size_bytes_ - position_);
      if (!all_zero(window.first(padding))) {
        searching_ = true;
        lost_at_ = position_;
        continue;
      }
      position_ += padding;
      window = window.subspan(padding);
      continue;
    }
    if (auto more = need(window, kHeadBytes)) return *more;
    const auto header =
        decode_frame_header(window.first(std::min<std::uint64_t>(window.size(), size_bytes_ - position_)));
    if (header && at_ == end_ && header->partition == id_ && header->begin == end_) {
      finished_ = true;  // the log was cut here: what follows was good, and is void
      return Finished{};
    }
    if (!header || !plausible(*header)) {
      searching_ = true;
      lost_at_ = position_;
      continue;
    }
    if (header->begin > at_) {  // a hole: say so first, the frame comes with the next step
      const model::LogPosition begin = at_;
      at_ = header->begin;
      return Damaged{begin, at_, position_};
    }
    const std::uint64_t whole = kFrameHeaderBytes + header->payload_bytes;
    if (whole > size_bytes_ - position_) {
      searching_ = true;
      lost_at_ = position_;
      continue;
    }
    if (auto more = need(window, whole)) return *more;
    const ByteSpan payload = window.subspan(kFrameHeaderBytes, header->payload_bytes);
    const std::uint64_t file_position = position_;
    position_ += whole;
    at_ = header->end;
    // The header is whole, so exactly this frame is lost.
    if (!check_frame_payload(*header, payload)) return Damaged{header->begin, header->end, file_position};
    return Whole{*header, file_position, payload};
  }
}

// Only a frame that is whole, of this partition and in order ends the search; a record's value that happens
// to look like a header does not survive these checks by accident.
SegmentCursor::Step SegmentCursor::search(ByteSpan window) {
  std::uint64_t skipped = 0;
  for (;;) {
    ++skipped;  // the byte where the search stands has been judged already
    if (position_ + skipped >= size_bytes_) {
      position_ = size_bytes_;
      return finish();
    }
    if (skipped >= window.size()) {
      position_ += skipped - 1;
      return *need({}, std::min<std::uint64_t>(kSegmentBlockBytes * 16, size_bytes_ - position_));
    }
    if (!may_begin_frame(window.subspan(skipped))) continue;
    const std::uint64_t there = size_bytes_ - position_ - skipped;
    const ByteSpan rest = window.subspan(skipped);
    const auto ask = [&](std::uint64_t bytes) {
      position_ += skipped - 1;
      return Step(NeedMore{std::min(bytes + 1, size_bytes_ - position_)});
    };
    if (rest.size() < std::min<std::uint64_t>(kHeadBytes, there)) return ask(kHeadBytes);
    const auto header = decode_frame_header(rest.first(std::min<std::uint64_t>(rest.size(), there)));
    if (!header || !plausible(*header)) continue;
    const std::uint64_t whole = kFrameHeaderBytes + header->payload_bytes;
    if (whole > there) continue;
    if (rest.size() < whole) return ask(whole);
    if (!check_frame_payload(*header, rest.subspan(kFrameHeaderBytes, header->payload_bytes))) continue;
    position_ += skipped;
    const model::LogPosition begin = at_;
    at_ = header->begin;
    searching_ = false;
    return Damaged{begin, at_, lost_at_};
  }
}

}  // namespace forebay::log
