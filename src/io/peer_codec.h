// What peers say to each other on the wire, byte by byte in docs/format/peer.md: a handshake each way, then
// messages. Thread rules: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "io/peer_transport.h"

namespace forebay::io {

inline constexpr std::uint16_t kPeerVersionMin = 1;
inline constexpr std::uint16_t kPeerVersionMax = 1;
// Of a node; a larger count is no peer's.
inline constexpr std::uint32_t kPeerShardsMax = 1'024;

enum class PeerHandshakeKind : std::uint16_t { kHello = 1, kAccepted = 2, kRefused = 3 };

// Why a hello is refused. Numbers are part of the wire contract.
enum class PeerRefusal : std::uint32_t {
  kNone = 0,
  kOtherCluster = 1,
  kWrongNode = 2,    // another node listens behind the address
  kSameNode = 3,     // the hello comes from the node itself, or from another one with its id
  kVersion = 4,      // no version of the protocol that both speak
  kNoSuchShard = 5,  // the node has fewer
  kNotAPeer = 6,     // was a peer and is none any more
  kStale = 7,        // a newer session of the same pair is there already
  kWrongSide = 8,    // the node with the higher id dials
  kNotReady = 9,     // the node is starting
  kTooMany = 10,     // the node has as many sessions with nodes that it does not know as it takes
};

struct PeerHandshake {
  PeerHandshakeKind kind = PeerHandshakeKind::kHello;
  std::uint16_t version_min = kPeerVersionMin;  // in an answer: both the version chosen
  std::uint16_t version_max = kPeerVersionMax;
  PeerHello hello;        // of the sender
  model::NodeId to_node;  // who is meant
  std::uint32_t from_shard = 0;
  std::uint32_t to_shard = 0;
  std::uint64_t attempt = 0;  // of the dialer; grows within an incarnation. The answer repeats it
  PeerRefusal refusal = PeerRefusal::kNone;
  std::string reason;  // of a refusal, for people; kPeerReasonBytesMax at most, the rest is cut
  friend bool operator==(const PeerHandshake&, const PeerHandshake&) = default;
};

inline constexpr std::size_t kPeerReasonBytesMax = 400;
// What must have arrived before the size of a handshake is known.
inline constexpr std::size_t kPeerHandshakeHeadBytes = 20;
inline constexpr std::size_t kPeerHandshakeBytes = 100;  // without a reason
// Longer ones come from later versions at most; what version 1 does not know of them is ignored.
inline constexpr std::size_t kPeerHandshakeBytesMax = 1'024;

[[nodiscard]] std::vector<std::byte> encode_handshake(const PeerHandshake& handshake);
// Requires: kPeerHandshakeHeadBytes are there. Returns: the size of the whole handshake. Errors:
// kInvalidArgument, it is none.
[[nodiscard]] Result<std::size_t> handshake_bytes(ByteSpan head);
// `bytes`: all of it. Errors: kInvalidArgument. A handshake of versions that are not ours is read as far as
// versions go: kind, version_min and version_max are right, the rest is empty.
[[nodiscard]] Result<PeerHandshake> decode_handshake(ByteSpan bytes);
[[nodiscard]] bool speaks_our_version(const PeerHandshake& handshake);

// A message is its prefix, the lengths of its pieces, its header, its pieces.
inline constexpr std::size_t kMessagePrefixBytes = 16;

struct MessagePrefix {
  std::uint32_t header_bytes = 0;
  std::uint32_t piece_count = 0;
  std::uint32_t crc = 0;  // over the lengths and the header
  [[nodiscard]] std::size_t lengths_bytes() const { return std::size_t{piece_count} * sizeof(std::uint32_t); }
};

// Appends prefix and lengths of `message`. Requires: within kPeerMessageBytesMax and kPeerPiecesMax.
void encode_prefix(const PeerMessage& message, std::vector<std::byte>& to);
// Requires: kMessagePrefixBytes. Errors: kInvalidArgument with what is wrong, nothing of it to be trusted.
[[nodiscard]] Result<MessagePrefix> decode_prefix(ByteSpan bytes);
// `body`: lengths and header. Checks the checksum and what all lengths come to.
[[nodiscard]] Result<void> check_body(const MessagePrefix& prefix, ByteSpan body);

}  // namespace forebay::io
