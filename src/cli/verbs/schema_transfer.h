// A registry as lines of JSON: what `schema export` writes and `schema import` reads. Pure.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "forebay/schemas.h"

namespace forebay::cli {

// Rules of a scope, as far as it has its own.
struct TransferredRules {
  std::string scope;
  SchemaRules rules;
  friend bool operator==(const TransferredRules&, const TransferredRules&) = default;
};
using TransferLine = std::variant<SchemaVersion, TransferredRules>;

// With its newline.
[[nodiscard]] std::string transfer_line(const SchemaVersion& version);
[[nodiscard]] std::string transfer_line(const TransferredRules& rules);
// Errors: kInvalidArgument, naming the member.
[[nodiscard]] Result<TransferLine> read_transfer_line(std::string_view line);

// "version 3 of subject orders-value (id 17, GUID ...)".
[[nodiscard]] std::string describe(const SchemaVersion& version);
// Where the one that is here differs from the one that is to come; empty: nowhere. When they were registered
// does not count.
[[nodiscard]] std::string difference_of(const SchemaVersion& wanted, const SchemaVersion& here);

}  // namespace forebay::cli
