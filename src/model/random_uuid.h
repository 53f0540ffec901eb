// A new UUID from chance. Pure: the randomness is an argument.
#pragma once

#include <cstdint>
#include <cstring>

#include "model/ids.h"

namespace forebay::model {

// Of version 4 (RFC 4122), from two words of `rng`, which has next().
template <typename Rng>
[[nodiscard]] Uuid random_uuid(Rng& rng) {
  Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); i += sizeof(std::uint64_t)) {
    const std::uint64_t word = rng.next();
    std::memcpy(id.bytes.data() + i, &word, sizeof(word));
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

}  // namespace forebay::model
