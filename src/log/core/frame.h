// The frame: our checked wrapper around a record batch or a control payload. Made by the leader once;
// journal, segment and wire hold the same bytes. Byte by byte: docs/format/frame.md.
//
// Two checksums cover every bit: the frame's own CRC covers the header and, of a record batch, the first 21
// bytes (which the batch's own CRC leaves out: base offset, length, leader epoch, magic, CRC); `payload_crc`
// covers the rest of the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::log {

enum class FrameKind : std::uint8_t { kRecords = 1, kControl = 2 };

inline constexpr std::size_t kFrameHeaderBytes = 80;
// The bytes of a record batch that its own CRC leaves out.
inline constexpr std::size_t kBatchPrefixBytes = 21;

struct FrameHeader {
  model::TopicPartition partition;
  FrameKind kind = FrameKind::kRecords;
  // The covered range: begin of a frame is the end of the one before it, also after compaction (which widens
  // it).
  model::LogPosition begin;
  model::LogPosition end;
  model::Term term;
  model::Timestamp append_time;  // set once by the leader, never decreasing within a partition
  std::uint32_t payload_bytes = 0;
  std::uint32_t payload_crc =
      0;  // kRecords: the batch's own CRC (over its bytes from 21); kControl: CRC-32C of the payload
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

struct Frame {
  FrameHeader header;
  SharedBytes payload;  // kRecords: the whole batch, first byte = its base offset field
  [[nodiscard]] std::size_t encoded_bytes() const { return kFrameHeaderBytes + payload.size(); }
};
using FramePtr = std::shared_ptr<const Frame>;

// Writes kFrameHeaderBytes. Requires: payload.size() == header.payload_bytes.
void encode_frame_header(const FrameHeader& header, ByteSpan payload, std::byte* to);

// Reads and checks a header (and the batch prefix behind it). `bytes` starts at the frame and holds at least
// the header and, when the payload is a record batch, its first 21 bytes. Errors: kCorruptBatch.
[[nodiscard]] Result<FrameHeader> decode_frame_header(ByteSpan bytes);

// Checks the rest of the payload against payload_crc. Errors: kCorruptBatch.
[[nodiscard]] Result<void> check_frame_payload(const FrameHeader& header, ByteSpan payload);

}  // namespace forebay::log
