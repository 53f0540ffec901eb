#include "cli/exit_code.h"

namespace forebay::cli {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidTopicName:
    case ErrorCode::kInvalidConfig:
      return ExitCode::kUsage;
    case ErrorCode::kUnknownTopic:
    case ErrorCode::kUnknownPartition:
    case ErrorCode::kNotFound:
    case ErrorCode::kUnknownGroup:
    case ErrorCode::kUnknownMember:
      return ExitCode::kNotFound;
    case ErrorCode::kTopicExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kMemoryBudget:
    case ErrorCode::kLocked:
    case ErrorCode::kNewerFormat:
    case ErrorCode::kOffsetOutOfRange:
    case ErrorCode::kOutOfOrderSequence:
    case ErrorCode::kProducerFenced:
    case ErrorCode::kUnknownProducer:
    case ErrorCode::kMemberFenced:
    case ErrorCode::kNotOwner:
    case ErrorCode::kOffsetMovedBack:
    case ErrorCode::kStartRuleConflict:
    case ErrorCode::kInvalidSchema:
    case ErrorCode::kIncompatibleSchema:
      return ExitCode::kConflict;
    case ErrorCode::kNotLeader:
    case ErrorCode::kNotYet:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kDiskFull:
    case ErrorCode::kTimedOut:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kUnavailable:
      return ExitCode::kUnavailable;
    case ErrorCode::kInternal:
    case ErrorCode::kCorruptBatch:
    case ErrorCode::kInvalidRecord:
    case ErrorCode::kRecordTooLarge:
    case ErrorCode::kUnsupported:
    case ErrorCode::kDataLoss:
    case ErrorCode::kStorageFailed:
    case ErrorCode::kCancelled:
    case ErrorCode::kEarlyAckLost:
      return ExitCode::kFailure;
  }
  return ExitCode::kFailure;  // a number from a newer broker
}

void ItemOutcomes::failed(ExitCode code) {
  failure_ = failed_ == 0 || failure_ == code ? code : ExitCode::kFailure;
  ++failed_;
}

ExitCode ItemOutcomes::exit_code() const {
  if (failed_ == 0) return ExitCode::kOk;
  return succeeded_ == 0 ? failure_ : ExitCode::kPartial;
}

}  // namespace forebay::cli
