// health: what is wrong with the nodes and the partitions, and what to do about it.
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
  void add(std::string_view what, std::string_view where, Value since, std::string_view fix) {
    problems_.push(
        Value::object().set("what", what).set("where", where).set("since", std::move(since)).set("fix", fix));
  }
  [[nodiscard]] bool healthy() const { return problems_.items().empty(); }
  [[nodiscard]] Value value() const {
    return Value::object().set("healthy", healthy()).set("problems", problems_);
  }

 private:
  Value problems_ = Value::array();
};

// Returns: whether it answered.
bool check_node(Findings& findings, const ClientOptions& base, const std::string& address) {
  ClientOptions options = base;
  options.servers = {address};
  auto admin = Admin::create(options);
  const auto node = admin ? (*admin)->describe_node() : Result<NodeDescription>(admin.error());
  if (!node) {
    findings.add("the node does not answer: " + node.error().to_string(), address, {},
                 "is forebayd running there? forebay doctor --server " + address);
    return false;
  }
  const std::string where = "node " + std::to_string(node->id) + " (" + address + ")";
  for (const std::string& warning : node->warnings) {
    findings.add(warning, where, {}, "see the node's log, and: forebay node describe --server " + address);
  }
  if (node->disk_available_bytes < node->disk_reserve_bytes) {
    findings.add("the disk is below its reserve (" + config::format_bytes(node->disk_available_bytes) +
                     " of " + config::format_bytes(node->disk_reserve_bytes) + "): produce is refused",
                 where, {}, "forebay topic trim, a shorter retention.ms, or a larger disk");
  }
  return true;
}

std::string range_text(const DamagedRange& range) {
  const std::string begin = std::to_string(range.begin_offset);
  return range.end_offset ? "offsets " + begin + " to " + std::to_string(*range.end_offset - 1)
                          : "everything from offset " + begin + " on";
}

Result<void> check_topics(Findings& findings, Admin& admin) {
  FOREBAY_TRY(const auto topics, admin.list_topics(Admin::Internal::kShow));
  for (const TopicSummary& summary : topics) {
    const auto topic = admin.describe_topic(summary.name);
    if (!topic) {
      if (topic.error().code == ErrorCode::kUnknownTopic) continue;  // deleted meanwhile
      findings.add("cannot be described: " + topic.error().to_string(), "topic " + summary.name, {},
                   "forebay topic describe " + summary.name);
      continue;
    }
    for (const PartitionDescription& partition : topic->partitions) {
      const std::string where = summary.name + '/' + std::to_string(partition.partition);
      if (partition.state != "ready") {
        findings.add("not ready: " + partition.state, where, {}, "forebay topic describe " + summary.name);
      }
      for (const DamagedRange& range : partition.damage) {
        findings.add("damaged: " + range_text(range), where, {},
                     range.end_offset
                         ? "restore the data directory from a copy, or trim below it: forebay topic trim " +
                               summary.name
                         : "a lost tail must be accepted offline; see docs/operations.md");
      }
    }
  }
  return {};
}

Findings examine(Session& session) {
  Findings findings;
  bool answered = false;
  for (const std::string& address : session.globals().servers) {
    answered = check_node(findings, session.client_options(), address) || answered;
  }
  if (!answered) return findings;  // nobody to ask about topics
  const auto admin = session.admin();
  const auto checked = admin ? check_topics(findings, **admin) : Result<void>(admin.error());
  if (!checked) {
    findings.add("topics cannot be listed: " + checked.error().to_string(), "cluster", {}, "forebay doctor");
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
      session.print(
          value,
          {{{"problems", "", {{"WHERE", "where"}, {"WHAT", "what"}, {"SINCE", "since"}, {"FIX", "fix"}}}},
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
      "{\"healthy\": bool, \"problems\": [{\"what\": text, \"where\": text, \"since\": time or null, "
      "\"fix\": text}]}";
  command.run = [options](Session& session) { return run_health(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
