#include "client/wire.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/endian.h"
#include "base/varint.h"
#include "client/core/resume_plan.h"
#include "client/rpc_error.h"
#include "forebay/v1/error.pb.h"
#include "forebay/v1/log.pb.h"

namespace forebay::client {
namespace {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& out, std::uint64_t value) {
  std::byte buffer[kVarlongBytesMax];
  const std::byte* end = write_unsigned_varint(buffer, value);
  out.append(as_text({buffer, static_cast<std::size_t>(end - buffer)}));
}
void put_tag(std::string& out, int field, WireType type) {
  put_varint(out, (static_cast<std::uint64_t>(field) << 3) | static_cast<std::uint64_t>(type));
}
void put_field(std::string& out, int field, std::uint64_t value) {
  put_tag(out, field, WireType::kVarint);
  put_varint(out, value);
}

void put_text(std::string& out, int field, std::string_view text) {
  put_tag(out, field, WireType::kBytes);
  put_varint(out, text.size());
  out.append(text);
}

v1::Acks wire_acks(Acks acks) {
  switch (acks) {
    case Acks::kAll:
      return v1::ACKS_ALL;
    case Acks::kLeader:
      return v1::ACKS_LEADER;
    case Acks::kNone:
      return v1::ACKS_NONE;
  }
  return v1::ACKS_ALL;
}

// Reads through the pieces as if they were one. Invariant: offset_ < size of pieces_[piece_], or piece_ is
// past the last one.
class ScatteredReader {
 public:
  explicit ScatteredReader(const ScatteredBytes& message) : message_(message) {
    for (const ByteSpan piece : message.pieces) left_ += piece.size();
    settle();
  }

  [[nodiscard]] std::size_t left() const { return left_; }

  [[nodiscard]] bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_ == 0) return false;
      const auto byte = std::to_integer<std::uint64_t>(message_.pieces[piece_][offset_]);
      advance(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  // Requires: size <= left().
  [[nodiscard]] SharedBytes bytes(std::size_t size) {
    if (size == 0) return {};
    const ByteSpan piece = message_.pieces[piece_];
    if (size <= piece.size() - offset_) {
      const SharedBytes part(message_.owner, piece.subspan(offset_, size), size);
      advance(size);
      return part;
    }
    std::vector<std::byte> copy;
    copy.reserve(size);
    while (copy.size() < size) {
      const ByteSpan rest = message_.pieces[piece_].subspan(offset_);
      const ByteSpan part = rest.first(std::min(rest.size(), size - copy.size()));
      copy.insert(copy.end(), part.begin(), part.end());
      advance(part.size());
    }
    return SharedBytes::take(std::move(copy));
  }
  // Requires: size <= left().
  void skip(std::size_t size) {
    while (size > 0) {
      const std::size_t part = std::min(size, message_.pieces[piece_].size() - offset_);
      advance(part);
      size -= part;
    }
  }
  [[nodiscard]] bool skip_field(WireType type) {
    std::uint64_t size = 0;
    switch (type) {
      case WireType::kVarint:
        return varint(size);
      case WireType::kFixed64:
        size = 8;
        break;
      case WireType::kFixed32:
        size = 4;
        break;
      case WireType::kBytes:
        if (!varint(size)) return false;
        break;
      default:
        return false;
    }
    if (size > left_) return false;
    skip(static_cast<std::size_t>(size));
    return true;
  }

 private:
  void advance(std::size_t size) {
    offset_ += size;
    left_ -= size;
    settle();
  }
  void settle() {
    while (piece_ < message_.pieces.size() && offset_ == message_.pieces[piece_].size()) {
      ++piece_;
      offset_ = 0;
    }
  }

  const ScatteredBytes& message_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
  std::size_t left_ = 0;
};

struct Tag {
  std::uint64_t field;
  WireType type;
};
bool read_tag(ScatteredReader& reader, Tag& tag) {
  std::uint64_t value = 0;
  if (!reader.varint(value)) return false;
  tag = {value >> 3, static_cast<WireType>(value & 7)};
  return true;
}
bool read_number(ScatteredReader& reader, WireType type, std::int64_t& value) {
  std::uint64_t number = 0;
  if (type != WireType::kVarint || !reader.varint(number)) return false;
  value = static_cast<std::int64_t>(number);
  return true;
}
// The bytes of a length-delimited field, when they are all there.
bool read_size(ScatteredReader& reader, WireType type, std::size_t& size) {
  std::uint64_t number = 0;
  if (type != WireType::kBytes || !reader.varint(number) || number > reader.left()) return false;
  size = static_cast<std::size_t>(number);
  return true;
}

bool parse_batch(ScatteredReader& reader, std::size_t size, FetchedBatch& batch) {
  const std::size_t end = reader.left() - size;
  while (reader.left() > end) {
    Tag tag{};
    if (!read_tag(reader, tag)) return false;
    std::int64_t term = 0;
    std::size_t bytes = 0;
    bool good = true;
    switch (tag.field) {
      case v1::FetchedBatch::kBeginOffsetFieldNumber:
        good = read_number(reader, tag.type, batch.begin_offset);
        break;
      case v1::FetchedBatch::kEndOffsetFieldNumber:
        good = read_number(reader, tag.type, batch.end_offset);
        break;
      case v1::FetchedBatch::kTermFieldNumber:
        good = read_number(reader, tag.type, term);
        batch.term = static_cast<std::uint64_t>(term);
        break;
      case v1::FetchedBatch::kAppendTimeMsFieldNumber:
        good = read_number(reader, tag.type, batch.append_time_ms);
        break;
      case v1::FetchedBatch::kBatchFieldNumber:
        good = read_size(reader, tag.type, bytes) && reader.left() >= end + bytes;
        if (good) batch.bytes = reader.bytes(bytes);
        break;
      default:
        good = reader.skip_field(tag.type);
    }
    if (!good) return false;
  }
  return reader.left() == end;
}

bool parse_error(ScatteredReader& reader, WireType type, std::optional<RpcError>& error) {
  std::size_t size = 0;
  if (!read_size(reader, type, size)) return false;
  const SharedBytes bytes = reader.bytes(size);
  v1::ErrorDetail detail;
  if (!detail.ParseFromArray(bytes.data(), static_cast<int>(size))) return false;
  error = rpc_error_of(detail);
  return true;
}

bool parse_text(ScatteredReader& reader, WireType type, std::string& text) {
  std::size_t size = 0;
  if (!read_size(reader, type, size)) return false;
  text = std::string(as_text(reader.bytes(size).span()));
  return true;
}

bool parse_field(ScatteredReader& reader, Tag tag, FetchedResponse& response) {
  std::size_t size = 0;
  switch (tag.field) {
    case v1::FetchResponse::kLogStartFieldNumber:
      return read_number(reader, tag.type, response.log_start);
    case v1::FetchResponse::kHighWatermarkFieldNumber:
      return read_number(reader, tag.type, response.high_watermark);
    case v1::FetchResponse::kNextOffsetFieldNumber:
      return read_number(reader, tag.type, response.next_offset);
    case v1::FetchResponse::kBatchesFieldNumber:
      return read_size(reader, tag.type, size) && parse_batch(reader, size, response.batches.emplace_back());
    case v1::FetchResponse::kErrorFieldNumber:
      return parse_error(reader, tag.type, response.error);
    case v1::FetchResponse::kLeaderFieldNumber:
      return parse_text(reader, tag.type, response.leader);
    default:
      return reader.skip_field(tag.type);
  }
}

}  // namespace

std::string encode_produce_head(const ProduceHead& head) {
  using Request = v1::ProduceRequest;
  constexpr std::size_t kNumbersBytesMax = 64;
  std::string out;
  out.reserve(head.topic.size() + kNumbersBytesMax);
  put_field(out, Request::kCorrelationIdFieldNumber, head.correlation);
  put_text(out, Request::kTopicFieldNumber, head.topic);
  put_field(out, Request::kPartitionFieldNumber, static_cast<std::uint64_t>(head.partition));
  put_field(out, Request::kAcksFieldNumber, static_cast<std::uint64_t>(wire_acks(head.acks)));
  put_field(out, Request::kTimeoutMsFieldNumber, head.timeout_ms);
  put_field(out, Request::kRetryRoundFieldNumber, head.retry_round);
  put_tag(out, Request::kDestinationCrcFieldNumber, WireType::kFixed32);
  std::byte crc[4];
  store_le(crc, head.destination_crc);
  out.append(as_text(crc));
  if (head.position) {
    std::string place;
    put_text(place, v1::SourcePosition::kSourceFieldNumber, head.source);
    put_text(place, v1::SourcePosition::kPositionFieldNumber, encode_position(*head.position));
    put_text(out, Request::kPositionFieldNumber, place);
  }
  if (!head.client_id.empty()) put_text(out, Request::kClientIdFieldNumber, head.client_id);
  put_tag(out, Request::kBatchFieldNumber, WireType::kBytes);
  put_varint(out, head.batch_bytes);
  return out;
}

Result<FetchedResponse> parse_fetch_response(const ScatteredBytes& message) {
  FetchedResponse response;
  ScatteredReader reader(message);
  response.size_bytes = reader.left();
  while (reader.left() > 0) {
    Tag tag{};
    if (!read_tag(reader, tag) || !parse_field(reader, tag, response)) {
      return Error{ErrorCode::kInternal, "the broker's message is not a forebay.v1.FetchResponse"};
    }
  }
  return response;
}

}  // namespace forebay::client
