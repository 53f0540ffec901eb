#include "schema/core/fingerprint.h"

#include <openssl/sha.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace forebay::schema {
namespace {

// Lengths before texts: what is not the same is not the same bytes.
void put(std::string& out, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(number >> shift);
}
void put(std::string& out, const std::string& text) {
  put(out, text.size());
  out += text;
}

void put(std::string& out, const Metadata& metadata) {
  put(out, metadata.tags.size());
  for (const auto& [path, tags] : metadata.tags) {
    put(out, path);
    put(out, tags.size());
    for (const std::string& tag : tags) put(out, tag);
  }
  put(out, metadata.properties.size());
  for (const auto& [name, value] : metadata.properties) {
    put(out, name);
    put(out, value);
  }
  put(out, metadata.sensitive.size());
  for (const std::string& name : metadata.sensitive) put(out, name);
}

}  // namespace

Fingerprint fingerprint(const SchemaContent& content) {
  std::string bytes;
  bytes.reserve(content.text.size() + 64);
  put(bytes, static_cast<std::uint64_t>(content.format));
  put(bytes, content.text);
  put(bytes, content.references.size());
  for (const Reference& one : content.references) {
    put(bytes, one.name);
    put(bytes, one.subject);
    put(bytes, static_cast<std::uint64_t>(one.version));
  }
  put(bytes, content.metadata ? 1 : 0);
  if (content.metadata) put(bytes, *content.metadata);
  put(bytes, content.rule_set);
  Fingerprint digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

model::Uuid guid_of(const Fingerprint& fingerprint) {
  model::Uuid id;
  std::memcpy(id.bytes.data(), fingerprint.data(), id.bytes.size());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x80);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

}  // namespace forebay::schema
