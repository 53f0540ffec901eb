#include "log/core/frame.h"

#include <algorithm>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"

namespace forebay::log {
namespace {

constexpr std::uint32_t kMagic = 0x31664246;  // "FBf1"
constexpr std::uint8_t kVersion = 1;

// Places in the header; docs/format/frame.md.
constexpr std::size_t kCrcAt = 4;
constexpr std::size_t kCrcBegin = 8;  // the CRC covers the header from here
constexpr std::size_t kPayloadBytesAt = 8;
constexpr std::size_t kPayloadCrcAt = 12;
constexpr std::size_t kKindAt = 16;
constexpr std::size_t kVersionAt = 17;
constexpr std::size_t kReservedAt = 18;
constexpr std::size_t kPartitionAt = 20;
constexpr std::size_t kTopicAt = 24;
constexpr std::size_t kBeginOffsetAt = 40;
constexpr std::size_t kBeginControlAt = 48;
constexpr std::size_t kEndControlAt = 52;
constexpr std::size_t kEndOffsetAt = 56;
constexpr std::size_t kTermAt = 64;
constexpr std::size_t kAppendTimeAt = 72;

std::uint32_t header_crc(const std::byte* header, ByteSpan prefix) {
  return crc32c_extend(crc32c({header + kCrcBegin, kFrameHeaderBytes - kCrcBegin}), prefix);
}

Error corrupt(const char* what) { return {ErrorCode::kCorruptBatch, std::string("frame: ") + what}; }

}  // namespace

void encode_frame_header(const FrameHeader& header, ByteSpan payload, std::byte* to) {
  FOREBAY_ASSERT(payload.size() == header.payload_bytes);
  FOREBAY_ASSERT(header.kind != FrameKind::kRecords || payload.size() >= kBatchPrefixBytes);
  store_le(to, kMagic);
  store_le(to + kPayloadBytesAt, header.payload_bytes);
  store_le(to + kPayloadCrcAt, header.payload_crc);
  store_le(to + kKindAt, static_cast<std::uint8_t>(header.kind));
  store_le(to + kVersionAt, kVersion);
  store_le(to + kReservedAt, std::uint16_t{0});
  store_le(to + kPartitionAt, header.partition.partition.value());
  std::memcpy(to + kTopicAt, header.partition.topic.bytes.data(), 16);
  store_le(to + kBeginOffsetAt, header.begin.next_offset.value());
  store_le(to + kBeginControlAt, header.begin.control_count);
  store_le(to + kEndControlAt, header.end.control_count);
  store_le(to + kEndOffsetAt, header.end.next_offset.value());
  store_le(to + kTermAt, header.term.value());
  store_le(to + kAppendTimeAt, header.append_time.value());
  const ByteSpan prefix = header.kind == FrameKind::kRecords ? payload.first(kBatchPrefixBytes) : ByteSpan{};
  store_le(to + kCrcAt, header_crc(to, prefix));
}

Result<FrameHeader> decode_frame_header(ByteSpan bytes) {
  if (bytes.size() < kFrameHeaderBytes) return corrupt("shorter than its header");
  const std::byte* from = bytes.data();
  if (load_le<std::uint32_t>(from) != kMagic) return corrupt("no frame begins here");
  const auto kind = static_cast<FrameKind>(load_le<std::uint8_t>(from + kKindAt));
  if (kind != FrameKind::kRecords && kind != FrameKind::kControl) return corrupt("unknown kind");
  ByteSpan prefix;
  if (kind == FrameKind::kRecords) {
    if (bytes.size() < kFrameHeaderBytes + kBatchPrefixBytes) return corrupt("batch cut short");
    prefix = bytes.subspan(kFrameHeaderBytes, kBatchPrefixBytes);
  }
  if (load_le<std::uint32_t>(from + kCrcAt) != header_crc(from, prefix)) return corrupt("header checksum");
  if (load_le<std::uint8_t>(from + kVersionAt) != kVersion) return corrupt("unknown version");
  if (load_le<std::uint16_t>(from + kReservedAt) != 0) return corrupt("reserved bytes are not zero");

  FrameHeader header;
  header.kind = kind;
  header.payload_bytes = load_le<std::uint32_t>(from + kPayloadBytesAt);
  header.payload_crc = load_le<std::uint32_t>(from + kPayloadCrcAt);
  header.partition.partition = model::PartitionIndex(load_le<std::int32_t>(from + kPartitionAt));
  std::memcpy(header.partition.topic.bytes.data(), from + kTopicAt, 16);
  header.begin = {model::Offset(load_le<std::int64_t>(from + kBeginOffsetAt)),
                  load_le<std::uint32_t>(from + kBeginControlAt)};
  header.end = {model::Offset(load_le<std::int64_t>(from + kEndOffsetAt)),
                load_le<std::uint32_t>(from + kEndControlAt)};
  header.term = model::Term(load_le<std::uint64_t>(from + kTermAt));
  header.append_time = model::Timestamp(load_le<std::int64_t>(from + kAppendTimeAt));
  if (kind == FrameKind::kRecords && header.payload_bytes < kBatchPrefixBytes)
    return corrupt("batch too short");
  if (header.partition.partition.value() < 0) return corrupt("negative partition");
  if (header.begin.next_offset.value() < 0 || header.end <= header.begin) return corrupt("empty range");
  return header;
}

Result<void> check_frame_payload(const FrameHeader& header, ByteSpan payload) {
  if (payload.size() != header.payload_bytes) return corrupt("payload length");
  const std::size_t skipped = header.kind == FrameKind::kRecords ? kBatchPrefixBytes : 0;
  if (payload.size() < skipped) return corrupt("payload length");
  if (crc32c(payload.subspan(skipped)) != header.payload_crc) return corrupt("payload checksum");
  return {};
}

}  // namespace forebay::log
