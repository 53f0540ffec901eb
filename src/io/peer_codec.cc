#include "io/peer_codec.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"

namespace forebay::io {

namespace {

constexpr std::string_view kMagic = "FBPEER\r\n";  // a line end: what cuts or changes those is seen at once

// Places in a handshake. The first six fields keep them in every version.
constexpr std::size_t kCrcAt = 8;
constexpr std::size_t kBytesAt = 12;
constexpr std::size_t kKindAt = 14;
constexpr std::size_t kVersionMinAt = 16;
constexpr std::size_t kVersionMaxAt = 18;
constexpr std::size_t kFromNodeAt = 20;
constexpr std::size_t kToNodeAt = 24;
constexpr std::size_t kFromShardAt = 28;
constexpr std::size_t kToShardAt = 32;
constexpr std::size_t kShardCountAt = 36;
constexpr std::size_t kClusterAt = 40;
constexpr std::size_t kDiskAt = 56;
constexpr std::size_t kIncarnationAt = 72;
constexpr std::size_t kAttemptAt = 80;
constexpr std::size_t kFirstListedAt = 88;
constexpr std::size_t kRefusalAt = 92;
constexpr std::size_t kReasonBytesAt = 96;

Error wrong(std::string what) { return Error{ErrorCode::kInvalidArgument, std::move(what)}; }

void store_uuid(std::byte* to, const model::Uuid& id) { std::memcpy(to, id.bytes.data(), id.bytes.size()); }
model::Uuid load_uuid(const std::byte* from) {
  model::Uuid id;
  std::memcpy(id.bytes.data(), from, id.bytes.size());
  return id;
}

}  // namespace

std::vector<std::byte> encode_handshake(const PeerHandshake& handshake) {
  const std::size_t reason_bytes = std::min(handshake.reason.size(), kPeerReasonBytesMax);
  std::vector<std::byte> bytes(kPeerHandshakeBytes + reason_bytes);
  std::byte* at = bytes.data();
  std::memcpy(at, kMagic.data(), kMagic.size());
  store_le(at + kBytesAt, static_cast<std::uint16_t>(bytes.size()));
  store_le(at + kKindAt, static_cast<std::uint16_t>(handshake.kind));
  store_le(at + kVersionMinAt, handshake.version_min);
  store_le(at + kVersionMaxAt, handshake.version_max);
  store_le(at + kFromNodeAt, handshake.hello.node.value());
  store_le(at + kToNodeAt, handshake.to_node.value());
  store_le(at + kFromShardAt, handshake.from_shard);
  store_le(at + kToShardAt, handshake.to_shard);
  store_le(at + kShardCountAt, handshake.hello.shard_count);
  store_uuid(at + kClusterAt, handshake.hello.cluster);
  store_uuid(at + kDiskAt, handshake.hello.disk);
  store_le(at + kIncarnationAt, handshake.hello.incarnation);
  store_le(at + kAttemptAt, handshake.attempt);
  store_le(at + kFirstListedAt, handshake.hello.first_listed.value());
  store_le(at + kRefusalAt, static_cast<std::uint32_t>(handshake.refusal));
  store_le(at + kReasonBytesAt, static_cast<std::uint32_t>(reason_bytes));
  std::memcpy(at + kPeerHandshakeBytes, handshake.reason.data(), reason_bytes);
  store_le(at + kCrcAt, crc32c(ByteSpan(bytes).subspan(kBytesAt)));
  return bytes;
}

Result<std::size_t> handshake_bytes(ByteSpan head) {
  FOREBAY_ASSERT(head.size() >= kPeerHandshakeHeadBytes);
  if (as_text(head.first(kMagic.size())) != kMagic)
    return wrong("what arrived is no handshake of a Forebay peer");
  const std::size_t bytes = load_le<std::uint16_t>(head.data() + kBytesAt);
  if (bytes < kPeerHandshakeHeadBytes || bytes > kPeerHandshakeBytesMax) {
    return wrong("a handshake says that it has " + std::to_string(bytes) + " bytes");
  }
  return bytes;
}

Result<PeerHandshake> decode_handshake(ByteSpan bytes) {
  if (bytes.size() < kPeerHandshakeHeadBytes) return wrong("a handshake is cut short");
  FOREBAY_TRY(const std::size_t size, handshake_bytes(bytes));
  if (size != bytes.size()) return wrong("a handshake is cut short");
  const std::byte* at = bytes.data();
  if (load_le<std::uint32_t>(at + kCrcAt) != crc32c(bytes.subspan(kBytesAt))) {
    return wrong("the checksum of a handshake is wrong");
  }
  PeerHandshake handshake;
  const auto kind = load_le<std::uint16_t>(at + kKindAt);
  if (kind < static_cast<std::uint16_t>(PeerHandshakeKind::kHello) ||
      kind > static_cast<std::uint16_t>(PeerHandshakeKind::kRefused)) {
    return wrong("a handshake is of the unknown kind " + std::to_string(kind));
  }
  handshake.kind = static_cast<PeerHandshakeKind>(kind);
  handshake.version_min = load_le<std::uint16_t>(at + kVersionMinAt);
  handshake.version_max = load_le<std::uint16_t>(at + kVersionMaxAt);
  if (!speaks_our_version(handshake)) return handshake;
  if (size < kPeerHandshakeBytes) return wrong("a handshake is too short for its version");
  handshake.hello.node = model::NodeId(load_le<std::uint32_t>(at + kFromNodeAt));
  handshake.to_node = model::NodeId(load_le<std::uint32_t>(at + kToNodeAt));
  handshake.from_shard = load_le<std::uint32_t>(at + kFromShardAt);
  handshake.to_shard = load_le<std::uint32_t>(at + kToShardAt);
  handshake.hello.shard_count = load_le<std::uint32_t>(at + kShardCountAt);
  handshake.hello.cluster = load_uuid(at + kClusterAt);
  handshake.hello.disk = load_uuid(at + kDiskAt);
  handshake.hello.incarnation = load_le<std::uint64_t>(at + kIncarnationAt);
  handshake.attempt = load_le<std::uint64_t>(at + kAttemptAt);
  handshake.hello.first_listed = model::NodeId(load_le<std::uint32_t>(at + kFirstListedAt));
  handshake.refusal = static_cast<PeerRefusal>(load_le<std::uint32_t>(at + kRefusalAt));
  const std::size_t reason_bytes = load_le<std::uint32_t>(at + kReasonBytesAt);
  if (reason_bytes > size - kPeerHandshakeBytes) return wrong("the reason in a handshake is cut short");
  handshake.reason = as_text(bytes.subspan(kPeerHandshakeBytes, std::min(reason_bytes, kPeerReasonBytesMax)));
  // A refusal may come from a node that does not know itself yet.
  if (handshake.kind == PeerHandshakeKind::kRefused) return handshake;
  if (handshake.hello.shard_count == 0 || handshake.hello.shard_count > kPeerShardsMax) {
    return wrong("a handshake says that its node has " + std::to_string(handshake.hello.shard_count) +
                 " shards");
  }
  if (handshake.from_shard >= handshake.hello.shard_count) {
    return wrong("a handshake comes from shard " + std::to_string(handshake.from_shard) + " of a node with " +
                 std::to_string(handshake.hello.shard_count));
  }
  return handshake;
}

bool speaks_our_version(const PeerHandshake& handshake) {
  return handshake.version_min <= kPeerVersionMax && handshake.version_max >= kPeerVersionMin;
}

void encode_prefix(const PeerMessage& message, std::vector<std::byte>& to) {
  const std::size_t begin = to.size();
  const std::size_t lengths_at = begin + kMessagePrefixBytes;
  to.resize(lengths_at + message.pieces.size() * sizeof(std::uint32_t));
  std::byte* length_to = to.data() + lengths_at;
  for (const SharedBytes& piece : message.pieces) {
    store_le(length_to, static_cast<std::uint32_t>(piece.size()));
    length_to += sizeof(std::uint32_t);
  }
  std::byte* at = to.data() + begin;
  store_le(at + 4, static_cast<std::uint32_t>(message.header.size()));
  store_le(at + 8, static_cast<std::uint32_t>(message.pieces.size()));
  store_le(at + 12, crc32c_extend(crc32c(ByteSpan(to).subspan(lengths_at)), as_bytes(message.header)));
  store_le(at, crc32c({at + 4, kMessagePrefixBytes - 4}));
}

Result<MessagePrefix> decode_prefix(ByteSpan bytes) {
  FOREBAY_ASSERT(bytes.size() == kMessagePrefixBytes);
  const std::byte* at = bytes.data();
  if (load_le<std::uint32_t>(at) != crc32c(bytes.subspan(4)))
    return wrong("the checksum of a message's prefix is wrong");
  MessagePrefix prefix;
  prefix.header_bytes = load_le<std::uint32_t>(at + 4);
  prefix.piece_count = load_le<std::uint32_t>(at + 8);
  prefix.crc = load_le<std::uint32_t>(at + 12);
  if (prefix.header_bytes > kPeerMessageBytesMax) {
    return wrong("a message says that its header has " + std::to_string(prefix.header_bytes) + " bytes");
  }
  if (prefix.piece_count > kPeerPiecesMax) {
    return wrong("a message says that it has " + std::to_string(prefix.piece_count) + " pieces");
  }
  return prefix;
}

Result<void> check_body(const MessagePrefix& prefix, ByteSpan body) {
  FOREBAY_ASSERT(body.size() == prefix.lengths_bytes() + prefix.header_bytes);
  if (crc32c(body) != prefix.crc) return wrong("the checksum of a message's header is wrong");
  std::uint64_t sum = prefix.header_bytes;
  for (std::size_t at = 0; at < prefix.lengths_bytes(); at += sizeof(std::uint32_t)) {
    sum += load_le<std::uint32_t>(body.data() + at);
  }
  if (sum > kPeerMessageBytesMax)
    return wrong("a message says that it has " + std::to_string(sum) + " bytes");
  return {};
}

}  // namespace forebay::io
