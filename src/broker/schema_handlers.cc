// Where the schema registry is.
#include <utility>

#include "broker/dead_letters.h"
#include "broker/node_broker.h"
#include "broker/schema_check.h"
#include "cluster/core/internal_topics.h"
#include "schema/doubts.h"
#include "schema/registries.h"
#include "schema/usage_book.h"

namespace forebay::broker {
namespace {

const model::PartitionIndex kRegistryPartition(0);

// Texts of one refusal; of the others the index is told.
constexpr std::size_t kFaultTextsMax = 20;
constexpr std::uint32_t kNoSchemasRetryMs = 200;
constexpr std::uint32_t kDoubtRetryMs = 20;
constexpr std::size_t kSchemaWorkMax =
    1'000;  // most take a millisecond, and who waits gives up after seconds

std::vector<RecordFault> faults_of(std::vector<BrokenRecord> broken) {
  std::vector<RecordFault> faults;
  faults.reserve(broken.size());
  for (BrokenRecord& one : broken)
    faults.push_back({one.index, faults.size() < kFaultTextsMax ? std::move(one.text) : std::string()});
  return faults;
}

// Not told one by one: the whole batch is wrong.
Error too_many_broken(const std::string& topic, SchemaCheck& check, std::int32_t records) {
  return Error{ErrorCode::kInvalidRecord,
               std::to_string(check.broken_count()) + " of " + std::to_string(records) +
                   " records break the schemas of topic '" + topic + "', more than the " +
                   std::to_string(kBrokenRecordsMax) +
                   " that are told apart: nothing of the batch was stored; send smaller batches; record " +
                   std::to_string(check.broken().front().index) + ": " + check.broken().front().text};
}

Error broken_schemas(const std::string& topic, std::vector<RecordFault> faults, std::int32_t records) {
  Error error{ErrorCode::kInvalidRecord, std::to_string(faults.size()) + " of " + std::to_string(records) +
                                             " records break the schemas of topic '" + topic +
                                             "', nothing of the batch was stored; record " +
                                             std::to_string(faults.front().index) + ": " +
                                             faults.front().text};
  error.record_faults = std::move(faults);
  return error;
}

}  // namespace

bool NodeBroker::has_registry() const {
  return routing()->topics.contains(std::string(cluster::kSchemasTopicName));
}

void NodeBroker::with_registry(UseRegistry use) {
  if (auto open = check_intake(); !open) return use(open.error());
  if (has_registry()) return on_registry(std::move(use), true);
  make_internal_topic(cluster::InternalTopic::kSchemas,
                      [this, use = std::move(use)](const Result<std::monostate>& made) mutable {
                        if (!made) return use(made.error());
                        on_registry(std::move(use), true);
                      });
}

void NodeBroker::with_registry_replica(UseRegistry use) { on_registry(std::move(use), false); }

void NodeBroker::on_registry(UseRegistry use, bool leading) {
  const RoutingPtr table = routing();
  const auto route = table->topics.find(std::string(cluster::kSchemasTopicName));
  if (route == table->topics.end())
    return use(Error{ErrorCode::kNotYet, "the schema registry is being set up; retry", 100});
  const auto id = route->second.id_of(kRegistryPartition);
  const ShardHandle shard = shards_[route->second.shards.front()];
  const bool hosted = route->second.is_hosted_by(config_.self.node, kRegistryPartition);
  shard.executor->post([this, shard, id, hosted, leading, use = std::move(use)]() mutable {
    schema::Registry* registry = shard.registries == nullptr ? nullptr : shard.registries->find(id);
    if (registry == nullptr) return use(not_here(shard, id, hosted));
    if (leading) {
      if (auto leads = registry->host().check(); !leads)
        return use(with_leader(std::move(leads).error(), shard, id));
    }
    use(registry);
  });
}

std::shared_ptr<const schema::SharedImage> NodeBroker::registry_image() const {
  return registry_.local == nullptr ? nullptr : registry_.local->image();
}

bool NodeBroker::is_certain(const schema::Violation& broken, schema::BatchDoubts& doubts) {
  using Rule = schema::Violation::Rule;
  if (broken.rule != Rule::kUnknownSchema && broken.rule != Rule::kNotOfSubject) return true;
  if (!has_registry()) return knows_topics();
  return doubts.is_sure(broken.subject, broken.found,
                        [this](const std::string& missed) { return is_certain_by_leader(missed); });
}

bool NodeBroker::is_certain_by_leader(const std::string& missed) {
  const auto judged = registry_.doubts->judge(missed, shards_.front().executor->now());
  if (judged.verdict == schema::Doubts::Verdict::kSure) return true;
  if (judged.verdict == schema::Doubts::Verdict::kWait) return false;
  with_registry_replica([this, number = judged.number](Result<schema::Registry*> found) {
    const auto end = [this, number](bool done) {
      registry_.doubts->refreshed(number, done, shards_.front().executor->now());
    };
    if (!found) return end(false);
    (*found)->refresh([end](const Result<std::monostate>& refreshed) { end(refreshed.has_value()); });
  });
  return false;
}

Result<NodeBroker::CheckedBatch> NodeBroker::check_schemas(const TopicRoute& route,
                                                           const model::RecordBatchView& batch,
                                                           const model::BatchRules& rules) {
  static const schema::SharedImage kNothing;
  const auto image = registry_image();
  if (has_registry() && (image == nullptr || !image->is_current()))
    return Error{
        ErrorCode::kNotYet,
        "topic '" + route.guard.topic + "' validates schemas, and those are not on this node yet; retry",
        kNoSchemasRetryMs};
  thread_local std::vector<std::byte> scratch;
  SchemaCheck check(
      route, image == nullptr ? kNothing : *image, *registry_.schemas,
      [this, doubts = schema::BatchDoubts()](const schema::Violation& broken) mutable {
        return is_certain(broken, doubts);
      },
      batch.crc());
  FOREBAY_TRY(const model::BatchContents contents,
              model::validate_batch_records(batch, rules, scratch, &check));
  if (check.doubt())
    return Error{
        ErrorCode::kNotYet,
        *check.doubt() + ", as far as this node knows; it asks the leader of the schema registry; retry",
        kDoubtRetryMs};
  for (std::size_t rule = 0; rule < check.by_rule().size(); ++rule)
    counters_.schema_violations.at(rule).fetch_add(check.by_rule().at(rule), std::memory_order_relaxed);
  counters_.schema_records.fetch_add(static_cast<std::uint64_t>(batch.record_count()),
                                     std::memory_order_relaxed);
  CheckedBatch checked{.record_count = batch.record_count()};
  checked.seen = check.guard().seen();
  std::vector<BrokenRecord>& broken = check.broken();
  if (broken.empty()) return checked;
  if (check.has_more()) return too_many_broken(route.guard.topic, check, batch.record_count());
  if (route.config.on_violation == config::OnViolation::kReject)
    return broken_schemas(route.guard.topic, faults_of(std::move(broken)), batch.record_count());
  FOREBAY_TRY(checked.marked, quarantined(batch, contents.records, broken));
  checked.quarantined = faults_of(std::move(broken));
  return checked;
}

UniqueFunction<void()> NodeBroker::usage_note(const TopicRoute& route,
                                              std::map<schema::SchemaId, std::uint64_t> seen,
                                              const std::string& client_id) {
  if (registry_.usage == nullptr || seen.empty()) return {};
  return [this, topic = route.guard.topic, seen = std::move(seen), client_id] {
    registry_.usage->note(topic, seen, client_id, clock_.now());
  };
}

void NodeBroker::with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work,
                              UniqueFunction<void()> then) {
  schema_work_.fetch_add(1, std::memory_order_relaxed);
  registry_.pool->run(
      [this, work = std::move(work), schemas = registry_.schemas]() mutable {
        work(*schemas);
        schema_work_.fetch_sub(1, std::memory_order_relaxed);
      },
      *shards_.front().executor, std::move(then));
}

Result<void> NodeBroker::check_schema_work() const {
  if (schema_work_.load(std::memory_order_relaxed) < kSchemaWorkMax) return {};
  return Error{
      ErrorCode::kResourceExhausted,
      std::to_string(kSchemaWorkMax) + " requests for schemas to be parsed wait already; retry later", 1000};
}

std::vector<schema::SchemaUsage> NodeBroker::schema_usage(const std::set<std::int32_t>& ids) const {
  return registry_.usage == nullptr ? std::vector<schema::SchemaUsage>{} : registry_.usage->of(ids);
}

Error NodeBroker::name_registry_leader(Error error) const {
  if (!error.leader.empty()) return error;
  error.leader = led_elsewhere(std::string(cluster::kSchemasTopicName), kRegistryPartition);
  return error;
}

}  // namespace forebay::broker
