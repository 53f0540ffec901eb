// Everything that can be set about one node: typed, checked once at start, handed out by value. Nothing else
// reads files, environment or flags.
//   command line  over  environment (FOREBAYD_STORAGE_TRASH_DELAY)  over  file (storage.trash_delay)  over
//   defaults
// config/forebay.yaml is the reference for people; it is made from the same table of keys (settings_keys.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/address.h"
#include "config/topic_config.h"
#include "telemetry/log.h"

namespace forebay::config {

enum class IoEngine : std::uint8_t { kAuto, kUring, kPosix };

// One of cluster.nodes: where the others dial it.
struct ClusterNode {
  std::uint32_t id = 0;
  Address peer_address;

  [[nodiscard]] std::string to_string() const;  // "1@node-1:7401"
  friend bool operator==(const ClusterNode&, const ClusterNode&) = default;
};
// The first start only needs those that form the cluster; more join later.
inline constexpr std::size_t kClusterNodesMax = 100;

// Sizes in bytes, durations in milliseconds.
struct Settings {
  using Milliseconds = std::chrono::milliseconds;

  struct Node {
    std::uint32_t id = 1;                     // unique in the cluster; never changes for a data directory
    std::string data_dir = "./forebay-data";  // made when missing
    std::string pid_file;                     // empty: none
  } node;
  struct Cluster {
    std::vector<ClusterNode> nodes;                     // in order, this one among them; empty: a single node
    std::string rack;                                   // empty: none
    std::uint32_t replication_factor_default = 0;       // 0: 3, or every broker when there are fewer
    std::uint64_t move_bytes_per_second = 64ULL << 20;  // that this node fills new replicas with; 0: no bound
    // That this node sends each member that is far behind with, while clients write; 0: no bound.
    std::uint64_t catch_up_bytes_per_second = 64ULL << 20;
    // Partitions on their way at a time: enough to keep every leader of a small cluster busy, and few enough
    // that a change of mind, or a node that dies meanwhile, leaves little half done.
    std::uint32_t moves_max = 16;
    // Some 300 bytes each in memory on every node; who needs more takes another name for each run.
    std::uint32_t producer_names_max = 100'000;
  } cluster;
  struct Api {
    Address listen{"127.0.0.1", 7400};  // gRPC, for clients
    std::optional<Address> advertised;  // what clients are told; none: `listen`
    std::uint32_t max_connections = 10'000;
    std::uint32_t max_message_bytes = 16U << 20;  // of one gRPC message
  } api;
  struct Peer {
    Address listen{"127.0.0.1", 7401};  // for other nodes
    std::optional<Address> advertised;  // what they are told; none: as in cluster.nodes, else `listen`
    Milliseconds heartbeat_interval{100};
    Milliseconds failure_timeout{1'000};  // without an answer; at least kHeartbeatsMin intervals
  } peer;
  struct Http {
    Address listen{"127.0.0.1", 7402};      // health and metrics
    std::uint32_t max_connections = 1'024;  // serializers keep theirs open
  } http;
  struct Runtime {
    std::uint32_t shards = 0;            // 0: half the cores, rounded up; see shard_count
    std::uint32_t blocking_threads = 2;  // for calls that block: directories, deletion, the key-value store
  } runtime;
  struct Memory {
    std::uint64_t limit = 0;                            // 0: none but the sum of the bounds below
    std::uint64_t cache_bytes_per_shard = 64ULL << 20;  // recent batches, evictable
    std::uint64_t produce_bytes_max = 128ULL << 20;     // accepted and not yet answered, of the whole node
  } memory;
  struct Storage {
    IoEngine io_engine = IoEngine::kAuto;
    std::uint64_t journal_file_bytes = 64ULL << 20;
    std::uint32_t journal_files_max = 8;         // per shard; the ring is at most the product of the two
    std::uint64_t round_bytes_max = 4ULL << 20;  // of one durable write; a single larger batch goes alone
    std::uint64_t round_partition_bytes = 64ULL << 10;  // of one partition in a round while others wait
    std::uint32_t flush_rate_max = 1'500;               // durable writes per second of the whole disk
    std::uint64_t disk_reserve_bytes = 0;            // produce is refused below it; 0: the size of all rings
    std::uint64_t segment_flush_bytes = 1ULL << 20;  // written to a segment at once
    Milliseconds retention_check_interval{30'000};
    Milliseconds trash_delay{3'600'000};                 // deleted topics can be rescued so long
    std::uint64_t scrub_bytes_per_second = 16ULL << 20;  // 0: no scrub
    Milliseconds scrub_interval{
        std::chrono::hours(24 * 7)};  // a full pass begins this long after the last began
  } storage;
  struct Producer {
    Milliseconds id_expiration{std::chrono::hours(24)};  // Kafka's
    std::uint32_t states_in_memory_per_client = 10'000;  // in one partition, about; others are on the disk
  } producer;
  struct Group {
    std::uint32_t partitions_max = 10'000;  // that the members of one group want
  } group;
  struct Shutdown {
    Milliseconds timeout{8'000};  // after SIGTERM; what is not flushed then is recovered at the next start
  } shutdown;
  struct Log {
    telemetry::Level level = telemetry::Level::kInfo;  // can be changed while running: PUT /loglevel
  } log;
  TopicConfig topic_defaults;  // for keys that a topic does not set itself

  friend bool operator==(const Settings&, const Settings&);
};

// One text of the caller, and what to call it in messages.
struct ConfigFile {
  std::string path;
  std::string text;
};
using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct Sources {
  std::optional<ConfigFile> file;
  KeyValues environment;  // all of it: names that do not begin with FOREBAYD_ are passed over
  KeyValues flags;  // (key, value), for example ("node.data_dir", "/var/lib/forebay"); the last of a key wins
};

inline constexpr std::string_view kEnvironmentPrefix = "FOREBAYD_";
inline constexpr std::size_t kConfigFileBytesMax = 1U << 20;

// Errors: kInvalidConfig whose context lists every problem of every source, one a line, each with file and
// line (or the name of the variable or flag), key, what was found and what was expected.
[[nodiscard]] Result<Settings> load(const Sources& sources, std::uint32_t cores);
// load() with the file at `path` (empty: none), the environment of this process, and its number of cores.
// Errors: as load; kNotFound, kStorageFailed when the file cannot be read. Blocks: for main().
[[nodiscard]] Result<Settings> load_from_process(const std::string& path, KeyValues flags);

// The rules between keys; load() has checked them. Errors: kInvalidConfig, one line for each broken rule.
[[nodiscard]] Result<void> check(const Settings& settings, std::uint32_t cores);

// A single late or lost heartbeat must not cost a leader.
inline constexpr int kHeartbeatsMin = 3;

// What clients of other nodes, and those nodes, are told to dial: where `listening` is every address of the
// machine, the host by which other nodes know it.
[[nodiscard]] Address api_address(const Settings& settings, const Address& listening);
// What other nodes are told to dial.
[[nodiscard]] Address peer_address(const Settings& settings);
[[nodiscard]] std::uint32_t shard_count(const Settings& settings, std::uint32_t cores);
// The journal rings of all shards at their largest.
[[nodiscard]] std::uint64_t ring_bytes(const Settings& settings, std::uint32_t cores);
// What `disk_reserve_bytes` comes to.
[[nodiscard]] std::uint64_t disk_reserve_bytes(const Settings& settings, std::uint32_t cores);
// What the bounds of this node add up to when all are reached at once: cache, produce, pinned batches (a
// quarter of the ring), and a fixed allowance for the program itself. `memory.limit` must not be below it;
// what is above it is for topics.
[[nodiscard]] std::uint64_t memory_needed(const Settings& settings, std::uint32_t cores);

}  // namespace forebay::config
