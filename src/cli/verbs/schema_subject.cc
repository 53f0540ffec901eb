// schema subject list, describe, delete; schema usage.
#include <algorithm>
#include <memory>

#include "base/result.h"
#include "cli/time_text.h"
#include "cli/verbs/schema.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"

namespace forebay::cli {
namespace {

constexpr std::uint32_t kNoVersion = 40402, kSubjectSoftlyDeleted = 40404, kVersionSoftlyDeleted = 40406;

struct ListOptions {
  std::string prefix;
  bool deleted = false;
};

// Of each subject its versions; they come in the order of subjects.
ExitCode run_list(Session& session, const ListOptions& options) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto versions = (*registry)->list_all_versions(
      {options.prefix, options.deleted ? SchemaFilter::Deleted::kShow : SchemaFilter::Deleted::kHide});
  if (!versions) return session.fail(versions.error());
  Value rows = Value::array();
  for (auto at = versions->begin(); at != versions->end();) {
    const auto end = std::find_if(at, versions->end(),
                                  [&](const SchemaVersion& one) { return one.subject != at->subject; });
    const auto count = std::count_if(at, end, [](const SchemaVersion& one) { return !one.deleted; });
    Value row = Value::object()
                    .set("subject", at->subject)
                    .set("versions", static_cast<std::int64_t>(end - at))
                    .set("latest", count == 0 ? Value() : Value(std::prev(end)->version));
    for (auto one = end; one != at && count != 0;) {
      if ((--one)->deleted) continue;
      row.set("latest", one->version).set("latest_id", one->id);
      break;
    }
    if (count == 0) row.set("latest_id", Value());
    rows.push(row.set("deleted", count == 0));
    at = end;
  }
  if (session.is_text() && rows.items().empty()) {
    session.note("there is no subject" +
                 (options.prefix.empty() ? "" : " that begins with " + options.prefix));
    return ExitCode::kOk;
  }
  session.print(rows, {{{"",
                         "",
                         {{"SUBJECT", "subject"},
                          {"VERSIONS", "versions"},
                          {"LATEST", "latest"},
                          {"ID", "latest_id"},
                          {"DELETED", "deleted", Show::kPlain, Column::In::kWide}}}},
                       View::Repeat::kNo});
  return ExitCode::kOk;
}

ExitCode run_describe(Session& session, const std::string& subject) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto versions =
      (*registry)->list_versions(subject, SchemaRegistry::Deleted::kShow, SchemaRegistry::Texts::kYes);
  if (!versions) return fail_schema(session, versions.error(), subject);
  const auto rules = (*registry)->get_rules(subject);
  if (!rules) return session.fail(rules.error());
  Value rows = Value::array();
  for (const SchemaVersion& one : *versions) {
    Value row = version_value(one);
    put_schema(row, one.schema);
    row.set("bytes", static_cast<std::uint64_t>(one.schema.text.size()))
        .set("refers_to", static_cast<std::uint64_t>(one.schema.references.size()));
    rows.push(std::move(row));
  }
  session.print(Value::object()
                    .set("subject", versions->empty() ? subject : versions->front().subject)
                    .set("own", rules_value(rules->own))
                    .set("effective", rules_value(rules->effective))
                    .set("version_list", std::move(rows)),
                {{{"",
                   "",
                   {{"subject", "subject"},
                    {"compatibility", "effective.level"},
                    {"JSON Schema policy", "effective.json_policy"},
                    {"mode", "effective.mode"},
                    {"normalize", "effective.normalize"}}},
                  {"version_list",
                   "versions",
                   {{"VERSION", "version"},
                    {"ID", "id"},
                    {"TYPE", "type"},
                    {"BYTES", "bytes", Show::kBytes},
                    {"REFERS TO", "refers_to"},
                    {"REGISTERED", "registered_at"},
                    {"DELETED", "deleted"},
                    {"GUID", "guid", Show::kPlain, Column::In::kWide}}}},
                 View::Repeat::kNo});
  return ExitCode::kOk;
}

struct DeleteSubjectOptions {
  std::string subject;
  std::optional<std::int32_t> version;
  bool permanent = false;
  bool force = false;
  bool dry_run = false;
};

std::string what_of(const DeleteSubjectOptions& options) {
  if (!options.version) return "subject " + options.subject;
  return (*options.version == kLatestVersion ? "the latest version"
                                             : "version " + std::to_string(*options.version)) +
         " of subject " + options.subject;
}

// The versions that it is about, as they are.
Result<std::vector<SchemaVersion>> versions_meant(SchemaRegistry& registry,
                                                  const DeleteSubjectOptions& options) {
  if (options.version == kLatestVersion) {
    FOREBAY_TRY(FoundSchemaVersion found, registry.get_version(options.subject));
    return std::vector<SchemaVersion>{std::move(found.version)};
  }
  FOREBAY_TRY(std::vector<SchemaVersion> all,
              registry.list_versions(options.subject, SchemaRegistry::Deleted::kShow));
  if (options.version) {
    std::erase_if(all, [&](const SchemaVersion& one) { return one.version != *options.version; });
    if (all.empty()) {
      Error error{ErrorCode::kNotFound, what_of(options) + " is not there"};
      error.registry_code = kNoVersion;
      return error;
    }
  }
  return all;
}

// What the registry says to all of its clients, in the words of this command.
ExitCode fail_delete(Session& session, const DeleteSubjectOptions& options, const Error& error) {
  const ExitCode code = session.fail(error);
  if (error.registry_code == kSubjectSoftlyDeleted || error.registry_code == kVersionSoftlyDeleted)
    session.note("see: forebay schema subject delete " + options.subject +
                 (options.version ? " --version " + std::to_string(*options.version) : "") + " --permanent");
  return code;
}

// Softly, then for good if that is asked for. Versions that are softly deleted already are none to delete
// softly.
Result<std::vector<std::int32_t>> delete_them(SchemaRegistry& registry, const DeleteSubjectOptions& options,
                                              const std::vector<SchemaVersion>& meant) {
  std::optional<std::int32_t> version;
  if (options.version) version = meant.front().version;
  const bool all_deleted =
      std::all_of(meant.begin(), meant.end(), [](const SchemaVersion& one) { return one.deleted; });
  std::vector<std::int32_t> done;
  if (!all_deleted || !options.permanent) {
    FOREBAY_TRY(done, registry.delete_versions(
                          options.subject, version, SchemaRegistry::Delete::kSoftly,
                          options.force ? SchemaRegistry::Force::kYes : SchemaRegistry::Force::kNo));
  }
  if (!options.permanent) return done;
  return registry.delete_versions(options.subject, version, SchemaRegistry::Delete::kPermanently);
}

// As the registry judges the first deletion of what may be in use. Nothing: it would not be refused for that.
std::optional<ExitCode> would_be_refused(Session& session, SchemaRegistry& registry,
                                         const DeleteSubjectOptions& options,
                                         const std::vector<SchemaVersion>& meant) {
  constexpr std::int64_t kInUseMs = 7LL * 24 * 3600 * 1000;
  const auto found = registry.usage(options.subject);
  if (!found) return session.fail(found.error());
  const std::int64_t since = now_ms() - kInUseMs;
  for (const SchemaUsage& one : found->usages) {
    const bool goes = std::any_of(meant.begin(), meant.end(), [&one](const SchemaVersion& version) {
      return version.version == one.version && !version.deleted;
    });
    if (goes && one.last_ms >= since)
      return session.fail(ExitCode::kConflict,
                          "version " + std::to_string(one.version) + " is in use: topic '" + one.topic +
                              "' got records with it within seven days; it would be refused without --force; "
                              "see: forebay schema usage " +
                              options.subject);
  }
  const bool any_goes =
      std::any_of(meant.begin(), meant.end(), [](const SchemaVersion& version) { return !version.deleted; });
  if (found->missing_nodes.empty() || !any_goes) return std::nullopt;
  return session.fail(
      ExitCode::kConflict,
      std::to_string(found->missing_nodes.size()) +
          " nodes cannot be asked whether it is in use there; it would be refused without --force");
}

ExitCode run_delete(Session& session, DeleteSubjectOptions options) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto meant = versions_meant(**registry, options);
  if (!meant) return fail_schema(session, meant.error(), options.subject);
  // That which goes is named, also when an alias of it was given.
  if (!meant->empty()) options.subject = meant->front().subject;
  if (!options.dry_run) {
    const std::string question =
        options.permanent
            ? "Delete " + what_of(options) + " for good? Records with its ids cannot be read any more."
            : "Delete " + what_of(options) +
                  "? It is not offered any more, and can be brought "
                  "back by registering its schemas again.";
    if (const auto refused = session.confirm(question)) return *refused;
  }
  std::vector<std::int32_t> versions;
  for (const SchemaVersion& one : *meant)
    if (options.permanent || !one.deleted) versions.push_back(one.version);
  if (options.dry_run && !options.force) {
    if (const auto refused = would_be_refused(session, **registry, options, *meant)) return *refused;
  }
  if (!options.dry_run) {
    const auto done = delete_them(**registry, options, *meant);
    if (!done) return fail_delete(session, options, done.error());
    versions = *done;
  }
  const std::string did = options.dry_run ? "would delete" : "deleted";
  if (session.is_text()) {
    session.note(did + (options.permanent ? " for good: " : ": ") +
                 (versions.size() == 1 ? "version " : "versions ") + numbers_text(versions) + " of subject " +
                 options.subject);
    return ExitCode::kOk;
  }
  session.print(Value::object()
                    .set("subject", options.subject)
                    .set("versions", numbers_value(versions))
                    .set("permanent", options.permanent)
                    .set("status", did),
                {});
  return ExitCode::kOk;
}

Value usage_value(const SchemaUsage& usage) {
  Value producers = Value::array();
  for (const SchemaUsage::Producer& one : usage.producers) {
    producers.push(Value::object()
                       .set("client", one.client_id)
                       .set("records", one.records)
                       .set("last", iso_ms(one.last_ms)));
  }
  return Value::object()
      .set("version", usage.version)
      .set("id", usage.id)
      .set("topic", usage.topic)
      .set("records", usage.records)
      .set("first", iso_ms(usage.first_ms))
      .set("last", iso_ms(usage.last_ms))
      .set("producers", std::move(producers));
}

std::string clients_of(const SchemaUsage& usage) {
  std::string clients;
  for (const SchemaUsage::Producer& one : usage.producers)
    clients += (clients.empty() ? "" : ", ") + (one.client_id.empty() ? "(no name)" : one.client_id);
  return clients;
}

ExitCode run_usage(Session& session, const std::string& subject) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  const auto found = (*registry)->usage(subject);
  if (!found) return fail_schema(session, found.error(), subject);
  Value rows = Value::array();
  for (const SchemaUsage& one : found->usages) {
    Value row = usage_value(one);
    if (session.is_text()) row.set("clients", clients_of(one));
    rows.push(std::move(row));
  }
  if (!found->missing_nodes.empty())
    session.warn(std::to_string(found->missing_nodes.size()) +
                 " nodes could not be asked: there may be more than this");
  if (session.is_text() && found->usages.empty()) {
    session.note("no record has come with a version of subject " + subject +
                 " to a topic that validates schemas");
    return ExitCode::kOk;
  }
  Value missing = Value::array();
  for (const std::uint32_t node : found->missing_nodes) missing.push(node);
  session.print(Value::object()
                    .set("subject", subject)
                    .set("usages", std::move(rows))
                    .set("missing_nodes", std::move(missing)),
                {{{"usages",
                   "",
                   {{"VERSION", "version"},
                    {"ID", "id"},
                    {"TOPIC", "topic"},
                    {"RECORDS", "records", Show::kCount},
                    {"LAST", "last"},
                    {"FIRST", "first", Show::kPlain, Column::In::kWide},
                    {"FROM", "clients"}}}},
                 View::Repeat::kNo});
  return ExitCode::kOk;
}

Command usage_command() {
  auto subject = std::make_shared<std::string>();
  Command command = schema_command("usage", "which versions of a subject still arrive, from whom, when last");
  command.examples = {{"forebay schema usage orders-value", "before a version is deleted"},
                      {"forebay schema usage orders-value -o json", ""}};
  command.positionals = {subject_positional(subject.get(), "which one")};
  command.json_shape =
      "{\"subject\": text, \"usages\": [\n"
      " {\"version\": n, \"id\": n, \"topic\": text, \"records\": n, \"first\": time, \"last\": time,\n"
      "  \"producers\": [{\"client\": text, \"records\": n, \"last\": time}]}],\n"
      " \"missing_nodes\": [n]}";
  command.notes =
      "Counted where topics validate schemas, by the nodes that took the records; those that were refused "
      "count too.\n"
      "Clients are named as they name themselves (ClientOptions::client_id); `forebay produce` is "
      "\"forebay\".";
  command.run = [subject](Session& session) { return run_usage(session, *subject); };
  return command;
}

Command list_command() {
  auto options = std::make_shared<ListOptions>();
  Command command = schema_command("subject list", "the subjects, and how many versions each has");
  command.examples = {{"forebay schema subject list", ""},
                      {"forebay schema subject list --prefix orders-", ""},
                      {"forebay schema subject list --prefix ':*:' --deleted -o json", "of all contexts"}};
  command.options = {{"--prefix", "TEXT", "only those whose names begin with it; ':*:' is of all contexts",
                      set_text(&options->prefix)},
                     {"--deleted", "", "also what is softly deleted", set_flag(&options->deleted)}};
  command.json_shape =
      "[{\"subject\": text, \"versions\": n, \"latest\": n or null, \"latest_id\": n or null, \"deleted\": "
      "bool}]";
  command.run = [options](Session& session) { return run_list(session, *options); };
  return command;
}

Command describe_command() {
  auto subject = std::make_shared<std::string>();
  Command command =
      schema_command("subject describe", "a subject: its rules, and its versions with their ids");
  command.examples = {{"forebay schema subject describe orders-value", ""},
                      {"forebay schema subject describe orders-value -o json", "with the schemas"}};
  command.positionals = {subject_positional(subject.get(), "which one")};
  command.json_shape =
      std::string(
          "{\"subject\": text, \"own\": rules, \"effective\": rules, \"version_list\": [\n"
          " {\"version\": n, \"id\": n, \"guid\": text, \"deleted\": bool, \"registered_at\": "
          "time, \"bytes\": n, \"refers_to\": n,\n ") +
      kSchemaShape +
      "}]}\nrules: {\"level\": text, \"json_policy\": \"strict\" or \"lenient\", \"normalize\": "
      "bool, \"alias\": text, \"group\": text,\n \"mode\": text}, each or null: as it is "
      "around the subject";
  command.run = [subject](Session& session) { return run_describe(session, *subject); };
  return command;
}

Command delete_command() {
  auto options = std::make_shared<DeleteSubjectOptions>();
  Command command = schema_command("subject delete", "delete a subject, or one version of it; asks first");
  command.examples = {
      {"forebay schema subject delete orders-value", "softly"},
      {"forebay schema subject delete orders-value --version 2 --dry-run", ""},
      {"forebay schema subject delete orders-value --version 2 --force", "though records still come with it"},
      {"forebay schema subject delete orders-value --permanent --yes", "for good, in one step"}};
  command.positionals = {subject_positional(&options->subject, "which one")};
  command.options = {
      {"--version", "VERSION", "only this one: latest, or its number", set_schema_version(&options->version)},
      {"--permanent", "", "for good: softly first, where that is not done yet",
       set_flag(&options->permanent)},
      {"--force", "", "also what records of the last seven days have", set_flag(&options->force)},
      {"--dry-run", "", "show, change nothing", set_flag(&options->dry_run)}};
  command.json_shape =
      "{\"subject\": text, \"versions\": [n], \"permanent\": bool, \"status\": \"deleted\" or \"would "
      "delete\"}";
  command.notes =
      "What is softly deleted is not offered any more, is still found by its id, so that records can be "
      "read, "
      "and comes\n"
      "back when its schema is registered again. What is deleted for good is gone; its id is never given "
      "again. What\n"
      "another schema refers to cannot be deleted. A version that records of the last seven days have, in a "
      "topic that\n"
      "validates schemas, is deleted with --force only: `schema usage` says who sends them.";
  command.run = [options](Session& session) { return run_delete(session, *options); };
  return command;
}

}  // namespace

void add_schema_subject_commands(std::vector<Command>& commands) {
  commands.push_back(list_command());
  commands.push_back(describe_command());
  commands.push_back(delete_command());
  commands.push_back(usage_command());
}

}  // namespace forebay::cli
