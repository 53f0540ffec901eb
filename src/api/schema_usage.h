// Which versions of a subject still arrive, as all nodes know it, and what follows for deleting one. Thread
// rules: any thread.
#pragma once

#include <optional>

#include "api/registry_calls.h"

namespace forebay::api {

// A version that came within this time is in use: who runs at the weekend only is seen.
inline constexpr std::chrono::hours kInUseWithin{24 * 7};

// With `options.may_forward` the other nodes are asked too. Errors: 40401.
void describe_usage(const ContextPtr& context, ClusterRegistry& registry,
                    v1::DescribeSchemaUsageRequest request, const ClusterRegistry::Options& options,
                    schema::Done<v1::DescribeSchemaUsageResponse> done);

// Why the versions must not be deleted; nothing: they are not in use. `version`: none: all of them.
[[nodiscard]] std::optional<Error> in_use(const v1::DescribeSchemaUsageResponse& usage,
                                          const std::string& subject, std::optional<std::int32_t> version,
                                          model::Timestamp now);

}  // namespace forebay::api
