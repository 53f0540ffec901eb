// schema register, get, check, diff.
#include "cli/verbs/schema.h"

#include <memory>

#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

struct OneSchema {
  std::string subject;
  SchemaSource source;
  bool normalize = false;
};

ExitCode run_register(Session& session, const OneSchema& options) {
  const auto schema = read_schema(options.source);
  if (!schema) return session.fail(schema.error());
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto added = (*registry)->register_schema(
      options.subject, *schema,
      options.normalize ? SchemaRegistry::Normalize::kYes : SchemaRegistry::Normalize::kAsConfigured);
  if (!added) {
    const ExitCode code = session.fail(added.error());
    if (added.error().code == ErrorCode::kIncompatibleSchema)
      session.note("see: forebay schema check " + options.subject + ' ' + options.source.file);
    return code;
  }
  if (session.is_text()) {
    session.note("subject " + added->version.subject + ": version " + std::to_string(added->version.version) +
                 ", id " + std::to_string(added->version.id) +
                 (added->is_new ? ", registered" : ", was there already"));
    return ExitCode::kOk;
  }
  Value value = version_value(added->version);
  session.print(value.set("status", added->is_new ? "registered" : "exists"), {});
  return ExitCode::kOk;
}

struct GetOptions {
  std::optional<std::string> subject;
  std::optional<std::int32_t> version;
  std::optional<std::uint64_t> id;
  std::optional<std::string> guid;
  bool deleted = false;
};

ExitCode show_schema(Session& session, Value value, const Schema& schema) {
  if (session.is_text() && session.globals().format == Format::kText) {
    session.out().write(schema.text);
    if (!schema.text.ends_with('\n')) session.out().write("\n");
    return ExitCode::kOk;
  }
  put_schema(value, schema);
  session.print(value, {});
  return ExitCode::kOk;
}

Value uses_value(const std::vector<SchemaUse>& uses) {
  Value rows = Value::array();
  for (const SchemaUse& one : uses) {
    rows.push(
        Value::object().set("subject", one.subject).set("version", one.version).set("deleted", one.deleted));
  }
  return rows;
}

ExitCode run_get(Session& session, const GetOptions& options) {
  if ((options.id ? 1 : 0) + (options.guid ? 1 : 0) + (options.subject ? 1 : 0) != 1)
    return session.fail(ExitCode::kUsage, "which one: SUBJECT [VERSION], --id ID or --guid GUID");
  if (options.id && (*options.id == 0 || *options.id > 0x7fffffffU))
    return session.fail(ExitCode::kUsage, "--id: an id is a number from 1 to 2147483647");
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  if (options.subject) {
    const auto found = (*registry)->get_version(
        *options.subject, options.version.value_or(kLatestVersion),
        options.deleted ? SchemaRegistry::Deleted::kShow : SchemaRegistry::Deleted::kHide);
    if (!found) return fail_schema(session, found.error(), *options.subject);
    session.detail("subject " + found->version.subject + ": version " +
                   std::to_string(found->version.version) + ", id " + std::to_string(found->version.id));
    Value value = version_value(found->version);
    value.set("referenced_by", numbers_value(found->referenced_by));
    return show_schema(session, std::move(value), found->version.schema);
  }
  const auto found = options.id ? (*registry)->get_by_id(static_cast<std::int32_t>(*options.id))
                                : (*registry)->get_by_guid(*options.guid);
  if (!found) return session.fail(found.error());
  return show_schema(
      session,
      Value::object().set("id", found->id).set("guid", found->guid).set("used_by", uses_value(found->uses)),
      found->schema);
}

struct CheckOptions {
  std::string subject;
  SchemaSource source;
  std::optional<std::int32_t> version;
};

Value verdicts_value(const std::vector<SchemaVerdict>& verdicts) {
  Value rows = Value::array();
  for (const SchemaVerdict& one : verdicts) rows.push(verdict_value(one));
  return rows;
}

// As people read them: what is not there is said to be nothing.
Value shown_value(const Value& verdicts) {
  Value rows = Value::array();
  for (const Value& one : verdicts.items()) {
    Value row = one;
    for (const char* member : {"before", "after"})
      if (row.at(member).plain().empty()) row.set(member, "nothing");
    rows.push(std::move(row));
  }
  return rows;
}

std::string rules_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " rule is" : " rules are") + " broken";
}

// `invalid`: why it is no schema at all, so that nothing was compared.
Value check_value(const std::string& subject, const SchemaCheck& check,
                  const std::optional<std::string>& invalid) {
  return Value::object()
      .set("subject", subject)
      .set("compatible", check.is_compatible)
      .set("level", invalid ? Value() : Value(schema_level_name(check.level)))
      .set("compared", numbers_value(check.compared))
      .set("verdicts", verdicts_value(check.verdicts))
      .set("invalid", invalid);
}

ExitCode run_check(Session& session, const CheckOptions& options) {
  const auto schema = read_schema(options.source);
  if (!schema) return session.fail(schema.error());
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto check = (*registry)->check(options.subject, *schema, options.version);
  if (!check) {
    if (!session.is_text() && check.error().code == ErrorCode::kInvalidSchema)
      session.print(check_value(options.subject, {}, check.error().context), {});
    return fail_schema(session, check.error(), options.subject);
  }
  const ExitCode code = check->is_compatible ? ExitCode::kOk : ExitCode::kConflict;
  if (!session.is_text()) {
    session.print(check_value(options.subject, *check, std::nullopt), {});
    return code;
  }
  const std::string level(schema_level_name(check->level));
  const std::string with = check->compared.empty()
                               ? " with no version: there is none to compare with"
                               : (check->compared.size() == 1 ? " with version " : " with versions ") +
                                     numbers_text(check->compared);
  if (check->is_compatible) {
    session.note(options.source.file + " may become a version of subject " + options.subject + " (" + level +
                 "), compared" + with);
    return code;
  }
  session.print(shown_value(verdicts_value(check->verdicts)),
                {{{"", "", verdict_columns()}}, View::Repeat::kForEachItem});
  session.fail(code, options.source.file + " must not become a version of subject " + options.subject + " (" +
                         level + "): " + rules_text(check->verdicts.size()) + ", compared" + with);
  return code;
}

struct DiffOptions {
  std::string subject;
  std::optional<std::int32_t> before;
  std::string after;
  SchemaSource source;
};

// A version, or a file.
Result<Schema> after_of(SchemaRegistry& registry, const DiffOptions& options) {
  if (const auto version = parse_schema_version(options.after)) {
    FOREBAY_TRY(FoundSchemaVersion found,
                registry.get_version(options.subject, *version, SchemaRegistry::Deleted::kShow));
    return std::move(found.version.schema);
  }
  SchemaSource source = options.source;
  source.file = options.after;
  return read_schema(source);
}

ExitCode run_diff(Session& session, const DiffOptions& options) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto before = (*registry)->get_version(
      options.subject, *options.before,
      *options.before == kLatestVersion ? SchemaRegistry::Deleted::kHide : SchemaRegistry::Deleted::kShow);
  if (!before) return fail_schema(session, before.error(), options.subject);
  const auto after = after_of(**registry, options);
  if (!after) return fail_schema(session, after.error(), options.subject);
  const auto verdicts = (*registry)->compare(options.subject, before->version.schema, *after);
  if (!verdicts) return session.fail(verdicts.error());
  Value backward = Value::array();
  Value forward = Value::array();
  for (const SchemaVerdict& one : *verdicts) {
    Value row = verdict_value(one);
    row.set("version", before->version.version);
    (one.old_reads ? forward : backward).push(std::move(row));
  }
  const auto count_of = [](const Value& rows) { return rows.items().size(); };
  const std::size_t back = count_of(backward), forth = count_of(forward);
  if (session.is_text()) {
    Value rows = Value::array();
    for (const Value& one : backward.items()) rows.push(one);
    for (const Value& one : forward.items()) rows.push(one);
    if (!rows.items().empty())
      session.print(shown_value(rows), {{{"", "", verdict_columns()}}, View::Repeat::kForEachItem});
    const std::string old_one = "version " + std::to_string(before->version.version);
    session.note("the new one " + std::string(back == 0 ? "reads" : "does not read") + " what " + old_one +
                 " wrote (BACKWARD: " + rules_text(back) + "); " + old_one +
                 (forth == 0 ? " reads" : " does not read") +
                 " what the new one writes (FORWARD: " + rules_text(forth) + ")");
    return ExitCode::kOk;
  }
  session.print(Value::object()
                    .set("subject", options.subject)
                    .set("before", before->version.version)
                    .set("after", options.after)
                    .set("backward", std::move(backward))
                    .set("forward", std::move(forward)),
                {});
  return ExitCode::kOk;
}

Command register_command() {
  auto options = std::make_shared<OneSchema>();
  Command command = schema_command("register", "make a schema the next version of a subject");
  command.examples = {{"forebay schema register orders-value order.avsc", ""},
                      {"forebay schema register orders-value order.proto --reference common.proto=common:3",
                       "it imports common.proto"},
                      {"forebay schema register orders-value schema.txt --type json -o json", ""}};
  command.positionals = {subject_positional(&options->subject, "TOPIC-value and TOPIC-key by convention"),
                         source_positional(&options->source)};
  command.options = source_options(&options->source);
  command.options.push_back({"--normalize", "",
                             "also when the order of what has none differs it is the same schema",
                             set_flag(&options->normalize)});
  command.json_shape =
      "{\"subject\": text, \"version\": n, \"id\": n, \"guid\": text, \"deleted\": bool, \"registered_at\": "
      "time,\n"
      " \"status\": \"registered\" or \"exists\"}";
  command.notes =
      "A schema that the subject has is not registered again. One that breaks the compatibility of the "
      "subject is\n"
      "refused with every rule that it breaks, and exit code 5; `schema check` tells the same, changes "
      "nothing.";
  command.run = [options](Session& session) { return run_register(session, *options); };
  return command;
}

Command get_command() {
  auto options = std::make_shared<GetOptions>();
  auto subject = std::make_shared<std::string>();
  Command command = schema_command("get", "print a schema");
  command.examples = {{"forebay schema get orders-value", "the latest version"},
                      {"forebay schema get orders-value 3 > order.avsc", ""},
                      {"forebay schema get --id 17 -o json", "with who uses it"}};
  command.positionals = {{"SUBJECT",
                          "of which subject",
                          set_text(&options->subject),
                          Option::Repeats::kNo,
                          Option::Need::kOptional,
                          Completes::kNothing,
                          {}},
                         {"VERSION",
                          "latest, or its number (default latest)",
                          set_schema_version(&options->version),
                          Option::Repeats::kNo,
                          Option::Need::kOptional,
                          Completes::kNothing,
                          {}}};
  command.options = {{"--id", "ID", "the one with this id, as records have it", set_count(&options->id)},
                     {"--guid", "GUID", "the one with this GUID", set_text(&options->guid)},
                     {"--deleted", "", "also a version that is softly deleted", set_flag(&options->deleted)}};
  command.json_shape = std::string(
                           "{\"subject\": text, \"version\": n, \"id\": n, \"guid\": text, \"deleted\": "
                           "bool, \"registered_at\": time,\n"
                           " \"referenced_by\": [n],\n ") +
                       kSchemaShape +
                       "}\n"
                       "with --id and --guid \"used_by\": [{\"subject\": text, \"version\": n, \"deleted\": "
                       "bool}] instead of\n"
                       "subject, version, deleted, registered_at and referenced_by";
  command.notes = "Text prints the schema alone, in its canonical form.";
  command.run = [options](Session& session) { return run_get(session, *options); };
  return command;
}

Command check_command() {
  auto options = std::make_shared<CheckOptions>();
  Command command =
      schema_command("check", "whether a schema may become the next version of a subject, and why not");
  command.examples = {{"forebay schema check orders-value order.avsc", "in a build: exits 0 or 5"},
                      {"forebay schema check orders-value order.avsc --version 3 -o json", ""}};
  command.positionals = {subject_positional(&options->subject, "of which subject"),
                         source_positional(&options->source)};
  command.options = source_options(&options->source);
  command.options.push_back({"--version", "VERSION",
                             "compare with this one alone: latest, or a number (default: those that the "
                             "subject's level asks for)",
                             set_schema_version(&options->version)});
  command.json_shape = std::string(
                           "{\"subject\": text, \"compatible\": bool, \"level\": text or null, \"compared\": "
                           "[n], \"verdicts\": "
                           "[\n"
                           " ") +
                       kVerdictShape + "],\n \"invalid\": text, why it is no schema at all, or null}";
  command.notes =
      "Changes nothing. Of each rule that is broken: where (a path in the schema that reads), what was "
      "there, "
      "what is\n"
      "there now, and what would be allowed. A subject that is not there yet allows every valid schema. An "
      "invalid one\n"
      "exits 5 as well.";
  command.run = [options](Session& session) { return run_check(session, *options); };
  return command;
}

Command diff_command() {
  auto options = std::make_shared<DiffOptions>();
  Command command = schema_command("diff", "what a change of a schema breaks, in both directions");
  command.examples = {{"forebay schema diff orders-value 2 3", ""},
                      {"forebay schema diff orders-value latest order.avsc", "a version and a file"}};
  command.positionals = {subject_positional(&options->subject, "of which subject"),
                         {"A",
                          "before: a version",
                          set_schema_version(&options->before),
                          Option::Repeats::kNo,
                          Option::Need::kRequired,
                          Completes::kNothing,
                          {}},
                         {"B",
                          "after: a version, or a file",
                          set_text(&options->after),
                          Option::Repeats::kNo,
                          Option::Need::kRequired,
                          Completes::kFile,
                          {}}};
  command.options = source_options(&options->source);
  command.json_shape = std::string(
                           "{\"subject\": text, \"before\": n, \"after\": text, \"backward\": [verdict], "
                           "\"forward\": [verdict]}; verdict:\n ") +
                       kVerdictShape;
  command.notes =
      "Whatever the level of the subject: what keeps B from reading what A wrote (BACKWARD), and A from "
      "reading what B\n"
      "writes (FORWARD). Exits 0 also when rules are broken; `schema check` is for builds.";
  command.run = [options](Session& session) { return run_diff(session, *options); };
  return command;
}

}  // namespace

void add_schema_commands(std::vector<Command>& commands) {
  commands.push_back(register_command());
  commands.push_back(get_command());
  commands.push_back(check_command());
  commands.push_back(diff_command());
  add_schema_rules_commands(commands);
  add_schema_subject_commands(commands);
  add_schema_transfer_commands(commands);
}

}  // namespace forebay::cli
