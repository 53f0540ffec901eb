#include "config/settings_keys.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace forebay::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Make = KeyMaker<Settings>;

constexpr auto kUnitRequired = Make::Bare::kRefused;
constexpr std::uint32_t kNodeIdMax = 1'000'000'000;
constexpr std::size_t kPathBytesMax = 4'000;
constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = kKiB * 1024;
constexpr std::uint64_t kGiB = kMiB * 1024;
constexpr std::uint64_t kTiB = kGiB * 1024;

void add_node_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::integer<std::uint32_t>(
      "node.id", [](auto& s) -> auto& { return s.node.id; }, 1, kNodeIdMax,
      "Number of this node, unique in its cluster. It is written into the data directory at the first start "
      "and cannot change after that."));
  keys.push_back(Make::path(
      "node.data_dir", [](auto& s) -> auto& { return s.node.data_dir; },
      "Directory of everything that this node stores; made when missing. One daemon at a time can use it."));
  keys.push_back(Make::text(
      "node.pid_file", [](auto& s) -> auto& { return s.node.pid_file; }, kPathBytesMax,
      "File that holds the daemon's process id as long as it runs: written when the data directory is its "
      "own, removed at a clean stop. Nothing: no file."));
}

// Nothing when it is not ID@HOST:PORT, or nobody could dial it.
std::optional<ClusterNode> parse_cluster_node(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto id = parse_count(text.substr(0, at));
  auto address = parse_address(text.substr(at + 1));
  if (!id || *id == 0 || *id > kNodeIdMax || !address || address->port == 0) return std::nullopt;
  if (address->host == "0.0.0.0" || address->host == "::") return std::nullopt;
  return ClusterNode{static_cast<std::uint32_t>(*id), *std::move(address)};
}

void add_cluster_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::list(
      "cluster.nodes", [](auto& s) -> auto& { return s.cluster.nodes; }, parse_cluster_node, kClusterNodesMax,
      "ID@HOST:PORT such as 1@node-1:7401",
      "The nodes that form the cluster, with the addresses that others dial (peer.listen there), this one "
      "among them; the same list in the same order on every node. The first forms the cluster once all of "
      "them answer and are empty, the others join it. Empty: a single node. It matters until a node belongs "
      "to a cluster; after that it only says where to look for the others."));
  keys.push_back(Make::text(
      "cluster.rack", [](auto& s) -> auto& { return s.cluster.rack; }, 128,
      "Where this node stands: replicas of a partition go to different racks, as far as there are racks. Any "
      "name; nothing: no rack."));
  keys.push_back(Make::integer<std::uint32_t>(
      "cluster.replication_factor_default",
      [](auto& s) -> auto& { return s.cluster.replication_factor_default; }, 0, 100,
      "Copies of each record of a topic that does not say how many. 0: three, or as many as there are "
      "brokers when they are fewer. The same on every node."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "cluster.move_bytes_per_second", [](auto& s) -> auto& { return s.cluster.move_bytes_per_second; }, 0,
      1024 * kGiB,
      "How fast this node, as a leader, fills new replicas of all its partitions together with what it has "
      "to "
      "read from its disk for them. What has just been produced is not held back. 0: as fast as it goes. "
      "forebay node move-rate changes it while the node runs."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "cluster.catch_up_bytes_per_second",
      [](auto& s) -> auto& { return s.cluster.catch_up_bytes_per_second; }, 0, 1024 * kGiB,
      "How fast this node, as a leader, sends a replica that was away what it has to read from its disk for "
      "it, "
      "while clients write: theirs must not wait for that. Twice what they write when that is more, or it "
      "would "
      "be behind for ever; as fast as it goes while nobody writes. 0: always."));
  keys.push_back(Make::integer<std::uint32_t>(
      "cluster.moves_max", [](auto& s) -> auto& { return s.cluster.moves_max; }, 1, 10'000,
      "Partitions on their way to other nodes at a time, when a node is decommissioned or a topic gets "
      "another "
      "number of replicas: the others wait for their turn. Moves that are asked for one by one count, and "
      "are "
      "not refused. The same on every node."));
  keys.push_back(Make::integer<std::uint32_t>(
      "cluster.producer_names_max", [](auto& s) -> auto& { return s.cluster.producer_names_max; }, 0,
      1'000'000,
      "Names of producers that the cluster keeps, each some 300 bytes in the memory of every node. A further "
      "one "
      "is refused; forebay producer delete makes room. The same on every node."));
}

void add_network_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::address<Address>(
      "api.listen", [](auto& s) -> auto& { return s.api.listen; }, 0,
      "Where clients reach the gRPC API. Port 0 takes any free port."));
  keys.push_back(Make::address<std::optional<Address>>(
      "api.advertised", [](auto& s) -> auto& { return s.api.advertised; }, 1,
      "Address that clients and other nodes are told to use. Unset: api.listen, and where that is 0.0.0.0 "
      "the "
      "host of this node in cluster.nodes; right unless something translates addresses in between."));
  keys.push_back(Make::integer<std::uint32_t>(
      "api.max_connections", [](auto& s) -> auto& { return s.api.max_connections; }, 1, 1'000'000,
      "Client connections at one time; further ones are closed at once."));
  keys.push_back(Make::bytes<std::uint32_t>(
      "api.max_message_bytes", [](auto& s) -> auto& { return s.api.max_message_bytes; }, 64 * kKiB, kGiB,
      "Largest gRPC message that is accepted. Must leave room for the largest batch of "
      "topic_defaults.max.message.bytes."));
  keys.push_back(Make::address<Address>(
      "peer.listen", [](auto& s) -> auto& { return s.peer.listen; }, 0,
      "Where other nodes of the cluster reach this one."));
  keys.push_back(Make::address<std::optional<Address>>(
      "peer.advertised", [](auto& s) -> auto& { return s.peer.advertised; }, 1,
      "Address that other nodes are told to dial. Unset: the one of this node in cluster.nodes, else "
      "peer.listen."));
  keys.push_back(Make::duration<milliseconds>(
      "peer.heartbeat_interval", [](auto& s) -> auto& { return s.peer.heartbeat_interval; }, kUnitRequired,
      milliseconds(10), seconds(10), "How often nodes tell each other that they are alive."));
  keys.push_back(Make::duration<milliseconds>(
      "peer.failure_timeout", [](auto& s) -> auto& { return s.peer.failure_timeout; }, kUnitRequired,
      milliseconds(50), seconds(60),
      "A node that has not answered for so long counts as gone, and others take over what it leads. At least "
      "three times peer.heartbeat_interval; longer where the network or the machines pause."));
  keys.push_back(Make::address<Address>(
      "http.listen", [](auto& s) -> auto& { return s.http.listen; }, 0,
      "Where /healthz, /readyz, /metrics and the schema registry's REST API are served."));
  keys.push_back(Make::integer<std::uint32_t>(
      "http.max_connections", [](auto& s) -> auto& { return s.http.max_connections; }, 1, 10'000,
      "HTTP connections at one time; further ones are closed at once."));
}

void add_resource_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::integer<std::uint32_t>(
      "runtime.shards", [](auto& s) -> auto& { return s.runtime.shards; }, 0, 256,
      "Threads that own partitions. 0: half the cores, rounded up; the API's threads need the rest."));
  keys.push_back(Make::integer<std::uint32_t>(
      "runtime.blocking_threads", [](auto& s) -> auto& { return s.runtime.blocking_threads; }, 1, 64,
      "Threads for work that blocks: directories, deletion, the key-value store."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "memory.limit", [](auto& s) -> auto& { return s.memory.limit; }, 0, 64 * kTiB,
      "Memory that the daemon may plan with. A topic that would pass it is refused. 0: no limit but the "
      "bounds below. "
      "A limit lower than the bounds together is refused at start, with the number needed."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "memory.cache_bytes_per_shard", [](auto& s) -> auto& { return s.memory.cache_bytes_per_shard; }, 0,
      kTiB, "Recent batches kept in memory for consumers, for each shard."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "memory.produce_bytes_max", [](auto& s) -> auto& { return s.memory.produce_bytes_max; }, 16 * kMiB,
      kTiB,
      "Bytes accepted from producers and not yet acknowledged, of the whole node. Past it producers are told "
      "to retry later."));
}

void add_journal_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::choice<IoEngine>(
      "storage.io_engine", [](auto& s) -> auto& { return s.storage.io_engine; },
      {{"auto", IoEngine::kAuto}, {"uring", IoEngine::kUring}, {"posix", IoEngine::kPosix}},
      "How files are written. uring: io_uring and direct I/O. posix: ordinary writes and fdatasync. auto: "
      "uring where kernel and file "
      "system allow it."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.journal_file_bytes", [](auto& s) -> auto& { return s.storage.journal_file_bytes; }, 20 * kMiB,
      2 * kGiB, "Size of one file of a shard's journal; a multiple of 4KiB."));
  keys.push_back(Make::integer<std::uint32_t>(
      "storage.journal_files_max", [](auto& s) -> auto& { return s.storage.journal_files_max; }, 4, 1'024,
      "Files in a shard's journal at most. They are added as needed and recycled."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.round_bytes_max", [](auto& s) -> auto& { return s.storage.round_bytes_max; }, 4 * kKiB,
      8 * kMiB, "Size of one durable write. A single batch that is larger is written alone."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.round_partition_bytes", [](auto& s) -> auto& { return s.storage.round_partition_bytes; },
      4 * kKiB, 8 * kMiB,
      "What one partition may put into a durable write before the others have had their turn."));
  keys.push_back(Make::integer<std::uint32_t>(
      "storage.flush_rate_max", [](auto& s) -> auto& { return s.storage.flush_rate_max; }, 10, 1'000'000,
      "Durable writes per second that the disk is asked for while many partitions are written; shared by all "
      "shards."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.disk_reserve_bytes", [](auto& s) -> auto& { return s.storage.disk_reserve_bytes; }, 0,
      64 * kTiB,
      "Free space below which producing is refused, while consuming and trimming go on. 0: the size of all "
      "journals together."));
}

void add_segment_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.segment_flush_bytes", [](auto& s) -> auto& { return s.storage.segment_flush_bytes; }, 4 * kKiB,
      64 * kMiB,
      "Bytes gathered in memory (they are safe in the journal) before they are written to a segment."));
  keys.push_back(Make::duration<milliseconds>(
      "storage.retention_check_interval", [](auto& s) -> auto& { return s.storage.retention_check_interval; },
      kUnitRequired, milliseconds(100), hours(24),
      "How often retention is applied; a disk that runs low is looked after at once."));
  keys.push_back(Make::duration<milliseconds>(
      "storage.trash_delay", [](auto& s) -> auto& { return s.storage.trash_delay; }, kUnitRequired,
      milliseconds(0), hours(24 * 365), "How long the files of a deleted topic stay in the trash folder."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "storage.scrub_bytes_per_second", [](auto& s) -> auto& { return s.storage.scrub_bytes_per_second; }, 0,
      kTiB, "Pace at which sealed segments are read again and their checksums verified. 0: never."));
  keys.push_back(Make::duration<milliseconds>(
      "storage.scrub_interval", [](auto& s) -> auto& { return s.storage.scrub_interval; }, kUnitRequired,
      seconds(1), hours(24 * 365),
      "Time from the end of one full verification of a partition to the beginning of its next."));
}

void add_process_keys(std::vector<Key<Settings>>& keys) {
  keys.push_back(Make::duration<milliseconds>(
      "producer.id_expiration", [](auto& s) -> auto& { return s.producer.id_expiration; }, kUnitRequired,
      std::chrono::minutes(1), hours(24 * 7),
      "A partition remembers an idempotent producer without a name for so long after its last batch, and up "
      "to a few hours more; the leader's setting counts, and nobody is forgotten while its wall clock cannot "
      "be trusted. The next batch of one that is forgotten is refused, and it begins a new session."));
  keys.push_back(Make::integer<std::uint32_t>(
      "producer.states_in_memory_per_client",
      [](auto& s) -> auto& { return s.producer.states_in_memory_per_client; }, 1, 65'536,
      "So many idempotent producers of one client id a partition keeps in memory, about; what it knows of "
      "those that were silent for longest is on the disk only, and is read when they come back. With many "
      "client ids each has a part of 65,536. Those that write all the time should fit."));
  keys.push_back(Make::integer<std::uint32_t>(
      "group.partitions_max", [](auto& s) -> auto& { return s.group.partitions_max; }, 1, 10'000,
      "How many partitions the topics may have that the members of one consumer group want. A subscription "
      "to more is refused; topics that are made later and do not fit have no owner, with a warning. The "
      "setting of the group's coordinator counts."));
  keys.push_back(Make::duration<milliseconds>(
      "shutdown.timeout", [](auto& s) -> auto& { return s.shutdown.timeout; }, kUnitRequired,
      milliseconds(100), hours(1),
      "After SIGTERM: time for flushing and closing in order. What is not done by then is recovered at the "
      "next start."));
  keys.push_back(Make::choice<telemetry::Level>(
      "log.level", [](auto& s) -> auto& { return s.log.level; },
      {{"error", telemetry::Level::kError},
       {"warn", telemetry::Level::kWarn},
       {"info", telemetry::Level::kInfo},
       {"debug", telemetry::Level::kDebug}},
      "What is logged. Can be changed while running: PUT /loglevel?level=debug on the HTTP port."));
}

// Each topic key, under topic_defaults.
void add_topic_keys(std::vector<Key<Settings>>& keys) {
  for (const Key<TopicConfig>& topic_key : topic_keys()) {
    keys.push_back(
        {"topic_defaults." + topic_key.name, topic_key.type, topic_key.expected, topic_key.doc,
         [set = topic_key.set](Settings& s, std::string_view text) { return set(s.topic_defaults, text); },
         [show = topic_key.show](const Settings& s) { return show(s.topic_defaults); },
         [plain = topic_key.plain](const Settings& s) { return plain(s.topic_defaults); }});
  }
}

std::vector<Key<Settings>> make_keys() {
  std::vector<Key<Settings>> keys;
  add_node_keys(keys);
  add_cluster_keys(keys);
  add_network_keys(keys);
  add_resource_keys(keys);
  add_journal_keys(keys);
  add_segment_keys(keys);
  add_process_keys(keys);
  add_topic_keys(keys);
  return keys;
}

constexpr std::string_view kFileHead =
    "# Settings of forebayd: every key, with its default. Remove the # of a line to change it.\n"
    "#\n"
    "# Order of precedence: command line (--set KEY=VALUE), environment, this file, default.\n"
    "# The variable of a key is FOREBAYD_ and the key in capitals with underscores: storage.trash_delay is\n"
    "# FOREBAYD_STORAGE_TRASH_DELAY. A key may be written nested, as here, or in one line "
    "(storage.trash_delay: 1h).\n"
    "# Sizes: 64KiB, 1.5GiB, 10MB. Durations: 250ms, 10s, 1h30m, 7d. Lists: with commas, or as a YAML list.\n"
    "# Unknown keys and impossible values stop "
    "the start.\n";

const std::map<std::string, std::string, std::less<>>& section_docs() {
  static const auto* const docs = new std::map<std::string, std::string, std::less<>>{
      {"node", "Who this node is."},
      {"cluster", "The cluster that this node belongs to."},
      {"api", "The gRPC API for clients."},
      {"peer", "Replication between nodes."},
      {"http", "Health and metrics."},
      {"runtime", "Threads."},
      {"memory", "Bounds on memory. What is over a bound is refused with a retry delay, never dropped."},
      {"storage", "Files: journal, segments, and what is done with them in the background."},
      {"producer", "Idempotent producers."},
      {"group", "Consumer groups."},
      {"shutdown", "Stopping."},
      {"log", "The log on stderr."},
      {"topic_defaults",
       "For keys that a topic does not set itself. Times without a unit are milliseconds; -1 is no limit."}};
  return *docs;
}

void append_wrapped(std::string& out, std::string_view prefix, std::string_view text) {
  constexpr std::size_t kWidth = 110;
  std::string line(prefix);
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = prefix;
    }
    line += ' ';
    line += word;
  }
  out += line + "\n";
}

// A scalar that YAML would read as something else, or not at all, goes into quotes.
std::string yaml_scalar(const std::string& value) {
  if (!value.empty() && value.find_first_of(":#'\"{}[],&*!|>%@`\\\n\t") == std::string::npos &&
      value.front() != '-' && value.front() != ' ' && value.back() != ' ' && value != "~" &&
      value != "null") {
    return value;
  }
  if (value == "-1") return value;
  std::string quoted = "\"";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : value) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (u < 0x20 || u == 0x7f) {
      quoted += "\\x";
      quoted += kHex[u >> 4];
      quoted += kHex[u & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::pair<std::string, std::string> split_section(const std::string& key) {
  const std::size_t dot = key.find('.');
  return {key.substr(0, dot), key.substr(dot + 1)};
}

}  // namespace

const std::vector<Key<Settings>>& settings_keys() {
  static const auto* const keys = new std::vector<Key<Settings>>(make_keys());
  return *keys;
}

const Key<Settings>* find_settings_key(std::string_view name) {
  const auto& keys = settings_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) {
    name += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::vector<KeyDescription> describe_settings_keys() {
  std::vector<KeyDescription> all;
  for (const auto& key : settings_keys()) all.push_back(key.describe(Settings{}));
  return all;
}

std::string example_yaml() {
  std::string out(kFileHead);
  std::string section;
  for (const KeyDescription& key : describe_settings_keys()) {
    const auto [key_section, name] = split_section(key.name);
    if (key_section != section) {
      section = key_section;
      out += "\n";
      append_wrapped(out, "#", section_docs().at(section));
      out += section + ":\n";
    }
    append_wrapped(out, "  #", key.doc);
    append_wrapped(out, "  #", "Takes " + key.expected + ".");
    out += "  #" + name + ": " + yaml_scalar(key.default_value) + "\n";
  }
  return out;
}

std::string to_yaml(const Settings& settings) {
  std::string out;
  std::string section;
  for (const auto& key : settings_keys()) {
    const auto [key_section, name] = split_section(key.name);
    if (key_section != section) {
      section = key_section;
      out += section + ":\n";
    }
    out += "  " + name + ": " + yaml_scalar(key.show(settings)) + "\n";
  }
  return out;
}

}  // namespace forebay::config
