#include "schema/core/protobuf/proto_any.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

bool is_shallow(const pb::DescriptorPool& pool, const pb::Descriptor& message, ByteSpan bytes,
                unsigned depth_max) {
  if (depth_max == 0) return false;
  constexpr int kTypeUrl = 1, kValue = 2;  // of an Any; of several the last one counts
  const bool is_any = message.full_name() == "google.protobuf.Any";
  ByteSpan type_url, value;
  pb::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                 static_cast<int>(bytes.size()));
  while (const std::uint32_t tag = input.ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) return true;
      continue;
    }
    std::uint32_t size = 0;
    if (!input.ReadVarint32(&size)) return true;
    const ByteSpan rest = bytes.subspan(static_cast<std::size_t>(input.CurrentPosition()));
    if (size > rest.size()) return true;
    const ByteSpan found = rest.first(size);
    input.Skip(static_cast<int>(size));
    const int number = WireFormatLite::GetTagFieldNumber(tag);
    if (is_any) {
      if (number == kTypeUrl) type_url = found;
      if (number == kValue) value = found;
      continue;
    }
    const pb::FieldDescriptor* field = message.FindFieldByNumber(number);
    if (field != nullptr && field->message_type() != nullptr &&
        !is_shallow(pool, *field->message_type(), found, depth_max - 1))
      return false;
  }
  const std::string_view url = as_text(type_url);
  const pb::Descriptor* inside =
      is_any ? pool.FindMessageTypeByName(std::string(url.substr(url.rfind('/') + 1))) : nullptr;
  return inside == nullptr || is_shallow(pool, *inside, value, depth_max - 1);
}

}  // namespace

bool is_shallow(const Schema& schema, const std::string& message, ByteSpan payload, unsigned depth_max) {
  return is_shallow(*schema.pool, *schema.pool->FindMessageTypeByName(message), payload, depth_max);
}

}  // namespace forebay::schema::protobuf
