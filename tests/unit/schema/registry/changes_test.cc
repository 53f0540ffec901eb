#include "registry_fixture.h"

namespace forebay::schema {
namespace {

using Numbers = std::vector<VersionNumber>;

class ChangesTest : public testing::Test {
 protected:
  void SetUp() override {
    must(registry_.add("s", avro_record("R", kFieldA)));
    must(registry_.add("s", avro_record("R", kFieldA + "," + kFieldBDefault)));
  }
  TestRegistry registry_;
};

TEST_F(ChangesTest, ASoftlyDeletedVersionIsFoundByItsIdAndByWhoAsks) {
  EXPECT_EQ(*registry_.remove("s", 1, false), Numbers{1});
  EXPECT_EQ(code_of(find_version(registry_.image, "s", 1, false)), 40402U);
  EXPECT_EQ(find_version(registry_.image, "s", 1, true)->schema->id, 1);
  EXPECT_NE(registry_.image.schema(".", 1), nullptr);
  EXPECT_EQ(code_of(registry_.remove("s", 1, false)), 40406U);
}

TEST_F(ChangesTest, PermanentDeletionComesSecond) {
  EXPECT_EQ(code_of(registry_.remove("s", 1, true)), 40407U);
  must(registry_.remove("s", 1, false));
  EXPECT_EQ(*registry_.remove("s", 1, true), Numbers{1});
  EXPECT_EQ(registry_.image.schema(".", 1), nullptr);
  EXPECT_EQ(code_of(registry_.remove("s", 1, true)), 40402U);
  EXPECT_EQ(code_of(registry_.remove("t", 1, true)), 40401U);
}

TEST_F(ChangesTest, TheLatestIsTheLastOneThatIsNotDeleted) {
  must(registry_.remove("s", 2, false));
  const auto latest = find_version(registry_.image, "s", kLatestVersion, true);
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->number, 1);
  EXPECT_EQ(code_of(registry_.remove("s", kLatestVersion, true)), 40407U);
  EXPECT_EQ(*registry_.remove("s", kLatestVersion, false), Numbers{1});
  EXPECT_EQ(code_of(registry_.remove("s", kLatestVersion, false)), 40402U);
  EXPECT_EQ(code_of(registry_.remove("s", kLatestVersion, true)), 40402U);
}

TEST_F(ChangesTest, ASubjectGoesWithItsLastVersion) {
  ASSERT_TRUE(registry_.set_level("s", Level::kFull));
  ASSERT_TRUE(registry_.set_mode("s", Mode::kReadWrite));
  must(registry_.remove("s", std::nullopt, false));
  EXPECT_EQ(*registry_.remove("s", 1, true), Numbers{1});
  EXPECT_EQ(registry_.image.configs.size(), 1U);
  EXPECT_EQ(*registry_.remove("s", 2, true), Numbers{2});
  EXPECT_TRUE(registry_.image.configs.empty());
  EXPECT_TRUE(registry_.image.modes.empty());
  EXPECT_TRUE(registry_.image.subjects.empty());
}

TEST_F(ChangesTest, ASubjectGoesAsAWhole) {
  EXPECT_EQ(code_of(registry_.remove("s", std::nullopt, true)), 40405U);
  EXPECT_EQ(*registry_.remove("s", std::nullopt, false), (Numbers{1, 2}));
  EXPECT_EQ(code_of(registry_.remove("s", std::nullopt, false)), 40404U);
  EXPECT_EQ(code_of(find_version(registry_.image, "s", kLatestVersion, false)), 40401U);
  ASSERT_TRUE(registry_.set_level("s", Level::kFull));
  EXPECT_EQ(*registry_.remove("s", std::nullopt, true), (Numbers{1, 2}));
  EXPECT_EQ(code_of(registry_.remove("s", std::nullopt, true)), 40401U);
  EXPECT_TRUE(registry_.image.configs.empty());
  EXPECT_LT(registry_.image.bytes, 300U);
}

TEST_F(ChangesTest, AnIdIsNeverGivenTwice) {
  must(registry_.remove("s", std::nullopt, false));
  must(registry_.remove("s", std::nullopt, true));
  EXPECT_EQ(registry_.add("s", avro_record("Q"))->found.version.id, 3);
  // Not even to the same schema, unless somebody brings it back by its id.
  EXPECT_EQ(registry_.add("t", avro_record("R", kFieldA))->found.version.id, 4);
  RegisterRequest other{.subject = "u", .schema = {.text = avro_record("Z")}, .id = 2, .import = true};
  EXPECT_EQ(code_of(registry_.add(other)), 42205U);
  RegisterRequest same{.subject = "u",
                       .schema = {.text = avro_record("R", kFieldA + "," + kFieldBDefault)},
                       .id = 2,
                       .import = true};
  EXPECT_EQ(registry_.add(same)->found.version.id, 2);
}

TEST_F(ChangesTest, ARegisteredAgainSchemaIsANewVersionWithItsId) {
  must(registry_.remove("s", 2, false));
  const auto again = registry_.add("s", avro_record("R", kFieldA + "," + kFieldBDefault));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->found.number, 3);
  EXPECT_EQ(again->found.version.id, 2);
}

TEST_F(ChangesTest, WhatIsReferredToStays) {
  const std::string user = avro_record("User", R"({"name":"r","type":"R"})");
  must(registry_.add("user", user, {{"R", "s", 1}}));
  EXPECT_EQ(code_of(registry_.remove("s", 1, false)), 42206U);
  EXPECT_EQ(code_of(registry_.remove("s", std::nullopt, false)), 42206U);
  EXPECT_EQ(code_of(registry_.remove("s", 2, false)), 0U);
  must(registry_.remove("user", 1, false));
  EXPECT_EQ(code_of(registry_.remove("s", 1, false)), 0U);
  EXPECT_EQ(code_of(registry_.remove("s", 1, true)), 42206U);  // it can still be read by its id
  must(registry_.remove("user", 1, true));
  EXPECT_EQ(code_of(registry_.remove("s", 1, true)), 0U);
}

TEST_F(ChangesTest, WhoRefersIsNamedByAVersionThatDoes) {
  const std::string user = avro_record("User", R"({"name":"r","type":"R"})");
  must(registry_.add("gone", user, {{"R", "s", 1}}));
  must(registry_.add("user", user, {{"R", "s", 1}}));
  must(registry_.remove("gone", 1, false));
  const auto refused = registry_.remove("s", 1, false);
  ASSERT_EQ(code_of(refused), 42206U);
  EXPECT_NE(refused.error().context.find("(user, version 1)"), std::string::npos) << refused.error().context;
}

TEST_F(ChangesTest, ASoftlyDeletedSubjectDoesNotKeepAnImportAway) {
  EXPECT_EQ(code_of(registry_.set_mode("s", Mode::kImport)), 42205U);
  EXPECT_EQ(code_of(registry_.set_mode("", Mode::kImport)), 42205U);
  must(registry_.remove("s", std::nullopt, false));
  EXPECT_EQ(code_of(registry_.set_mode("s", Mode::kImport)), 0U);
  EXPECT_EQ(code_of(registry_.set_mode("", Mode::kImport)), 0U);
}

TEST_F(ChangesTest, ASubjectThatRefersToItselfGoesAsAWhole) {
  ASSERT_TRUE(registry_.set_level("self", Level::kNone));
  must(registry_.add("self", avro_record("A", kFieldA)));
  must(registry_.add("self", avro_record("B", R"({"name":"a","type":"A"})"), {{"A", "self", 1}}));
  EXPECT_EQ(code_of(registry_.remove("self", 1, false)), 42206U);
  EXPECT_EQ(*registry_.remove("self", std::nullopt, false), (Numbers{1, 2}));
  EXPECT_EQ(*registry_.remove("self", std::nullopt, true), (Numbers{1, 2}));
}

TEST_F(ChangesTest, AReadOnlySubjectIsNotChanged) {
  ASSERT_TRUE(registry_.set_mode("", Mode::kReadOnly));
  EXPECT_EQ(code_of(registry_.remove("s", 1, false)), 42205U);
  EXPECT_EQ(code_of(registry_.set_level("s", Level::kNone)), 42205U);
  EXPECT_EQ(code_of(decide_config_removal(registry_.image, "s")), 42205U);
  ASSERT_TRUE(registry_.set_mode("s", Mode::kReadWrite));
  EXPECT_EQ(code_of(registry_.remove("s", 1, false)), 0U);
}

TEST_F(ChangesTest, TheNarrowerRuleWins) {
  const auto level = [this](const std::string& name) {
    return effective_config(registry_.image, *parse_scope(name)).level;
  };
  EXPECT_EQ(level("s"), Level::kBackward);
  ASSERT_TRUE(registry_.set_level("", Level::kForward));
  EXPECT_EQ(level("s"), Level::kForward);
  EXPECT_EQ(level(":.c:s"), Level::kForward);
  ASSERT_TRUE(registry_.set_level(":.c:", Level::kFull));
  EXPECT_EQ(level(":.c:s"), Level::kFull);
  ASSERT_TRUE(registry_.set_level(":.c:s", Level::kNone));
  EXPECT_EQ(level(":.c:s"), Level::kNone);
  EXPECT_EQ(level("s"), Level::kForward);
  registry_.take(*decide_config_removal(registry_.image, ":.c:s"));
  EXPECT_EQ(level(":.c:s"), Level::kFull);
  EXPECT_EQ(code_of(decide_config_removal(registry_.image, ":.c:s")), 40401U);
}

TEST_F(ChangesTest, WhatHasNoRulesOfItsOwnHasNoneToTakeAway) {
  for (const char* scope : {"s", ":.c:", ":.c:s"}) {
    EXPECT_EQ(code_of(decide_config_removal(registry_.image, scope)), 40401U) << scope;
    EXPECT_EQ(code_of(decide_mode_removal(registry_.image, scope)), 40401U) << scope;
  }
  for (const char* all : {"", ":.:"}) {
    EXPECT_TRUE(decide_config_removal(registry_.image, all)) << all;
    EXPECT_TRUE(decide_mode_removal(registry_.image, all)) << all;
  }
}

TEST_F(ChangesTest, WhatAChangeOfConfigurationDoesNotSayStays) {
  ASSERT_TRUE(registry_.configure("s", {.level = Level::kFull, .normalize = true}));
  ASSERT_TRUE(registry_.configure("s", {.json_policy = CompatibilityPolicy::Json::kLenient}));
  const auto config = effective_config(registry_.image, *parse_scope("s"));
  EXPECT_EQ(config.level, Level::kFull);
  EXPECT_TRUE(config.normalize);
  EXPECT_EQ(config.policy.json, CompatibilityPolicy::Json::kLenient);
}

TEST_F(ChangesTest, AContextGoesWhenItIsEmpty) {
  must(registry_.add(":.c:s", avro_record("R")));
  ASSERT_TRUE(registry_.set_level(":.c:", Level::kNone));
  EXPECT_EQ(code_of(decide_context_removal(registry_.image, ".c")), 42211U);
  EXPECT_EQ(code_of(decide_context_removal(registry_.image, ".")), 42205U);
  must(registry_.remove(":.c:s", std::nullopt, false));
  must(registry_.remove(":.c:s", std::nullopt, true));
  registry_.take(*decide_context_removal(registry_.image, ".c"));
  EXPECT_TRUE(registry_.image.configs.empty());
  EXPECT_EQ(registry_.add(":.c:s", avro_record("R"))->found.version.id, 2);  // its ids stay taken
}

}  // namespace
}  // namespace forebay::schema
