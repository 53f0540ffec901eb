// "How far does the state of the registry go?", asked of its leader by another replica, as bytes
// (docs/format/schemas.md). Pure functions.
#pragma once

#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::schema {

// And nothing else that nodes ask one another.
[[nodiscard]] bool is_refresh(ByteSpan bytes);
[[nodiscard]] std::string encode_refresh();
[[nodiscard]] std::string encode_refresh_answer(model::Offset applied);
[[nodiscard]] Result<model::Offset> decode_refresh_answer(const std::string& bytes);  // kInvalidArgument

}  // namespace forebay::schema
