#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forebay/protobuf_serializer.h"
#include "forebay/v1/schemas.pb.h"
#include "registry_server.h"

namespace forebay {
namespace {

using testing::HasSubstr;

const Schema kOrder{SchemaFormat::kAvro,
                    R"({"type":"record","name":"Order","namespace":"shop","fields":[)"
                    R"({"name":"id","type":"string"},{"name":"amount","type":"int"}]})",
                    {},
                    std::nullopt,
                    ""};
const std::string kJsonOrder = R"({"id":"a","amount":3})";

class SerializerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = SchemaRegistry::create({.servers = {server_.address()}});
    ASSERT_TRUE(made) << made.error().to_string();
    registry_ = std::move(*made);
  }
  void add(const std::string& subject, const Schema& schema) {
    const auto added = registry_->register_schema(subject, schema);
    ASSERT_TRUE(added) << added.error().to_string();
  }
  // As a consumer gets it.
  Result<DeserializedPart> read(const SerializedPart& part, SchemaDeserializerOptions options = {}) {
    RecordView record;
    (options.part == RecordPart::kKey ? record.key : record.value) = part.bytes;
    std::vector<HeaderView> headers;
    if (part.header) headers.push_back({part.header->name, *part.header->value});
    record.headers = headers;
    return SchemaDeserializer(*registry_, options).deserialize(record);
  }

  client::RegistryServer server_;
  std::unique_ptr<SchemaRegistry> registry_;
};

TEST_F(SerializerTest, JsonBecomesAMagicByteTheIdAndThePayload) {
  add("orders-value", kOrder);
  SchemaSerializer serializer(*registry_, {.schema = kOrder});
  const auto part = serializer.from_json("orders", kJsonOrder);
  ASSERT_TRUE(part) << part.error().to_string();
  EXPECT_EQ(part->bytes, std::string("\0\0\0\0\1\2a\6", 8));
  EXPECT_FALSE(part->header);
  const auto back = read(*part);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->schema_id, 1);
  EXPECT_EQ(back->format, SchemaFormat::kAvro);
  EXPECT_EQ(back->payload, "\2a\6");
  EXPECT_EQ(back->json, kJsonOrder);
}

TEST_F(SerializerTest, TheHeaderHasTheGuid) {
  add("orders-key", kOrder);
  SchemaSerializer serializer(
      *registry_, {.schema = kOrder, .part = RecordPart::kKey, .framing = SchemaFraming::kHeader});
  const auto part = serializer.from_json("orders", kJsonOrder);
  ASSERT_TRUE(part) << part.error().to_string();
  EXPECT_EQ(part->bytes, "\2a\6");
  ASSERT_TRUE(part->header);
  EXPECT_EQ(part->header->name, "__key_schema_id");
  EXPECT_EQ(part->header->value->size(), 17U);
  const auto back = read(*part, {.part = RecordPart::kKey, .context = ""});
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->json, kJsonOrder);
}

TEST_F(SerializerTest, NothingIsRegisteredUnlessItIsAskedFor) {
  SchemaSerializer careful(*registry_, {.schema = kOrder});
  EXPECT_EQ(careful.from_json("orders", kJsonOrder).error().registry_code, 40401U);
  SchemaSerializer author(*registry_, {.schema = kOrder, .auto_register = true});
  ASSERT_TRUE(author.from_json("orders", kJsonOrder));
  EXPECT_TRUE(careful.from_json("orders", kJsonOrder));
}

TEST_F(SerializerTest, TheRegistryIsAskedOnceForASubject) {
  add("orders-value", kOrder);
  SchemaSerializer one(*registry_, {.schema = kOrder});
  SchemaSerializer two(*registry_, {.schema = kOrder});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.from_json("orders", kJsonOrder));
    ASSERT_TRUE(two.from_json("orders", kJsonOrder));
  }
  EXPECT_EQ(server_.calls("LookupSchema"), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(read(*one.from_json("orders", kJsonOrder)));
  EXPECT_EQ(server_.calls("GetSchema"), 1);
}

TEST_F(SerializerTest, SubjectsAreCalledAsTheNamingSays) {
  add("shop.Order", kOrder);
  add("orders-shop.Order", kOrder);
  SchemaSerializer by_record(*registry_, {.schema = kOrder, .naming = SubjectNaming::kRecord});
  EXPECT_TRUE(by_record.from_json("any", kJsonOrder));
  SchemaSerializer by_both(*registry_, {.schema = kOrder, .naming = SubjectNaming::kTopicRecord});
  EXPECT_TRUE(by_both.from_json("orders", kJsonOrder));
  EXPECT_EQ(by_both.from_json("other", kJsonOrder).error().registry_code, 40401U);
  SchemaSerializer unknown(*registry_, {.naming = SubjectNaming::kRecord});
  EXPECT_EQ(unknown.from_json("orders", kJsonOrder).error().code, ErrorCode::kInvalidArgument);
  SchemaSerializer named(*registry_, {.subject = "shop.Order"});
  EXPECT_TRUE(named.from_json("orders", kJsonOrder));
}

TEST_F(SerializerTest, WithoutASchemaItIsTheLatestUntilRefreshed) {
  add("orders-value", kOrder);
  SchemaSerializer serializer(*registry_, {});
  EXPECT_EQ(serializer.from_json("orders", kJsonOrder)->schema_id, 1);
  Schema wider = kOrder;
  wider.text.insert(wider.text.size() - 2, R"(,{"name":"note","type":"string","default":""})");
  add("orders-value", wider);
  EXPECT_EQ(serializer.from_json("orders", kJsonOrder)->schema_id, 1);
  serializer.refresh();
  EXPECT_EQ(serializer.from_json("orders", R"({"id":"a","amount":3,"note":"n"})")->schema_id, 2);
  SchemaSerializer pinned(*registry_, {.version = 1});
  EXPECT_EQ(pinned.from_json("orders", kJsonOrder)->schema_id, 1);
  SchemaSerializer latest(*registry_, {.schema = kOrder, .use_latest = true});
  EXPECT_EQ(latest.from_json("orders", R"({"id":"a","amount":3,"note":"n"})")->schema_id, 2);
  const auto encoded = latest.from_encoded("orders", std::string("\2a\6", 3));
  ASSERT_FALSE(encoded) << "those bytes are of the first one";
  EXPECT_THAT(encoded.error().context, HasSubstr("schema id 2"));
}

// The id would be another schema to who reads it.
TEST_F(SerializerTest, AnAliasThatLeadsIntoAnotherContextIsRefused) {
  add(":.sales:orders", kOrder);
  SchemaRules alias;
  alias.alias = ":.sales:orders";
  ASSERT_TRUE(registry_->set_rules("orders-value", alias));
  for (const SchemaSerializerOptions& options :
       {SchemaSerializerOptions{}, SchemaSerializerOptions{.schema = kOrder}}) {
    const auto refused = SchemaSerializer(*registry_, options).from_json("orders", kJsonOrder);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << refused.error().to_string();
  }
  SchemaSerializer named(*registry_, {.schema = kOrder, .subject = ":.sales:orders"});
  EXPECT_TRUE(named.from_json("orders", kJsonOrder));
}

TEST_F(SerializerTest, WhatDoesNotFitIsToldWithItsPath) {
  add("orders-value", kOrder);
  SchemaSerializer serializer(*registry_, {.schema = kOrder});
  const auto refused = serializer.from_json("orders", R"({"id":"a","amount":"three"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidRecord);
  EXPECT_THAT(refused.error().context, HasSubstr("amount"));
  const auto unreadable = read({.bytes = std::string("\0\0\0\0\1\2", 6), .header = {}});
  ASSERT_FALSE(unreadable);
  EXPECT_THAT(unreadable.error().context, HasSubstr("schema id 1"));
  EXPECT_EQ(read({.bytes = std::string("\0\0\0\0\7xx", 7), .header = {}}).error().registry_code, 40403U);
  EXPECT_EQ(read({.bytes = "plain", .header = {}}).error().code, ErrorCode::kInvalidRecord);
}

TEST_F(SerializerTest, ARecordSaysASchemaByItsFirstByteOrItsHeader) {
  const SchemaDeserializer deserializer(*registry_);
  const std::string framed("\0\0\0\0\1", 5);
  EXPECT_TRUE(deserializer.says_schema({.value = framed}));
  EXPECT_FALSE(deserializer.says_schema({.value = std::string_view(framed).substr(0, 4)}));
  EXPECT_FALSE(deserializer.says_schema({.value = "{\"id\":1}"}));
  EXPECT_FALSE(deserializer.says_schema({}));
  const std::vector<HeaderView> headers{{"__value_schema_id", "\1guid"}};
  EXPECT_TRUE(deserializer.says_schema({.value = "x", .headers = headers}));
}

TEST_F(SerializerTest, PutsIntoARecord) {
  add("orders-value", kOrder);
  SchemaSerializer serializer(*registry_, {.schema = kOrder, .framing = SchemaFraming::kHeader});
  Record record{.key = "k"};
  ASSERT_TRUE(serializer.put_json("orders", kJsonOrder, record));
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.value, "\2a\6");
  ASSERT_EQ(record.headers.size(), 1U);
}

TEST_F(SerializerTest, ARecordSaysOneSchemaWhateverItSaidBefore) {
  add("orders-value", kOrder);
  SchemaSerializer in_header(*registry_, {.schema = kOrder, .framing = SchemaFraming::kHeader});
  SchemaSerializer in_front(*registry_, {.schema = kOrder});
  Record record{.headers = {{"trace", "t"}, {"__value_schema_id", "of another"}, {"__key_schema_id", "k"}}};
  ASSERT_TRUE(in_header.put_json("orders", kJsonOrder, record));
  ASSERT_EQ(record.headers.size(), 3U);
  EXPECT_EQ(record.headers[0].name, "trace");
  EXPECT_EQ(record.headers[1].name, "__key_schema_id");
  EXPECT_EQ(record.headers[2].value->size(), 17U);
  ASSERT_TRUE(in_front.put_json("orders", kJsonOrder, record));
  EXPECT_EQ(record.headers.size(), 2U);
  EXPECT_FALSE(in_front.put_json("orders", "no JSON", record));
  EXPECT_EQ(record.headers.size(), 2U);
}

TEST_F(SerializerTest, SchemasThatDifferInMetadataHaveTheirOwnIds) {
  Schema of_shop = kOrder, of_store = kOrder;
  of_shop.metadata = SchemaMetadata{{}, {{"owner", "shop"}}, {}};
  of_store.metadata = SchemaMetadata{{}, {{"owner", "store"}}, {}};
  add("orders-value", of_shop);
  add("orders-value", of_store);
  SchemaSerializer shop(*registry_, {.schema = of_shop});
  SchemaSerializer store(*registry_, {.schema = of_store});
  EXPECT_EQ(shop.from_json("orders", kJsonOrder)->schema_id, 1);
  EXPECT_EQ(store.from_json("orders", kJsonOrder)->schema_id, 2);
}

TEST_F(SerializerTest, JsonSchemaAndProtobuf) {
  add("j-value", {SchemaFormat::kJson,
                  R"({"type":"object","properties":{"id":{"type":"string"}},"required":["id"]})",
                  {},
                  {},
                  ""});
  SchemaSerializer json(*registry_, {});
  const auto as_json = json.from_json("j", R"({"id":"a"})");
  if (as_json || as_json.error().code != ErrorCode::kUnsupported) {
    ASSERT_TRUE(as_json) << as_json.error().to_string();
    EXPECT_EQ(read(*as_json)->json, R"({"id":"a"})");
    EXPECT_THAT(json.from_json("j", "{}").error().context, HasSubstr("id"));
  }
  add("p-value", {SchemaFormat::kProtobuf,
                  "syntax = \"proto3\"; message Zero {} message Two { message In { string id = 1; } }",
                  {},
                  {},
                  ""});
  SchemaSerializer protobuf(*registry_, {.message = {1, 0}});
  const auto as_protobuf = protobuf.from_json("p", R"({"id":"a"})");
  ASSERT_TRUE(as_protobuf) << as_protobuf.error().to_string();
  EXPECT_EQ(as_protobuf->bytes.substr(5), std::string("\4\2\0\n\1a", 6));
  EXPECT_EQ(read(*as_protobuf)->json, R"({"id":"a"})");
}

TEST_F(SerializerTest, AMessageOfAGeneratedClassSaysWhichOneItIs) {
  v1::GetSchemaResponse::Use use;
  use.set_subject("s");
  const SchemaMessagePath path = message_path_of(use);
  ASSERT_EQ(path.size(), 2U);
  EXPECT_EQ(path[1], 0U);
  std::string before;  // messages of the file that stand before it
  for (std::uint32_t i = 0; i < path[0]; ++i) before += "message M" + std::to_string(i) + " {}\n";
  const auto file = [&before](const std::string& package) {
    return Schema{SchemaFormat::kProtobuf,
                  "syntax = \"proto3\"; package " + package + ";\n" + before +
                      "message GetSchemaResponse { message Use { string subject = 1; } }",
                  {},
                  {},
                  ""};
  };
  add("p-value", file("forebay.v1"));
  SchemaSerializer serializer(*registry_, {});
  const auto part = serialize(serializer, "p", use);
  ASSERT_TRUE(part) << part.error().to_string();
  EXPECT_EQ(part->bytes.substr(part->bytes.size() - 3), "\n\1s");
  EXPECT_EQ(read(*part)->json, R"({"subject":"s"})");
  add("other-value", file("other.v1"));
  const auto other = serialize(serializer, "other", use);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(other.error().context, HasSubstr("forebay.v1.GetSchemaResponse.Use"));
  EXPECT_THAT(other.error().context, HasSubstr("other.v1.GetSchemaResponse.Use"));
}

TEST_F(SerializerTest, AMessageThatTheSchemaHasNotIsRefused) {
  add("p-value", {SchemaFormat::kProtobuf, "syntax = \"proto3\"; message A {}", {}, {}, ""});
  SchemaSerializer serializer(*registry_, {});
  EXPECT_TRUE(serializer.from_encoded("p", "", {0}));
  const auto refused = serializer.from_encoded("p", "", {1});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().context, HasSubstr("no message at [1]"));
}

}  // namespace
}  // namespace forebay
