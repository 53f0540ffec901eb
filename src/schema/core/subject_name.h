// Names of subjects. A context is a registry of its own within the registry, with its own ids:
// ":.sales:orders" is the subject "orders" in the context ".sales"; without that, a name is one of the
// default context ".".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::schema {

inline constexpr std::string_view kDefaultContext = ".";
// An entry of the store has it as its key, with its context; names of topics have 249 at most.
inline constexpr std::size_t kSubjectBytesMax = 512;

struct SubjectName {
  std::string context{kDefaultContext};
  std::string subject;  // empty: the context as a whole
  // The one form: without the default context.
  [[nodiscard]] std::string qualified() const;
  friend auto operator<=>(const SubjectName&, const SubjectName&) = default;
};

// Errors (42208): empty where that has no meaning, too long, control characters, reserved.
[[nodiscard]] Result<SubjectName> parse_subject(std::string_view name);
// As a scope of configuration: also "", and ":.sales:" for a context.
[[nodiscard]] Result<SubjectName> parse_scope(std::string_view name);
// What `name` means in a schema of `context`: one without a context is in the same one.
[[nodiscard]] Result<SubjectName> parse_subject_in(std::string_view context, std::string_view name);
// How a schema of `context` says a name in the one form, so that parse_subject_in() reads it.
[[nodiscard]] std::string said_in(std::string_view context, std::string_view qualified);
// Of a name in the one form.
[[nodiscard]] std::string context_of(std::string_view qualified);

}  // namespace forebay::schema
