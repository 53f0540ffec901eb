// Whether bytes are UTF-8: no stray or missing continuation, nothing longer than needed, no surrogate halves.
#pragma once

#include <cstddef>

#include "base/shared_bytes.h"

namespace forebay::schema::avro {

// Where it stops being UTF-8; the size if all of it is.
[[nodiscard]] std::size_t valid_utf8_bytes(ByteSpan bytes);

}  // namespace forebay::schema::avro
