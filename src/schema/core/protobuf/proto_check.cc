#include "schema/core/protobuf/proto_check.h"
#include "base/utf8.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;
using Byte = std::uint8_t;

std::string name_of(Wire wire) {
  switch (wire) {
    case Wire::kVarint:
      return "a varint";
    case Wire::kFixed64:
      return "8 bytes";
    case Wire::kBytes:
      return "bytes with a length";
    case Wire::kStartGroup:
      return "a group";
    case Wire::kEndGroup:
      return "the end of a group";
    case Wire::kFixed32:
      return "4 bytes";
  }
  return "wire type " + std::to_string(static_cast<int>(wire));
}

std::string type_of(const pb::FieldDescriptor& field) {
  if (field.is_map()) return "an entry of a map";
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

// Readers. Return: what follows; null if it does not end before `end` or is longer than any encoder makes it.
const Byte* skip_varint(const Byte* at, const Byte* end) {
  constexpr std::ptrdiff_t kBytesMax = 10;
  const Byte* const last = end - at > kBytesMax ? at + kBytesMax : end;
  while (at < last) {
    if (*at++ < 0x80) return at;
  }
  return nullptr;
}
const Byte* read_varint(const Byte* at, const Byte* end, std::uint64_t& value) {
  const Byte* const after = skip_varint(at, end);
  value = 0;
  for (unsigned shift = 0; after != nullptr && at < after; shift += 7, ++at)
    value |= static_cast<std::uint64_t>(*at & 0x7f) << shift;
  return after;
}
const Byte* read_short(const Byte* at, const Byte* end, std::uint32_t& value) {
  if (at < end && *at < 0x80) {
    value = *at;
    return at + 1;
  }
  constexpr std::ptrdiff_t kBytesMax = 5;
  std::uint64_t wide = 0;
  const Byte* const after = read_varint(at, end - at > kBytesMax ? at + kBytesMax : end, wide);
  value = static_cast<std::uint32_t>(wide);
  return after;
}

class Walk {
 public:
  explicit Walk(const Layout& layout) : layout_(layout) {}

  bool is_message(std::uint32_t index, ByteSpan payload) {
    static constexpr Byte kNone = 0;  // null would be a fault
    const Byte* begin = payload.empty() ? &kNone : reinterpret_cast<const Byte*>(payload.data());
    return message(index, begin, begin + payload.size(), 0, kPayloadDepthMax) != nullptr;
  }
  [[nodiscard]] bool has_group() const { return has_group_; }
  // Requires: is_message() was false.
  PayloadFault fault() {
    std::string path;
    for (auto one = path_.rbegin(); one != path_.rend(); ++one) path += (path.empty() ? "" : ".") + *one;
    return {std::move(path), std::move(found_), std::move(expected_)};
  }

 private:
  // Which of the required fields were there.
  class Seen {
   public:
    explicit Seen(std::uint32_t count) : count_(count) {
      if (count > 64) more_.resize((count + 63) / 64);
    }
    void add(std::uint32_t one) {
      (more_.empty() ? first_ : more_[one / 64]) |= std::uint64_t{1} << one % 64;
    }
    [[nodiscard]] std::uint32_t first_missing() const {  // count: none
      if (more_.empty()) return first_without(first_, 0);
      for (std::uint32_t i = 0; i < more_.size(); ++i) {
        if (const std::uint32_t one = first_without(more_[i], i * 64); one < count_ && one < i * 64 + 64)
          return one;
      }
      return count_;
    }

   private:
    [[nodiscard]] std::uint32_t first_without(std::uint64_t bits, std::uint32_t base) const {
      return std::min(count_, base + static_cast<std::uint32_t>(std::countr_one(bits)));
    }
    std::uint32_t count_;
    std::uint64_t first_ = 0;
    std::vector<std::uint64_t> more_;
  };

  // `group`: its number if it is one, which ends with a tag; 0: it ends with its bytes.
  const Byte* message(std::uint32_t index, const Byte* begin, const Byte* end, std::uint32_t group,
                      unsigned depth) {
    const MessageLayout& here = layout_.messages[index];
    Seen seen(here.required_count);
    const Byte* at = begin;
    bool has_ended = group == 0;
    while (at < end) {
      const Byte* const tag_at = at;
      std::uint32_t tag = 0;
      at = read_short(at, end, tag);
      if (at == nullptr) return wrong("a tag that does not end", "a field");
      const auto wire = static_cast<Wire>(tag & 7);
      const std::uint32_t number = tag >> 3;
      if (wire == Wire::kEndGroup) {
        if (number != group || group == 0)
          return wrong("the end of the group " + std::to_string(number),
                       "a field, or the end of what is open");
        has_ended = true;
        break;
      }
      const FieldLayout* field = layout_.find(here, number);
      if (field == nullptr) {
        at = unknown(at, end, wire, number, depth);
        if (at == nullptr) return nullptr;
        continue;
      }
      if (wire == field->wire) {
        bool counts = true;
        at = value(*field, at, end, depth, counts);
        if (field->required != FieldLayout::kNotRequired && counts) seen.add(field->required);
      } else if (wire == Wire::kBytes && field->is_packable) {
        at = packed(*field, at, end);
      } else {
        at = wrong(name_of(wire), type_of(*field->field) + ", as " + name_of(field->wire));
      }
      if (at == nullptr) {
        name(here, *field, begin, tag_at);
        return nullptr;
      }
    }
    if (!has_ended) return wrong("the end of the bytes", "the end of the group " + std::to_string(group));
    if (here.required_count > 0) {
      const std::uint32_t missing = seen.first_missing();
      if (missing < here.required_count) return not_there(here, missing);
    }
    return at;
  }

  const Byte* value(const FieldLayout& field, const Byte* at, const Byte* end, unsigned depth, bool& counts) {
    switch (field.wire) {
      case Wire::kVarint:
        return varint(field, at, end, counts);
      case Wire::kFixed64:
        return end - at >= 8 ? at + 8 : wrong(left(at, end), type_of(*field.field) + ", of 8 bytes");
      case Wire::kFixed32:
        return end - at >= 4 ? at + 4 : wrong(left(at, end), type_of(*field.field) + ", of 4 bytes");
      case Wire::kStartGroup:
        if (depth == 0) return too_deep();
        has_group_ = true;
        return message(field.message, at, end, field.number, depth - 1);
      case Wire::kBytes:
        break;
      case Wire::kEndGroup:
        return nullptr;  // no field has it
    }
    const Byte* last = nullptr;
    at = length(at, end, last);
    if (at == nullptr) return nullptr;
    if (field.inside == FieldLayout::Inside::kUtf8) {
      const std::string_view text(reinterpret_cast<const char*>(at), static_cast<std::size_t>(last - at));
      if (const std::size_t valid = utf8_bytes(text); valid != text.size())
        return wrong("a byte that is not UTF-8 at " + std::to_string(valid), "string, which is UTF-8");
    } else if (field.inside == FieldLayout::Inside::kMessage) {
      if (depth == 0) return too_deep();
      return message(field.message, at, last, 0, depth - 1);
    }
    return last;
  }

  const Byte* varint(const FieldLayout& field, const Byte* at, const Byte* end, bool& counts) {
    if (field.inside == FieldLayout::Inside::kRequiredEnum) {
      std::uint64_t number = 0;
      at = read_varint(at, end, number);
      // One that is not declared is an unknown field.
      counts = field.field->enum_type()->FindValueByNumber(static_cast<std::int32_t>(number)) != nullptr;
    } else {
      at = skip_varint(at, end);
    }
    return at != nullptr ? at : wrong("a varint that does not end", type_of(*field.field));
  }

  const Byte* length(const Byte* at, const Byte* end, const Byte*& last) {
    std::uint32_t size = 0;
    const Byte* const from = at;
    at = read_short(at, end, size);
    if (at == nullptr || (at - from == 5 && from[4] >= 8))
      return wrong("a length that does not end", "a length below 2 GiB");
    if (size > static_cast<std::size_t>(end - at))
      return wrong("a length of " + std::to_string(size), "at most what is left, " + left(at, end));
    last = at + size;
    return at;
  }

  const Byte* packed(const FieldLayout& field, const Byte* at, const Byte* end) {
    const Byte* last = nullptr;
    at = length(at, end, last);
    if (at == nullptr) return nullptr;
    if (field.wire == Wire::kVarint) {
      while (at < last) {
        at = skip_varint(at, last);
        if (at == nullptr) return wrong("a varint that does not end", type_of(*field.field));
      }
      return last;
    }
    const std::ptrdiff_t size = field.wire == Wire::kFixed64 ? 8 : 4;
    if ((last - at) % size != 0) {
      return wrong(std::to_string(last - at) + " bytes",
                   "values of " + type_of(*field.field) + ", each of " + std::to_string(size) + " bytes");
    }
    return last;
  }

  const Byte* unknown(const Byte* at, const Byte* end, Wire wire, std::uint32_t number, unsigned depth) {
    if (number == 0) return wrong("a field with the number 0", "a number above it");
    switch (wire) {
      case Wire::kVarint:
        at = skip_varint(at, end);
        return at != nullptr
                   ? at
                   : wrong("a varint that does not end", "the unknown field " + std::to_string(number));
      case Wire::kFixed64:
        return end - at >= 8 ? at + 8 : wrong(left(at, end), "8 bytes");
      case Wire::kFixed32:
        return end - at >= 4 ? at + 4 : wrong(left(at, end), "4 bytes");
      case Wire::kBytes: {
        const Byte* last = nullptr;
        return length(at, end, last) == nullptr ? nullptr : last;
      }
      case Wire::kStartGroup:
        return depth == 0 ? too_deep() : unknown_group(at, end, number, depth - 1);
      case Wire::kEndGroup:
        break;
    }
    return wrong(name_of(wire), "a wire type that there is");
  }
  const Byte* unknown_group(const Byte* at, const Byte* end, std::uint32_t group, unsigned depth) {
    while (at < end) {
      std::uint32_t tag = 0;
      at = read_short(at, end, tag);
      if (at == nullptr) return wrong("a tag that does not end", "a field");
      const auto wire = static_cast<Wire>(tag & 7);
      if (wire == Wire::kEndGroup) {
        if (tag >> 3 == group) return at;
        return wrong("the end of the group " + std::to_string(tag >> 3),
                     "the end of the group " + std::to_string(group));
      }
      at = unknown(at, end, wire, tag >> 3, depth);
      if (at == nullptr) return nullptr;
    }
    return wrong("the end of the bytes", "the end of the group " + std::to_string(group));
  }

  // What is below runs for faults only.
  static std::string left(const Byte* at, const Byte* end) { return std::to_string(end - at) + " bytes"; }
  const Byte* wrong(std::string found, std::string expected) {
    found_ = std::move(found);
    expected_ = std::move(expected);
    return nullptr;
  }
  const Byte* too_deep() {
    return wrong("one more message", "at most " + std::to_string(kPayloadDepthMax) + " within each other");
  }
  const Byte* not_there(const MessageLayout& here, std::uint32_t required) {
    for (std::uint32_t i = here.begin; i < here.end; ++i) {
      if (layout_.fields[i].required != required) continue;
      path_.push_back(layout_.fields[i].field->name());
      wrong("nothing", "required " + type_of(*layout_.fields[i].field));
    }
    return nullptr;
  }
  void name(const MessageLayout& here, const FieldLayout& field, const Byte* begin, const Byte* tag_at) {
    const pb::FieldDescriptor& one = *field.field;
    std::string text = one.is_extension() ? '[' + one.full_name() + ']' : one.name();
    if (one.is_repeated()) text += '[' + std::to_string(count(here, field, begin, tag_at)) + ']';
    path_.push_back(std::move(text));
  }
  // How many values of the field stand before its tag; all before it was walked over, and is right.
  std::size_t count(const MessageLayout& here, const FieldLayout& field, const Byte* at, const Byte* tag_at) {
    std::size_t count = 0;
    while (at < tag_at) {
      std::uint32_t tag = 0;
      at = read_short(at, tag_at, tag);
      const auto wire = static_cast<Wire>(tag & 7);
      const Byte* const from = at;
      at = skip(at, tag_at, wire, tag >> 3);
      if (at == nullptr || layout_.find(here, tag >> 3) != &field) continue;
      count += wire == field.wire ? 1 : packed_count(field, from, at);
    }
    return count;
  }
  const Byte* skip(const Byte* at, const Byte* end, Wire wire, std::uint32_t number) {
    return Walk(layout_).unknown(at, end, wire, number, 2 * kPayloadDepthMax);
  }
  static std::size_t packed_count(const FieldLayout& field, const Byte* at, const Byte* end) {
    std::uint32_t size = 0;
    at = read_short(at, end, size);
    if (field.wire == Wire::kFixed64) return size / 8;
    if (field.wire == Wire::kFixed32) return size / 4;
    return static_cast<std::size_t>(std::count_if(at, end, [](Byte one) { return one < 0x80; }));
  }

  const Layout& layout_;
  std::vector<std::string> path_;  // from the inside
  std::string found_, expected_;
  bool has_group_ = false;
};

}  // namespace

std::optional<PayloadFault> check(const Layout& layout, std::uint32_t message, ByteSpan payload) {
  Walk walk(layout);
  if (walk.is_message(message, payload)) return std::nullopt;
  return walk.fault();
}

bool holds_group(const Layout& layout, std::uint32_t message, ByteSpan payload) {
  Walk walk(layout);
  static_cast<void>(walk.is_message(message, payload));
  return walk.has_group();
}

}  // namespace forebay::schema::protobuf
