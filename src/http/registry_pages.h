// Lists of the registry by offset and limit, out of its pages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "http/registry_exchange.h"

namespace forebay::http {

struct Window {
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;
};
// From the flags `offset` and `limit`: at most `max`, and so many when there is no limit. Errors: 400.
[[nodiscard]] OrRestError<Window> window_of(const Exchange& exchange, std::int32_t max);

using Versions = std::vector<v1::SchemaVersion>;
// Calls `then` with the subjects, or the versions, in the window, or answers the error.
void collect_subjects(Exchange exchange, v1::ListSubjectsRequest request, Window window,
                      std::function<void(Exchange&, const std::vector<std::string>&)> then);
void collect_versions(Exchange exchange, v1::ListSchemaVersionsRequest request, Window window,
                      std::function<void(Exchange&, const Versions&)> then);

}  // namespace forebay::http
