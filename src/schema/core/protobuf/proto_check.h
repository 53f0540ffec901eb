// Whether bytes are a message, without making one.
#pragma once

#include <cstdint>
#include <optional>

#include "schema/core/protobuf/proto_layout.h"
#include "schema/core/schema.h"

namespace forebay::schema::protobuf {

// As protobuf's own parser limits it.
inline constexpr unsigned kPayloadDepthMax = 100;

// Unknown fields are no fault: that is how messages evolve. A known field with a wire type that is not its
// own is one, though protobuf's parser would take it for unknown: its value would be lost. Allocates nothing
// but for a fault, and for a message with more than 64 required fields.
[[nodiscard]] std::optional<PayloadFault> check(const Layout& layout, std::uint32_t message,
                                                ByteSpan payload);
// Whether a known field of it is a group. Requires: it fits.
[[nodiscard]] bool holds_group(const Layout& layout, std::uint32_t message, ByteSpan payload);

}  // namespace forebay::schema::protobuf
