// offsets: where partitions begin and end, and where a time is.
#include <memory>

#include "cli/offsets.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"

namespace forebay::cli {
namespace {

struct OffsetsOptions {
  std::vector<std::string> names;
  std::vector<std::int32_t> partitions;
  std::optional<std::string> at;
  std::string by = "event";
};

ExitCode run_offsets(Session& session, const OffsetsOptions& options) {
  if (options.names.size() == 1) session.about(options.names.front());
  OffsetSpec spec = OffsetSpec::end();
  if (options.at) {
    const auto place = parse_offsets(*options.at, now_ms());
    if (!place) return session.fail(ExitCode::kUsage, "--at: " + place.error().context);
    if (place->kind != Offsets::Kind::kTime) return session.fail(ExitCode::kUsage, "--at: expected @TIME");
    spec =
        options.by == "append" ? OffsetSpec::append_time(place->value) : OffsetSpec::event_time(place->value);
  }
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  ItemOutcomes outcomes;
  Value rows = Value::array();
  for (const std::string& name : options.names) {
    auto offsets = (*admin)->list_offsets(name, options.partitions, spec);
    if (!offsets) {
      outcomes.failed(options.names.size() == 1 ? session.fail(offsets.error())
                                                : session.fail_item(name, offsets.error()));
      continue;
    }
    for (const PartitionOffset& offset : *offsets) {
      if (offset.error) {
        outcomes.failed(session.fail_item(name + '/' + std::to_string(offset.partition), *offset.error));
        continue;
      }
      outcomes.succeeded();
      if (offset.end_lost) {
        session.warn(name + '/' + std::to_string(offset.partition) + ": what was acknowledged from offset " +
                     std::to_string(offset.log_end) + " on is lost; see: forebay health");
      }
      Value row = Value::object();
      row.set("topic", name)
          .set("partition", offset.partition)
          .set("log_start", offset.log_start)
          .set("log_end", offset.log_end);
      if (options.at) row.set("offset", offset.offset.value_or(offset.log_end));
      rows.push(std::move(row));
    }
  }
  if (rows.items().empty() && outcomes.exit_code() != ExitCode::kOk) return outcomes.exit_code();
  std::vector<Column> columns{
      {"TOPIC", "topic"}, {"PARTITION", "partition"}, {"LOG START", "log_start"}, {"LOG END", "log_end"}};
  if (options.at) columns.push_back({"OFFSET", "offset"});
  session.print(rows, {{{"", "", std::move(columns)}}, View::Repeat::kNo});
  return outcomes.exit_code();
}

}  // namespace

void add_offsets_command(std::vector<Command>& commands) {
  auto options = std::make_shared<OffsetsOptions>();
  Command command;
  command.noun = "offsets";
  command.summary = "where the partitions of a topic begin and end";
  command.examples = {
      {"forebay offsets orders", ""},
      {"forebay offsets orders --at @2026-01-31T12:00:00Z -o json", "the first record at or after a time"}};
  command.positionals = {{"TOPIC", "topics to look at", add_text(&options->names), Option::Repeats::kYes}};
  command.options = {
      {"--partition", "P", "only this partition", add_partition(&options->partitions), Option::Repeats::kYes},
      {"--at", "@TIME", "also the first offset at that time or later; see: forebay help offsets",
       set_text(&options->at)},
      {"--by", "TIME", "event or append time (default event)", set_text(&options->by)}};
  command.options.back().choices = {"event", "append"};
  command.options.back().completes = Completes::kChoice;
  command.json_shape =
      "[{\"topic\": text, \"partition\": n, \"log_start\": n, \"log_end\": n}]\n"
      "with --at also \"offset\": n (log_end when nothing is that late)";
  command.run = [options](Session& session) { return run_offsets(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
