// Which file it is that a named producer reads: its first bytes tell, so that a copy, or one that has grown,
// is the same (docs/format/source-position.md). Thread rules: pure but for reads of the descriptor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::cli {

inline constexpr std::size_t kIdentityBytesMax = 4096;

// Of the file as it is now. Errors: kStorageFailed.
[[nodiscard]] Result<std::string> file_identity(int descriptor);

// Whether the file begins with what gave that identity once. False too when it cannot be read.
[[nodiscard]] bool has_identity(int descriptor, std::string_view identity);

}  // namespace forebay::cli
