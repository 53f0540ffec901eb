#include "schema/core/record_guard.h"

#include "registry_fixture.h"

namespace forebay::schema {
namespace {

using config::SchemaValidation;
using config::SubjectStrategy;

// Headers as a batch has them.
class EncodedHeaders {
 public:
  void add(std::string_view name, std::string_view value) {
    put(static_cast<std::int32_t>(name.size()));
    append(name);
    put(static_cast<std::int32_t>(value.size()));
    append(value);
    ++count_;
  }
  void add_null(std::string_view name) {
    put(static_cast<std::int32_t>(name.size()));
    append(name);
    put(-1);
    ++count_;
  }
  [[nodiscard]] model::HeadersView view() const { return {bytes_, count_}; }

 private:
  void put(std::int32_t size) {
    std::byte room[kVarintBytesMax];
    bytes_.insert(bytes_.end(), room, write_varint(room, size));
  }
  void append(std::string_view text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
  }
  std::vector<std::byte> bytes_;
  std::size_t count_ = 0;
};

class RecordGuardTest : public testing::Test {
 protected:
  void SetUp() override { must(registry_.add("orders-value", avro_record("Order", kFieldA))); }
  std::optional<Violation> check(const std::optional<std::string>& value,
                                 const std::optional<std::string>& key = {}) {
    model::RecordView record;
    if (value) record.value = as_bytes(*value);
    if (key) record.key = as_bytes(*key);
    record.headers = headers_.view();
    return RecordGuard(rules_, registry_, registry_).check(record);
  }
  static std::string with_id(SchemaId id, const std::string& payload) {
    return id_prefix(id, Format::kAvro, {}) + payload;
  }
  GuardRules rules_{.validation = SchemaValidation::kId,
                    .key = SubjectStrategy::kNone,
                    .value = SubjectStrategy::kTopic,
                    .topic = "orders"};
  EncodedHeaders headers_;
  TestRegistry registry_;
};

TEST_F(RecordGuardTest, ARecordOfItsSubjectPasses) {
  EXPECT_FALSE(check(with_id(1, "\x02")));
  EXPECT_FALSE(check(std::nullopt));  // a tombstone
}

TEST_F(RecordGuardTest, AByteThatIsNoMagicIsNamedWithWhatIsExpected) {
  const auto broken = check(R"({"a":1})");
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->rule, Violation::Rule::kNoSchema);
  EXPECT_EQ(
      broken->to_string(),
      "value: found byte 0x7b ('{'), expected magic byte 0x00 and the id of a schema: write it with a "
      "serializer that uses the schema registry; subject 'orders-value' expects one of the ids 1, the latest "
      "first");
}

TEST_F(RecordGuardTest, WhatIsTooShortOrHasNoIdIsSaid) {
  EXPECT_NE(check("")->found.find("no bytes"), std::string::npos);
  EXPECT_NE(check(std::string("\0\0\0", 3))->found.find("3 bytes"), std::string::npos);
  EXPECT_NE(check(std::string("\0\0\0\0\0", 5))->found.find("schema id 0"), std::string::npos);
  EXPECT_NE(check(std::string("\0\xff\xff\xff\xff", 5))->found.find("schema id 4294967295"),
            std::string::npos);
}

TEST_F(RecordGuardTest, AnUnknownIdAndOneOfAnotherSubjectAreToldApart) {
  must(registry_.add("other-value", avro_record("Other", kFieldA)));
  const auto unknown = check(with_id(9, ""));
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->rule, Violation::Rule::kUnknownSchema);
  const auto other = check(with_id(2, ""));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->rule, Violation::Rule::kNotOfSubject);
  EXPECT_EQ(other->subject, "orders-value");
  EXPECT_EQ(other->expected, std::vector<SchemaId>{1});
}

TEST_F(RecordGuardTest, AVersionThatIsDeletedDoesNotCount) {
  must(registry_.add("orders-value", avro_record("Order", kFieldA + "," + kFieldBDefault)));
  must(registry_.remove("orders-value", 1, false));
  const auto broken = check(with_id(1, "\x02"));
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->rule, Violation::Rule::kNotOfSubject);
  EXPECT_EQ(broken->expected, std::vector<SchemaId>{2});
  EXPECT_FALSE(check(with_id(2, "")));
}

TEST_F(RecordGuardTest, TheGuidInAHeaderIsAsGoodAsTheId) {
  const auto guid = registry_.image.schema(".", 1)->guid;
  std::string mark =
      "\x01" + std::string(reinterpret_cast<const char*>(guid.bytes.data()), guid.bytes.size());
  headers_.add("trace", "x");
  headers_.add(kValueSchemaHeader, mark);
  EXPECT_FALSE(check("\x02"));
  mark.back() = static_cast<char>(mark.back() ^ 1);
  headers_ = {};
  headers_.add(kValueSchemaHeader, mark);
  EXPECT_EQ(check("\x02")->rule, Violation::Rule::kUnknownSchema);
  headers_ = {};
  headers_.add(kValueSchemaHeader, "short");
  EXPECT_EQ(check("\x02")->rule, Violation::Rule::kNoSchema);
}

TEST_F(RecordGuardTest, KeysHaveTheirOwnSubject) {
  rules_.key = SubjectStrategy::kTopic;
  must(registry_.add("orders-key", R"("string")"));
  EXPECT_FALSE(check(with_id(1, "\x02"), with_id(2, "\x02k")));
  const auto broken = check(with_id(1, "\x02"), with_id(1, "\x02"));
  ASSERT_TRUE(broken);
  EXPECT_TRUE(broken->is_key);
  EXPECT_EQ(broken->subject, "orders-key");
  EXPECT_FALSE(check(with_id(1, "\x02")));  // no key
}

TEST_F(RecordGuardTest, SubjectsMayFollowTheNameOfWhatIsDescribed) {
  rules_.value = SubjectStrategy::kRecord;
  EXPECT_EQ(check(with_id(1, ""))->subject, "Order");
  must(registry_.add("Order", avro_record("Order", kFieldA)));
  EXPECT_FALSE(check(with_id(1, "")));
  rules_.value = SubjectStrategy::kTopicRecord;
  EXPECT_EQ(check(with_id(1, ""))->subject, "orders-Order");
  must(registry_.add("orders-Order", avro_record("Order", kFieldA)));
  EXPECT_FALSE(check(with_id(1, "")));
  must(registry_.add("string", R"("string")"));
  EXPECT_EQ(check(with_id(2, ""))->rule, Violation::Rule::kNotOfSubject);
}

// As whoever registers under that name, or looks it up, gets the ids of the other subject.
TEST_F(RecordGuardTest, AnAliasMeansTheOtherSubject) {
  must(registry_.add("orders-v2", avro_record("Order", kFieldB)));
  ASSERT_TRUE(registry_.configure("orders-value", {.alias = "orders-v2"}));
  EXPECT_FALSE(check(with_id(2, "\x02")));
  const auto broken = check(with_id(1, "\x02"));
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->rule, Violation::Rule::kNotOfSubject);
  EXPECT_EQ(broken->subject, "orders-v2");
  EXPECT_EQ(broken->expected, std::vector<SchemaId>{2});
  // Its ids are others.
  must(registry_.add(":.sales:orders", avro_record("Order", kFieldA)));
  ASSERT_TRUE(registry_.configure("orders-value", {.alias = ":.sales:orders"}));
  const auto elsewhere = check(with_id(1, "\x02"));
  ASSERT_TRUE(elsewhere);
  EXPECT_NE(elsewhere->to_string().find("alias of ':.sales:orders', in another one"), std::string::npos)
      << elsewhere->to_string();
}

// A program that writes on what it has read keeps the headers, and the serializer adds its own.
TEST_F(RecordGuardTest, TheLastHeaderThatSaysSomethingCounts) {
  must(registry_.add("other-value", avro_record("Order", kFieldB)));
  const auto guid = [&](SchemaId id) {
    const auto schema = registry_.image.schema(".", id);
    return "\x01" + std::string(schema->guid.bytes.begin(), schema->guid.bytes.end());
  };
  headers_.add("__value_schema_id", guid(2));
  EXPECT_TRUE(check("\x02"));
  headers_.add("__value_schema_id", guid(1));
  headers_.add("other", "x");
  EXPECT_FALSE(check("\x02"));
  headers_.add_null("__value_schema_id");
  EXPECT_FALSE(check("\x02"));
}

TEST_F(RecordGuardTest, AHeaderWithoutAValueSaysNothing) {
  headers_.add_null("__value_schema_id");
  EXPECT_FALSE(check(with_id(1, "\x02")));
}

TEST_F(RecordGuardTest, NothingIsAskedWhereNothingIsValidated) {
  rules_.validation = SchemaValidation::kNone;
  EXPECT_FALSE(check("anything"));
  rules_.validation = SchemaValidation::kId;
  rules_.value = SubjectStrategy::kNone;
  EXPECT_FALSE(check("anything"));
}

TEST_F(RecordGuardTest, WhatWasSeenIsCountedById) {
  RecordGuard guard(rules_, registry_, registry_);
  const std::string value = with_id(1, "\x02");
  model::RecordView record;
  record.value = as_bytes(value);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(guard.check(record));
  EXPECT_EQ(guard.seen(), (std::map<SchemaId, std::uint64_t>{{1, 3}}));
}

// What was right before says nothing of another id, nor of the same one in another place.
TEST_F(RecordGuardTest, EachRecordOfABatchIsJudgedByItself) {
  must(registry_.add("orders-key", avro_record("Key", kFieldA)));
  rules_.key = SubjectStrategy::kTopic;
  RecordGuard guard(rules_, registry_, registry_);
  const auto check_both = [&](const std::string& key, const std::string& value) {
    model::RecordView record;
    record.key = as_bytes(key);
    record.value = as_bytes(value);
    const auto broken = guard.check(record);
    return !broken ? "good" : broken->is_key ? "key" : "value";
  };
  const std::string order = with_id(1, "a"), key = with_id(2, "b");
  EXPECT_STREQ(check_both(key, order), "good");
  EXPECT_STREQ(check_both(key, order), "good");
  EXPECT_STREQ(check_both(key, key), "value");
  EXPECT_STREQ(check_both(order, order), "key");
  EXPECT_STREQ(check_both(key, with_id(7, "")), "value");
  EXPECT_STREQ(check_both(key, order), "good");
  EXPECT_EQ(guard.seen(), (std::map<SchemaId, std::uint64_t>{{1, 3}, {2, 1}}));
}

TEST(WireFormat, MessageIndexesOfProtobuf) {
  for (const std::vector<std::uint32_t>& path :
       {std::vector<std::uint32_t>{}, std::vector<std::uint32_t>{0}, std::vector<std::uint32_t>{2},
        std::vector<std::uint32_t>{0, 3, 200}}) {
    const std::string bytes = id_prefix(7, Format::kProtobuf, path) + "payload";
    const auto mark = read_mark(as_bytes(bytes), {}, false);
    ASSERT_TRUE(mark);
    EXPECT_EQ(mark->id, 7);
    const auto read = read_payload(*mark, Format::kProtobuf);
    ASSERT_TRUE(read);
    EXPECT_EQ(as_text(read->payload), "payload");
    const bool is_first = path.empty() || path == std::vector<std::uint32_t>{0};
    EXPECT_EQ(read->path, is_first ? std::vector<std::uint32_t>{} : path);
  }
  const std::string cut("\0\0\0\0\x07\x06\x02", 7);
  EXPECT_FALSE(read_payload(*read_mark(as_bytes(cut), {}, false), Format::kProtobuf));
}

}  // namespace
}  // namespace forebay::schema
