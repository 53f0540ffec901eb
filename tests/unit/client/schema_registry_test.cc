#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/core/recent.h"
#include "forebay/schema_registry.h"
#include "registry_server.h"

namespace forebay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Schema avro(const std::string& fields, std::vector<SchemaReference> references = {}) {
  return {SchemaFormat::kAvro, R"({"type":"record","name":"Order","fields":[)" + fields + "]}",
          std::move(references), std::nullopt, ""};
}
const std::string kId = R"({"name":"id","type":"string"})";
const std::string kNote = R"(,{"name":"note","type":"string"})";
const std::string kNoteDefault = R"(,{"name":"note","type":"string","default":""})";

class SchemaRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = SchemaRegistry::create({.servers = {server_.address()}});
    ASSERT_TRUE(made) << made.error().to_string();
    registry_ = std::move(*made);
  }
  RegisteredSchema add(const std::string& subject, const Schema& schema) {
    const auto added = registry_->register_schema(subject, schema);
    EXPECT_TRUE(added) << added.error().to_string();
    return added ? *added : RegisteredSchema{};
  }

  client::RegistryServer server_;
  std::unique_ptr<SchemaRegistry> registry_;
};

TEST_F(SchemaRegistryTest, RegistersOnce) {
  const RegisteredSchema first = add("orders-value", avro(kId));
  EXPECT_TRUE(first.is_new);
  EXPECT_EQ(first.version.version, 1);
  EXPECT_EQ(first.version.id, 1);
  EXPECT_EQ(first.version.guid.size(), 36U);
  const RegisteredSchema again = add("orders-value", avro(kId));
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.version.id, 1);
}

TEST_F(SchemaRegistryTest, ARefusalHasTheNumberOfTheRestApi) {
  add("orders-value", avro(kId));
  const auto refused = registry_->register_schema("orders-value", avro(kId + kNote));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kIncompatibleSchema);
  EXPECT_EQ(refused.error().registry_code, 40901U);
  EXPECT_EQ(registry_->get_version("nobody").error().registry_code, 40401U);
  EXPECT_EQ(registry_->get_by_id(77).error().registry_code, 40403U);
  EXPECT_EQ(registry_->lookup("orders-value", avro(kId + kNote)).error().registry_code, 40403U);
}

TEST_F(SchemaRegistryTest, CheckTellsEveryRule) {
  add("orders-value", avro(kId));
  const auto check = registry_->check("orders-value", avro(kId + kNote));
  ASSERT_TRUE(check) << check.error().to_string();
  EXPECT_FALSE(check->is_compatible);
  EXPECT_EQ(check->level, SchemaLevel::kBackward);
  EXPECT_THAT(check->compared, ElementsAre(1));
  ASSERT_EQ(check->verdicts.size(), 1U);
  EXPECT_EQ(check->verdicts[0].rule, "READER_FIELD_MISSING_DEFAULT_VALUE");
  EXPECT_EQ(check->verdicts[0].path, "/fields/1");
  EXPECT_FALSE(check->verdicts[0].old_reads);
  EXPECT_NE(check->verdicts[0].allowed, "");
  EXPECT_THAT(check->verdicts[0].text, HasSubstr("/fields/1"));
}

TEST_F(SchemaRegistryTest, GetsByIdGuidAndVersion) {
  const RegisteredSchema first = add("orders-value", avro(kId));
  add("orders-value", avro(kId + kNoteDefault));
  const auto by_id = registry_->get_by_id(1);
  ASSERT_TRUE(by_id);
  EXPECT_EQ(by_id->guid, first.version.guid);
  ASSERT_EQ(by_id->uses.size(), 1U);
  EXPECT_EQ(by_id->uses[0].subject, "orders-value");
  const auto by_guid = registry_->get_by_guid(first.version.guid);
  ASSERT_TRUE(by_guid);
  EXPECT_EQ(by_guid->schema, by_id->schema);
  EXPECT_EQ(registry_->get_version("orders-value", 1)->version.schema, by_id->schema);
  EXPECT_EQ(registry_->get_version("orders-value")->version.version, 2);
}

TEST_F(SchemaRegistryTest, ListsAreWholeWhateverAPageHolds) {
  server_.page(1);
  for (const char* subject : {"a", "b", "c"}) add(subject, avro(kId));
  add("b", avro(kId + kNoteDefault));
  EXPECT_THAT(*registry_->list_subjects(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*registry_->list_subjects({.prefix = "b"}), ElementsAre("b"));
  const auto versions =
      registry_->list_versions("b", SchemaRegistry::Deleted::kHide, SchemaRegistry::Texts::kYes);
  ASSERT_TRUE(versions);
  ASSERT_EQ(versions->size(), 2U);
  EXPECT_THAT((*versions)[1].schema.text, HasSubstr("note"));
  const auto all = registry_->list_all_versions();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0].schema.text, "");
  EXPECT_EQ(registry_->list_versions("nobody").error().registry_code, 40401U);
}

TEST_F(SchemaRegistryTest, DeletesInTwoSteps) {
  add("orders-value", avro(kId));
  EXPECT_EQ(registry_->delete_versions("orders-value", 1, SchemaRegistry::Delete::kPermanently)
                .error()
                .registry_code,
            40407U);
  EXPECT_THAT(*registry_->delete_versions("orders-value"), ElementsAre(1));
  EXPECT_THAT(*registry_->list_subjects(), IsEmpty());
  EXPECT_THAT(*registry_->list_subjects({.prefix = "", .deleted = SchemaFilter::Deleted::kOnly}),
              ElementsAre("orders-value"));
  EXPECT_TRUE(registry_->get_version("orders-value", 1, SchemaRegistry::Deleted::kShow)->version.deleted);
  EXPECT_THAT(*registry_->delete_versions("orders-value", std::nullopt, SchemaRegistry::Delete::kPermanently),
              ElementsAre(1));
  EXPECT_EQ(registry_->get_by_id(1).error().registry_code, 40403U);
}

TEST_F(SchemaRegistryTest, RulesAreSetAndCleared) {
  const auto set = registry_->set_rules(
      "orders-value", {.level = SchemaLevel::kFull, .json_policy = JsonPolicy::kLenient, .normalize = true});
  ASSERT_TRUE(set) << set.error().to_string();
  EXPECT_EQ(set->before, SchemaRules{});
  EXPECT_EQ(set->own.level, SchemaLevel::kFull);
  ASSERT_TRUE(registry_->set_rules("", {.mode = SchemaMode::kReadOnly}));
  const auto found = registry_->get_rules("orders-value");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->own.json_policy, JsonPolicy::kLenient);
  EXPECT_EQ(found->own.mode, std::nullopt);
  EXPECT_EQ(found->effective.mode, SchemaMode::kReadOnly);
  EXPECT_EQ(found->effective.normalize, true);
  ASSERT_TRUE(registry_->clear_rules("", {.config = false, .mode = true}));
  const auto cleared = registry_->clear_rules("orders-value", {.config = true, .mode = false});
  ASSERT_TRUE(cleared) << cleared.error().to_string();
  EXPECT_EQ(cleared->own, SchemaRules{});
  EXPECT_EQ(registry_->get_rules("orders-value")->effective.level, SchemaLevel::kBackward);
}

TEST_F(SchemaRegistryTest, ImportsAreTakenAsTheyAreAndOnce) {
  SchemaVersion version{"orders-value", 3, 40, "", avro(kId), true, 0};
  ASSERT_TRUE(registry_->import_version(version));
  const auto again = registry_->import_version(version);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_FALSE(again->is_new);
  EXPECT_TRUE(registry_->get_version("orders-value", 3, SchemaRegistry::Deleted::kShow)->version.deleted);
  version.schema = avro(kId + kNoteDefault);
  const auto conflict = registry_->import_version(version);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::kFailedPrecondition) << conflict.error().to_string();
}

TEST_F(SchemaRegistryTest, AnImportIsTakenByTheSubjectOfThatName) {
  SchemaRules alias;
  alias.alias = "orders-v2";
  ASSERT_TRUE(registry_->set_rules("orders-value", alias));
  const auto imported = registry_->import_version({"orders-value", 1, 40, "", avro(kId), false, 0});
  ASSERT_TRUE(imported) << imported.error().to_string();
  EXPECT_EQ(imported->version.subject, "orders-value");
  EXPECT_FALSE(registry_->get_version("orders-value", 1));
  EXPECT_TRUE(registry_->get_version("orders-value", 1, SchemaRegistry::Deleted::kHide,
                                     SchemaRegistry::Aliases::kIgnore));
}

// Who deletes, or gives ids to records, must not get those of another context.
TEST_F(SchemaRegistryTest, ASubjectIsThatOfItsContext) {
  ASSERT_TRUE(registry_->register_schema(":.sales:orders-value", avro(kId)));
  EXPECT_EQ(registry_->get_version("orders-value").error().registry_code, 40401U);
  EXPECT_EQ(registry_->lookup("orders-value", avro(kId)).error().registry_code, 40401U);
  EXPECT_TRUE(registry_->get_version(":.sales:orders-value"));
}

TEST_F(SchemaRegistryTest, CompareTellsBothDirectionsWhateverTheLevel) {
  const auto verdicts = registry_->compare("orders-value", avro(kId), avro(kId + kNote));
  ASSERT_TRUE(verdicts) << verdicts.error().to_string();
  ASSERT_EQ(verdicts->size(), 1U);
  EXPECT_FALSE((*verdicts)[0].old_reads);
  const auto back = registry_->compare("orders-value", avro(kId + kNote), avro(kId));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1U);
  EXPECT_TRUE((*back)[0].old_reads);
  const auto other = registry_->compare("s", avro(kId), {SchemaFormat::kJson, "{}", {}, {}, ""});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().context, HasSubstr("JSON"));
}

TEST_F(SchemaRegistryTest, CompareFindsWhatASchemaRefersTo) {
  add("place", {SchemaFormat::kAvro, R"({"type":"record","name":"Place","fields":[]})", {}, {}, ""});
  const std::string field = R"(,{"name":"place","type":"Place"})";
  const auto verdicts =
      registry_->compare("orders-value", avro(kId), avro(kId + field, {{"Place", "place", 1}}));
  ASSERT_TRUE(verdicts) << verdicts.error().to_string();
  EXPECT_EQ(verdicts->size(), 1U);
  EXPECT_FALSE(registry_->compare("orders-value", avro(kId), avro(kId + field, {{"Place", "nobody", 1}})));
}

TEST(SchemaNames, AreReadInAnyCase) {
  EXPECT_EQ(*parse_schema_level("backward_transitive"), SchemaLevel::kBackwardTransitive);
  EXPECT_EQ(schema_level_name(SchemaLevel::kFull), "FULL");
  EXPECT_EQ(*parse_schema_mode("ReadOnly"), SchemaMode::kReadOnly);
  EXPECT_EQ(*parse_schema_format("protobuf"), SchemaFormat::kProtobuf);
  EXPECT_THAT(parse_schema_level("UP").error().context, HasSubstr("BACKWARD_TRANSITIVE"));
}

TEST(Recent, KeepsWhatWasUsedLast) {
  client::Recent<int, int> recent(2);
  recent.put(1, 10);
  recent.put(2, 20);
  ASSERT_NE(recent.find(1), nullptr);
  recent.put(3, 30);
  EXPECT_EQ(recent.find(2), nullptr);
  EXPECT_EQ(*recent.find(1), 10);
  EXPECT_EQ(recent.size(), 2U);
}

TEST(SchemaRegistryOptions, ACacheOfNothingIsRefused) {
  EXPECT_EQ(SchemaRegistry::create({}, {.cache_entries_max = 0}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace forebay
