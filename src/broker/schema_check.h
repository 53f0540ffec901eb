// Looks at the records of a batch while they are decoded for the other checks, so that they are decoded once.
// Thread rules: one thread, for one batch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/dead_letters.h"
#include "broker/routing.h"
#include "model/batch_validation.h"
#include "schema/core/record_guard.h"

namespace forebay::broker {

// Of one batch: a compressed one may hold millions, and each that is told takes some hundred bytes on its way
// to the producer.
inline constexpr std::size_t kBrokenRecordsMax = 1U << 18;

class SchemaCheck final : public model::RecordVisitor {
 public:
  // `is_certain`: false: what seems broken may only be news that have not come to this node; asked where a
  // record would be kept from its topic. All outlive it. `seed`: a batch that comes again has the same one,
  // so that the same share of its records is looked at.
  using IsCertain = UniqueFunction<bool(const schema::Violation&)>;
  SchemaCheck(const TopicRoute& route, const schema::ImageAccess& image, schema::ParsedSchemas& schemas,
              IsCertain is_certain, std::uint32_t seed)
      : route_(route),
        guard_(route.guard, image, schemas),
        is_certain_(std::move(is_certain)),
        credit_(static_cast<double>(seed) / 4'294'967'296.0) {}

  void visit(const model::RecordView& record, std::int32_t index) override;

  // In their order; with a text for the first ones. None where they are only counted (observe).
  [[nodiscard]] std::vector<BrokenRecord>& broken() { return broken_; }
  [[nodiscard]] bool has_more() const { return broken_count_ > broken_.size(); }
  [[nodiscard]] std::size_t broken_count() const { return broken_count_; }
  // Of the first record that seems broken and may not be.
  [[nodiscard]] const std::optional<std::string>& doubt() const { return doubt_; }
  [[nodiscard]] const schema::RecordGuard& guard() const { return guard_; }
  [[nodiscard]] const std::array<std::uint64_t, schema::kViolationRules>& by_rule() const { return by_rule_; }

 private:
  const TopicRoute& route_;
  schema::RecordGuard guard_;
  // Whether it is this record's turn, so that a share of all is looked at, evenly spread.
  [[nodiscard]] bool is_sampled();

  IsCertain is_certain_;
  double credit_;
  std::vector<BrokenRecord> broken_;
  std::size_t broken_count_ = 0;
  std::array<std::uint64_t, schema::kViolationRules> by_rule_{};
  std::size_t texts_bytes_ = 0;
  std::optional<std::string> doubt_;
};

}  // namespace forebay::broker
