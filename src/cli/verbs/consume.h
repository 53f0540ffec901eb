// What `consume` has in common with and without a group.
// Thread rules: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/record_format.h"
#include "cli/session.h"

namespace forebay::cli {

struct ConsumeOptions {
  std::string topic;
  std::optional<std::string> offsets;  // start
  std::string by = "event";
  std::vector<std::int32_t> partitions;
  std::optional<std::uint64_t> count;
  std::optional<std::string> group;
  bool until_end = false;
  bool follow = false;
  bool raw = false;  // what says a schema is not decoded
};

// Prints records as -o says.
class RecordPrinter {
 public:
  // Errors: kInvalidArgument: the template.
  [[nodiscard]] static Result<RecordPrinter> make(const Globals& globals) {
    RecordPrinter printer;
    if (globals.format == Format::kJson) {
      printer.way_ = Way::kJson;
    } else if (globals.format == Format::kYaml) {
      printer.way_ = Way::kYaml;
    } else {
      std::string_view text = globals.output;
      if (globals.format == Format::kWide) text = "%t/%p@%o  %d  %k  %v\\n";
      if (globals.output == "text") text = "%v\\n";
      FOREBAY_TRY(printer.template_, RecordTemplate::parse(text));
    }
    return printer;
  }
  void append(std::string& out, const ShownRecord& shown) const {
    switch (way_) {
      case Way::kJson:
        append_record_json(out, shown);
        break;
      case Way::kYaml:
        append_record_yaml(out, shown);
        break;
      case Way::kTemplate:
        template_.append(out, shown);
        break;
    }
  }

 private:
  enum class Way : std::uint8_t { kTemplate, kJson, kYaml };
  Way way_ = Way::kTemplate;
  RecordTemplate template_;
};

// Damage is of one partition: the others can be read all the same.
[[nodiscard]] bool is_damage(ErrorCode code);
// Of a partition that ends at `end`, but had ended later.
[[nodiscard]] Error lost_end(const std::string& topic, std::int32_t partition, std::int64_t end);
// At the end. Returns: `code`, unless that is kOk and there is damage.
[[nodiscard]] ExitCode tell_damage(Session& session, const std::vector<Error>& damage, ExitCode code);

// Shares the topic with the other members of the group.
ExitCode consume_as_group(Session& session, const ConsumeOptions& options, const RecordPrinter& printer);

}  // namespace forebay::cli
