#include "cli/command.h"

#include <charconv>
#include <limits>

#include "config/units.h"

namespace forebay::cli {
namespace {

Result<std::int32_t> parse_partition(const std::string& text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + text + "' is not a partition number: expected 0, 1, 2, ..."};
  }
  return value;
}

}  // namespace

Apply set_flag(bool* target) {
  return [target](const std::string&) -> Result<void> {
    *target = true;
    return {};
  };
}

Apply set_text(std::string* target) {
  return [target](const std::string& text) -> Result<void> {
    *target = text;
    return {};
  };
}

Apply set_text(std::optional<std::string>* target) {
  return [target](const std::string& text) -> Result<void> {
    *target = text;
    return {};
  };
}

Apply add_text(std::vector<std::string>* target) {
  return [target](const std::string& text) -> Result<void> {
    target->push_back(text);
    return {};
  };
}

Apply set_count(std::uint64_t* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(*target, config::parse_count(text));
    return {};
  };
}

Apply set_count(std::optional<std::uint64_t>* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(*target, config::parse_count(text));
    return {};
  };
}

Apply set_count(std::uint32_t* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(const std::uint64_t value, config::parse_count(text));
    if (value > std::numeric_limits<std::uint32_t>::max()) {
      return Error{ErrorCode::kInvalidArgument, "'" + text + "' is too large"};
    }
    *target = static_cast<std::uint32_t>(value);
    return {};
  };
}

Apply set_count_from_one(std::uint32_t* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_CHECK(set_count(target)(text));
    if (*target == 0) return Error{ErrorCode::kInvalidArgument, "expected at least 1, found '" + text + "'"};
    return {};
  };
}

Apply set_partition(std::optional<std::int32_t>* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(*target, parse_partition(text));
    return {};
  };
}

Apply add_partition(std::vector<std::int32_t>* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(const std::int32_t value, parse_partition(text));
    target->push_back(value);
    return {};
  };
}

Apply set_bytes(std::uint64_t* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_TRY(*target, config::parse_bytes(text));
    return {};
  };
}

Apply set_duration(std::optional<std::chrono::milliseconds>* target, std::chrono::milliseconds bare_unit) {
  return [target, bare_unit](const std::string& text) -> Result<void> {
    std::int64_t bare = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bare);
    if (error == std::errc() && end == text.data() + text.size() && bare >= 0 && bare < 1'000'000'000) {
      *target = bare * bare_unit;
      return {};
    }
    FOREBAY_TRY(const auto duration, config::parse_duration(text));
    *target = std::chrono::ceil<std::chrono::milliseconds>(duration);
    return {};
  };
}

Apply add_pair(std::vector<std::pair<std::string, std::string>>* target) {
  return [target](const std::string& text) -> Result<void> {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalidArgument, "'" + text + "' is not NAME=VALUE"};
    }
    target->emplace_back(text.substr(0, equals), text.substr(equals + 1));
    return {};
  };
}

}  // namespace forebay::cli
