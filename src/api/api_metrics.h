// What the API counts, under forebay_api_... Made once per server; a null registry counts nothing.
// Thread rules: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "telemetry/metrics.h"

namespace forebay::api {

enum class Method : std::uint8_t {
  kProduce,
  kAppend,
  kFetch,
  kSubscribe,
  kListOffsets,
  kFenceProducer,
  kCreateTopic,
  kListTopics,
  kDescribeTopic,
  kAlterTopic,
  kDeleteTopic,
  kAddPartitions,
  kTrimTopic,
  kDescribeNode,
  kSetLogLevel,
  kDescribeCluster,
  kListPartitions,
  kSetNodeDrained,
  kCheckNodeStop,
  kRecoverPartition,
  kMovePartition,
  kCancelMove,
  kRebuildReplica,
  kChangeReplication,
  kTransferLeader,
  kDecommissionNode,
  kSetMoveRate,
  kInitProducer,
  kListProducers,
  kDeleteProducerName,
  kJoinGroup,
  kCommitOffsets,
  kFetchOffsets,
  kCreateGroup,
  kListGroups,
  kDescribeGroup,
  kGroupLag,
  kResetOffsets,
  kDeleteGroup,
  kRegisterSchema,
  kLookupSchema,
  kCheckSchema,
  kGetSchema,
  kGetSchemaVersion,
  kListSubjects,
  kListSchemaVersions,
  kDeleteSchemaVersions,
  kGetSchemaRules,
  kSetSchemaRules,
  kClearSchemaRules,
  kDescribeSchemaUsage,
  kListSchemaContexts,
  kDeleteSchemaContext,
};
inline constexpr std::size_t kMethodCount = 53;
[[nodiscard]] std::string_view method_name(Method method);

// What became of a request that was sent on to the node that leads.
enum class ForwardFate : std::uint8_t {
  kAnswered,  // by the leader, well or badly
  kNotSent,   // nothing was done
  kBroken,    // sent, and the answer is lost
};
inline constexpr std::size_t kForwardFateCount = 3;

class ApiMetrics {
 public:
  explicit ApiMetrics(telemetry::Metrics* registry);

  // One request answered (Produce: each request of a stream; Subscribe: each stream that ended).
  void answered(Method method) const { succeeded_[static_cast<std::size_t>(method)].add(); }
  void failed(Method method, ErrorCode code) const;
  void received(std::size_t bytes) const { received_bytes_.add(bytes); }
  void sent(std::size_t bytes) const { sent_bytes_.add(bytes); }
  void read_paused() const { pauses_.add(); }
  void forwarded(ForwardFate fate) const { forwarded_[static_cast<std::size_t>(fate)].add(); }
  void connection_accepted() const { connections_.add(); }
  void connection_refused() const { connections_refused_.add(); }

 private:
  telemetry::Metrics* registry_;
  std::array<telemetry::Counter, kMethodCount> succeeded_;
  std::array<telemetry::Counter, kForwardFateCount> forwarded_;
  telemetry::Counter received_bytes_;
  telemetry::Counter sent_bytes_;
  telemetry::Counter pauses_;
  telemetry::Counter connections_;
  telemetry::Counter connections_refused_;
};

}  // namespace forebay::api
