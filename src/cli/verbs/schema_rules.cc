// schema compatibility, mode.
#include <memory>

#include "base/result.h"
#include "cli/verbs/schema.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

constexpr std::uint32_t kNoSubject = 40401;

struct RulesOptions {
  std::optional<std::string> first;   // the subject, or with --global the value
  std::optional<std::string> second;  // the value
  bool global = false;
  bool unset = false;
  std::optional<std::string> json_policy;
  bool force = false;
};

// What the words mean: of which scope, and which value, if any.
struct Meant {
  std::string scope;
  std::optional<std::string> value;
};
Result<Meant> meaning_of(const RulesOptions& options, const std::string& value_name) {
  Meant meant;
  if (options.global) {
    if (options.second)
      return Error{ErrorCode::kInvalidArgument,
                   "--global goes with a " + value_name + " alone, not with a SUBJECT"};
    meant.value = options.first;
  } else {
    meant.scope = options.first.value_or("");
    meant.value = options.second;
  }
  if (meant.scope.empty() && !options.global && (options.unset || options.json_policy))
    return Error{ErrorCode::kInvalidArgument, "of which SUBJECT? --global means all"};
  if (options.unset && (meant.value || options.json_policy))
    return Error{ErrorCode::kInvalidArgument, "--unset goes with no value"};
  return meant;
}

ExitCode show_change(Session& session, const std::string& scope, const SchemaRulesChanged& changed,
                     const std::string& member, const std::string& name) {
  const Value own = rules_value(changed.own), before = rules_value(changed.before);
  if (session.is_text()) {
    const auto text = [&](const Value& rules) {
      return rules.at(member).is_null() ? std::string("not set") : rules.at(member).plain();
    };
    session.note(name + " of " + scope_text(scope) + ": " + text(own) + " (was " + text(before) + ")");
    return ExitCode::kOk;
  }
  session.print(Value::object().set("scope", scope).set("own", own).set("before", before), {});
  return ExitCode::kOk;
}

ExitCode show_rules(Session& session, const std::string& scope, const View& view) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto rules = (*registry)->get_rules(scope);
  if (!rules) return session.fail(rules.error());
  Value value = Value::object()
                    .set("scope", scope)
                    .set("own", rules_value(rules->own))
                    .set("effective", rules_value(rules->effective));
  if (session.is_text()) value.set("of", scope_text(scope));
  session.print(value, view);
  return ExitCode::kOk;
}

ExitCode clear(Session& session, const std::string& scope, SchemaRegistry::ClearedRules what,
               const std::string& member, const std::string& name) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  auto changed = (*registry)->clear_rules(scope, what);
  // A subject that has none is as it was to be.
  if (!changed && changed.error().registry_code == kNoSubject) {
    const auto rules = (*registry)->get_rules(scope);
    if (!rules) return session.fail(rules.error());
    changed = SchemaRulesChanged{rules->own, rules->own};
  }
  if (!changed) return session.fail(changed.error());
  return show_change(session, scope, *changed, member, name);
}

Result<SchemaRules> change_of(const RulesOptions& options, const std::optional<std::string>& level) {
  SchemaRules change;
  if (level) {
    FOREBAY_TRY(change.level, parse_schema_level(*level));
  }
  if (options.json_policy)
    change.json_policy = *options.json_policy == "lenient" ? JsonPolicy::kLenient : JsonPolicy::kStrict;
  return change;
}

ExitCode run_compatibility(Session& session, const RulesOptions& options) {
  const auto meant = meaning_of(options, "LEVEL");
  if (!meant) return session.fail(ExitCode::kUsage, meant.error().context);
  const std::string name = "compatibility";
  if (options.unset) return clear(session, meant->scope, {.config = true, .mode = false}, "level", name);
  const auto change = change_of(options, meant->value);
  if (!change) return session.fail(ExitCode::kUsage, change.error().context);
  if (!change->level && !change->json_policy) {
    return show_rules(session, meant->scope,
                      {{{"",
                         "",
                         {{"of", "of"},
                          {"compatibility", "effective.level"},
                          {"set here", "own.level"},
                          {"JSON Schema policy", "effective.json_policy"},
                          {"policy set here", "own.json_policy"}}}},
                       View::Repeat::kNo});
  }
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto changed = (*registry)->set_rules(meant->scope, *change);
  if (!changed) return session.fail(changed.error());
  if (session.is_text() && !change->level)
    return show_change(session, meant->scope, *changed, "json_policy", "JSON Schema policy");
  return show_change(session, meant->scope, *changed, "level", name);
}

ExitCode run_mode(Session& session, const RulesOptions& options) {
  const auto meant = meaning_of(options, "MODE");
  if (!meant) return session.fail(ExitCode::kUsage, meant.error().context);
  if (options.unset) return clear(session, meant->scope, {.config = false, .mode = true}, "mode", "mode");
  if (!meant->value) {
    return show_rules(session, meant->scope,
                      {{{"", "", {{"of", "of"}, {"mode", "effective.mode"}, {"set here", "own.mode"}}}},
                       View::Repeat::kNo});
  }
  const auto mode = parse_schema_mode(*meant->value);
  if (!mode) return session.fail(ExitCode::kUsage, mode.error().context);
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  SchemaRules change;
  change.mode = *mode;
  const auto changed = (*registry)->set_rules(
      meant->scope, change, options.force ? SchemaRegistry::Force::kYes : SchemaRegistry::Force::kNo);
  if (!changed) {
    const ExitCode code = session.fail(changed.error());
    if (*mode == SchemaMode::kImport && !options.force && code == ExitCode::kConflict)
      session.note("see: forebay schema mode " + (options.global ? "--global" : meant->scope) +
                   " IMPORT --force");
    return code;
  }
  return show_change(session, meant->scope, *changed, "mode", "mode");
}

Command rules_command(const std::string& verb, std::string summary, const std::string& value_name,
                      std::vector<std::string> values, const std::shared_ptr<RulesOptions>& options) {
  Command command = schema_command(verb, std::move(summary));
  Positional value{value_name,
                   "what it is to be (default: show what it is)",
                   set_text(&options->second),
                   Option::Repeats::kNo,
                   Option::Need::kOptional,
                   Completes::kChoice,
                   values};
  command.positionals = {{"SUBJECT",
                          "of which; :.CONTEXT: is a context (default: all, to look at)",
                          set_text(&options->first),
                          Option::Repeats::kNo,
                          Option::Need::kOptional,
                          Completes::kNothing,
                          {}},
                         std::move(value)};
  std::string list;
  for (const std::string& one : values) list += (list.empty() ? "" : ", ") + one;
  command.positionals[1].help += ": " + list;
  command.options = {
      {"--global", "", "of all subjects that have none of their own; instead of a SUBJECT",
       set_flag(&options->global)},
      {"--unset", "", "none of its own any more: as it is around it", set_flag(&options->unset)}};
  command.json_shape =
      "{\"scope\": text, \"own\": rules, \"effective\": rules}; after a change {\"scope\": text, \"own\": "
      "rules, \"before\": rules}\n"
      "rules: {\"level\": text, \"json_policy\": \"strict\" or \"lenient\", \"normalize\": bool, \"alias\": "
      "text, "
      "\"group\": text,\n"
      " \"mode\": text}, each or null: not set";
  return command;
}

Command compatibility_command() {
  auto options = std::make_shared<RulesOptions>();
  Command command = rules_command(
      "compatibility", "which changes a subject allows: look, or set", "LEVEL",
      {"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"},
      options);
  command.examples = {{"forebay schema compatibility orders-value", ""},
                      {"forebay schema compatibility orders-value FULL", ""},
                      {"forebay schema compatibility orders-value --json-policy lenient",
                       "of JSON Schema: optional properties come and go"},
                      {"forebay schema compatibility --global FULL_TRANSITIVE", ""},
                      {"forebay schema compatibility orders-value --unset", ""}};
  Option policy{"--json-policy", "POLICY",
                "of JSON Schema: strict, or lenient: optional properties come and go (default strict)",
                set_text(&options->json_policy)};
  policy.completes = Completes::kChoice;
  policy.choices = {"strict", "lenient"};
  command.options.push_back(std::move(policy));
  command.notes =
      "BACKWARD: a new version reads what the last one wrote; FORWARD: the last one reads what a new one "
      "writes; FULL:\n"
      "both; ..._TRANSITIVE: the same with every version. --unset takes back all but the mode: the policy, "
      "and "
      "normalize,\n"
      "alias and group, which the REST API sets.";
  command.run = [options](Session& session) { return run_compatibility(session, *options); };
  return command;
}

Command mode_command() {
  auto options = std::make_shared<RulesOptions>();
  Command command = rules_command("mode", "whether a subject takes new versions: look, or set", "MODE",
                                  {"READWRITE", "READONLY", "IMPORT"}, options);
  command.examples = {{"forebay schema mode orders-value READONLY", "nothing is registered or deleted"},
                      {"forebay schema mode --global", "what holds where nothing else is set"},
                      {"forebay schema mode orders-value --unset", ""}};
  command.options.push_back(
      {"--force", "", "IMPORT also where there are subjects", set_flag(&options->force)});
  command.notes =
      "IMPORT: versions come with their ids, as other registries' tools write them, and are not compared. "
      "`schema import`\n"
      "does not need it.";
  command.run = [options](Session& session) { return run_mode(session, *options); };
  return command;
}

}  // namespace

void add_schema_rules_commands(std::vector<Command>& commands) {
  commands.push_back(compatibility_command());
  commands.push_back(mode_command());
}

}  // namespace forebay::cli
