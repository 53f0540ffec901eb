// The rules that clients carry out on a schema's data (transformations, conditions, migrations). The registry
// keeps them, and compares them when a schema is looked up or registered.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::schema {

// In the one form, so that what different clients write of the same rules is equal: defaults written out,
// what is empty left out, tags in order. Empty: there is none; "{}": there is one without rules. Errors
// (42201).
[[nodiscard]] Result<std::string> normal_rule_set(std::string_view json);

}  // namespace forebay::schema
