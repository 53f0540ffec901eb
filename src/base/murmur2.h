// The hash by which Kafka's clients choose a record's partition: a key must land in the same one whoever
// sends it.
#pragma once

#include <cstdint>

#include "base/shared_bytes.h"

namespace forebay {

// 32-bit MurmurHash2 with Kafka's seed; signed as in its own code.
[[nodiscard]] std::int32_t murmur2(ByteSpan bytes);

// Requires: partition_count > 0. Returns: 0..partition_count - 1.
[[nodiscard]] std::int32_t partition_for_key(ByteSpan key, std::int32_t partition_count);

}  // namespace forebay
