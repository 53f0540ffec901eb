// What the check of schema ids adds to the checks of a batch, which decode each record anyway: batches of
// 64 KiB, once without and once with it. Argument: bytes of a value.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "model/batch_builder.h"
#include "model/batch_validation.h"
#include "schema/core/decisions.h"
#include "schema/core/record_guard.h"

namespace forebay::schema {
namespace {

constexpr std::size_t kBatchBytes = 64 << 10;

class OneSubject : public ImageAccess, public ParsedSchemas {
 public:
  OneSubject() {
    RegisterRequest request;
    request.subject = "orders-value";
    request.schema.text = R"({"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]})";
    auto decision = decide_register(*this, *this, request, model::Timestamp(1'700'000'000'000), {});
    if (!decision) std::abort();
    for (const SchemaRecord& one : decision->records)
      if (!apply(image_, one)) std::abort();
  }
  void look(const std::function<void(const RegistryImage&)>& look) const override { look(image_); }
  Result<SchemaPtr> parsed(const ImageAccess& access, const StoredSchemaPtr& schema) override {
    return parse_stored(access, *schema);
  }

 private:
  RegistryImage image_;
};

class Guarding final : public model::RecordVisitor {
 public:
  explicit Guarding(RecordGuard& guard) : guard_(guard) {}
  void visit(const model::RecordView& record, std::int32_t) override {
    if (guard_.check(record)) ++broken;
  }
  std::uint64_t broken = 0;

 private:
  RecordGuard& guard_;
};

void check_batch(benchmark::State& state, config::SchemaValidation validation) {
  OneSubject registry;
  const GuardRules rules{.validation = validation, .topic = "orders"};
  const std::string value =
      id_prefix(1, Format::kAvro, {}) + std::string(static_cast<std::size_t>(state.range(0)) - 5, 'x');
  model::BatchBuilder builder;
  std::int64_t records = 0;
  for (; builder.size_bytes() < kBatchBytes; ++records)
    if (!builder.append(model::NewRecord{.key = as_bytes("user-1234567"), .value = as_bytes(value)}))
      std::abort();
  const auto batch = builder.build(model::Codec::kNone).value();
  std::vector<std::byte> scratch;
  for (auto _ : state) {
    const auto view = model::validate_batch_header(batch, {});
    RecordGuard guard(rules, registry, registry);
    Guarding guarding(guard);
    const bool guards = validation != config::SchemaValidation::kNone;
    if (!model::validate_batch_records(*view, {}, scratch, guards ? &guarding : nullptr) ||
        guarding.broken > 0)
      std::abort();
  }
  state.SetItemsProcessed(state.iterations() * records);
}
void without(benchmark::State& state) { check_batch(state, config::SchemaValidation::kNone); }
void with_id(benchmark::State& state) { check_batch(state, config::SchemaValidation::kId); }
BENCHMARK(without)->Arg(100)->Arg(1024);
BENCHMARK(with_id)->Arg(100)->Arg(1024);

}  // namespace
}  // namespace forebay::schema
