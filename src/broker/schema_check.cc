#include "broker/schema_check.h"

namespace forebay::broker {

bool SchemaCheck::is_sampled() {
  credit_ += route_.config.schema_validation_share;
  if (credit_ < 1) return false;
  credit_ -= 1;
  return true;
}

void SchemaCheck::visit(const model::RecordView& record, std::int32_t index) {
  const bool with_payload = route_.guard.validation == config::SchemaValidation::kPayload && is_sampled();
  const auto found = guard_.check(record, with_payload);
  if (!found) return;
  if (route_.config.on_violation != config::OnViolation::kObserve && !is_certain_(*found)) {
    // All that is missed is asked for together.
    if (!doubt_) doubt_ = "record " + std::to_string(index) + ": " + found->found;
    return;
  }
  ++by_rule_.at(static_cast<std::size_t>(found->rule));
  if (route_.config.on_violation == config::OnViolation::kObserve) return;
  ++broken_count_;
  if (broken_.size() == kBrokenRecordsMax) return;
  std::string text = texts_bytes_ < model::kReasonsBytesMax ? found->to_string() : std::string();
  texts_bytes_ += text.size();
  broken_.push_back({index, rule_number(*found), std::move(text)});
}

}  // namespace forebay::broker
