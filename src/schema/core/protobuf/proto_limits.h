// What would take the compiler library's stack, memory or time, found before the library sees it: it recurses
// without a bound and compares ranges and options with each other.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "schema/core/limits.h"

namespace google::protobuf {
class FileDescriptorProto;
}

namespace forebay::schema::protobuf {

// Of one message, enum or other element; the library compares each with each other, and with each field.
inline constexpr int kRangesMax = 1'000;
inline constexpr int kOptionsMax = 1'000;
// Every element holds its full name: deep nesting of long names multiplies.
inline constexpr std::size_t kNamesBytesMax = 64U << 20;

// Of the text: how deep brackets of any kind are nested.
[[nodiscard]] Result<void> check_nesting(std::string_view text, const Limits& limits);

// Of all files of one schema together.
struct Tally {
  std::size_t types = 0, elements = 0, names_bytes = 0;
};
[[nodiscard]] Result<void> check_size(const google::protobuf::FileDescriptorProto& file, const Limits& limits,
                                      Tally& tally);

}  // namespace forebay::schema::protobuf
