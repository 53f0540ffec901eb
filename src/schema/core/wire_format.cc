#include "schema/core/wire_format.h"

#include <algorithm>
#include <cstring>

#include "base/varint.h"

namespace forebay::schema {
namespace {

// Messages within messages of one schema: protobuf's own compiler takes no more.
constexpr std::int32_t kMessageDepthMax = 32;

Error invalid(std::string what) { return Error{ErrorCode::kInvalidRecord, std::move(what)}; }

std::string byte_text(std::byte byte) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned>(byte);
  std::string text = "byte 0x";
  text += kDigits[value >> 4U];
  text += kDigits[value & 15U];
  if (value >= 0x21 && value < 0x7f) text += std::string(" ('") + static_cast<char>(value) + "')";
  return text;
}

Result<SchemaMark> read_guid(ByteSpan value, ByteSpan part, std::string_view header) {
  if (value.size() < kGuidPrefixBytes || value.front() != kGuidMagic)
    return invalid("found a header " + std::string(header) + " of " + std::to_string(value.size()) +
                   " bytes" + (value.empty() ? "" : " that begins with " + byte_text(value.front())) +
                   ", expected byte 0x01 and the 16 bytes of a schema's GUID");
  SchemaMark mark;
  std::memcpy(mark.guid.bytes.data(), value.data() + 1, mark.guid.bytes.size());
  mark.rest = value.subspan(kGuidPrefixBytes);
  mark.payload = part;
  return mark;
}

}  // namespace

Result<SchemaMark> read_mark(ByteSpan part, const model::HeadersView& headers, bool is_key) {
  const std::string_view name = is_key ? kKeySchemaHeader : kValueSchemaHeader;
  // The last one: a record that is written on keeps those that it came with, before its own.
  std::optional<ByteSpan> guid;
  for (const model::HeaderView& header : headers)
    if (header.name == name && header.value) guid = header.value;
  if (guid) return read_guid(*guid, part, name);
  if (part.empty()) return invalid("found no bytes, expected byte 0x00 and the id of a schema");
  if (part.front() != kIdMagic)
    return invalid(
        "found " + byte_text(part.front()) +
        ", expected magic byte 0x00 and the id of a schema: write it with a serializer that uses the "
        "schema registry");
  if (part.size() < kIdPrefixBytes)
    return invalid("found " + std::to_string(part.size()) +
                   " bytes, expected byte 0x00, four bytes of a schema's id, and the payload");
  SchemaMark mark;
  std::uint32_t id = 0;
  for (std::size_t i = 1; i < kIdPrefixBytes; ++i) id = id << 8U | static_cast<std::uint32_t>(part[i]);
  if (id == 0 || id > 0x7fffffffU)
    return invalid("found schema id " + std::to_string(id) + ", expected one from 1");
  mark.id = static_cast<SchemaId>(id);
  mark.rest = part.subspan(kIdPrefixBytes);
  return mark;
}

Result<MarkedPayload> read_payload(const SchemaMark& mark, Format format) {
  MarkedPayload read;
  ByteSpan rest = mark.rest;
  if (format == Format::kProtobuf) {
    const std::byte* at = rest.data();
    const std::byte* const end = at + rest.size();
    std::int32_t count = 0;
    at = read_varint(at, end, count);
    if (at == nullptr || count < 0 || count > kMessageDepthMax)
      return invalid(
          "found no list of message indexes behind the schema's id, expected one as Protobuf "
          "serializers write it");
    for (std::int32_t i = 0; i < count; ++i) {
      std::int32_t index = 0;
      at = read_varint(at, end, index);
      if (at == nullptr || index < 0)
        return invalid("found a list of message indexes that is cut off, expected " + std::to_string(count));
      read.path.push_back(static_cast<std::uint32_t>(index));
    }
    rest = rest.subspan(rest.size() - static_cast<std::size_t>(end - at));
  }
  read.payload = mark.is_guid() ? mark.payload : rest;
  return read;
}

std::string id_prefix(SchemaId id, Format format, MessagePath path) {
  std::string prefix(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    prefix += static_cast<char>(static_cast<std::uint32_t>(id) >> static_cast<unsigned>(shift));
  if (format != Format::kProtobuf) return prefix;
  const auto put = [&prefix](std::uint32_t number) {
    for (std::uint32_t zigzag = number << 1U;; zigzag >>= 7U) {
      prefix += static_cast<char>(zigzag < 0x80 ? zigzag : (zigzag & 0x7fU) | 0x80U);
      if (zigzag < 0x80) return;
    }
  };
  const bool first = path.empty() || (path.size() == 1 && path.front() == 0);
  if (first) return prefix + '\0';
  put(static_cast<std::uint32_t>(path.size()));
  for (const std::uint32_t index : path) put(index);
  return prefix;
}

}  // namespace forebay::schema
