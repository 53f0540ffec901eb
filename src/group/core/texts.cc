#include "group/core/texts.h"

namespace forebay::group {

std::string_view assignor_name(Assignor assignor) {
  switch (assignor) {
    case Assignor::kUniformSticky:
      return "uniform-sticky";
    case Assignor::kRange:
      return "range";
  }
  return "?";
}

Result<Assignor> assignor_of(std::string_view name) {
  for (const Assignor one : {Assignor::kUniformSticky, Assignor::kRange}) {
    if (assignor_name(one) == name) return one;
  }
  return Error{ErrorCode::kInvalidArgument,
               "there is no assignor '" + std::string(name) + "'; there are uniform-sticky and range"};
}

std::string to_text(const StartRule& rule) {
  switch (rule.point) {
    case StartPoint::kEarliest:
      return "earliest";
    case StartPoint::kLatest:
      return "latest";
    case StartPoint::kAtTime:
      return "at time " + std::to_string(rule.time.value());
    case StartPoint::kFail:
      return "fail";
  }
  return "?";
}

std::string_view removal_text(Removal why) {
  switch (why) {
    case Removal::kLeft:
      return "left";
    case Removal::kSessionEnded:
      return "session ended";
    case Removal::kRevokeTimedOut:
      return "revoke timed out";
  }
  return "?";
}

std::string members_text(std::size_t members) {
  return std::to_string(members) + (members == 1 ? " member" : " members");
}

}  // namespace forebay::group
