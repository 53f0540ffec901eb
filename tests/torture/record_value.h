// What the records of a torture run hold: text that says by itself where it belongs, who made it, and whether
// it is whole. RUN:TOPIC/PARTITION:VALUE:FILLER:CRC, the last one in hexadecimal over all before its colon.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace forebay::torture {

struct RecordPlace {
  std::string_view run;
  std::string_view topic;
  std::uint32_t partition = 0;
};

// At least `size_bytes` long when that is more than the rest takes.
[[nodiscard]] std::string make_record_value(const RecordPlace& place, std::uint64_t value,
                                            std::size_t size_bytes);

struct ParsedValue {
  std::uint64_t value = 0;  // 0 when it cannot be read
  bool sound = false;       // whole, of this run, and where it belongs
};
[[nodiscard]] ParsedValue parse_record_value(const RecordPlace& place, std::string_view text);

}  // namespace forebay::torture
