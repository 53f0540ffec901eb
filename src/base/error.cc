#include "forebay/error.h"

namespace forebay {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return "INTERNAL";
    case ErrorCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case ErrorCode::kUnknownTopic:
      return "UNKNOWN_TOPIC";
    case ErrorCode::kUnknownPartition:
      return "UNKNOWN_PARTITION";
    case ErrorCode::kTopicExists:
      return "TOPIC_EXISTS";
    case ErrorCode::kInvalidTopicName:
      return "INVALID_TOPIC_NAME";
    case ErrorCode::kInvalidConfig:
      return "INVALID_CONFIG";
    case ErrorCode::kCorruptBatch:
      return "CORRUPT_BATCH";
    case ErrorCode::kInvalidRecord:
      return "INVALID_RECORD";
    case ErrorCode::kRecordTooLarge:
      return "RECORD_TOO_LARGE";
    case ErrorCode::kUnsupported:
      return "UNSUPPORTED";
    case ErrorCode::kOffsetOutOfRange:
      return "OFFSET_OUT_OF_RANGE";
    case ErrorCode::kNotLeader:
      return "NOT_LEADER";
    case ErrorCode::kNotYet:
      return "NOT_YET";
    case ErrorCode::kOutcomeUnknown:
      return "OUTCOME_UNKNOWN";
    case ErrorCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case ErrorCode::kDiskFull:
      return "DISK_FULL";
    case ErrorCode::kDataLoss:
      return "DATA_LOSS";
    case ErrorCode::kStorageFailed:
      return "STORAGE_FAILED";
    case ErrorCode::kTimedOut:
      return "TIMED_OUT";
    case ErrorCode::kCancelled:
      return "CANCELLED";
    case ErrorCode::kShuttingDown:
      return "SHUTTING_DOWN";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kMemoryBudget:
      return "MEMORY_BUDGET";
    case ErrorCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case ErrorCode::kNewerFormat:
      return "NEWER_FORMAT";
    case ErrorCode::kLocked:
      return "LOCKED";
    case ErrorCode::kNotFound:
      return "NOT_FOUND";
    case ErrorCode::kOutOfOrderSequence:
      return "OUT_OF_ORDER_SEQUENCE";
    case ErrorCode::kProducerFenced:
      return "PRODUCER_FENCED";
    case ErrorCode::kUnknownProducer:
      return "UNKNOWN_PRODUCER";
    case ErrorCode::kEarlyAckLost:
      return "EARLY_ACK_LOST";
    case ErrorCode::kUnknownGroup:
      return "UNKNOWN_GROUP";
    case ErrorCode::kUnknownMember:
      return "UNKNOWN_MEMBER";
    case ErrorCode::kMemberFenced:
      return "MEMBER_FENCED";
    case ErrorCode::kNotOwner:
      return "NOT_OWNER";
    case ErrorCode::kOffsetMovedBack:
      return "OFFSET_MOVED_BACK";
    case ErrorCode::kStartRuleConflict:
      return "START_RULE_CONFLICT";
    case ErrorCode::kInvalidSchema:
      return "INVALID_SCHEMA";
    case ErrorCode::kIncompatibleSchema:
      return "INCOMPATIBLE_SCHEMA";
  }
  return "INTERNAL";
}

bool is_retryable(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotLeader:
    case ErrorCode::kNotYet:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDiskFull:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kOutcomeUnknown:
      return true;
    case ErrorCode::kInternal:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnknownTopic:
    case ErrorCode::kUnknownPartition:
    case ErrorCode::kTopicExists:
    case ErrorCode::kInvalidTopicName:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kCorruptBatch:
    case ErrorCode::kInvalidRecord:
    case ErrorCode::kRecordTooLarge:
    case ErrorCode::kUnsupported:
    case ErrorCode::kOffsetOutOfRange:
    case ErrorCode::kDataLoss:
    case ErrorCode::kStorageFailed:
    case ErrorCode::kCancelled:
    case ErrorCode::kMemoryBudget:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kNewerFormat:
    case ErrorCode::kLocked:
    case ErrorCode::kNotFound:
    case ErrorCode::kOutOfOrderSequence:
    case ErrorCode::kProducerFenced:
    case ErrorCode::kUnknownProducer:
    case ErrorCode::kEarlyAckLost:
    case ErrorCode::kUnknownGroup:
    case ErrorCode::kUnknownMember:
    case ErrorCode::kMemberFenced:
    case ErrorCode::kNotOwner:
    case ErrorCode::kOffsetMovedBack:
    case ErrorCode::kStartRuleConflict:
    case ErrorCode::kInvalidSchema:
    case ErrorCode::kIncompatibleSchema:
      return false;
  }
  return false;
}

std::string Error::to_string() const {
  std::string text(error_code_name(code));
  if (!context.empty()) text.append(": ").append(context);
  return text;
}

}  // namespace forebay
