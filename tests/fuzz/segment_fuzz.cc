// Arbitrary bytes as a segment: walked through windows of every size, indexed again; and as an index. The
// input may pick a mode in which a real frame is put somewhere into it, so that what lies behind a good frame
// is reached. Whatever comes in: the walk ends, what comes out is in order, whole and accounted for.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/index.h"
#include "log/core/segment_layout.h"

namespace forebay::log {
namespace {

model::TopicPartition partition() { return {}; }

// A whole control frame at [begin, begin + 1 control).
std::vector<std::byte> good_frame(model::LogPosition begin) {
  FrameHeader header;
  header.kind = FrameKind::kControl;
  header.begin = begin;
  header.end = begin.after_control();
  const std::vector<std::byte> payload(24, std::byte{1});
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload);
  std::vector<std::byte> frame(kFrameHeaderBytes);
  encode_frame_header(header, payload, frame.data());
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

void segment(ByteSpan input, std::uint8_t mode) {
  std::vector<std::byte> bytes(input.begin(), input.end());
  SegmentMeta meta;
  meta.begin = {model::Offset(5), 0};
  if (mode >= 2) {
    // Frames 0 and 2 of a row of three, one at the front and one where the input says.
    const auto first = good_frame(meta.begin);
    bytes.insert(bytes.begin(), first.begin(), first.end());
    const auto third = good_frame(meta.begin.after_control().after_control());
    const std::size_t at = bytes.size() < 130 ? bytes.size() : 104 + std::to_integer<std::size_t>(bytes[110]);
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at, bytes.size())), third.begin(),
                 third.end());
  }
  meta.size_bytes = round_up_to_segment_block(bytes.size());
  if (mode % 2 == 1) bytes.resize(static_cast<std::size_t>(meta.size_bytes));
  meta.end = {model::Offset(5), 3};

  SegmentCursor cursor(partition(), meta, {0, meta.begin});
  cursor.file_ends_at(bytes.size());
  SegmentIndex index(256);
  model::LogPosition at = meta.begin;
  std::uint64_t asked = 1 + mode;
  std::uint64_t steps = 0;
  for (;;) {
    FOREBAY_ASSERT(++steps < 16 * bytes.size() + 1000);
    const std::size_t position =
        static_cast<std::size_t>(std::min<std::uint64_t>(cursor.position(), bytes.size()));
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(asked, bytes.size() - position));
    const auto step = cursor.next(ByteSpan(bytes).subspan(position, size));
    if (std::holds_alternative<SegmentCursor::Finished>(step)) break;
    if (const auto* more = std::get_if<SegmentCursor::NeedMore>(&step)) {
      FOREBAY_ASSERT(more->bytes > 0 && cursor.position() + more->bytes <= bytes.size());
      FOREBAY_ASSERT(cursor.position() + more->bytes > position + size);
      asked = more->bytes;
    } else if (const auto* damaged = std::get_if<SegmentCursor::Damaged>(&step)) {
      FOREBAY_ASSERT(damaged->begin == at && damaged->end >= at && damaged->end <= meta.end);
      at = damaged->end;
    } else {
      const auto& whole = std::get<SegmentCursor::Whole>(step);
      FOREBAY_ASSERT(whole.header.begin == at && whole.header.end > at && whole.header.end <= meta.end);
      FOREBAY_ASSERT(check_frame_payload(whole.header, whole.payload).has_value());
      at = whole.header.end;
      index.add(whole.header, frame_facts(whole.header, whole.payload), whole.file_position);
    }
  }
  FOREBAY_ASSERT(at == meta.end);  // every position is either read or named as damaged
  if (bytes.size() == meta.size_bytes && meta.size_bytes > 0) {
    const auto again = decode_index(encode_index(partition(), meta, index), partition(), meta);
    FOREBAY_ASSERT(again.has_value() && *again == index);
  }
}

void index(ByteSpan input) {
  SegmentMeta meta;
  meta.end = {model::Offset(1'000'000), 0};
  meta.size_bytes = 1ULL << 30;
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (bytes.size() >= kIndexHeadBytes) {
    // Of the right segment and with the right checksums, so that the entries are reached.
    const auto good = encode_index(partition(), meta, SegmentIndex());
    std::copy(good.begin(), good.begin() + 72, bytes.begin());
    std::fill(bytes.begin() + 104, bytes.begin() + 120, std::byte{0});
    store_le(bytes.data() + 6, static_cast<std::uint16_t>(load_le<std::uint16_t>(bytes.data() + 6) & 1));
    store_le(bytes.data() + 120, crc32c(ByteSpan(bytes).subspan(kIndexHeadBytes)));
    store_le(bytes.data() + 124, crc32c(ByteSpan(bytes).first(124)));
  }
  const auto decoded = decode_index(bytes, partition(), meta);
  if (!decoded) return;
  for (const std::int64_t value :
       {std::int64_t{-5}, std::int64_t{0}, std::int64_t{77}, std::int64_t{1} << 62}) {
    for (const auto& found :
         {decoded->find_offset(model::Offset(value)), decoded->find_event_time(model::Timestamp(value)),
          decoded->find_append_time(model::Timestamp(value))}) {
      FOREBAY_ASSERT(!found || found->file_position < meta.size_bytes);
    }
  }
}

}  // namespace
}  // namespace forebay::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const forebay::ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const std::uint8_t mode = data[0] % 5;
  if (mode == 4)
    forebay::log::index(input);
  else
    forebay::log::segment(input, mode);
  return 0;
}
