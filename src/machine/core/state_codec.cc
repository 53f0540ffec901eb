#include "machine/core/state_codec.h"

#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/wire.h"

namespace forebay::machine {
namespace {

constexpr std::string_view kMagic = "FBMSTATE";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kEntryBytesMin = 8;  // two lengths
constexpr std::size_t kHeadBytes = kMagic.size() + sizeof(std::uint32_t);
constexpr std::size_t kCrcBytes = 4;

// No proposal begins so: as a key of protobuf it would be of field 0, which does not exist.
constexpr std::byte kMark{1};
constexpr std::uint8_t kMessageVersion = 1;

Error corrupt(const std::string& what) {
  return Error{ErrorCode::kCorruptBatch, "the state of a machine as another node has sent it " + what};
}

}  // namespace

std::string encode_state(const Entries& entries) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.bytes(as_bytes(kMagic));
  out.put(kVersion);
  out.put(static_cast<std::uint32_t>(entries.size()));
  for (const auto& [key, value] : entries) {
    out.put(static_cast<std::uint32_t>(key.size()));
    out.bytes(as_bytes(key));
    out.put(static_cast<std::uint32_t>(value.size()));
    out.bytes(as_bytes(value));
  }
  out.put(crc32c(bytes));
  return std::string(as_text(bytes));
}

Result<Entries> decode_state(ByteSpan bytes) {
  if (bytes.size() < kHeadBytes + kCrcBytes || as_text(bytes.first(kMagic.size())) != kMagic)
    return corrupt("is none");
  // First of all: what another version means by the rest, the checksum's place included, is not known.
  if (const auto version = load_le<std::uint32_t>(bytes.data() + kMagic.size()); version != kVersion) {
    return Error{ErrorCode::kNewerFormat, "the state of a machine comes in version " +
                                              std::to_string(version) + ", this program knows " +
                                              std::to_string(kVersion)};
  }
  const ByteSpan body = bytes.first(bytes.size() - kCrcBytes);
  if (load_le<std::uint32_t>(bytes.data() + body.size()) != crc32c(body))
    return corrupt("has a wrong checksum");
  log::WireReader in(body.subspan(kHeadBytes));
  Entries entries;
  const std::uint32_t count = in.count(kEntryBytesMin);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    const auto key_bytes = in.get<std::uint32_t>();
    const ByteSpan key = in.bytes(key_bytes);
    const auto value_bytes = in.get<std::uint32_t>();
    const ByteSpan value = in.bytes(value_bytes);
    if (key.size() > kEntryKeyBytesMax) return corrupt("has a key that is too long");
    const bool is_new = entries.emplace(as_text(key), as_text(value)).second;
    if (!is_new && !in.failed()) return corrupt("has an entry twice");
  }
  if (!in.finished()) return corrupt("has a wrong length");
  return entries;
}

bool is_state_request(ByteSpan bytes) { return !bytes.empty() && bytes.front() == kMark; }

std::string encode_request(const StateRequest& request) {
  std::vector<std::byte> bytes{kMark};
  log::WireWriter out(bytes);
  out.put(kMessageVersion);
  out.partition(request.id);
  out.put(request.applied.value());
  out.put(request.from);
  return std::string(as_text(bytes));
}

Result<StateRequest> decode_request(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto mark = in.get<std::uint8_t>();
  const auto version = in.get<std::uint8_t>();
  StateRequest request;
  request.id = in.partition();
  request.applied = model::Offset(in.get<std::int64_t>());
  request.from = in.get<std::uint64_t>();
  const bool known = mark == static_cast<std::uint8_t>(kMark) && version == kMessageVersion;
  if (!in.finished() || !known || request.applied < model::Offset(0))
    return Error{ErrorCode::kInvalidArgument, "a request for the state of a machine that cannot be read"};
  return request;
}

std::string encode_piece(const StatePiece& piece) {
  std::vector<std::byte> bytes;
  log::WireWriter out(bytes);
  out.put(kMessageVersion);
  out.put(piece.term.value());
  out.put(piece.applied.value());
  out.put(piece.size);
  out.bytes(as_bytes(piece.bytes));
  return std::string(as_text(bytes));
}

Result<StatePiece> decode_piece(ByteSpan bytes) {
  log::WireReader in(bytes);
  const auto version = in.get<std::uint8_t>();
  StatePiece piece;
  piece.term = model::Term(in.get<decltype(piece.term.value())>());
  piece.applied = model::Offset(in.get<std::int64_t>());
  piece.size = in.get<std::uint64_t>();
  const bool bad = in.failed() || version != kMessageVersion || piece.applied < model::Offset(0) ||
                   piece.size > kStateBytesMax || in.left() > piece.size;
  if (bad) return Error{ErrorCode::kInvalidArgument, "a piece of the state of a machine that cannot be read"};
  piece.bytes = as_text(in.bytes(in.left()));
  return piece;
}

}  // namespace forebay::machine
