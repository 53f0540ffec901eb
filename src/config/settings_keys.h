// The one table of settings: file, environment, flags, validation and the reference are all made from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/key.h"
#include "config/settings.h"

namespace forebay::config {

// In the order of the reference: by section.
[[nodiscard]] const std::vector<Key<Settings>>& settings_keys();
[[nodiscard]] const Key<Settings>* find_settings_key(std::string_view name);

// "storage.trash_delay" -> "FOREBAYD_STORAGE_TRASH_DELAY"; dots and dashes become underscores.
[[nodiscard]] std::string environment_name(std::string_view key);

[[nodiscard]] std::vector<KeyDescription> describe_settings_keys();
// The commented example, which is config/forebay.yaml: every key, commented out, with its default.
[[nodiscard]] std::string example_yaml();
// The settings in effect, as a file that load() reads back.
[[nodiscard]] std::string to_yaml(const Settings& settings);

}  // namespace forebay::config
