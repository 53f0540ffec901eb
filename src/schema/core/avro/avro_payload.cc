#include "schema/core/avro/avro_payload.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/endian.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "schema/core/avro/avro_json_text.h"
#include "schema/core/avro/avro_path.h"

namespace forebay::schema::avro {
namespace {

// What a walk tells of the values it passes. This one is for those who only check.
struct Nothing {
  static constexpr bool kIsWritten = false;
};

// Appends a value as JSON.
struct JsonText {
  static constexpr bool kIsWritten = true;
  std::string text;
};

template <typename Out>
class Walk {
 public:
  Walk(const Schema& schema, ByteSpan payload, const Limits& limits)
      : schema_(schema),
        limits_(limits),
        at_(payload.data()),
        end_(payload.data() + payload.size()),
        empty_left_(limits.empty_values_max) {}

  // True: the payload is exactly one value.
  bool whole() {
    if (!value(schema_.root, 0)) return false;
    if (at_ == end_) return true;
    return fail(std::to_string(left()) + (left() == 1 ? " more byte" : " more bytes") + " after the end",
                "the end of the payload after one " + described(schema_, schema_.root_type()));
  }
  [[nodiscard]] PayloadFault& fault() { return fault_; }
  [[nodiscard]] std::string& text() { return out_.text; }
  [[nodiscard]] bool is_too_large() const { return is_too_large_; }

 private:
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  bool value(TypeId id, std::size_t depth) {
    const Type& type = schema_[id];
    if constexpr (Out::kIsWritten) {
      if (out_.text.size() > limits_.json_bytes_max) return too_large();
    }
    switch (type.kind) {
      case Kind::kNull:
        write("null");
        return takes_nothing();
      case Kind::kBoolean:
        return boolean(type);
      case Kind::kInt:
        return integer<std::int32_t>(type);
      case Kind::kLong:
        return integer<std::int64_t>(type);
      case Kind::kFloat:
        return real<float>(type);
      case Kind::kDouble:
        return real<double>(type);
      case Kind::kBytes:
        return bytes(type);
      case Kind::kString:
        return string(type);
      case Kind::kFixed:
        return fixed(type);
      case Kind::kEnum:
        return symbol(type);
      case Kind::kUnion:
        return branch(type, depth);
      case Kind::kRecord:
        return record(type, depth + 1);
      case Kind::kArray:
        return array(type, depth + 1);
      case Kind::kMap:
        return map(type, depth + 1);
    }
    return false;
  }

  bool boolean(const Type& type) {
    if (at_ == end_) return ends(type);
    const auto byte = std::to_integer<std::uint32_t>(*at_);
    if (byte > 1) [[unlikely]]
      return fail("byte " + std::to_string(byte), "boolean: byte 0 or 1");
    ++at_;
    write(byte == 1 ? "true" : "false");
    return true;
  }

  template <typename T>
  [[nodiscard]] bool read(T& number) {
    const std::byte* next = nullptr;
    if constexpr (sizeof(T) == sizeof(std::int32_t))
      next = read_varint(at_, end_, number);
    else
      next = read_varlong(at_, end_, number);
    if (next == nullptr) [[unlikely]]
      return false;
    at_ = next;
    return true;
  }
  template <typename T>
  bool integer(const Type& type) {
    T number = 0;
    if (!read(number)) [[unlikely]]
      return bad_integer(std::string(kind_name(type.kind)), sizeof(T));
    if constexpr (Out::kIsWritten) append_json_number(out_.text, std::int64_t{number});
    return true;
  }
  template <typename T>
  bool real(const Type& type) {
    if (left() < sizeof(T)) [[unlikely]]
      return ends(type);
    if constexpr (Out::kIsWritten) append_json_number(out_.text, double{load_le<T>(at_)});
    at_ += sizeof(T);
    return true;
  }

  // What a length stands before.
  [[nodiscard]] bool sized(std::string_view what, ByteSpan& found) {
    std::int64_t size = 0;
    if (!read(size)) [[unlikely]]
      return bad_integer("the length of a " + std::string(what), sizeof size);
    if (size < 0 || static_cast<std::uint64_t>(size) > left()) [[unlikely]] {
      return fail("a length of " + std::to_string(size) + " with " + std::to_string(left()) + " bytes left",
                  std::string(what) + " that ends within the payload");
    }
    found = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }
  [[nodiscard]] bool text_of(std::string_view what, ByteSpan& found) {
    if (!sized(what, found)) return false;
    if (const std::size_t valid = utf8_bytes(as_text(found)); valid != found.size()) [[unlikely]] {
      return fail("byte " + std::to_string(std::to_integer<std::uint32_t>(found[valid])) + " at " +
                      std::to_string(valid) + " of " + std::to_string(found.size()) + ", which is no UTF-8",
                  std::string(what) + " in UTF-8");
    }
    return true;
  }
  bool bytes(const Type& type) {
    ByteSpan found;
    if (!sized(kind_name(type.kind), found)) return false;
    if constexpr (Out::kIsWritten) append_json_bytes(out_.text, found);
    return true;
  }
  bool string(const Type& type) {
    ByteSpan found;
    if (!text_of(kind_name(type.kind), found)) return false;
    if constexpr (Out::kIsWritten) append_json_string(out_.text, as_text(found));
    return true;
  }
  bool fixed(const Type& type) {
    if (type.size > left()) [[unlikely]]
      return ends(type);
    if constexpr (Out::kIsWritten) append_json_bytes(out_.text, {at_, static_cast<std::size_t>(type.size)});
    at_ += type.size;
    return type.size > 0 || takes_nothing();
  }

  bool symbol(const Type& type) {
    std::int32_t index = 0;
    if (!read(index)) [[unlikely]]
      return bad_integer("the number of a symbol", sizeof index);
    if (index < 0 || static_cast<std::size_t>(index) >= type.symbols.size()) [[unlikely]]
      return fail("symbol " + std::to_string(index),
                  described(schema_, type) + ": symbol " + numbers_of(type.symbols.size()));
    if constexpr (Out::kIsWritten)
      append_json_string(out_.text, type.symbols[static_cast<std::size_t>(index)]);
    return true;
  }

  bool branch(const Type& type, std::size_t depth) {
    std::int64_t index = 0;
    if (!read(index)) [[unlikely]]
      return bad_integer("the number of a branch", sizeof index);
    if (index < 0 || static_cast<std::uint64_t>(index) >= type.branches.size()) [[unlikely]]
      return fail("branch " + std::to_string(index),
                  described(schema_, type) + ": branch " + numbers_of(type.branches.size()));
    const TypeId id = type.branches[static_cast<std::size_t>(index)];
    const Type& chosen = schema_[id];
    if (chosen.kind == Kind::kNull) {  // the index is what it takes
      write("null");
      return true;
    }
    if constexpr (Out::kIsWritten) {
      write("{");
      key(branch_name(chosen));
    }
    if (!value(id, depth)) return false;
    write("}");
    return true;
  }

  bool record(const Type& type, std::size_t depth) {
    if (depth > limits_.value_depth_max) [[unlikely]]
      return too_deep();
    write("{");
    bool is_first = true;
    for (const Field& field : type.fields) {
      if (!std::exchange(is_first, false)) write(",");
      key(field.name);
      if (!value(field.type, depth)) [[unlikely]]
        return within(field_step(field.name));
    }
    write("}");
    return !type.fields.empty() || takes_nothing();
  }

  bool array(const Type& type, std::size_t depth) {
    if (depth > limits_.value_depth_max) [[unlikely]]
      return too_deep();
    write("[");
    const bool is_read = blocks(type, [&](std::uint64_t index) {
      if (index > 0) write(",");
      return value(type.inner, depth) || within(item_step(index));
    });
    write("]");
    return is_read;
  }
  bool map(const Type& type, std::size_t depth) {
    if (depth > limits_.value_depth_max) [[unlikely]]
      return too_deep();
    write("{");
    const bool is_read = blocks(type, [&](std::uint64_t index) {
      if (index > 0) write(",");
      ByteSpan name;
      if (!text_of("key", name)) return within(item_step(index));
      key(as_text(name));
      return value(type.inner, depth) || within(key_step(as_text(name)));
    });
    write("}");
    return is_read;
  }

  // Items come in blocks until one of none. A negative count is followed by the bytes that the block takes.
  template <typename Each>
  bool blocks(const Type& type, Each each) {
    std::uint64_t index = 0;
    while (true) {
      std::int64_t count = 0;
      if (!read(count)) [[unlikely]]
        return bad_integer("how many items follow in the " + std::string(kind_name(type.kind)), sizeof count);
      if (count == 0) return true;
      const std::byte* begin = nullptr;
      std::int64_t size = 0;
      if (count < 0) {
        if (count == std::numeric_limits<std::int64_t>::min() || !read(size) || size < 0 ||
            static_cast<std::uint64_t>(size) > left()) [[unlikely]]
          return bad_block(type, count, size);
        count = -count;
        begin = at_;
      }
      for (; count > 0; --count, ++index)
        if (!each(index)) [[unlikely]]
          return false;
      if (begin != nullptr && at_ - begin != size) [[unlikely]] {
        return fail("a block that says it has " + std::to_string(size) + " bytes and has " +
                        std::to_string(at_ - begin),
                    std::string(kind_name(type.kind)) + " whose blocks have the bytes they say");
      }
    }
  }

  // Text of JSON itself.
  void write(std::string_view piece) {
    if constexpr (Out::kIsWritten) out_.text += piece;
  }
  void key(std::string_view name) {
    if constexpr (Out::kIsWritten) {
      append_json_string(out_.text, name);
      out_.text += ':';
    }
  }

  // Values without bytes are all that a payload may have more of than bytes.
  bool takes_nothing() {
    if (empty_left_-- > 0) [[likely]]
      return true;
    return fail("more than " + std::to_string(limits_.empty_values_max) + " values that take no bytes",
                "at most " + std::to_string(limits_.empty_values_max) + " of them");
  }

  // The rest makes faults; a fault gets its path on the way up.
  bool fail(std::string found, std::string expected) {
    fault_ = {"", std::move(found), std::move(expected)};
    return false;
  }
  bool within(const std::string& step) {
    prepend_step(fault_.path, step);
    return false;
  }
  bool ends(const Type& type) {
    return fail(left() == 0 ? "the end of the payload" : std::to_string(left()) + " bytes until the end",
                described(schema_, type));
  }
  bool bad_integer(const std::string& what, std::size_t size) {
    const std::size_t bytes_max = size == sizeof(std::int32_t) ? kVarintBytesMax : kVarlongBytesMax;
    const auto ongoing = [](std::byte byte) { return byte >= std::byte{0x80}; };
    const std::byte* stop = at_ + std::min(left(), bytes_max);
    if (std::all_of(at_, stop, ongoing) && left() < bytes_max) return fail("the end of the payload", what);
    return fail("an integer that does not fit", what + ", of " + std::to_string(size * 8) +
                                                    " bits in at most " + std::to_string(bytes_max) +
                                                    " bytes");
  }
  bool bad_block(const Type& type, std::int64_t count, std::int64_t size) {
    return fail("a block of " + std::to_string(count) + " items in " + std::to_string(size) + " bytes with " +
                    std::to_string(left()) + " left",
                std::string(kind_name(type.kind)) + " whose blocks end within the payload");
  }
  bool too_deep() {
    return fail("values within values more than " + std::to_string(limits_.value_depth_max) + " deep",
                "at most " + std::to_string(limits_.value_depth_max));
  }
  bool too_large() {
    is_too_large_ = true;
    return fail("a value that has more than " + std::to_string(limits_.json_bytes_max) + " bytes as JSON",
                "at most as many");
  }
  static std::string numbers_of(std::size_t count) {
    return count == 0 ? "none" : "0 to " + std::to_string(count - 1);
  }

  const Schema& schema_;
  const Limits& limits_;
  const std::byte* at_;
  const std::byte* const end_;
  std::size_t empty_left_;
  bool is_too_large_ = false;
  PayloadFault fault_;
  Out out_;
};

constexpr std::size_t kEscapedMax = 6;  // bytes of JSON for one

// Serializers of the convention write a schema that is "bytes" and nothing else as it is, without the length
// that Avro has before it; others, with it.
bool may_be_bare(const Schema& schema) { return schema.root_type().kind == Kind::kBytes; }

}  // namespace

std::optional<PayloadFault> check_payload(const Schema& schema, ByteSpan payload, const Limits& limits) {
  if (may_be_bare(schema)) return std::nullopt;
  Walk<Nothing> walk(schema, payload, limits);
  if (walk.whole()) [[likely]]
    return std::nullopt;
  return std::move(walk.fault());
}

Result<std::string> payload_to_json(const Schema& schema, ByteSpan payload, const Limits& limits) {
  Walk<JsonText> walk(schema, payload, limits);
  if (walk.whole()) return std::move(walk.text());
  if (may_be_bare(schema) && !walk.is_too_large() && payload.size() <= limits.json_bytes_max / kEscapedMax) {
    std::string text;
    append_json_bytes(text, payload);
    return text;
  }
  Error error = fault_error(walk.fault());
  if (walk.is_too_large()) error.code = ErrorCode::kRecordTooLarge;
  return error;
}

Error fault_error(const PayloadFault& fault) {
  return {ErrorCode::kInvalidRecord, (fault.path.empty() ? std::string("the payload") : fault.path) +
                                         ": expected " + fault.expected + ", found " + fault.found};
}

}  // namespace forebay::schema::avro
