#include "api/api_metrics.h"

#include <string>

namespace forebay::api {
namespace {

constexpr std::string_view kRequests = "forebay_api_requests_total";
constexpr std::string_view kRequestsHelp = "Requests answered, by method and result.";

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kProduce:
      return "Produce";
    case Method::kAppend:
      return "Append";
    case Method::kFetch:
      return "Fetch";
    case Method::kSubscribe:
      return "Subscribe";
    case Method::kListOffsets:
      return "ListOffsets";
    case Method::kFenceProducer:
      return "FenceProducer";
    case Method::kCreateTopic:
      return "CreateTopic";
    case Method::kListTopics:
      return "ListTopics";
    case Method::kDescribeTopic:
      return "DescribeTopic";
    case Method::kAlterTopic:
      return "AlterTopic";
    case Method::kDeleteTopic:
      return "DeleteTopic";
    case Method::kAddPartitions:
      return "AddPartitions";
    case Method::kTrimTopic:
      return "TrimTopic";
    case Method::kDescribeNode:
      return "DescribeNode";
    case Method::kSetLogLevel:
      return "SetLogLevel";
    case Method::kDescribeCluster:
      return "DescribeCluster";
    case Method::kListPartitions:
      return "ListPartitions";
    case Method::kSetNodeDrained:
      return "SetNodeDrained";
    case Method::kCheckNodeStop:
      return "CheckNodeStop";
    case Method::kRecoverPartition:
      return "RecoverPartition";
    case Method::kMovePartition:
      return "MovePartition";
    case Method::kCancelMove:
      return "CancelMove";
    case Method::kRebuildReplica:
      return "RebuildReplica";
    case Method::kChangeReplication:
      return "ChangeReplication";
    case Method::kTransferLeader:
      return "TransferLeader";
    case Method::kDecommissionNode:
      return "DecommissionNode";
    case Method::kSetMoveRate:
      return "SetMoveRate";
    case Method::kInitProducer:
      return "InitProducer";
    case Method::kListProducers:
      return "ListProducers";
    case Method::kDeleteProducerName:
      return "DeleteProducerName";
    case Method::kJoinGroup:
      return "Join";
    case Method::kCommitOffsets:
      return "CommitOffsets";
    case Method::kFetchOffsets:
      return "FetchOffsets";
    case Method::kCreateGroup:
      return "CreateGroup";
    case Method::kListGroups:
      return "ListGroups";
    case Method::kGroupLag:
      return "GroupLag";
    case Method::kDescribeGroup:
      return "DescribeGroup";
    case Method::kResetOffsets:
      return "ResetOffsets";
    case Method::kDeleteGroup:
      return "DeleteGroup";
    case Method::kRegisterSchema:
      return "RegisterSchema";
    case Method::kLookupSchema:
      return "LookupSchema";
    case Method::kCheckSchema:
      return "CheckSchema";
    case Method::kGetSchema:
      return "GetSchema";
    case Method::kGetSchemaVersion:
      return "GetSchemaVersion";
    case Method::kListSubjects:
      return "ListSubjects";
    case Method::kListSchemaVersions:
      return "ListSchemaVersions";
    case Method::kDeleteSchemaVersions:
      return "DeleteSchemaVersions";
    case Method::kGetSchemaRules:
      return "GetSchemaRules";
    case Method::kSetSchemaRules:
      return "SetSchemaRules";
    case Method::kClearSchemaRules:
      return "ClearSchemaRules";
    case Method::kDescribeSchemaUsage:
      return "DescribeSchemaUsage";
    case Method::kListSchemaContexts:
      return "ListSchemaContexts";
    case Method::kDeleteSchemaContext:
      return "DeleteSchemaContext";
  }
  return "unknown";
}

ApiMetrics::ApiMetrics(telemetry::Metrics* registry) : registry_(registry) {
  if (registry_ == nullptr) return;
  for (std::size_t index = 0; index < kMethodCount; ++index) {
    succeeded_[index] = registry_->counter(
        kRequests, kRequestsHelp,
        {{"method", std::string(method_name(static_cast<Method>(index)))}, {"result", "OK"}});
  }
  const std::array<const char*, kForwardFateCount> fates = {"answered", "not_sent", "broken"};
  for (std::size_t index = 0; index < kForwardFateCount; ++index) {
    forwarded_[index] = registry_->counter(
        "forebay_api_forwarded_total",
        "Requests sent on to the node that leads what they are about, by what became of them.",
        {{"fate", fates[index]}});
  }
  received_bytes_ = registry_->counter("forebay_api_received_bytes_total", "Bytes of produce requests read.");
  sent_bytes_ = registry_->counter("forebay_api_sent_bytes_total", "Bytes of fetch answers handed to gRPC.");
  pauses_ = registry_->counter("forebay_api_produce_pauses_total",
                               "Times a produce stream was not read on because of its bounds.");
  connections_ = registry_->counter("forebay_api_connections_total", "Connections accepted.");
  connections_refused_ = registry_->counter("forebay_api_connections_refused_total",
                                            "Connections closed at once: over the bound.");
}

void ApiMetrics::failed(Method method, ErrorCode code) const {
  if (registry_ == nullptr) return;
  registry_
      ->counter(
          kRequests, kRequestsHelp,
          {{"method", std::string(method_name(method))}, {"result", std::string(error_code_name(code))}})
      .add();
}

}  // namespace forebay::api
