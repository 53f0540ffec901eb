// Arbitrary text as a configuration file, as a topic's overrides, and as single values. What is accepted must
// be read back as the same settings from what we print.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/address.h"
#include "config/settings.h"
#include "config/settings_keys.h"
#include "config/topic_config.h"
#include "config/topic_name.h"
#include "config/units.h"

namespace forebay::config {
namespace {

constexpr std::uint32_t kCores = 2;

void as_file(std::string_view text) {
  Sources sources;
  sources.file = ConfigFile{"file", std::string(text)};
  const auto settings = load(sources, kCores);
  if (!settings) return;
  sources.file->text = to_yaml(*settings);
  const auto again = load(sources, kCores);
  FOREBAY_ASSERT(again.has_value() && *again == *settings);
}

// KEY=VALUE lines.
void as_overrides(std::string_view text) {
  TopicOverrides overrides;
  while (!text.empty() && overrides.size() < 64) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) overrides.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  const auto config = parse_topic_config(overrides);
  const auto canonical = canonical_overrides(overrides);
  FOREBAY_ASSERT(config.has_value() == canonical.has_value());
  if (!config) return;
  const auto again = parse_topic_config(*canonical);
  FOREBAY_ASSERT(again.has_value() && *again == *config);
  const auto mapped = parse_topic_config(to_map(*config));
  FOREBAY_ASSERT(mapped.has_value() && *mapped == *config);
}

void as_value(std::string_view text) {
  const auto bytes = parse_bytes(text);
  if (bytes) FOREBAY_ASSERT(parse_bytes(exact_bytes(*bytes)).value_or(*bytes + 1) == *bytes);
  const auto duration = parse_duration(text);
  if (duration) {
    const auto again = parse_duration(exact_duration(*duration));
    FOREBAY_ASSERT(again.has_value() && *again == *duration);
    FOREBAY_ASSERT(!format_duration(*duration).empty());
  }
  const auto address = parse_address(text);
  if (address) {
    const auto again = parse_address(address->to_string());
    FOREBAY_ASSERT(again.has_value() && *again == *address);
  }
  static_cast<void>(check_topic_name(text));
}

}  // namespace
}  // namespace forebay::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      forebay::config::as_file(text);
      break;
    case 1:
      forebay::config::as_overrides(text);
      break;
    default:
      forebay::config::as_value(text);
      break;
  }
  return 0;
}
