#include "api/errors.h"

namespace forebay::api {
namespace {

// A retry delay for those who would else come back at once: the bounds of the node empty within a few
// journal rounds.
constexpr std::uint32_t kRetryDelayDefaultMs = 50;

grpc::StatusCode status_of(v1::ErrorReason reason) {
  if (reason == v1::ERROR_REASON_UNSPECIFIED) return grpc::StatusCode::UNKNOWN;
  return wire_error(static_cast<ErrorCode>(reason)).status;
}

}  // namespace

WireError wire_error(ErrorCode code) {
  using enum grpc::StatusCode;
  switch (code) {
    case ErrorCode::kInternal:
      return {v1::INTERNAL, INTERNAL};
    case ErrorCode::kInvalidArgument:
      return {v1::INVALID_ARGUMENT, INVALID_ARGUMENT};
    case ErrorCode::kUnknownTopic:
      return {v1::UNKNOWN_TOPIC, NOT_FOUND};
    case ErrorCode::kUnknownPartition:
      return {v1::UNKNOWN_PARTITION, NOT_FOUND};
    case ErrorCode::kTopicExists:
      return {v1::TOPIC_EXISTS, ALREADY_EXISTS};
    case ErrorCode::kInvalidTopicName:
      return {v1::INVALID_TOPIC_NAME, INVALID_ARGUMENT};
    case ErrorCode::kInvalidConfig:
      return {v1::INVALID_CONFIG, INVALID_ARGUMENT};
    case ErrorCode::kCorruptBatch:
      return {v1::CORRUPT_BATCH, INVALID_ARGUMENT};
    case ErrorCode::kInvalidRecord:
      return {v1::INVALID_RECORD, INVALID_ARGUMENT};
    case ErrorCode::kRecordTooLarge:
      return {v1::RECORD_TOO_LARGE, INVALID_ARGUMENT};
    case ErrorCode::kUnsupported:
      return {v1::UNSUPPORTED, UNIMPLEMENTED};
    case ErrorCode::kOffsetOutOfRange:
      return {v1::OFFSET_OUT_OF_RANGE, OUT_OF_RANGE};
    case ErrorCode::kNotLeader:
      return {v1::NOT_LEADER, UNAVAILABLE};
    case ErrorCode::kNotYet:
      return {v1::NOT_YET, UNAVAILABLE};
    case ErrorCode::kOutcomeUnknown:  // not UNAVAILABLE: generic clients retry that, and a retry could write
      return {v1::OUTCOME_UNKNOWN, UNKNOWN};  // a second copy
    case ErrorCode::kResourceExhausted:
      return {v1::RESOURCE_EXHAUSTED, RESOURCE_EXHAUSTED};
    case ErrorCode::kDiskFull:
      return {v1::DISK_FULL, RESOURCE_EXHAUSTED};
    case ErrorCode::kDataLoss:
      return {v1::DATA_LOSS, DATA_LOSS};
    case ErrorCode::kStorageFailed:
      return {v1::STORAGE_FAILED, INTERNAL};
    case ErrorCode::kTimedOut:
      return {v1::TIMED_OUT, DEADLINE_EXCEEDED};
    case ErrorCode::kCancelled:
      return {v1::CANCELLED, CANCELLED};
    case ErrorCode::kShuttingDown:
      return {v1::SHUTTING_DOWN, UNAVAILABLE};
    case ErrorCode::kUnavailable:
      return {v1::UNAVAILABLE, UNAVAILABLE};
    case ErrorCode::kMemoryBudget:
      return {v1::MEMORY_BUDGET, RESOURCE_EXHAUSTED};
    case ErrorCode::kFailedPrecondition:
      return {v1::FAILED_PRECONDITION, FAILED_PRECONDITION};
    case ErrorCode::kNewerFormat:
      return {v1::NEWER_FORMAT, FAILED_PRECONDITION};
    case ErrorCode::kLocked:
      return {v1::LOCKED, FAILED_PRECONDITION};
    case ErrorCode::kNotFound:
      return {v1::NOT_FOUND, NOT_FOUND};
    case ErrorCode::kOutOfOrderSequence:
      return {v1::OUT_OF_ORDER_SEQUENCE, FAILED_PRECONDITION};
    case ErrorCode::kProducerFenced:
      return {v1::PRODUCER_FENCED, FAILED_PRECONDITION};
    case ErrorCode::kUnknownProducer:
      return {v1::UNKNOWN_PRODUCER, FAILED_PRECONDITION};
    case ErrorCode::kEarlyAckLost:
      return {v1::EARLY_ACK_LOST, DATA_LOSS};
    case ErrorCode::kUnknownGroup:
      return {v1::UNKNOWN_GROUP, NOT_FOUND};
    case ErrorCode::kUnknownMember:
      return {v1::UNKNOWN_MEMBER, NOT_FOUND};
    case ErrorCode::kMemberFenced:
      return {v1::MEMBER_FENCED, FAILED_PRECONDITION};
    case ErrorCode::kNotOwner:
      return {v1::NOT_OWNER, FAILED_PRECONDITION};
    case ErrorCode::kOffsetMovedBack:
      return {v1::OFFSET_MOVED_BACK, FAILED_PRECONDITION};
    case ErrorCode::kStartRuleConflict:
      return {v1::START_RULE_CONFLICT, FAILED_PRECONDITION};
    case ErrorCode::kInvalidSchema:
      return {v1::INVALID_SCHEMA, INVALID_ARGUMENT};
    case ErrorCode::kIncompatibleSchema:
      return {v1::INCOMPATIBLE_SCHEMA, FAILED_PRECONDITION};
  }
  return {v1::INTERNAL, INTERNAL};
}

v1::ErrorDetail to_detail(const Error& error, const ErrorPlace& place) {
  v1::ErrorDetail detail;
  detail.set_reason(wire_error(error.code).reason);
  detail.set_message(error.context);
  detail.set_topic(std::string(place.topic));
  if (place.partition) detail.set_partition(*place.partition);
  std::uint32_t delay_ms = error.retry_after_ms;
  if (delay_ms == 0 && error.code == ErrorCode::kResourceExhausted) delay_ms = kRetryDelayDefaultMs;
  detail.set_retry_delay_ms(delay_ms);
  detail.set_leader(error.leader);
  if (error.last_sequence) detail.set_last_sequence(*error.last_sequence);
  detail.set_registry_code(error.registry_code);
  for (const RecordFault& one : error.record_faults) {
    v1::RecordFault* fault = detail.add_record_faults();
    fault->set_index(one.index);
    fault->set_text(one.text);
  }
  return detail;
}

Error error_of(const v1::ErrorDetail& detail) {
  const bool known =
      detail.reason() != v1::ERROR_REASON_UNSPECIFIED && v1::ErrorReason_IsValid(detail.reason());
  Error error{known ? static_cast<ErrorCode>(detail.reason()) : ErrorCode::kInternal, detail.message(),
              detail.retry_delay_ms(), detail.leader()};
  if (detail.has_last_sequence()) error.last_sequence = detail.last_sequence();
  error.registry_code = detail.registry_code();
  for (const v1::RecordFault& one : detail.record_faults())
    error.record_faults.push_back({one.index(), one.text()});
  return error;
}

namespace {

// As many of the first faults as fit into a status, which travels in the trailers of its call: those of more
// than 16 KiB are refused by gRPC, above 8 KiB by chance, and base64 comes on top. The others are found when
// the rest is sent again.
constexpr std::size_t kStatusFaultBytesMax = 3U << 10;

using RecordFaults = google::protobuf::RepeatedPtrField<v1::RecordFault>;
// `bytes`: what is in the status already, and then with these.
void keep_what_fits(RecordFaults& faults, std::size_t& bytes) {
  int kept = 0;
  for (; kept < faults.size(); ++kept) {
    bytes += faults.Get(kept).ByteSizeLong() + 4;
    if (bytes > kStatusFaultBytesMax) break;
  }
  faults.DeleteSubrange(kept, faults.size() - kept);
}

v1::ErrorDetail for_trailers(v1::ErrorDetail detail) {
  std::size_t bytes = 0;
  keep_what_fits(*detail.mutable_record_faults(), bytes);
  return detail;
}

// Likewise: what was stored is told, and of which records as far as there is room for all of those, and which
// of them are dead letters.
v1::ProduceAck for_trailers(v1::ProduceAck ack) {
  std::size_t bytes = 0;
  for (const v1::PartitionAck& one : ack.partitions())
    bytes += static_cast<std::size_t>(one.record_indexes_size()) * 3;
  if (bytes > kStatusFaultBytesMax) {
    for (v1::PartitionAck& one : *ack.mutable_partitions()) one.clear_record_indexes();
    bytes = 0;
  }
  for (v1::PartitionAck& one : *ack.mutable_partitions()) keep_what_fits(*one.mutable_quarantined(), bytes);
  return ack;
}

}  // namespace

grpc::Status to_status(const v1::ErrorDetail& whole, const v1::ProduceAck* acknowledged) {
  const v1::ErrorDetail detail = for_trailers(whole);
  const grpc::StatusCode code = status_of(detail.reason());
  v1::RpcStatus status;
  status.set_code(code);
  status.set_message(detail.message());
  status.add_details()->PackFrom(detail);
  if (acknowledged != nullptr) status.add_details()->PackFrom(for_trailers(*acknowledged));
  // For those who see only the text: the reason's name in front.
  std::string text = v1::ErrorReason_Name(detail.reason());
  if (!detail.message().empty()) text.append(": ").append(detail.message());
  return {code, std::move(text), status.SerializeAsString()};
}

grpc::Status to_status(const Error& error, const ErrorPlace& place) {
  return to_status(to_detail(error, place));
}

}  // namespace forebay::api
