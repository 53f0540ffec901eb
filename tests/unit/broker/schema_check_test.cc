// Topics that check the schemas of their records: what is refused, kept apart, or let through. Without a
// registry no id is known, so that a value that says one breaks the rules; a null has none to say.
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "broker/schema_check.h"
#include "broker_harness.h"
#include "model/batch_builder.h"
#include "model/dead_letters.h"
#include "model/record_iterator.h"
#include "schema/core/fingerprint.h"
#include "schema/schema_cache.h"
#include "schema/shared_image.h"

namespace forebay::broker {
namespace {

using model::Offset;
using Values = std::vector<std::pair<std::int64_t, std::optional<std::string>>>;

std::string batch_of(const std::vector<std::optional<std::string>>& values,
                     const model::BatchOptions& options = {}) {
  model::BatchBuilder builder(options);
  for (const auto& value : values)
    EXPECT_TRUE(
        builder.append(model::Record{.key = "k", .value = value, .timestamp = model::Timestamp(1'000)}));
  const auto batch = *builder.build(model::Codec::kZstd);
  return std::string(as_text(batch));
}

class SchemaCheckTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(node_.start()); }
  void create(const std::string& on_violation) {
    const auto created =
        node_.create("orders", 2, {{"schema.validation", "id"}, {"on.violation", on_violation}});
    ASSERT_TRUE(created) << created.error().to_string();
  }
  Values read(const std::string& topic, std::int64_t from = 0) {
    const auto fetched = node_.fetch(topic, 0, from);
    EXPECT_TRUE(fetched) << fetched.error().to_string();
    Values values;
    std::int64_t at = from;
    for (const auto& frame : fetched->frames) {
      EXPECT_LE(frame->header.begin.next_offset.value(), at) << "a hole";
      at = frame->header.end.next_offset.value();
      const auto view = model::RecordBatchView::parse(frame->payload.span());
      EXPECT_TRUE(view) << view.error().to_string();
      EXPECT_FALSE(view->attributes().has_dead_letters());
      std::vector<std::byte> scratch;
      EXPECT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
        const auto value = model::owned(record).value;
        values.emplace_back(record.offset.value(), value);
        for (const auto& header : model::owned(record).headers) headers_[header.name] = *header.value;
      }));
    }
    return values;
  }
  BrokerHarness node_;
  std::map<std::string, std::string> headers_;  // of the last record read
};

TEST_F(SchemaCheckTest, RefusedBatchNamesItsBadRecords) {
  create("reject");
  const auto ack = node_.produce("orders", 0, batch_of({"x", std::nullopt, "y"}));
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kInvalidRecord);
  ASSERT_EQ(ack.error().record_faults.size(), 2U);
  EXPECT_EQ(ack.error().record_faults[0].index, 0);
  EXPECT_EQ(ack.error().record_faults[1].index, 2);
  EXPECT_NE(ack.error().record_faults[1].text.find("magic byte"), std::string::npos);
  EXPECT_EQ(read("orders"), Values());
}

TEST_F(SchemaCheckTest, ObservedRecordsAreStored) {
  create("observe");
  const auto ack = node_.produce("orders", 0, batch_of({"x", std::nullopt}));
  ASSERT_TRUE(ack) << ack.error().to_string();
  EXPECT_TRUE(ack->quarantined.empty());
  EXPECT_EQ(read("orders").size(), 2U);
  EXPECT_EQ(node_.fetch("orders.dlq", 0, 0).error().code, ErrorCode::kUnknownTopic);
}

TEST_F(SchemaCheckTest, QuarantinedRecordsAreShownToReadersOfTheDeadLettersOnly) {
  create("quarantine");
  const auto ack = node_.produce("orders", 0, batch_of({std::nullopt, "x", std::nullopt, "y"}));
  ASSERT_TRUE(ack) << ack.error().to_string();
  EXPECT_EQ(ack->last_offset, Offset(3));
  ASSERT_EQ(ack->quarantined.size(), 2U);
  EXPECT_EQ(ack->quarantined[0].index, 1);
  EXPECT_EQ(ack->quarantined[1].index, 3);
  EXPECT_NE(ack->quarantined[0].text.find("magic byte"), std::string::npos) << ack->quarantined[0].text;
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"z"})));
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({std::nullopt})));
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(read("orders"), Values({{0, {}}, {2, {}}, {5, {}}}));
    EXPECT_EQ(read("orders.dlq"), Values({{1, "x"}, {3, "y"}, {4, "z"}}));
    EXPECT_EQ(headers_.at("forebay.dead-letter.topic"), "orders");
    EXPECT_EQ(headers_.at("forebay.dead-letter.partition"), "0");
    EXPECT_EQ(headers_.at("forebay.dead-letter.offset"), "4");
    EXPECT_EQ(headers_.at("forebay.dead-letter.rule"), "no-schema");
    EXPECT_NE(headers_.at("forebay.dead-letter.reason").find("magic byte"), std::string::npos);
    EXPECT_EQ(read("orders.dlq", 4), Values({{4, "z"}}));
    EXPECT_EQ(node_.fetch("orders.dlq", 0, 5)->next_offset, Offset(6));
    node_.power_cut();
    ASSERT_TRUE(node_.start());
    node_.shard_.machine_.scheduler().run_for(std::chrono::seconds(1));  // the partitions open
  }
}

TEST_F(SchemaCheckTest, BatchOfEndlesslyManyBrokenRecordsIsRefusedAsAWhole) {
  const std::string batch = batch_of(std::vector<std::optional<std::string>>(kBrokenRecordsMax + 1, ""));
  create("quarantine");
  const auto ack = node_.produce("orders", 0, batch);
  ASSERT_FALSE(ack);
  EXPECT_EQ(ack.error().code, ErrorCode::kInvalidRecord);
  EXPECT_TRUE(ack.error().record_faults.empty());
  EXPECT_NE(ack.error().context.find("send smaller batches; record 0: value: "), std::string::npos)
      << ack.error().context;
  EXPECT_EQ(node_.fetch("orders.dlq", 0, 0)->high_watermark, Offset(0));
}

// Each of these is seven bytes, and some twenty times that with its origin.
TEST_F(SchemaCheckTest, SmallDeadLettersAreShownPieceByPiece) {
  create("quarantine");
  constexpr std::size_t kCount = 20'000;
  ASSERT_TRUE(node_.produce("orders", 0, batch_of(std::vector<std::optional<std::string>>(kCount, ""))));
  Values all;
  std::int64_t from = 0;
  int pages = 0;
  for (; from < static_cast<std::int64_t>(kCount); ++pages) {
    const auto fetched = node_.fetch("orders.dlq", 0, from);
    ASSERT_TRUE(fetched) << fetched.error().to_string();
    ASSERT_GT(fetched->next_offset.value(), from);
    for (const auto& frame : fetched->frames) {
      const auto view = model::RecordBatchView::parse(frame->payload.span());
      std::vector<std::byte> scratch;
      EXPECT_TRUE(model::records_of(*view, 1U << 20, scratch)) << "larger than asked for";
    }
    const Values some = read("orders.dlq", from);
    all.insert(all.end(), some.begin(), some.end());
    from = fetched->next_offset.value();
  }
  EXPECT_GT(pages, 2);
  ASSERT_EQ(all.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(all[i].first, static_cast<std::int64_t>(i));
}

// What the rules say of it now cannot undo it: the answer to the first try may be lost.
TEST_F(SchemaCheckTest, CopyOfWhatIsStoredIsAcknowledgedWhateverTheRulesSayNow) {
  create("observe");
  const auto batch = [](const std::string& value, std::int32_t sequence) {
    return batch_of({value}, {.producer_id = model::ProducerId(7),
                              .producer_epoch = model::ProducerEpoch(0),
                              .base_sequence = sequence});
  };
  ASSERT_TRUE(node_.produce("orders", 0, batch("x", 0)));
  const auto altered = node_.call<std::vector<ConfigEntry>>([&](auto done) {
    node_.broker_->alter_topic({.name = "orders", .set = {{"on.violation", "reject"}}}, std::move(done));
  });
  ASSERT_TRUE(altered);
  const auto again = node_.produce("orders", 0, batch("x", 0));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->base_offset, Offset(0));
  const auto next = node_.produce("orders", 0, batch("y", 1));
  EXPECT_EQ(next.error().code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(next.error().record_faults.size(), 1U);
  EXPECT_EQ(read("orders"), Values({{0, "x"}}));
}

// A header that is wrong is refused where it comes in, known producer or not.
TEST_F(SchemaCheckTest, BatchWithAWrongHeaderIsNoCopyOfAnything) {
  create("observe");
  const auto batch = [](std::int32_t sequence) {
    return batch_of({"x"}, {.producer_id = model::ProducerId(7),
                            .producer_epoch = model::ProducerEpoch(0),
                            .base_sequence = sequence});
  };
  ASSERT_TRUE(node_.produce("orders", 0, batch(0)));
  for (const std::int32_t sequence : {-1, -2, std::numeric_limits<std::int32_t>::min()}) {
    const auto refused = node_.produce("orders", 0, batch(sequence));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRecord);
    EXPECT_TRUE(refused.error().record_faults.empty());
  }
  EXPECT_TRUE(node_.produce("orders", 0, batch(1)));
}

TEST_F(SchemaCheckTest, CopyOfABatchWithDeadLettersIsStoredOnce) {
  create("quarantine");
  const model::BatchOptions producer{
      .producer_id = model::ProducerId(7), .producer_epoch = model::ProducerEpoch(0), .base_sequence = 0};
  const auto first = node_.produce("orders", 0, batch_of({"x", std::nullopt}, producer));
  const auto again = node_.produce("orders", 0, batch_of({"x", std::nullopt}, producer));
  ASSERT_TRUE(first && again);
  EXPECT_FALSE(first->duplicate);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->base_offset, first->base_offset);
  EXPECT_EQ(again->quarantined.size(), 1U);
  EXPECT_EQ(read("orders.dlq").size(), 1U);
}

TEST_F(SchemaCheckTest, DeadLettersAreListedAndNothingIsDoneToThemAlone) {
  create("quarantine");
  const auto topics = node_.call<std::vector<TopicSummary>>(
      [&](auto done) { node_.broker_->list_topics(false, std::move(done)); });
  ASSERT_TRUE(topics);
  ASSERT_EQ(topics->size(), 2U);
  EXPECT_EQ((*topics)[1].name, "orders.dlq");
  EXPECT_EQ((*topics)[1].dead_letters_of, "orders");
  EXPECT_EQ((*topics)[1].partitions, 2U);
  EXPECT_NE((*topics)[1].id, (*topics)[0].id);
  const auto described = node_.call<TopicDescription>(
      [&](auto done) { node_.broker_->describe_topic("orders.dlq", std::move(done)); });
  ASSERT_TRUE(described);
  EXPECT_EQ(described->name, "orders.dlq");
  EXPECT_EQ(described->partitions.size(), 2U);
  EXPECT_EQ(described->partitions[0].state, "ready");

  const auto refused = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().context.find("shows the dead letters of topic 'orders'"), std::string::npos)
        << result.error().context;
  };
  refused(node_.produce("orders.dlq", 0, batch_of({"x"})));
  refused(node_.call<std::monostate>(
      [&](auto done) { node_.broker_->delete_topic("orders.dlq", std::move(done)); }));
  refused(node_.call<AddPartitionsResult>(
      [&](auto done) { node_.broker_->add_partitions("orders.dlq", 3, false, std::move(done)); }));
  refused(node_.call<std::vector<TrimResult>>(
      [&](auto done) { node_.broker_->trim_topic("orders.dlq", {{}}, std::move(done)); }));
  refused(node_.call<std::vector<ConfigEntry>>([&](auto done) {
    node_.broker_->alter_topic({.name = "orders.dlq", .set = {{"retention.ms", "1"}}}, std::move(done));
  }));
  EXPECT_EQ(node_.create("orders.dlq").error().code, ErrorCode::kTopicExists);
}

TEST_F(SchemaCheckTest, DeadLettersAreShownWhileTheTopicQuarantines) {
  create("quarantine");
  ASSERT_TRUE(node_.produce("orders", 0, batch_of({"x"})));
  const auto alter = [&](const std::string& on_violation) {
    return node_.call<std::vector<ConfigEntry>>([&](auto done) {
      node_.broker_->alter_topic({.name = "orders", .set = {{"on.violation", on_violation}}},
                                 std::move(done));
    });
  };
  ASSERT_TRUE(alter("reject"));
  const auto hidden = node_.fetch("orders.dlq", 0, 0);
  EXPECT_EQ(hidden.error().code, ErrorCode::kUnknownTopic);
  EXPECT_NE(hidden.error().context.find("while it has on.violation=quarantine"), std::string::npos)
      << hidden.error().context;
  EXPECT_EQ(read("orders"), Values()) << "it is no record of the topic because of that";
  ASSERT_TRUE(alter("quarantine"));
  EXPECT_EQ(read("orders.dlq"), Values({{0, "x"}}));
}

// --- what this node may not know yet ---

class NoSchemas final : public schema::ParsedSchemas {
  Result<schema::SchemaPtr> parsed(const schema::ImageAccess&, const schema::StoredSchemaPtr&) override {
    return Error{ErrorCode::kInternal, "nobody asks for one"};
  }
};

class DoubtTest : public testing::TestWithParam<config::OnViolation> {
 protected:
  DoubtTest() {
    route_.config.on_violation = GetParam();
    route_.guard = {.validation = config::SchemaValidation::kId, .topic = "orders"};
  }
  void look(bool is_certain) {
    const std::string batch = batch_of({std::string("\0\0\0\0\7x", 6), "y"});  // schema 7, and none
    SchemaCheck check(
        route_, nothing_, schemas_,
        [&](const schema::Violation& broken) {
          asked_.push_back(broken.rule);
          return is_certain || broken.rule == schema::Violation::Rule::kNoSchema;
        },
        0);
    const auto view = model::RecordBatchView::parse(as_bytes(batch));
    std::vector<std::byte> scratch;
    ASSERT_TRUE(model::validate_batch_records(*view, {}, scratch, &check));
    doubt_ = check.doubt();
    for (const BrokenRecord& one : check.broken()) broken_.push_back(one.index);
    counted_ = check.by_rule();
  }
  using Rule = schema::Violation::Rule;
  [[nodiscard]] std::uint64_t counted(Rule rule) const { return counted_.at(static_cast<std::size_t>(rule)); }

  TopicRoute route_;
  schema::SharedImage nothing_;
  NoSchemas schemas_;
  std::vector<Rule> asked_;
  std::optional<std::string> doubt_;
  std::vector<std::int32_t> broken_;
  std::array<std::uint64_t, schema::kViolationRules> counted_{};
};
INSTANTIATE_TEST_SUITE_P(OfKeeping, DoubtTest,
                         testing::Values(config::OnViolation::kReject, config::OnViolation::kQuarantine));

TEST_P(DoubtTest, RecordThatOnlySeemsBrokenIsNotOneOfThem) {
  look(false);
  ASSERT_TRUE(doubt_);
  EXPECT_EQ(doubt_->find("record 0: "), 0U) << *doubt_;
  EXPECT_EQ(broken_, std::vector<std::int32_t>{1});
  EXPECT_EQ(counted(Rule::kUnknownSchema), 0U) << "it is counted when it is judged";
}

TEST_P(DoubtTest, RecordThatIsCertainlyBrokenIsOneOfThem) {
  look(true);
  EXPECT_FALSE(doubt_);
  EXPECT_EQ(broken_, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(counted(Rule::kUnknownSchema), 1U);
  EXPECT_EQ(asked_, (std::vector<Rule>{Rule::kUnknownSchema, Rule::kNoSchema}));
}

// --- a share of the payloads ---

class SampleTest : public testing::Test {
 protected:
  void SetUp() override {
    schema::SchemaContent content{.format = schema::Format::kAvro, .text = "\"int\""};
    change(schema::SchemaAdded{
        ".", {.id = 1, .guid = schema::guid_of(schema::fingerprint(content)), .content = content}});
    change(schema::VersionSet{"orders-value", 1, 1, false, model::Timestamp(0)});
    route_.config.on_violation = config::OnViolation::kReject;
    route_.config.schema_validation_share = 0.3;
    route_.guard = {.validation = config::SchemaValidation::kPayload, .topic = "orders"};
  }
  void change(const schema::SchemaRecord& record) {
    ASSERT_TRUE(image_.change([&record](schema::RegistryImage& to) { return schema::apply(to, record); }));
  }
  // Of 100 records without a payload.
  std::vector<std::int32_t> broken(std::uint32_t seed) {
    const std::string batch =
        batch_of(std::vector<std::optional<std::string>>(100, std::string("\0\0\0\0\1", 5)));
    SchemaCheck check(
        route_, image_, schemas_, [](const schema::Violation&) { return true; }, seed);
    const auto view = model::RecordBatchView::parse(as_bytes(batch));
    std::vector<std::byte> scratch;
    EXPECT_TRUE(model::validate_batch_records(*view, {}, scratch, &check));
    std::vector<std::int32_t> all;
    for (const BrokenRecord& one : check.broken()) all.push_back(one.index);
    return all;
  }
  TopicRoute route_;
  schema::SharedImage image_;
  schema::SchemaCache schemas_{1U << 20};
};

TEST_F(SampleTest, ABatchThatComesAgainIsLookedAtAlike) {
  std::set<std::vector<std::int32_t>> samples;
  for (const std::uint32_t seed : {0U, 7U, 0x40000000U, 0x80000000U, 0xffffffffU}) {
    EXPECT_EQ(broken(seed), broken(seed));
    EXPECT_NEAR(static_cast<double>(broken(seed).size()), 30, 1) << seed;
    samples.insert(broken(seed));
  }
  EXPECT_GE(samples.size(), 3U) << "and others at other places";
}

class ObservedDoubtTest : public DoubtTest {};
INSTANTIATE_TEST_SUITE_P(OfCounting, ObservedDoubtTest, testing::Values(config::OnViolation::kObserve));

TEST_P(ObservedDoubtTest, NobodyWaitsForWhatIsOnlyCounted) {
  look(false);
  EXPECT_FALSE(doubt_);
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE(broken_.empty());
  EXPECT_EQ(counted(Rule::kUnknownSchema), 1U);
  EXPECT_EQ(counted(Rule::kNoSchema), 1U);
}

}  // namespace
}  // namespace forebay::broker
