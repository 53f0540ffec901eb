// health: what is wrong with the nodes and the partitions, and what to do about it.
#include <algorithm>
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/verbs.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kAskAgainAfter{200};

struct HealthOptions {
  std::optional<std::chrono::milliseconds> wait;
};

class Findings {
 public:
  void add(std::string_view what, std::string_view where, std::string_view fix) {
    problems_.push(Value::object().set("what", what).set("where", where).set("fix", fix));
  }
  [[nodiscard]] bool healthy() const { return problems_.items().empty(); }
  [[nodiscard]] Value value() const {
    return Value::object().set("healthy", healthy()).set("problems", problems_);
  }

 private:
  Value problems_ = Value::array();
};

// Returns: its data directory, if it answered.
std::optional<std::string> check_node(Findings& findings, const ClientOptions& base,
                                      const std::string& address) {
  ClientOptions options = base;
  options.servers = {address};
  auto admin = Admin::create(options);
  const auto node = admin ? (*admin)->describe_node() : Result<NodeDescription>(admin.error());
  if (!node) {
    findings.add("the node does not answer: " + node.error().to_string(), address,
                 "is forebayd running there? forebay doctor --server " + address);
    return std::nullopt;
  }
  const std::string where = "node " + std::to_string(node->id) + " (" + address + ")";
  for (const std::string& warning : node->warnings) {
    findings.add(warning, where, "see the node's log, and: forebay node describe --server " + address);
  }
  if (node->disk_available_bytes < node->disk_reserve_bytes) {
    findings.add("the disk is below its reserve (" + config::format_bytes(node->disk_available_bytes) +
                     " of " + config::format_bytes(node->disk_reserve_bytes) + "): produce is refused",
                 where, "forebay topic trim, a shorter retention.ms, or a larger disk");
  }
  return node->data_dir;
}

// What is lost, and what that does.
std::string damage_text(const DamagedRange& range) {
  const std::string begin = std::to_string(range.begin_offset);
  if (!range.end_offset) {
    return "lost tail: what was acknowledged from offset " + begin + " on; produce is refused";
  }
  if (*range.end_offset == range.begin_offset)
    return "damaged: control frames at offset " + begin + ", no record";
  return "damaged range: offsets " + begin + " to " + std::to_string(*range.end_offset - 1) +
         "; reading them is refused";
}

// Accepted damage is history.
void check_damage(Findings& findings, const PartitionDescription& partition, const std::string& topic,
                  const std::string& data_dir) {
  for (const DamagedRange& range : partition.damage) {
    if (range.accepted) continue;
    const std::string number = std::to_string(partition.partition);
    findings.add(
        damage_text(range), topic + '/' + number,
        "restore the data directory from a copy, or accept the loss with the node stopped: forebay log "
        "accept-loss --data-dir " +
            data_dir + " --topic " + topic + " --partition " + number + " (docs/operations.md, \"Damage\")");
  }
}

bool has_lost_tail(const PartitionDescription& partition) {
  return std::any_of(partition.damage.begin(), partition.damage.end(),
                     [](const DamagedRange& range) { return !range.accepted && !range.end_offset; });
}

Result<void> check_topics(Findings& findings, Admin& admin, const std::string& data_dir) {
  FOREBAY_TRY(const auto topics, admin.list_topics(Admin::Internal::kShow));
  for (const TopicSummary& summary : topics) {
    if (!summary.dead_letters_of.empty()) continue;  // what is wrong with it is wrong with that topic
    const auto topic = admin.describe_topic(summary.name);
    if (!topic) {
      if (topic.error().code == ErrorCode::kUnknownTopic) continue;  // deleted meanwhile
      findings.add("cannot be described: " + topic.error().to_string(), "topic " + summary.name,
                   "forebay topic describe " + summary.name);
      continue;
    }
    for (const PartitionDescription& partition : topic->partitions) {
      // A lost tail is why it is not ready, and is told with what to do about it.
      if (partition.state != "ready" && !has_lost_tail(partition)) {
        findings.add("not ready: " + partition.state,
                     summary.name + '/' + std::to_string(partition.partition),
                     "forebay topic describe " + summary.name);
      }
      check_damage(findings, partition, summary.name, data_dir);
    }
  }
  return {};
}

Findings examine(Session& session) {
  Findings findings;
  std::optional<std::string> data_dir;
  for (const std::string& address : session.globals().servers) {
    auto found = check_node(findings, session.client_options(), address);
    if (!data_dir) data_dir = std::move(found);
  }
  if (!data_dir) return findings;  // nobody to ask about topics
  const auto admin = session.admin();
  const auto checked = admin ? check_topics(findings, **admin, *data_dir) : Result<void>(admin.error());
  if (!checked) {
    findings.add("topics cannot be listed: " + checked.error().to_string(), "cluster", "forebay doctor");
  }
  return findings;
}

ExitCode run_health(Session& session, const HealthOptions& options) {
  const auto deadline =
      std::chrono::steady_clock::now() + options.wait.value_or(std::chrono::milliseconds(0));
  Findings findings = examine(session);
  while (!findings.healthy() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kAskAgainAfter);
    findings = examine(session);
  }
  const Value value = findings.value();
  if (session.is_text()) {
    session.out().write(findings.healthy() ? "healthy\n" : "not healthy\n");
    if (!findings.healthy()) {
      session.print(value, {{{"problems", "", {{"WHERE", "where"}, {"WHAT", "what"}, {"FIX", "fix"}}}},
                            View::Repeat::kNo});
    }
  } else {
    session.print(value, {});
  }
  return findings.healthy() ? ExitCode::kOk : ExitCode::kFailure;
}

}  // namespace

void add_health_command(std::vector<Command>& commands) {
  auto options = std::make_shared<HealthOptions>();
  Command command;
  command.noun = "health";
  command.summary = "is everything well? exit 1 and the reasons when it is not";
  command.examples = {{"forebay health", ""},
                      {"forebay health --wait 30s && ./start-my-service", "wait until it is"},
                      {"forebay health -o json", ""}};
  command.options = {{"--wait", "DURATION", "ask again until healthy, at most this long",
                      set_duration(&options->wait, std::chrono::seconds(1))}};
  command.json_shape =
      "{\"healthy\": bool, \"problems\": [{\"what\": text, \"where\": text, \"fix\": text}]}";
  command.run = [options](Session& session) { return run_health(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
