#include "schema/core/subject_name.h"

#include <algorithm>

#include "schema/core/registry_error.h"

namespace forebay::schema {
namespace {

constexpr std::string_view kMark = ":.";

Error invalid(std::string_view name, const std::string& why) {
  return registry_error(RegistryCode::kInvalidSubject,
                        "the subject '" + std::string(name.substr(0, kSubjectBytesMax)) + "' " + why);
}

Result<SubjectName> split(std::string_view name) {
  if (name.size() > kSubjectBytesMax)
    return invalid(name.substr(0, 40), "is longer than " + std::to_string(kSubjectBytesMax) + " bytes");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) return invalid("", "has a control character");
  SubjectName parts;
  if (!name.starts_with(kMark)) {
    parts.subject = name;
    return parts;
  }
  const auto end = name.find(':', kMark.size());
  if (end == std::string_view::npos)
    return invalid(name, "names a context that does not end; write :.CONTEXT:SUBJECT");
  parts.context = name.substr(1, end - 1);
  parts.subject = name.substr(end + 1);
  return parts;
}

}  // namespace

std::string SubjectName::qualified() const {
  return context == kDefaultContext ? subject : ':' + context + ':' + subject;
}

Result<SubjectName> parse_scope(std::string_view name) { return split(name); }

Result<SubjectName> parse_subject(std::string_view name) {
  FOREBAY_TRY(SubjectName parts, split(name));
  if (parts.subject.empty()) return invalid(name, "is empty");
  if (parts.subject == "__GLOBAL" || parts.subject == "__EMPTY") return invalid(name, "is reserved");
  return parts;
}

Result<SubjectName> parse_subject_in(std::string_view context, std::string_view name) {
  FOREBAY_TRY(SubjectName parts, parse_subject(name));
  if (name.starts_with(kMark)) return parts;
  parts.context = context;
  if (parts.qualified().size() > kSubjectBytesMax)
    return invalid(name, "with its context '" + std::string(context) + "' is longer than " +
                             std::to_string(kSubjectBytesMax) + " bytes");
  return parts;
}

std::string said_in(std::string_view context, std::string_view qualified) {
  const bool needs_mark = context != kDefaultContext && context_of(qualified) == kDefaultContext;
  return (needs_mark ? ":.:" : "") + std::string(qualified);
}

std::string context_of(std::string_view qualified) {
  if (!qualified.starts_with(kMark)) return std::string(kDefaultContext);
  return std::string(qualified.substr(1, qualified.find(':', kMark.size()) - 1));
}

}  // namespace forebay::schema
