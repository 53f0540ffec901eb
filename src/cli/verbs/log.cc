// log dump, log verify: the files of a data directory, offline.
#include <memory>

#include "cli/interrupt.h"
#include "cli/log_files.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

struct DumpOptions {
  std::vector<std::string> paths;
  bool records = false;
};

// One line for a person: the kind, then name=value.
void append_text_line(std::string& out, const Value& line) {
  out += line.at("kind").plain();
  for (const auto& [key, value] : line.members()) {
    if (key == "kind" || value.is_null()) continue;
    out += ' ' + key + '=';
    if (value.is_object() || value.is_array()) {
      value.append_json(out, -1);
    } else if (const std::string* text = value.text();
               text != nullptr && key != "file" && line.at("kind").plain() == "record") {
      append_json_string(out, *text);
    } else {
      out += value.plain();
    }
  }
  out += '\n';
}

ExitCode run_dump(Session& session, const DumpOptions& options) {
  const EmitLine emit = [&](const Value& line) {
    std::string& out = session.out().buffer();
    switch (session.globals().format) {
      case Format::kJson:
        line.append_json(out, -1);
        out += '\n';
        break;
      case Format::kYaml:
        out += "---\n";
        line.append_yaml(out);
        break;
      case Format::kText:
      case Format::kWide:
        append_text_line(out, line);
        break;
    }
    session.out().written();
    return !session.out().closed() && !session.out().failed();
  };
  ItemOutcomes outcomes;
  for (const std::string& path : options.paths) {
    const auto dumped = dump_log(path, options.records ? DumpRecords::kYes : DumpRecords::kNo, emit);
    if (dumped) {
      outcomes.succeeded();
    } else {
      outcomes.failed(session.fail(dumped.error()));
    }
  }
  return outcomes.exit_code();
}

ExitCode run_verify(Session& session, const std::vector<std::string>& paths) {
  LogVerification result;
  ItemOutcomes outcomes;
  {
    Progress progress(session, 0, Progress::kBytes);
    const std::function<void(std::uint64_t)> report = [&](std::uint64_t bytes) { progress.update(bytes); };
    for (const std::string& path : paths) {
      const auto verified = verify_log(path, result, report);
      if (verified) {
        outcomes.succeeded();
      } else {
        outcomes.failed(session.fail(verified.error()));
      }
    }
  }
  if (outcomes.exit_code() != ExitCode::kOk && outcomes.exit_code() != ExitCode::kPartial)
    return outcomes.exit_code();
  Value problems = Value::array();
  for (const LogProblem& problem : result.problems) {
    problems.push(
        Value::object()
            .set("severity", problem.severity == LogProblem::Severity::kDamage ? "damage" : "warning")
            .set("file", problem.file)
            .set("position", problem.position)
            .set("what", problem.what));
  }
  Value value = Value::object();
  value.set("ok", result.ok())
      .set("files", result.files)
      .set("bytes", result.bytes)
      .set("rounds", result.rounds)
      .set("frames", result.frames)
      .set("batches", result.batches)
      .set("records", result.records)
      .set("problems", std::move(problems));
  session.print(value,
                {{{"",
                   "",
                   {{"ok", "ok"},
                    {"files", "files"},
                    {"bytes", "bytes", Show::kBytes},
                    {"frames", "frames"},
                    {"records", "records"},
                    {"rounds", "rounds", Show::kPlain, Column::In::kWide},
                    {"batches", "batches", Show::kPlain, Column::In::kWide}}},
                  {"problems",
                   "problems",
                   {{"SEVERITY", "severity"}, {"FILE", "file"}, {"POSITION", "position"}, {"WHAT", "what"}}}},
                 View::Repeat::kNo});
  if (!result.ok()) return ExitCode::kFailure;
  return outcomes.exit_code();
}

Positional path_positional(std::vector<std::string>* paths) {
  return {"PATH",
          "a data directory, a segment (*.log), a journal file (*.journal) or a state (*.state)",
          add_text(paths),
          Option::Repeats::kYes,
          Option::Need::kRequired,
          Completes::kFile};
}

}  // namespace

Command offline_log_command(std::string verb, std::string summary) {
  Command command;
  command.noun = "log";
  command.verb = std::move(verb);
  command.summary = std::move(summary);
  command.reaches = Command::Reaches::kNobody;
  return command;
}

void add_log_commands(std::vector<Command>& commands) {
  auto dump_options = std::make_shared<DumpOptions>();
  Command dump =
      offline_log_command("dump", "show what is in the files of a data directory, without a daemon");
  dump.examples = {
      {"forebay log dump ./forebay-data", "what the journals say of each partition"},
      {"forebay log dump 00000000000000000000-00000000-1.log --records -o json",
       "the frames and records of a segment"},
      {"forebay log dump ./forebay-data --records -o json", "every frame and record that the replica holds"},
      {"forebay log dump 0-1.journal", "the rounds of a journal file"}};
  dump.positionals = {path_positional(&dump_options->paths)};
  dump.options = {{"--records", "", "of segments and data directories: the records too",
                   set_flag(&dump_options->records)}};
  dump.notes =
      "A data directory must not be in use; single files may be. Positions in the log are OFFSET/CONTROL: "
      "the next\n"
      "record's offset and the number of control frames since the record before it.";
  dump.json_shape =
      "one object a line; \"kind\" is one of\n"
      "directory, journal, partition   of a data directory; with --records each partition is followed by "
      "its\n"
      "                                frames, from segments and journals, as of a segment\n"
      "state   what is folded from a partition's log: of a state file, and of a data directory\n"
      "records, control, record, damage, tail   of a segment\n"
      "round, broken round   of a journal file";
  dump.run = [dump_options](Session& session) { return run_dump(session, *dump_options); };
  commands.push_back(std::move(dump));

  auto paths = std::make_shared<std::vector<std::string>>();
  Command verify = offline_log_command(
      "verify", "check every checksum and record of files or a whole data directory; exit 1 on damage");
  verify.examples = {{"forebay log verify ./forebay-data", "the daemon must not run"},
                     {"forebay log verify 00000000000000000000-00000000-1.log", ""}};
  verify.positionals = {path_positional(paths.get())};
  verify.notes =
      "Changes nothing. Warnings do not count as damage: a last write that a crash cut short and that was "
      "never\n"
      "acknowledged, an index that will be made again, a file left from a crash.";
  verify.json_shape =
      "{\"ok\": bool, \"files\": n, \"bytes\": n, \"rounds\": n, \"frames\": n, \"batches\": n, \"records\": "
      "n,\n"
      " \"problems\": [{\"severity\": \"damage\" or \"warning\", \"file\": text, \"position\": n, \"what\": "
      "text}]}";
  verify.run = [paths](Session& session) { return run_verify(session, *paths); };
  commands.push_back(std::move(verify));
}

}  // namespace forebay::cli
