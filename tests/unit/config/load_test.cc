#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "config/settings.h"
#include "config/settings_keys.h"

namespace forebay::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kCores = 2;

Sources file(std::string text) {
  Sources sources;
  sources.file = ConfigFile{"forebay.yaml", std::move(text)};
  return sources;
}

std::string problems_of(const Sources& sources) {
  const auto settings = load(sources, kCores);
  if (settings) return "";
  EXPECT_EQ(settings.error().code, ErrorCode::kInvalidConfig);
  return settings.error().context;
}

TEST(Load, WithoutSourcesGivesTheDefaults) {
  const auto settings = load({}, kCores);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->node.data_dir, "./forebay-data");
  EXPECT_EQ(settings->api.listen.to_string(), "127.0.0.1:7400");
  EXPECT_EQ(settings->peer.listen.to_string(), "127.0.0.1:7401");
  EXPECT_EQ(settings->http.listen.to_string(), "127.0.0.1:7402");
  EXPECT_TRUE(*settings == Settings{});
}

TEST(Load, DefaultsAreValidOnAnyMachine) {
  for (const std::uint32_t cores : {0U, 1U, 2U, 64U, 512U}) EXPECT_TRUE(load({}, cores)) << cores;
}

TEST(Load, FlagsWinOverEnvironmentWinsOverFile) {
  Sources sources = file("node:\n  id: 1\n  data_dir: /file\nshutdown.timeout: 1s\n");
  sources.environment = {{"FOREBAYD_NODE_ID", "2"}, {"FOREBAYD_NODE_DATA_DIR", "/env"}, {"PATH", "/bin"}};
  sources.flags = {{"node.id", "3"}, {"node.id", "4"}};
  const auto settings = load(sources, kCores);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->node.id, 4U);
  EXPECT_EQ(settings->node.data_dir, "/env");
  EXPECT_EQ(settings->shutdown.timeout, milliseconds(1000));
}

TEST(Load, TopicDefaultsAreTyped) {
  Sources sources = file("topic_defaults:\n  retention.ms: 3d\n  retention:\n    bytes: 10GiB\n");
  sources.environment = {{"FOREBAYD_TOPIC_DEFAULTS_SEGMENT_BYTES", "1MiB"}};
  const auto settings = load(sources, kCores);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->topic_defaults.retention, hours(72));
  EXPECT_EQ(settings->topic_defaults.retention_bytes, 10ULL << 30);
  EXPECT_EQ(settings->topic_defaults.segment_bytes, 1ULL << 20);
}

TEST(Load, EveryKeyIsReachableFromEverySource) {
  for (const auto& key : settings_keys()) {
    const std::string value = key.show(Settings{});
    Sources sources = file(key.name + ": \"" + value + "\"\n");
    sources.environment = {{environment_name(key.name), value}};
    sources.flags = {{key.name, value}};
    const auto settings = load(sources, kCores);
    ASSERT_TRUE(settings) << settings.error().context;
    EXPECT_TRUE(*settings == Settings{}) << key.name;
  }
}

TEST(Load, EnvironmentNamesAreUnique) {
  std::set<std::string> names;
  for (const auto& key : settings_keys())
    EXPECT_TRUE(names.insert(environment_name(key.name)).second) << key.name;
}

TEST(Load, AllProblemsOfAllSourcesAreReportedAtOnce) {
  Sources sources =
      file("node:\n  id: abc\nstorage:\n  trash_dealy: 1h\n  io_engine: fast\nlog:\n  - level\n");
  sources.environment = {{"FOREBAYD_STORAGE_SCRUB_INTERVAL", "soon"}, {"FOREBAYD_NODE_IDD", "1"}};
  sources.flags = {{"node.data_dirr", "/x"}};
  const std::string text = problems_of(sources);
  EXPECT_THAT(text, HasSubstr("the configuration has 7 problems:\n"));
  EXPECT_THAT(
      text, HasSubstr("\n  forebay.yaml:2: node.id: found 'abc', expected an integer from 1 to 1000000000"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "\n  forebay.yaml:4: 'storage.trash_dealy': unknown key; did you mean 'storage.trash_delay'?"));
  EXPECT_THAT(
      text,
      HasSubstr("\n  forebay.yaml:5: storage.io_engine: found 'fast', expected one of auto uring posix"));
  EXPECT_THAT(text, HasSubstr("\n  forebay.yaml:6: 'log': found a list, expected one value"));
  EXPECT_THAT(text, HasSubstr("\n  environment FOREBAYD_STORAGE_SCRUB_INTERVAL: storage.scrub_interval: "
                              "found 'soon', expected a duration"));
  EXPECT_THAT(
      text,
      HasSubstr("\n  environment 'FOREBAYD_NODE_IDD': no such setting; did you mean 'FOREBAYD_NODE_ID'?"));
  EXPECT_THAT(text,
              HasSubstr("\n  command line: 'node.data_dirr': unknown key; did you mean 'node.data_dir'?"));
}

TEST(Load, BadFilesAreRefusedWithTheirLine) {
  struct Case {
    std::string text;
    std::string_view want;
  };
  for (const Case& c : {Case{"node.id: 1\nnode:\n  id: 2\n",
                             "forebay.yaml:3: node.id: is set a second time; first in line 1"},
                        Case{"a: [1\n", "not valid YAML"},
                        Case{"node: 5\n", "forebay.yaml:1: node: found '5', expected keys below it"},
                        Case{"node.id:\n", "forebay.yaml:1: node.id: found nothing, expected an integer"},
                        Case{"storage.trash_delay: 3600\n",
                             "found '3600', expected a duration with its unit from 0s to 365d"},
                        Case{"memory.limit: -5\n", "found '-5', expected a size"},
                        Case{"node.data_dir: \"\"\n", "found nothing, expected a path"},
                        Case{"api.listen: 7400\n", "found '7400', expected HOST:PORT"},
                        Case{"nodes:\n  id: 1\n", "did you mean 'node.id'?"},
                        Case{std::string(kConfigFileBytesMax + 1, '#'), "forebay.yaml: larger than 1MiB"}}) {
    EXPECT_THAT(problems_of(file(c.text)), HasSubstr(c.want)) << c.text.substr(0, 80);
  }
}

TEST(Load, EmptySectionsAreFine) {
  EXPECT_TRUE(load(file("node:\nstorage:\n"), kCores));
  EXPECT_TRUE(load(file(""), kCores));
}

TEST(Load, RulesBetweenKeysNameTheSourceOfTheKey) {
  struct Case {
    std::string text;
    std::string_view want;
  };
  for (const Case& c :
       {Case{"storage:\n  round_partition_bytes: 5MiB\n",
             "forebay.yaml:2: storage.round_partition_bytes: found 5MiB, expected at most "
             "storage.round_bytes_max, which is 4MiB"},
        Case{"storage:\n  journal_file_bytes: 20MiB\n  round_bytes_max: 6MiB\n",
             "forebay.yaml:3: storage.round_bytes_max: found 6MiB, expected at most a quarter of "
             "storage.journal_file_bytes, which is 20MiB"},
        Case{"storage.journal_file_bytes: 20971521\n",
             "forebay.yaml:1: storage.journal_file_bytes: found 20971521, expected a multiple of 4KiB"},
        Case{"api.max_message_bytes: 1MiB\n", "api.max_message_bytes: found 1MiB, expected at least"},
        Case{"memory.limit: 100MiB\n",
             "memory.limit: found 100MiB, expected at least 416MiB (436207616 bytes)"},
        Case{"peer.listen: 127.0.0.1:7402\n",
             "default: http.listen: found 127.0.0.1:7402, expected another address than that of peer.listen"},
        Case{"topic_defaults:\n  min.compaction.lag.ms: 2h\n  max.compaction.lag.ms: 1h\n",
             "forebay.yaml:3: topic_defaults.max.compaction.lag.ms: found"}}) {
    EXPECT_THAT(problems_of(file(c.text)), HasSubstr(c.want));
  }
}

constexpr const char* kThree = "cluster:\n  nodes:\n    - 1@a:7401\n    - 2@b:7401\n    - 3@[::1]:7501\n";

TEST(Load, ClusterNodesAreAListInEverySource) {
  const std::vector<ClusterNode> want{{1, {"a", 7401}}, {2, {"b", 7401}}, {3, {"::1", 7501}}};
  const std::string flat = "1@a:7401, 2@b:7401,3@[::1]:7501";
  Sources environment, flags,
      one_line =
          file("cluster.nodes: \"" + flat + "\"\npeer.listen: 0.0.0.0:7401\napi.listen: 0.0.0.0:7400\n");
  environment.environment = {{"FOREBAYD_CLUSTER_NODES", flat},
                             {"FOREBAYD_PEER_LISTEN", "0.0.0.0:7401"},
                             {"FOREBAYD_API_LISTEN", "0.0.0.0:7400"}};
  flags.flags = {{"cluster.nodes", flat}, {"peer.listen", "0.0.0.0:7401"}, {"api.listen", "0.0.0.0:7400"}};
  const Sources listed = file(std::string(kThree) + "peer.listen: 0.0.0.0:7401\napi.listen: 0.0.0.0:7400\n");
  for (const Sources& sources : {environment, flags, one_line, listed}) {
    const auto settings = load(sources, kCores);
    ASSERT_TRUE(settings) << settings.error().context;
    EXPECT_EQ(settings->cluster.nodes, want);
    EXPECT_EQ(peer_address(*settings), want[0].peer_address);
    EXPECT_TRUE(*load(file(to_yaml(*settings)), kCores) == *settings);
  }
  // A flag replaces the list of the file, and may empty it.
  Sources alone = listed;
  alone.flags = {{"cluster.nodes", ""}};
  EXPECT_TRUE(load(alone, kCores)->cluster.nodes.empty());
  EXPECT_EQ(peer_address(*load({}, kCores)).to_string(), "127.0.0.1:7401");
  Sources advertised = listed;
  advertised.flags = {{"peer.advertised", "gate:1"}};
  EXPECT_EQ(peer_address(*load(advertised, kCores)).to_string(), "gate:1");
}

TEST(Load, ClientsOfOtherNodesAreToldTheHostOfTheListWhenTheNodeListensEverywhere) {
  Sources sources = file(std::string(kThree) + "peer.listen: 0.0.0.0:7401\napi.listen: 0.0.0.0:7400\n");
  const auto told = [&](Address listening) {
    return api_address(*load(sources, kCores), listening).to_string();
  };
  EXPECT_EQ(told({"0.0.0.0", 7400}), "a:7400");
  EXPECT_EQ(told({"::", 7400}), "a:7400");
  EXPECT_EQ(told({"10.0.0.1", 7400}), "10.0.0.1:7400");
  sources.flags = {{"api.advertised", "gate:1"}};
  EXPECT_EQ(told({"0.0.0.0", 7400}), "gate:1");
}

TEST(Load, BadClusterNodesAreRefused) {
  for (const char* nodes :
       {"a:7401", "1@a", "0@a:7401", "1@a:0", "x@a:1", "1@0.0.0.0:7401", "1@[::]:7401", "1@a:1,", ",1@a:1",
        "1@a:1,,2@b:2", "1@a:1;2@b:2", "1000000001@a:1", "-1@a:1", "1@1@a:1"}) {
    Sources sources;
    sources.flags = {{"cluster.nodes", nodes}};
    EXPECT_THAT(problems_of(sources), HasSubstr("expected a list of at most 100 ID@HOST:PORT")) << nodes;
  }
}

TEST(Load, RulesOfTheClusterNameTheSource) {
  struct Case {
    std::string text;
    std::string_view want;
  };
  const std::string three(kThree);
  for (const Case& c :
       {Case{three + "node.id: 4\n", "forebay.yaml:2: cluster.nodes: found no node 4, expected this node"},
        Case{"cluster.nodes: 1@a:1,1@b:1\n", "cluster.nodes: found node 1 twice, as 1@a:1 and 1@b:1"},
        Case{"cluster.nodes: 1@a:1,2@a:1\n",
             "cluster.nodes: found one address for two nodes, 1@a:1 and 2@a:1"},
        Case{three, "default: peer.listen: found 127.0.0.1:7401, which other machines cannot reach"},
        Case{three + "peer.listen: 0.0.0.0:7401\n",
             "default: api.listen: found 127.0.0.1:7400, which clients and nodes on other machines cannot "
             "reach"},
        Case{three + "peer.listen: 0.0.0.0:7401\ncluster.replication_factor_default: 1\n",
             "forebay.yaml:7: cluster.replication_factor_default: found 1, expected 2 or more"},
        Case{"peer.failure_timeout: 250ms\n",
             "forebay.yaml:1: peer.failure_timeout: found 250ms, expected at least three times "
             "peer.heartbeat_interval, which is 100ms"},
        Case{"cluster.rack: \"a\\tb\"\n", "cluster.rack: found 'a?b', expected a text"},
        Case{"node:\n  id: [1, 2]\n", "forebay.yaml:2: 'node.id': found a list, expected one value"},
        Case{"cluster:\n  nodes:\n    - id: 1\n",
             "forebay.yaml:3: 'cluster.nodes': found a list or keys in a list"}}) {
    EXPECT_THAT(problems_of(file(c.text)), HasSubstr(c.want));
  }
  // On one machine, for a try.
  EXPECT_TRUE(load(file("cluster.nodes: 1@127.0.0.1:7401,2@localhost:7411\n"), kCores));
}

TEST(Load, PortZeroMayBeUsedByAll) {
  EXPECT_TRUE(
      load(file("api.listen: 127.0.0.1:0\npeer.listen: 127.0.0.1:0\nhttp.listen: 127.0.0.1:0\n"), kCores));
}

TEST(Load, VariablesOfOthersAreLeftAlone) {
  Sources sources;
  sources.environment = {{"FOREBAYD_SERVICE_HOST", "10.0.0.1"}, {"FOREBAYD_PORT", "tcp://10.0.0.1:7400"},
                         {"FOREBAYD_PORT_7400_TCP", "x"},       {"FOREBAYD_CONFIG", "/etc/forebay.yaml"},
                         {"FOREBAYD_FAILPOINT", "x:abort"},     {"FOREBAY_SERVERS", "x"}};
  EXPECT_TRUE(load(sources, kCores));
}

TEST(Load, HostileTextCannotForgeLines) {
  Sources sources;
  sources.flags = {{"node.id", "1\n  forged: line"}, {"bad\nkey", "1"}};
  const std::string text = problems_of(sources);
  EXPECT_THAT(text, Not(HasSubstr("\n  forged")));
  EXPECT_THAT(text, Not(HasSubstr("bad\nkey")));
}

TEST(Load, MutatedFilesNeverCrashAndGoodSettingsRoundTrip) {
  const std::string good = to_yaml(Settings{});
  ASSERT_TRUE(load(file(good), kCores)) << load(file(good), kCores).error().context;
  std::mt19937_64 random(5);
  int accepted = 0;
  for (int i = 0; i < 1'500; ++i) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 20);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 30));
          break;
        default:
          text.insert(at, 1, ":-[]{}&*!|>%\"'#\n\t"[random() % 17]);
          break;
      }
    }
    const auto settings = load(file(text), kCores);
    if (!settings) continue;
    ++accepted;
    EXPECT_TRUE(load(file(to_yaml(*settings)), kCores).value_or(Settings{}) == *settings)
        << to_yaml(*settings);
  }
  EXPECT_GT(accepted, 0);
}

TEST(Load, DerivedNumbersFollowTheShards) {
  Settings settings;
  EXPECT_EQ(shard_count(settings, 0), 1U);
  EXPECT_EQ(shard_count(settings, 1), 1U);
  EXPECT_EQ(shard_count(settings, 2), 1U);
  EXPECT_EQ(shard_count(settings, 3), 2U);
  EXPECT_EQ(shard_count(settings, 16), 8U);
  settings.runtime.shards = 3;
  EXPECT_EQ(shard_count(settings, 16), 3U);
  EXPECT_EQ(ring_bytes(settings, 16), 3 * 8 * (64ULL << 20));
  EXPECT_EQ(disk_reserve_bytes(settings, 16), ring_bytes(settings, 16));
  settings.storage.disk_reserve_bytes = 5;
  EXPECT_EQ(disk_reserve_bytes(settings, 16), 5U);
}

TEST(LoadFromProcess, MissingFileIsNotFound) {
  const auto settings = load_from_process("/nonexistent/forebay.yaml", {});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kNotFound);
}

TEST(LoadFromProcess, TheExampleOfAClusterNodeIsRead) {
  for (const std::uint32_t node : {1U, 2U, 3U}) {
    const auto settings = load_from_process("config/cluster-node.yaml", {{"node.id", std::to_string(node)}});
    ASSERT_TRUE(settings) << settings.error().context;
    ASSERT_EQ(settings->cluster.nodes.size(), 3U);
    EXPECT_EQ(peer_address(*settings), settings->cluster.nodes[node - 1].peer_address);
    EXPECT_FALSE(settings->cluster.rack.empty());
  }
  EXPECT_FALSE(load_from_process("config/cluster-node.yaml", {{"node.id", "4"}}));
}

TEST(LoadFromProcess, TheExampleFileIsRead) {
  const auto settings = load_from_process("config/forebay.yaml", {{"node.id", "9"}});
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_EQ(settings->node.id, 9U);
}

}  // namespace
}  // namespace forebay::config
