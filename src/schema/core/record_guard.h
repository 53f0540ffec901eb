// Whether the records of a topic keep to its schemas. Pure, but for what it is given to look at; made for a
// batch, so that what its records have in common is looked up once.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/topic_config.h"
#include "model/record.h"
#include "schema/core/decisions.h"
#include "schema/core/wire_format.h"

namespace forebay::schema {

struct GuardRules {
  config::SchemaValidation validation = config::SchemaValidation::kNone;
  config::SubjectStrategy key = config::SubjectStrategy::kNone;
  config::SubjectStrategy value = config::SubjectStrategy::kTopic;
  std::string topic;
};

// The first thing that is wrong with a record.
struct Violation {
  enum class Rule : std::uint8_t {
    kNoSchema = 1,   // it does not say which one it has
    kUnknownSchema,  // there is none of that id or GUID
    kNotOfSubject,   // there is, and not under its subject
    kPayload,        // its bytes are no value of it
  };
  Rule rule = Rule::kNoSchema;
  bool is_key = false;
  std::string subject;             // empty: not known without the schema
  std::vector<SchemaId> expected;  // ids of that subject, the latest first; kExpectedShown at most
  std::string found;
  PayloadFault fault;  // kPayload
  // For people: all of it, and what to do.
  [[nodiscard]] std::string to_string() const;
};
inline constexpr std::size_t kExpectedShown = 5;
inline constexpr std::size_t kViolationRules = 5;                // numbers of rules are below
[[nodiscard]] std::string_view rule_name(Violation::Rule rule);  // "unknown-schema", for metrics

class RecordGuard {
 public:
  // All outlive it.
  RecordGuard(const GuardRules& rules, const ImageAccess& access, ParsedSchemas& schemas)
      : rules_(rules), access_(access), schemas_(schemas) {}

  // `with_payload`: also where the rules ask for it; a sample leaves it out. Nothing: it keeps to them.
  [[nodiscard]] std::optional<Violation> check(const model::RecordView& record, bool with_payload = true);
  // Of the records that were looked at: how many had which schema, by its id in the context of the topic.
  [[nodiscard]] const std::map<SchemaId, std::uint64_t>& seen() const { return seen_; }

 private:
  // What a mark stands for: looked up once in a batch.
  struct Known {
    StoredSchemaPtr stored;                                                  // nothing: there is none
    SchemaPtr parsed;                                                        // when it is needed
    std::map<std::vector<std::uint32_t>, std::optional<Violation>> by_path;  // whether it belongs, by message
  };
  using Mark = std::pair<SchemaId, model::Uuid>;

  [[nodiscard]] std::optional<Violation> check_part(ByteSpan part, const model::RecordView& record,
                                                    bool is_key, config::SubjectStrategy strategy,
                                                    bool with_payload);

  [[nodiscard]] Known& look_up(const SchemaMark& mark);
  [[nodiscard]] std::optional<Violation> check_subject(Known& known, bool is_key,
                                                       config::SubjectStrategy strategy, MessagePath path);
  [[nodiscard]] Violation violation(Violation::Rule rule, bool is_key, std::string subject,
                                    std::string found) const;
  [[nodiscard]] std::string topic_subject(bool is_key, config::SubjectStrategy strategy) const;

  // What most records of a batch have in common, when nothing but the id counts: whoever says the same is
  // right too.
  struct LastGood {
    SchemaId id = 0;                 // 0: there is none
    std::uint64_t* count = nullptr;  // in seen_
  };
  [[nodiscard]] static bool says(const LastGood& last, ByteSpan part, const model::HeadersView& headers);

  const GuardRules& rules_;
  const ImageAccess& access_;
  ParsedSchemas& schemas_;
  std::map<Mark, Known> known_;
  std::map<SchemaId, std::uint64_t> seen_;
  std::array<LastGood, 2> last_good_;  // of values, of keys
};

}  // namespace forebay::schema
