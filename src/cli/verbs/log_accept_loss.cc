// log accept-loss: decide that what a disk lost is lost, offline.
#include <algorithm>
#include <memory>
#include <set>

#include "cli/log_accept.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

struct AcceptOptions {
  std::string data_dir;
  std::optional<std::string> topic;
  std::vector<std::int32_t> partitions;
  bool all = false;
  bool dry_run = false;
};

std::string where(const FoundLoss& loss) { return loss.topic + '/' + std::to_string(loss.partition); }

std::vector<std::size_t> choose(const std::vector<FoundLoss>& found, const AcceptOptions& options) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const FoundLoss& loss = found[i];
    const bool topic = !options.topic || *options.topic == loss.topic || *options.topic == loss.topic_id;
    const bool partition = options.partitions.empty() ||
                           std::find(options.partitions.begin(), options.partitions.end(), loss.partition) !=
                               options.partitions.end();
    if (topic && partition) chosen.push_back(i);
  }
  return chosen;
}

void print(Session& session, const AcceptOptions& options, const std::vector<FoundLoss>& found,
           const std::vector<std::size_t>& chosen, bool accepted) {
  Value losses = Value::array();
  for (const std::size_t index : chosen) {
    Value loss = Value::object();
    set_loss(loss, found[index]);
    losses.push(std::move(loss));
  }
  Value value = Value::object();
  value.set("data_dir", options.data_dir)
      .set("dry_run", options.dry_run)
      .set("accepted", accepted)
      .set("losses", std::move(losses));
  session.print(
      value,
      {{{"losses", "", {{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"KIND", "kind"}, {"WHAT", "what"}}}},
       View::Repeat::kNo});
}

// Nothing of what was named is lost: a wrong name, or done already.
ExitCode fail_nothing_chosen(Session& session, const AcceptOptions& options,
                             const std::vector<FoundLoss>& found) {
  std::set<std::string> damaged;
  for (const FoundLoss& loss : found) damaged.insert(where(loss));
  std::string text = options.data_dir + ": topic '" + *options.topic + "' has no loss to accept there; ";
  if (damaged.empty()) text += "no partition has";
  for (const std::string& one : damaged) text += (one == *damaged.begin() ? "those that have: " : ", ") + one;
  return session.fail(ExitCode::kNotFound, text);
}

ExitCode run_accept_loss(Session& session, const AcceptOptions& options) {
  if (options.all == options.topic.has_value() && !(options.dry_run && !options.all)) {
    return session.fail(ExitCode::kUsage, "say what to accept: --topic TOPIC [--partition P]..., or --all");
  }
  if (!options.topic && !options.partitions.empty())
    return session.fail(ExitCode::kUsage, "--partition: needs --topic");
  auto losses = DirectoryLosses::open(options.data_dir);
  if (!losses) return session.fail(losses.error());
  const std::vector<FoundLoss>& found = losses->found();
  const std::vector<std::size_t> chosen = choose(found, options);
  if (chosen.empty() && options.topic) return fail_nothing_chosen(session, options, found);
  if (options.dry_run || chosen.empty()) {
    if (chosen.empty()) session.note("nothing is lost there that is not accepted already");
    for (const std::size_t index : chosen) {
      if (!found[index].refusal.empty()) session.note(where(found[index]) + ": " + found[index].refusal);
    }
    if (!chosen.empty() || !session.is_text()) print(session, options, found, chosen, false);
    return ExitCode::kOk;
  }
  for (const std::size_t index : chosen) {
    if (!found[index].refusal.empty())
      return session.fail(
          Error{ErrorCode::kFailedPrecondition, where(found[index]) + ": " + found[index].refusal});
  }
  for (const std::size_t index : chosen) session.note(where(found[index]) + ": " + found[index].what);
  if (const auto refused =
          session.confirm("Accept " + std::string(chosen.size() == 1 ? "this loss" : "these losses") +
                          " for ever, in " + options.data_dir + "?")) {
    return *refused;
  }
  const auto open = losses->accept(chosen);
  if (!open) return session.fail(open.error());
  if (*open > found.size() - chosen.size()) {
    return session.fail(ExitCode::kFailure,
                        "the disk gave something else than before: not everything is accepted; "
                        "look again with --dry-run");
  }
  if (session.is_text()) {
    session.note("accepted; audit.log has it. Start the daemon again");
  } else {
    print(session, options, found, chosen, true);
  }
  return ExitCode::kOk;
}

}  // namespace

void add_log_accept_loss_command(std::vector<Command>& commands) {
  auto options = std::make_shared<AcceptOptions>();
  Command command = offline_log_command(
      "accept-loss",
      "accept that damaged parts of a stopped node's logs are lost, so that they go on; asks first");
  command.examples = {
      {"forebay log accept-loss --data-dir ./forebay-data --all --dry-run",
       "what is lost, and what it means"},
      {"forebay log accept-loss --data-dir ./forebay-data --topic orders --partition 3", ""},
      {"forebay log accept-loss --data-dir ./forebay-data --topic __cluster", "the node's metadata"}};
  command.options = {
      {"--data-dir", "DIR", "the data directory; no daemon may use it", set_text(&options->data_dir),
       Option::Repeats::kNo, Option::Need::kRequired, Completes::kFile},
      {"--topic", "TOPIC", "losses of this topic: its name or id", set_text(&options->topic)},
      {"-p,--partition", "P", "only of this partition", add_partition(&options->partitions),
       Option::Repeats::kYes},
      {"--all", "", "every loss in the directory", set_flag(&options->all)},
      {"--dry-run", "", "show, change nothing", set_flag(&options->dry_run)}};
  command.options[1].completes = Completes::kTopic;
  command.notes =
      "A range that is lost: readers pass over it from then on. A tail that is lost: the log goes on at the "
      "end "
      "that\n"
      "is known, so that offsets that were acknowledged before are given out again, in a higher term; "
      "readers that\n"
      "had read past it must be set back. Restoring a copy of the data directory is the other way out. Each "
      "loss\n"
      "accepted is a line of DIR/audit.log. Refused for __cluster where other nodes have it too. Run it as "
      "the user\n"
      "who owns the directory. docs/operations.md, \"Damage\".";
  command.json_shape =
      "{\"data_dir\": text, \"dry_run\": bool, \"accepted\": bool,\n"
      " \"losses\": [{\"topic\": text, \"topic_id\": text, \"partition\": n, \"kind\": \"range\" or "
      "\"tail\", "
      "\"begin\": n,\n"
      "             \"end\": n or null, \"what\": text}]}";
  command.run = [options](Session& session) { return run_accept_loss(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
