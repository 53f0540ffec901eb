// Which versions of a subject still arrive, as all nodes know it, and what follows for deleting one. Thread
// rules: any thread.
#pragma once

#include <optional>
#include <set>
#include <variant>

#include "api/registry_calls.h"

namespace forebay::api {

// A version that came within this time is in use: who runs at the weekend only is seen.
inline constexpr std::chrono::hours kInUseWithin{24 * 7};

// With `options.may_forward` the other nodes are asked too. Errors: 40401.
void describe_usage(const ContextPtr& context, ClusterRegistry& registry,
                    v1::DescribeSchemaUsageRequest request, const ClusterRegistry::Options& options,
                    schema::Done<v1::DescribeSchemaUsageResponse> done);

// Why these versions must not be deleted; nothing: they are not in use, as far as all nodes know.
[[nodiscard]] std::optional<Error> in_use(const v1::DescribeSchemaUsageResponse& usage,
                                          const std::string& subject, const std::set<std::int32_t>& versions,
                                          model::Timestamp now);
// Whether what is to be deleted is unused. What is not there, or deleted already, is: whoever deletes it is
// told. Errors: why it must not be deleted; why that is not known.
void check_unused(const ContextPtr& context, ClusterRegistry& registry,
                  const v1::DeleteSchemaVersionsRequest& request, const ClusterRegistry::Options& options,
                  schema::Done<std::monostate> done);

}  // namespace forebay::api
