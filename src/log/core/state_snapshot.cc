#include "log/core/state_snapshot.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/wire.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kMagic = 0x3145544154534246;  // "FBSTATE1"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kCrcAt = 8;
constexpr std::size_t kCheckedAt = 12;

Error corrupt(const std::string& what) { return Error{ErrorCode::kCorruptBatch, "state file " + what}; }

struct Header {
  model::TopicPartition id;
  model::LogPosition position;
  model::Term term;
};

// Checks everything but whose it is.
Result<Header> read_header(ByteSpan file) {
  if (file.size() < kStateHeaderBytes) return corrupt("cut short");
  if (load_le<std::uint64_t>(file.data()) != kMagic) return corrupt("without its mark");
  if (load_le<std::uint32_t>(file.data() + kCrcAt) != crc32c(file.subspan(kCheckedAt)))
    return corrupt("with a wrong checksum");
  WireReader in(file.subspan(kCheckedAt, kStateHeaderBytes - kCheckedAt));
  const auto version = in.get<std::uint32_t>();
  if (version != kVersion)
    return Error{ErrorCode::kNewerFormat, "state file of version " + std::to_string(version)};
  Header header;
  header.id = in.partition();
  header.position = in.position();
  header.term = model::Term(in.get<std::uint64_t>());
  const auto bytes = in.get<std::uint32_t>();
  if (in.failed() || bytes != file.size() - kStateHeaderBytes || bytes > kStateBytesMax)
    return corrupt("of a wrong length");
  return header;
}

}  // namespace

std::vector<std::byte> encode_state(const model::TopicPartition& id, const StateSnapshot& state) {
  FOREBAY_ASSERT(state.bytes.size() <= kStateBytesMax);
  std::vector<std::byte> file;
  file.reserve(kStateHeaderBytes + state.bytes.size());
  WireWriter out(file);
  out.put(kMagic);
  out.put(std::uint32_t{0});
  out.put(kVersion);
  out.partition(id);
  out.position(state.position);
  out.put(state.term.value());
  out.put(static_cast<std::uint32_t>(state.bytes.size()));
  out.put(std::uint32_t{0});
  FOREBAY_ASSERT(file.size() == kStateHeaderBytes);
  out.bytes(state.bytes.span());
  store_le(file.data() + kCrcAt, crc32c(ByteSpan(file).subspan(kCheckedAt)));
  return file;
}

Result<StateSnapshot> decode_state(const model::TopicPartition& id, const SharedBytes& file) {
  FOREBAY_TRY(const Header header, read_header(file.span()));
  if (header.id != id) return corrupt("of another partition, " + header.id.to_string());
  return StateSnapshot{header.position, header.term,
                       file.slice(kStateHeaderBytes, file.size() - kStateHeaderBytes)};
}

Result<model::TopicPartition> partition_of_state(ByteSpan file) {
  FOREBAY_TRY(const Header header, read_header(file));
  return header.id;
}

}  // namespace forebay::log
