// producer list, producer delete: the names that producers have taken.
#include <memory>

#include "base/result.h"
#include "cli/session.h"
#include "cli/verbs/delete_each.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

ExitCode run_list(Session& session) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto producers = (*admin)->list_producers();
  if (!producers) return session.fail(producers.error());
  Value rows = Value::array();
  for (const ProducerSummary& one : *producers)
    rows.push(Value::object().set("name", one.name).set("id", one.id).set("epoch", one.epoch));
  if (session.is_text() && producers->empty()) {
    session.note("no producer has a name");
    return ExitCode::kOk;
  }
  session.print(rows, {{{"", "", {{"NAME", "name"}, {"ID", "id"}, {"EPOCH", "epoch"}}}}, View::Repeat::kNo});
  return ExitCode::kOk;
}

ExitCode run_delete(Session& session, const DeleteOptions& options) {
  const std::string what =
      options.names.size() == 1 ? options.names.front() : std::to_string(options.names.size()) + " producers";
  return delete_each(
      session, options, "producer",
      "Delete the name of " + what + ", so that whoever takes it next does not know what was sent under it?",
      [](Admin& admin, const std::string& name, Validate validate) {
        return admin.delete_producer_name(name, validate);
      });
}

Command list_command() {
  Command command;
  command.noun = "producer";
  command.verb = "list";
  command.summary = "the named producers, and how many sessions each has had";
  command.examples = {{"forebay producer list", ""}, {"forebay producer list -o json", ""}};
  command.json_shape = "[{\"name\": text, \"id\": n, \"epoch\": n}]";
  command.notes =
      "A name keeps its id. Each session, that is each start of the producer, has the next epoch, from 0 on, "
      "and fences\n"
      "the one before. Behind epoch 32767 a name goes on with another id.";
  command.run = [](Session& session) { return run_list(session); };
  return command;
}

Command delete_command() {
  auto options = std::make_shared<DeleteOptions>();
  Command command;
  command.noun = "producer";
  command.verb = "delete";
  command.summary = "forget names of producers that nobody uses any more; asks first";
  command.examples = {{"forebay producer delete line-3", ""},
                      {"forebay producer delete line-3 --dry-run", "is there such a name?"},
                      {"forebay producer delete line-3 line-4 --yes", "in a script"}};
  command.positionals = {{"NAME", "names to delete", add_text(&options->names), Option::Repeats::kYes,
                          Option::Need::kRequired, Completes::kNothing}};
  command.options = {{"--dry-run", "", "check and show, change nothing", set_flag(&options->dry_run)}};
  command.json_shape = kDeletedShape;
  command.notes =
      "A producer that runs under the name is not stopped: what it sends is still taken. Whoever takes the "
      "name next is\n"
      "another producer, with another id: it does not stop that one, does not know how far it came, and "
      "begins from the\n"
      "start. So stop the producer first, and delete only what is not to go on.";
  command.run = [options](Session& session) { return run_delete(session, *options); };
  return command;
}

}  // namespace

void add_producer_commands(std::vector<Command>& commands) {
  commands.push_back(list_command());
  commands.push_back(delete_command());
}

}  // namespace forebay::cli
