#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "config/settings.h"
#include "config/settings_keys.h"
#include "config/suggest.h"
#include "config/yaml_entries.h"

namespace forebay::config {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;
// Program, libraries, thread stacks and per-connection buffers, beside the bounds that are configured.
constexpr std::uint64_t kProgramBytes = 96 * kMiB;
// A gRPC message is a batch and the fields around it.
constexpr std::uint64_t kMessageOverheadBytes = 64U << 10;
constexpr std::size_t kSingleCopyNodesMax = 2;  // with more of them a lost disk need not lose a topic
constexpr std::uint64_t kBlockBytes = 4096;
constexpr std::uint64_t kRoundsInFileMin = 4;  // of the journal, so that a file is not full at once

// Variables that begin like ours and are not settings: the file's path, switches of tests, and what
// Kubernetes puts into every container when a service is called forebayd.
bool is_foreign_variable(std::string_view name) {
  return name == "FOREBAYD_CONFIG" || name == "FOREBAYD_FAILPOINT" || name == "FOREBAYD_PORT" ||
         name.starts_with("FOREBAYD_PORT_") || name.starts_with("FOREBAYD_SERVICE_");
}

// Collects problems while sources are laid over each other, the weakest first.
class Loader {
 public:
  void apply_file(const ConfigFile& file) {
    if (file.text.size() > kConfigFileBytesMax) {
      problem(file.path, "larger than " + exact_bytes(kConfigFileBytesMax));
      return;
    }
    const YamlEntries yaml = read_yaml_entries(file.text);
    for (const YamlProblem& bad : yaml.problems) problem(at_line(file.path, bad.line), bad.text);
    std::map<std::string, std::size_t> lines;
    for (const YamlEntry& entry : yaml.entries) {
      const std::string where = at_line(file.path, entry.line);
      if (entry.value.empty() && !entry.is_list && is_section(entry.key)) continue;
      if (entry.is_list && !takes_list(entry.key)) {
        problem(where, quoted_value(entry.key) + ": found a list, expected one value");
        continue;
      }
      const auto [first, is_new] = lines.emplace(entry.key, entry.line);
      if (!is_new) {
        problem(where, entry.key + ": is set a second time; first in line " + std::to_string(first->second));
        continue;
      }
      apply(where, entry.key, entry.value);
    }
  }

  void apply_environment(const KeyValues& environment) {
    for (const auto& [name, value] : environment) {
      if (!name.starts_with(kEnvironmentPrefix) || is_foreign_variable(name)) continue;
      const auto found = key_of_variable(name);
      if (found) apply("environment " + name, *found, value);
    }
  }

  void apply_flags(const KeyValues& flags) {
    for (const auto& [key, value] : flags) apply("command line", key, value);
  }

  Result<Settings> finish(std::uint32_t cores) {
    if (problems_.empty()) {
      const auto checked = check(settings_, cores);
      if (checked) return settings_;
      std::istringstream lines(checked.error().context);
      for (std::string line; std::getline(lines, line);) problem_line(line_with_source(line));
    }
    std::string text =
        "the configuration has " +
        (problems_.size() == 1 ? std::string("a problem") : std::to_string(problems_.size()) + " problems") +
        ":";
    for (const std::string& line : problems_) text += "\n  " + line;
    return Error{ErrorCode::kInvalidConfig, std::move(text)};
  }

 private:
  void apply(const std::string& where, const std::string& key, const std::string& value) {
    const Key<Settings>* const entry = find_settings_key(key);
    if (entry == nullptr) {
      problem(where, is_section(key) ? key + ": found " + quoted_value(value) + ", expected keys below it"
                                     : unknown_key(key));
      return;
    }
    if (!entry->set(settings_, value)) {
      problem(where, key + ": found " + (value.empty() ? "nothing" : quoted_value(value)) + ", expected " +
                         entry->expected);
      return;
    }
    source_of_[key] = where;
  }

  static std::string at_line(const std::string& path, std::size_t line) {
    return line == 0 ? path : path + ":" + std::to_string(line);
  }
  static bool is_section(const std::string& key) {
    const auto& keys = settings_keys();
    return std::any_of(keys.begin(), keys.end(),
                       [&](const auto& known) { return known.name.starts_with(key + "."); });
  }
  // An unknown key may have been meant as one that does.
  static bool takes_list(const std::string& key) {
    const Key<Settings>* const entry = find_settings_key(key);
    return entry == nullptr ? !is_section(key) : entry->type == kListType;
  }
  static std::string unknown_key(const std::string& key) {
    std::vector<std::string> names;
    for (const auto& known : settings_keys()) names.push_back(known.name);
    const auto near = closest_name(key, names);
    return quoted_value(key) + ": unknown key" + (near ? "; did you mean '" + *near + "'?" : "");
  }
  std::optional<std::string> key_of_variable(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& known : settings_keys()) {
      names.push_back(environment_name(known.name));
      if (names.back() == name) return known.name;
    }
    const auto near = closest_name(name, names);
    problem("environment " + quoted_value(name),
            std::string("no such setting") + (near ? "; did you mean '" + *near + "'?" : ""));
    return std::nullopt;
  }
  // A rule between keys begins with the key that it complains about; say where that one came from.
  std::string line_with_source(const std::string& line) const {
    const auto source = source_of_.find(line.substr(0, line.find(':')));
    return (source == source_of_.end() ? std::string("default") : source->second) + ": " + line;
  }
  void problem(const std::string& where, const std::string& what) { problem_line(where + ": " + what); }
  void problem_line(std::string line) {
    if (problems_.size() < kProblemsMax) problems_.push_back(std::move(line));
  }

  static constexpr std::size_t kProblemsMax = 100;
  Settings settings_;
  std::map<std::string, std::string> source_of_;  // by key
  std::vector<std::string> problems_;
};

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

template <typename Add>
void check_cluster(const Settings& settings, Add add) {
  const auto& nodes = settings.cluster.nodes;
  const ClusterNode* self = nullptr;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].id == settings.node.id) self = &nodes[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (nodes[i].id == nodes[j].id) {
        add("cluster.nodes: found node " + std::to_string(nodes[i].id) + " twice, as " +
            nodes[j].to_string() + " and " + nodes[i].to_string() + ", expected each once");
      } else if (nodes[i].peer_address == nodes[j].peer_address) {
        add("cluster.nodes: found one address for two nodes, " + nodes[j].to_string() + " and " +
            nodes[i].to_string() + ", expected one of its own for each");
      }
    }
  }
  if (!nodes.empty() && self == nullptr) {
    add("cluster.nodes: found no node " + std::to_string(settings.node.id) +
        ", expected this node, whose node.id that is, among them");
  }
  if (self != nullptr && nodes.size() > 1 && is_loopback(settings.peer.listen.host) &&
      !is_loopback(self->peer_address.host)) {
    add("peer.listen: found " + settings.peer.listen.to_string() +
        ", which other machines cannot reach, and "
        "cluster.nodes tells them to dial " +
        self->peer_address.to_string() +
        "; expected an address of this machine, or 0.0.0.0:" + std::to_string(self->peer_address.port));
  }
  if (self != nullptr && nodes.size() > 1 && !settings.api.advertised &&
      is_loopback(settings.api.listen.host) && !is_loopback(self->peer_address.host)) {
    add("api.listen: found " + settings.api.listen.to_string() +
        ", which clients and nodes on other machines cannot reach; expected an address of this machine, or "
        "0.0.0.0:" +
        std::to_string(settings.api.listen.port) +
        ", or api.advertised when something in between leads there");
  }
  if (settings.cluster.replication_factor_default == 1 && nodes.size() > kSingleCopyNodesMax) {
    add("cluster.replication_factor_default: found 1, expected 2 or more (or 0) in a cluster of " +
        std::to_string(nodes.size()) + " nodes: a single copy is asked for by name, for each topic");
  }
  if (settings.peer.failure_timeout < kHeartbeatsMin * settings.peer.heartbeat_interval) {
    add("peer.failure_timeout: found " + exact_duration(settings.peer.failure_timeout) +
        ", expected at least three times peer.heartbeat_interval, which is " +
        exact_duration(settings.peer.heartbeat_interval));
  }
}

}  // namespace

bool operator==(const Settings& a, const Settings& b) {
  const auto& keys = settings_keys();
  return std::all_of(keys.begin(), keys.end(), [&](const auto& key) { return key.plain(a) == key.plain(b); });
}

std::string ClusterNode::to_string() const { return std::to_string(id) + "@" + peer_address.to_string(); }

Address peer_address(const Settings& settings) {
  if (settings.peer.advertised) return *settings.peer.advertised;
  for (const ClusterNode& node : settings.cluster.nodes) {
    if (node.id == settings.node.id) return node.peer_address;
  }
  return settings.peer.listen;
}

Address api_address(const Settings& settings, const Address& listening) {
  if (settings.api.advertised) return *settings.api.advertised;
  const bool everywhere = listening.host == "0.0.0.0" || listening.host == "::";
  return everywhere ? Address{peer_address(settings).host, listening.port} : listening;
}

std::uint32_t shard_count(const Settings& settings, std::uint32_t cores) {
  if (settings.runtime.shards != 0) return settings.runtime.shards;
  return std::max(1U, (cores + 1) / 2);
}

std::uint64_t ring_bytes(const Settings& settings, std::uint32_t cores) {
  return settings.storage.journal_file_bytes * settings.storage.journal_files_max *
         shard_count(settings, cores);
}

std::uint64_t disk_reserve_bytes(const Settings& settings, std::uint32_t cores) {
  return settings.storage.disk_reserve_bytes != 0 ? settings.storage.disk_reserve_bytes
                                                  : ring_bytes(settings, cores);
}

std::uint64_t memory_needed(const Settings& settings, std::uint32_t cores) {
  return kProgramBytes + settings.memory.cache_bytes_per_shard * shard_count(settings, cores) +
         settings.memory.produce_bytes_max + ring_bytes(settings, cores) / 4;
}

Result<void> check(const Settings& settings, std::uint32_t cores) {
  std::string problems;
  const auto add = [&problems](const std::string& line) {
    problems += (problems.empty() ? "" : "\n") + line;
  };
  const auto& storage = settings.storage;
  if (storage.round_partition_bytes > storage.round_bytes_max) {
    add("storage.round_partition_bytes: found " + exact_bytes(storage.round_partition_bytes) +
        ", expected at most storage.round_bytes_max, which is " + exact_bytes(storage.round_bytes_max));
  }
  if (storage.journal_file_bytes % kBlockBytes != 0) {
    add("storage.journal_file_bytes: found " + std::to_string(storage.journal_file_bytes) +
        ", expected a multiple of 4KiB");
  }
  if (storage.round_bytes_max > storage.journal_file_bytes / kRoundsInFileMin) {
    add("storage.round_bytes_max: found " + exact_bytes(storage.round_bytes_max) +
        ", expected at most a quarter of storage.journal_file_bytes, which is " +
        exact_bytes(storage.journal_file_bytes));
  }
  const std::uint64_t message_needed = settings.topic_defaults.max_message_bytes + kMessageOverheadBytes;
  if (settings.api.max_message_bytes < message_needed) {
    add("api.max_message_bytes: found " + exact_bytes(settings.api.max_message_bytes) +
        ", expected at least " + exact_bytes(message_needed) +
        ": topic_defaults.max.message.bytes and 64KiB");
  }
  const std::uint64_t memory = memory_needed(settings, cores);
  if (settings.memory.limit != 0 && settings.memory.limit < memory) {
    add("memory.limit: found " + exact_bytes(settings.memory.limit) + ", expected at least " +
        format_bytes(memory) + " (" + std::to_string(memory) +
        " bytes), which the other bounds add up to with " + std::to_string(shard_count(settings, cores)) +
        " shards; lower memory.cache_bytes_per_shard, memory.produce_bytes_max or "
        "storage.journal_files_max");
  }
  const std::vector<std::pair<std::string, Address>> listeners = {{"api.listen", settings.api.listen},
                                                                  {"peer.listen", settings.peer.listen},
                                                                  {"http.listen", settings.http.listen}};
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (listeners[i].second.port == 0 || listeners[i].second != listeners[j].second) continue;
      add(listeners[i].first + ": found " + listeners[i].second.to_string() +
          ", expected another address than that of " + listeners[j].first);
    }
  }
  check_cluster(settings, add);
  const auto topic = check_topic_config(settings.topic_defaults);
  if (!topic) add("topic_defaults." + topic.error().context);
  // It gives a topic a dead-letter topic, which is there for all nodes or for none.
  if (settings.topic_defaults.on_violation == OnViolation::kQuarantine)
    add("topic_defaults.on.violation: found quarantine, expected reject or observe; quarantine is set for "
        "each "
        "topic: forebay topic alter TOPIC --set on.violation=quarantine");
  if (problems.empty()) return {};
  return Error{ErrorCode::kInvalidConfig, std::move(problems)};
}

Result<Settings> load(const Sources& sources, std::uint32_t cores) {
  Loader loader;
  if (sources.file) loader.apply_file(*sources.file);
  loader.apply_environment(sources.environment);
  loader.apply_flags(sources.flags);
  return loader.finish(cores);
}

Result<Settings> load_from_process(const std::string& path, KeyValues flags) {
  Sources sources;
  sources.flags = std::move(flags);
  if (!path.empty()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Error{ErrorCode::kNotFound, "configuration file '" + path + "' cannot be opened"};
    ConfigFile file{path, std::string(kConfigFileBytesMax + 1, '\0')};
    in.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
    if (in.bad() || (in.fail() && !in.eof())) {
      return Error{ErrorCode::kStorageFailed, "configuration file '" + path + "' cannot be read"};
    }
    file.text.resize(static_cast<std::size_t>(in.gcount()));
    sources.file = std::move(file);
  }
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view entry(*variable);
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    sources.environment.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return load(sources, std::thread::hardware_concurrency());
}

}  // namespace forebay::config
