// What the check of a payload needs of a schema, laid out flat when the schema is parsed: it runs for every
// record, and asks no descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "schema/core/protobuf/proto_schema.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace forebay::schema::protobuf {

// As the three low bits of a tag have it.
enum class Wire : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct FieldLayout {
  enum class Inside : std::uint8_t { kNothing, kUtf8, kMessage, kGroup, kRequiredEnum };
  static constexpr std::uint32_t kNotRequired = UINT32_MAX;
  std::uint32_t number = 0;
  Wire wire = Wire::kVarint;  // of one value
  Inside inside = Inside::kNothing;
  bool is_packable = false;                                  // several values may stand in one run of bytes
  std::uint32_t required = kNotRequired;                     // which one of those that are
  std::uint32_t message = 0;                                 // an index into Layout::messages
  const google::protobuf::FieldDescriptor* field = nullptr;  // for telling of faults
};

struct MessageLayout {
  std::uint32_t begin = 0, end = 0;  // of Layout::fields, by number
  std::uint32_t slots = 0;           // of Layout::slots: of the numbers below slot_count
  std::uint32_t slot_count = 0;
  std::uint32_t required_count = 0;
};

struct Layout {
  std::vector<MessageLayout> messages;
  std::vector<FieldLayout> fields;
  std::vector<std::uint32_t> slots;  // index of a field, kNoField
  std::unordered_map<const google::protobuf::Descriptor*, std::uint32_t> indexes;
  static constexpr std::uint32_t kNoField = UINT32_MAX;

  [[nodiscard]] const FieldLayout* find(const MessageLayout& message, std::uint32_t number) const {
    if (number < message.slot_count) {
      const std::uint32_t slot = slots[message.slots + number];
      return slot == kNoField ? nullptr : &fields[slot];
    }
    return find_slowly(message, number);
  }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  [[nodiscard]] const FieldLayout* find_slowly(const MessageLayout& message, std::uint32_t number) const;
};

// Of all messages of the file, and those that can be in them.
[[nodiscard]] Layout layout_of(const Schema& schema);

}  // namespace forebay::schema::protobuf
