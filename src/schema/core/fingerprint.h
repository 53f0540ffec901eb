// Who a schema is: a digest of its content. Schemas with one digest are one schema, and people who are not
// trusted make them, so it is SHA-256.
#pragma once

#include <array>
#include <cstddef>

#include "model/ids.h"
#include "schema/core/records.h"

namespace forebay::schema {

using Fingerprint = std::array<std::byte, 32>;

[[nodiscard]] Fingerprint fingerprint(const SchemaContent& content);
// Of version 8 (RFC 9562): the first bits of the digest.
[[nodiscard]] model::Uuid guid_of(const Fingerprint& fingerprint);

}  // namespace forebay::schema
