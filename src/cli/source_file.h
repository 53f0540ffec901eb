// Which file it is that a named producer reads, how its lines were made into records, and whether what was
// sent of it is still there (docs/format/source-position.md). A copy, or one that has grown, is the same.
// Thread rules: pure but for reads of the descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forebay/source_place.h"

namespace forebay::cli {

inline constexpr std::size_t kIdentityBytesMax = 4096;

// What decides which lines are records, and where they go.
struct LinePlacement {
  std::string format = "lines";
  std::optional<std::string> key_field;
  std::optional<std::string> key_separator;
  std::optional<std::int32_t> partition;
};

// Of the file as it is now. Errors: kStorageFailed.
[[nodiscard]] Result<std::string> file_identity(int descriptor, const LinePlacement& placement);

// Whether the file begins with what gave that identity once. False too when it cannot be read.
[[nodiscard]] bool has_identity(int descriptor, std::string_view identity);

// The option that was another one when that identity was given ("--key-field"); nothing: none was, as far as
// is known.
[[nodiscard]] std::optional<std::string> changed_option(std::string_view identity,
                                                        const LinePlacement& placement);

// Whether the file still has, and where, what was sent of it: `stored` is by partition, and a place the end
// of a line without its '\n', with the CRC-32C of what is before it. Reads the file up to the furthest place.
// Errors: kFailedPrecondition, naming `file`; kStorageFailed.
[[nodiscard]] Result<void> check_sent(int descriptor, const std::string& file,
                                      const std::vector<std::optional<SourcePlace>>& stored);

}  // namespace forebay::cli
