// schema export, import.
#include "cli/verbs/schema_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "cli/line_reader.h"
#include "cli/verbs/schema.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

constexpr std::string_view kAllContexts = ":*:", kDefaultByName = ":.:";
// A schema of 1 MiB, each byte of it escaped.
constexpr std::size_t kLineBytesMax = 8U << 20;
constexpr std::uint32_t kNoVersion = 40402, kNoSubject = 40401, kNoSchema = 40403;

using Place = std::pair<std::string, std::int32_t>;  // subject and version

// ".sales" of ":.sales:orders".
std::string context_of(std::string_view subject) {
  if (!subject.starts_with(":.")) return ".";
  return std::string(subject.substr(1, subject.find(':', 1) - 1));
}
// In a schema of another context the default one is said by name.
std::string name_of(std::string_view referred) {
  return std::string(referred.starts_with(kDefaultByName) ? referred.substr(kDefaultByName.size())
                                                          : referred);
}
// As the registry has prefixes: with kAllContexts before it, in whichever context.
bool is_of(std::string_view scope, std::string_view prefix) {
  if (prefix.starts_with(kDefaultByName))
    return !scope.starts_with(":.") && scope.starts_with(prefix.substr(kDefaultByName.size()));
  if (!prefix.starts_with(kAllContexts)) return scope.starts_with(prefix);
  prefix.remove_prefix(kAllContexts.size());
  if (scope.starts_with(":.")) scope.remove_prefix(scope.find(':', 1) + 1);
  return scope.starts_with(prefix);
}

// What is asked for and what that refers to, each behind what it refers to itself.
class Export {
 public:
  explicit Export(SchemaRegistry& registry) : registry_(registry) {}

  Result<void> gather(const std::string& prefix) {
    FOREBAY_TRY(auto versions, registry_.list_all_versions({prefix, SchemaFilter::Deleted::kShow},
                                                           SchemaRegistry::Texts::kYes));
    std::vector<Place> places;
    for (SchemaVersion& one : versions) {
      places.emplace_back(one.subject, one.version);
      found_.emplace(places.back(), std::move(one));
    }
    for (const Place& place : places) FOREBAY_CHECK(put(place));
    return {};
  }
  // A subject may have rules before it has a version, or be nothing but another name.
  Result<void> gather_rules(const std::optional<std::string>& prefix) {
    std::set<std::string> exported;
    for (const SchemaVersion& one : ordered) exported.insert(one.subject);
    FOREBAY_TRY(const auto scopes, registry_.list_scopes_with_rules());
    for (const std::string& scope : scopes) {
      if (prefix && !is_of(scope, *prefix) && !exported.contains(scope)) continue;
      FOREBAY_TRY(const SchemaRulesFound found, registry_.get_rules(scope));
      if (found.own != SchemaRules{}) rules.push_back({scope, found.own});
    }
    return {};
  }

  std::vector<SchemaVersion> ordered;
  std::vector<TransferredRules> rules;

 private:
  Result<void> put(const Place& place) {
    if (!done_.insert(place).second) return {};
    auto at = found_.find(place);
    if (at == found_.end()) {  // it does not begin with the prefix, and is referred to
      FOREBAY_TRY(FoundSchemaVersion found,
                  registry_.get_version(place.first, place.second, SchemaRegistry::Deleted::kShow,
                                        SchemaRegistry::Aliases::kIgnore));
      at = found_.emplace(place, std::move(found.version)).first;
    }
    const SchemaVersion& version = at->second;
    for (const SchemaReference& one : version.schema.references)
      FOREBAY_CHECK(put({name_of(one.subject), one.version}));
    ordered.push_back(version);
    return {};
  }

  SchemaRegistry& registry_;
  std::map<Place, SchemaVersion> found_;
  std::set<Place> done_;
};

ExitCode run_export(Session& session, const std::optional<std::string>& prefix) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  Export whole(**registry);
  if (const auto done = whole.gather(prefix.value_or(std::string(kAllContexts))); !done)
    return session.fail(done.error());
  if (const auto done = whole.gather_rules(prefix); !done) return session.fail(done.error());
  for (const SchemaVersion& one : whole.ordered) session.out().write(transfer_line(one));
  for (const TransferredRules& one : whole.rules) session.out().write(transfer_line(one));
  session.detail(std::to_string(whole.ordered.size()) + " versions, " + std::to_string(whole.rules.size()) +
                 " sets of rules");
  return ExitCode::kOk;
}

struct ImportOptions {
  std::string file;
  bool dry_run = false;
};

bool is_absent(const Error& error) {
  return error.registry_code == kNoVersion || error.registry_code == kNoSubject;
}

SchemaRules without_mode(SchemaRules rules) {
  rules.mode.reset();
  return rules;
}
SchemaRules mode_alone(SchemaMode mode) {
  SchemaRules rules;
  rules.mode = mode;
  return rules;
}
// Whether `own` has what `wanted` does not: setting leaves that.
bool says_more(const SchemaRules& own, const SchemaRules& wanted) {
  return (own.level && !wanted.level) || (own.json_policy && !wanted.json_policy) ||
         (own.normalize && !wanted.normalize) || (own.alias && !wanted.alias) || (own.group && !wanted.group);
}
Result<SchemaRules> own_after(Result<SchemaRulesChanged> changed) {
  if (!changed) return std::move(changed).error();
  return std::move(changed->own);
}

class Import {
 public:
  Import(Session& session, SchemaRegistry& registry, bool dry_run)
      : session_(session), registry_(registry), dry_run_(dry_run) {}

  void take(std::uint64_t line, const TransferLine& what) {
    const auto done = std::holds_alternative<SchemaVersion>(what) ? version(std::get<SchemaVersion>(what))
                                                                  : rules(std::get<TransferredRules>(what));
    if (done) return outcomes_.succeeded();
    refuse(line, done.error());
  }
  void refuse(std::uint64_t line, const Error& error) {
    const std::string where = "line " + std::to_string(line);
    outcomes_.failed(session_.fail_item(where, error));
    failures_.push(Value::object().set("line", line).set("error", error.to_string()));
  }

  ExitCode conclude() {
    if (session_.is_text()) {
      session_.note(std::string(dry_run_ ? "would import " : "imported ") + std::to_string(imported_) +
                    (imported_ == 1 ? " version" : " versions") + ", " + std::to_string(there_) +
                    " were there; " + (dry_run_ ? "would set " : "set ") + std::to_string(rules_set_) +
                    " sets of rules, " + std::to_string(rules_there_) + " were so");
      return outcomes_.exit_code();
    }
    session_.print(Value::object()
                       .set("status", dry_run_ ? "would import" : "imported")
                       .set("imported", imported_)
                       .set("there", there_)
                       .set("rules_set", rules_set_)
                       .set("rules_there", rules_there_)
                       .set("failures", std::move(failures_)),
                   {});
    return outcomes_.exit_code();
  }

 private:
  // Nothing: it is not there.
  Result<std::optional<SchemaVersion>> look(const SchemaVersion& wanted) {
    auto found = registry_.get_version(wanted.subject, wanted.version, SchemaRegistry::Deleted::kShow,
                                       SchemaRegistry::Aliases::kIgnore);
    if (found) return std::optional(std::move(found->version));
    if (is_absent(found.error())) return std::optional<SchemaVersion>();
    return found.error();
  }
  static Error conflict(const SchemaVersion& wanted, const std::string& here) {
    return Error{ErrorCode::kFailedPrecondition, describe(wanted) + " cannot come: " + here};
  }

  // What has its id here, if that is another schema.
  Result<void> check_id(const SchemaVersion& wanted) {
    // Of its own context: another one may have given the id to another schema.
    const auto found = registry_.get_by_id(wanted.id, ":" + context_of(wanted.subject) + ":");
    if (!found && found.error().registry_code == kNoSchema) return {};
    if (!found) return found.error();
    if (found->guid == wanted.guid) return {};
    std::string users;
    for (const SchemaUse& use : found->uses)
      users += (users.empty() ? "" : ", ") +
               ("version " + std::to_string(use.version) + " of subject " + use.subject);
    return conflict(wanted, "here id " + std::to_string(wanted.id) + " is another schema, GUID " +
                                found->guid + (users.empty() ? "" : ", of " + users));
  }

  // What differs from the version that is to come may only be that it was softly deleted since: it comes
  // back. The other way round somebody may still send records with it, which who deletes it is told.
  static Result<void> check_there(const SchemaVersion& wanted, SchemaVersion here) {
    const std::string as_it_is = describe(here) + ", which differs: " + difference_of(wanted, here);
    here.deleted = wanted.deleted;
    if (!difference_of(wanted, here).empty()) return conflict(wanted, "here is " + as_it_is);
    if (!wanted.deleted) return {};
    return conflict(wanted, "it is softly deleted there, and not here; see: forebay schema subject delete " +
                                wanted.subject + " --version " + std::to_string(wanted.version));
  }

  // Of a file that was made from another registry's: its texts may be written otherwise than here, so that
  // the registry alone can say whether one is the same.
  Result<void> version_without_guid(const SchemaVersion& wanted) {
    if (dry_run_) {
      FOREBAY_TRY(const auto before, look(wanted));
      ++(before ? there_ : imported_);
      return {};
    }
    FOREBAY_TRY(const RegisteredSchema imported, registry_.import_version(wanted));
    ++(imported.is_new ? imported_ : there_);
    return {};
  }

  Result<void> version(const SchemaVersion& wanted) {
    if (wanted.guid.empty()) return version_without_guid(wanted);
    FOREBAY_TRY(const auto before, look(wanted));
    if (before && difference_of(wanted, *before).empty()) {
      ++there_;
      return {};
    }
    if (before) FOREBAY_CHECK(check_there(wanted, *before));
    FOREBAY_CHECK(check_id(wanted));
    if (dry_run_) {
      ++imported_;
      return {};
    }
    FOREBAY_CHECK(registry_.import_version(wanted));
    // Whether it is there as it was to be.
    FOREBAY_TRY(const auto after, look(wanted));
    const std::string difference = after ? difference_of(wanted, *after) : "it is not there";
    if (!difference.empty())
      return Error{ErrorCode::kInternal,
                   describe(wanted) + " was imported and is not as it was: " + difference};
    ++imported_;
    return {};
  }

  Result<void> rules(const TransferredRules& wanted) {
    FOREBAY_TRY(const SchemaRulesFound before, registry_.get_rules(wanted.scope));
    if (before.own == wanted.rules) {
      ++rules_there_;
      return {};
    }
    if (!dry_run_) {
      FOREBAY_CHECK(make_rules(wanted, before));
      session_.detail("rules of " + scope_text(wanted.scope) + " changed");
    }
    ++rules_set_;
    return {};
  }

  // What the file does not say is taken back, and what is read-only is opened meanwhile: an import that ends
  // in between is repeated.
  Result<void> make_rules(const TransferredRules& wanted, const SchemaRulesFound& here) {
    const std::string& scope = wanted.scope;
    const SchemaRules config = without_mode(wanted.rules);
    SchemaRules own = here.own;
    if (without_mode(own) != config) {
      if (here.effective.mode == SchemaMode::kReadOnly) {
        FOREBAY_TRY(own, own_after(registry_.set_rules(scope, mode_alone(SchemaMode::kReadWrite))));
      }
      if (says_more(own, config)) {
        FOREBAY_TRY(own, own_after(registry_.clear_rules(scope, {.config = true, .mode = false})));
      }
      if (config != SchemaRules{}) {
        FOREBAY_TRY(own, own_after(registry_.set_rules(scope, config)));
      }
    }
    if (own.mode != wanted.rules.mode) {
      FOREBAY_TRY(
          own, own_after(wanted.rules.mode ? registry_.set_rules(scope, mode_alone(*wanted.rules.mode),
                                                                 SchemaRegistry::Force::kYes)
                                           : registry_.clear_rules(scope, {.config = false, .mode = true})));
    }
    if (own == wanted.rules) return {};
    return Error{ErrorCode::kInternal,
                 "the rules of " + scope_text(scope) + " were set and are not as asked"};
  }

  Session& session_;
  SchemaRegistry& registry_;
  const bool dry_run_;
  std::uint64_t imported_ = 0, there_ = 0, rules_set_ = 0, rules_there_ = 0;
  Value failures_ = Value::array();
  ItemOutcomes outcomes_;
};

ExitCode import_lines(Session& session, const ImportOptions& options, int descriptor) {
  const auto registry = session.registry();
  if (!registry) return session.fail(registry.error());
  // Nothing is said to be done when nobody can be reached.
  if (const auto reached = (*registry)->list_contexts(); !reached) return session.fail(reached.error());
  Import import(session, **registry, options.dry_run);
  LineReader reader(descriptor, kLineBytesMax);
  for (;;) {
    std::string_view line;
    const auto outcome = reader.next(line);
    if (!outcome) return session.fail(ExitCode::kFailure, options.file + ": " + outcome.error().context);
    if (*outcome == LineReader::Outcome::kInterrupted) return ExitCode::kInterrupted;
    if (*outcome == LineReader::Outcome::kEnd) return import.conclude();
    if (*outcome == LineReader::Outcome::kTooLong) {
      import.refuse(reader.line_number(), {ErrorCode::kRecordTooLarge, "is longer than 8 MiB"});
      continue;
    }
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto read = read_transfer_line(line);
    if (read)
      import.take(reader.line_number(), *read);
    else
      import.refuse(reader.line_number(), read.error());
  }
}

ExitCode run_import(Session& session, const ImportOptions& options) {
  const int descriptor =
      options.file == "-" ? STDIN_FILENO : ::open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const int reason = errno;
    return session.fail(reason == ENOENT ? ExitCode::kNotFound : ExitCode::kFailure,
                        options.file + ": " + std::strerror(reason));
  }
  const ExitCode code = import_lines(session, options, descriptor);
  if (descriptor != STDIN_FILENO) ::close(descriptor);
  return code;
}

Command export_command() {
  auto prefix = std::make_shared<std::optional<std::string>>();
  Command command = schema_command("export", "write all schemas and rules, for a copy or another registry");
  command.examples = {{"forebay schema export > registry.ndjson", ""},
                      {"forebay schema export --subject orders- > orders.ndjson",
                       "those whose names begin with it, and what they refer to"}};
  command.options = {{"--subject", "PREFIX",
                      "only subjects whose names begin with it (default: all contexts)",
                      set_text(prefix.get())}};
  command.json_shape =
      std::string(
          "one object a line, whatever -o says:\n"
          "{\"kind\": \"version\", \"subject\": text, \"version\": n, \"id\": n, \"guid\": text, "
          "\"deleted\": bool,\n ") +
      kSchemaShape +
      "}\n"
      "{\"kind\": \"rules\", \"scope\": text, \"level\": text, \"json_policy\": \"strict\" or \"lenient\", "
      "\"normalize\": bool,\n"
      " \"alias\": text, \"group\": text, \"mode\": text}, each or null; the scope is a subject, "
      "\":.CONTEXT:\", or empty: all";
  command.notes =
      "Each version comes behind those that it refers to, and the rules at the end, also those of subjects "
      "that "
      "have no version.\nWhat is softly deleted is there too.";
  command.run = [prefix](Session& session) { return run_export(session, *prefix); };
  return command;
}

Command import_command() {
  auto options = std::make_shared<ImportOptions>();
  Command command = schema_command("import", "take over what `schema export` wrote, with its ids");
  command.examples = {{"forebay schema import registry.ndjson --dry-run", "would anything contradict it?"},
                      {"forebay schema import registry.ndjson", ""}};
  command.positionals = {{"FILE",
                          "what to read; - is standard input",
                          set_text(&options->file),
                          Option::Repeats::kNo,
                          Option::Need::kRequired,
                          Completes::kFile,
                          {}}};
  command.options = {{"--dry-run", "", "check and show, change nothing", set_flag(&options->dry_run)}};
  command.json_shape =
      "{\"status\": \"imported\" or \"would import\", \"imported\": n, \"there\": n, \"rules_set\": n, "
      "\"rules_there\": n,\n"
      " \"failures\": [{\"line\": n, \"error\": text}]}";
  command.notes =
      "Whatever mode and compatibility say; what is there already, and the same, is left as it is, so that "
      "it "
      "can be\n"
      "repeated. Every version is read back and compared; one without a \"guid\" (of another registry) is "
      "judged by "
      "the registry\nalone. What was softly deleted here since is there again; "
      "nothing is\n"
      "deleted. A version that contradicts what is here (another schema has its id, or the subject has "
      "another version\n"
      "of that number) is an error that names both; the other lines are taken all the same, and the exit "
      "code "
      "is 7, or\n"
      "that of the error (5 for a conflict) when none was. Rules of a subject, of a context and of all "
      "replace "
      "those that\n"
      "are here.";
  command.run = [options](Session& session) { return run_import(session, *options); };
  return command;
}

}  // namespace

void add_schema_transfer_commands(std::vector<Command>& commands) {
  commands.push_back(export_command());
  commands.push_back(import_command());
}

}  // namespace forebay::cli
