// version, completion, help: what needs no broker.
#include <memory>

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/parser.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

#ifndef FOREBAY_VERSION
#error "the build passes FOREBAY_VERSION"
#endif

namespace forebay::cli {
namespace {

ExitCode run_version(Session& session) {
  Value servers = Value::array();
  ExitCode code = ExitCode::kOk;
  // A version without brokers must work anywhere, so they are asked only when somebody names them here.
  if (session.globals().servers_from == Globals::ServersFrom::kFlag) {
    for (const std::string& address : session.globals().servers) {
      ClientOptions options = session.client_options();
      options.servers = {address};
      auto admin = Admin::create(options);
      auto node = admin ? (*admin)->describe_node() : Result<NodeDescription>(admin.error());
      if (!node) code = exit_code_of(node.error().code);
      servers.push(Value::object()
                       .set("address", address)
                       .set("version", node ? Value(node->version) : Value())
                       .set("error", node ? Value() : Value(node.error().to_string())));
    }
  }
  Value value = Value::object();
  value.set("version", FOREBAY_VERSION).set("servers", std::move(servers));
  if (session.is_text()) {
    session.out().write(std::string("forebay ") + FOREBAY_VERSION + '\n');
    for (const Value& server : value.at("servers").items()) {
      session.out().write(
          server.at("address").plain() + ' ' +
          (server.at("version").is_null() ? server.at("error") : server.at("version")).plain() + '\n');
    }
  } else {
    session.print(value, {});
  }
  return code;
}

ExitCode run_completion(Session& session, const std::string& shell) {
  const std::string_view script = completion_script(shell);
  if (session.is_text()) {
    session.out().write(script);
  } else {
    session.print(Value::object().set("shell", shell).set("script", script), {});
  }
  return ExitCode::kOk;
}

ExitCode run_help(Session& session, const std::vector<std::string>& words) {
  const std::vector<Command> commands = all_commands();
  std::string text;
  if (words.empty()) text = overview_help(commands);
  if (words.size() == 1) text = help_topic(words[0]);
  if (text.empty()) {
    Globals unused;
    const std::vector<Option> globals = global_options(&unused);
    for (const Command& command : commands) {
      const bool same = command.verb.empty()
                            ? words.size() == 1 && words[0] == command.noun
                            : words.size() == 2 && words[0] == command.noun && words[1] == command.verb;
      if (same) text = command_help(command, globals);
      if (text.empty() && words.size() == 1 && words[0] == command.noun) text = noun_help(commands, words[0]);
    }
  }
  if (text.empty()) {
    std::string asked;
    for (const std::string& word : words) asked += (asked.empty() ? "" : " ") + word;
    return session.fail(ExitCode::kUsage, "no help on '" + asked + "'; see: forebay help");
  }
  if (session.is_text()) {
    session.out().write(text);
  } else {
    session.print(Value::object().set("text", text), {});
  }
  return ExitCode::kOk;
}

}  // namespace

void add_version_command(std::vector<Command>& commands) {
  Command command;
  command.noun = "version";
  command.summary = "the version of this program, and of the brokers named with --server";
  command.examples = {{"forebay version", ""}, {"forebay version --server 10.0.0.7:7400,10.0.0.8:7400", ""}};
  command.json_shape =
      "{\"version\": text, \"servers\": [{\"address\": text, \"version\": text or null, \"error\": text or "
      "null}]}";
  command.run = [](Session& session) { return run_version(session); };
  commands.push_back(std::move(command));
}

void add_completion_command(std::vector<Command>& commands) {
  auto shell = std::make_shared<std::string>();
  Command command;
  command.noun = "completion";
  command.reaches = Command::Reaches::kNobody;
  command.summary = "a script that completes commands, options and topics in the shell";
  command.examples = {{"source <(forebay completion bash)", ""},
                      {"forebay completion fish > ~/.config/fish/completions/forebay.fish", ""}};
  command.positionals = {{"SHELL",
                          "bash, zsh or fish",
                          set_text(shell.get()),
                          Option::Repeats::kNo,
                          Option::Need::kRequired,
                          Completes::kChoice,
                          {"bash", "zsh", "fish"}}};
  command.json_shape = "{\"shell\": text, \"script\": text}";
  command.run = [shell](Session& session) { return run_completion(session, *shell); };
  commands.push_back(std::move(command));
}

void add_help_command(std::vector<Command>& commands) {
  auto words = std::make_shared<std::vector<std::string>>();
  Command command;
  command.noun = "help";
  command.reaches = Command::Reaches::kNobody;
  command.summary = "help on a command, or on exit-codes, offsets, templates, units";
  command.examples = {{"forebay help topic create", ""}, {"forebay help exit-codes", ""}};
  command.positionals = {{"WHAT", "a command or one of the pages", add_text(words.get()),
                          Option::Repeats::kYes, Option::Need::kOptional, Completes::kNothing}};
  command.json_shape = "{\"text\": text}";
  command.run = [words](Session& session) { return run_help(session, *words); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
