#include <limits>

#include "registry_fixture.h"

namespace forebay::schema {
namespace {

class RegisterTest : public testing::Test {
 protected:
  TestRegistry registry_;
};

TEST_F(RegisterTest, IdsBeginWithOneAndVersionsToo) {
  const auto first = registry_.add("orders-value", avro_record("R"));
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_TRUE(first->is_new);
  EXPECT_EQ(first->found.version.id, 1);
  EXPECT_EQ(first->found.number, 1);
  const auto second = registry_.add("orders-value", avro_record("R", kFieldBDefault));
  ASSERT_TRUE(second) << second.error().context;
  EXPECT_EQ(second->found.version.id, 2);
  EXPECT_EQ(second->found.number, 2);
}

TEST_F(RegisterTest, TheSameSchemaIsTheSameVersion) {
  const auto first = registry_.add("s", avro_record("R", kFieldA));
  const auto again =
      registry_.add("s", R"({ "type" : "record", "fields" : [{"type":"int","name":"a"}], "name":"R" })");
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->found.version.id, first->found.version.id);
  EXPECT_EQ(again->found.number, 1);
}

TEST_F(RegisterTest, TheSameSchemaHasOneIdAndGuidInAllSubjects) {
  const auto one = registry_.add("one", avro_record("R"));
  must(registry_.add("between", avro_record("Q")));
  const auto two = registry_.add("two", avro_record("R"));
  ASSERT_TRUE(two);
  EXPECT_TRUE(two->is_new);
  EXPECT_EQ(two->found.version.id, one->found.version.id);
  EXPECT_EQ(two->found.schema->guid, one->found.schema->guid);
}

TEST_F(RegisterTest, AContextHasItsOwnIdsAndTheSameGuids) {
  must(registry_.add("other", avro_record("Q")));
  const auto outside = registry_.add("s", avro_record("R"));
  const auto inside = registry_.add(":.sales:s", avro_record("R"));
  ASSERT_TRUE(inside);
  EXPECT_EQ(outside->found.version.id, 2);
  EXPECT_EQ(inside->found.version.id, 1);
  EXPECT_EQ(inside->found.schema->guid, outside->found.schema->guid);
}

TEST_F(RegisterTest, AnIncompatibleSchemaIsRefusedWithEveryRule) {
  must(registry_.add("s", avro_record("R", kFieldA)));
  const auto refused = registry_.add("s", avro_record("R", R"({"name":"a","type":"string"},)" + kFieldB));
  ASSERT_EQ(code_of(refused), 40901U);
  EXPECT_EQ(refused.error().code, ErrorCode::kIncompatibleSchema);
  const std::string& text = refused.error().context;
  EXPECT_NE(text.find("TYPE_MISMATCH at '/fields/0/type'"), std::string::npos) << text;
  EXPECT_NE(text.find("READER_FIELD_MISSING_DEFAULT_VALUE at '/fields/1'"), std::string::npos) << text;
  EXPECT_NE(text.find("allowed: "), std::string::npos) << text;
}

TEST_F(RegisterTest, OnlyTheLastVersionCountsUnlessTheLevelIsTransitive) {
  must(registry_.add("s", avro_record("R", kFieldA)));
  must(registry_.set_level("s", Level::kNone));
  must(registry_.add("s", avro_record("R", R"({"name":"a","type":"string"})")));
  ASSERT_TRUE(registry_.set_level("s", Level::kBackward));
  const std::string next = avro_record("R", R"({"name":"a","type":"string"},)" + kFieldBDefault);
  ASSERT_TRUE(registry_.set_level("s", Level::kBackwardTransitive));
  EXPECT_EQ(code_of(registry_.add("s", next)), 40901U);
  ASSERT_TRUE(registry_.set_level("s", Level::kBackward));
  EXPECT_EQ(code_of(registry_.add("s", next)), 0U);
}

TEST_F(RegisterTest, ForwardAsksWhetherTheOldOneReads) {
  must(registry_.add("s", avro_record("R", kFieldA + "," + kFieldB)));
  ASSERT_TRUE(registry_.set_level("", Level::kForward));
  const auto refused = registry_.add("s", avro_record("R", kFieldA));  // the old one has no default for b
  ASSERT_EQ(code_of(refused), 40901U);
  EXPECT_NE(refused.error().context.find("version 1 cannot read what this schema writes"), std::string::npos);
  EXPECT_EQ(code_of(registry_.add(
                "s", avro_record("R", kFieldA + "," + kFieldB + R"(,{"name":"c","type":"int"})"))),
            0U);
}

TEST_F(RegisterTest, AnotherFormatIsIncompatible) {
  must(registry_.add("s", avro_record("R")));
  RegisterRequest request{.subject = "s", .schema = {.format = Format::kAvro, .text = "nonsense"}};
  EXPECT_EQ(code_of(registry_.add(request)), 42201U);
}

TEST_F(RegisterTest, WhatCannotBeAnIdOrNameIsSaid) {
  EXPECT_EQ(code_of(registry_.add("", avro_record("R"))), 42208U);
  EXPECT_EQ(code_of(registry_.add("__GLOBAL", avro_record("R"))), 42208U);
  EXPECT_EQ(code_of(registry_.add(std::string("a\nb"), avro_record("R"))), 42208U);
  EXPECT_EQ(code_of(registry_.add(std::string(513, 'x'), avro_record("R"))), 42208U);
  EXPECT_EQ(code_of(registry_.add(":.open", avro_record("R"))), 42208U);
  EXPECT_EQ(code_of(registry_.add("s", std::string((1U << 20) + 1, ' '))), 42209U);
}

TEST_F(RegisterTest, AGivenVersionHasToBeTheNextOne) {
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R")}};
  request.version = 2;
  EXPECT_EQ(code_of(registry_.add(request)), 42201U);
  request.version = 1;
  EXPECT_EQ(code_of(registry_.add(request)), 0U);
}

TEST_F(RegisterTest, ReferencesLeadToVersions) {
  must(registry_.add("address", avro_record("Address", kFieldA)));
  const std::string text = avro_record("Person", R"({"name":"home","type":"Address"})");
  EXPECT_EQ(code_of(registry_.add("person", text)), 42201U);
  EXPECT_EQ(code_of(registry_.add("person", text, {{"Address", "address", 2}})), 42201U);
  const auto person = registry_.add("person", text, {{"Address", "address", kLatestVersion}});
  ASSERT_TRUE(person) << person.error().context;
  EXPECT_EQ(person->found.schema->content.references, (std::vector<Reference>{{"Address", "address", 1}}));
}

TEST_F(RegisterTest, AReferenceToTheLatestPassesOverWhatIsDeleted) {
  must(registry_.add("address", avro_record("Address", kFieldA)));
  must(registry_.add("address", avro_record("Address", kFieldA + "," + kFieldBDefault)));
  must(registry_.remove("address", 2, false));
  const std::string text = avro_record("Person", R"({"name":"home","type":"Address"})");
  const auto person = registry_.add("person", text, {{"Address", "address", kLatestVersion}});
  ASSERT_TRUE(person) << person.error().context;
  EXPECT_EQ(person->found.schema->content.references, (std::vector<Reference>{{"Address", "address", 1}}));
}

TEST_F(RegisterTest, AnAvroSchemaWithItsReferencesWrittenOutIsThatVersion) {
  const std::string address = R"({"type":"record","name":"Address","namespace":"shop","fields":[]})";
  const std::string fields = R"({"name":"at","type":TYPE},{"name":"to","type":"shop.Address"})";
  const auto person = [&](const std::string& type) {
    std::string text = fields;
    return R"({"type":"record","name":"Person","namespace":"shop","fields":[)" +
           text.replace(text.find("TYPE"), 4, type) + "]}";
  };
  must(registry_.add("address", address));
  must(registry_.add("person", person(R"("shop.Address")"), {{"shop.Address", "address", 1}}));
  const auto whole = registry_.add("person", person(address));  // as generated code has it
  ASSERT_TRUE(whole) << whole.error().context;
  EXPECT_FALSE(whole->is_new);
  EXPECT_EQ(whole->found.number, 1);
  must(registry_.remove("person", 1, false));
  EXPECT_TRUE(registry_.add("person", person(address))->is_new);
}

TEST_F(RegisterTest, ReferencesOfReferencesAreKnown) {
  must(registry_.add("a", avro_record("A", kFieldA)));
  must(registry_.add("b", avro_record("B", R"({"name":"x","type":"A"})"), {{"A", "a", 1}}));
  const auto c = registry_.add("c", avro_record("C", R"({"name":"x","type":"B"})"), {{"B", "b", 1}});
  EXPECT_TRUE(c) << c.error().context;
}

TEST_F(RegisterTest, MetadataIsPartOfWhatASchemaIs) {
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R")}};
  const auto plain = registry_.add(request);
  request.schema.metadata = Metadata{.properties = {{"owner", "sales"}}};
  const auto owned = registry_.add(request);
  ASSERT_TRUE(owned);
  EXPECT_NE(owned->found.version.id, plain->found.version.id);
  request.schema.metadata.reset();
  const auto again = registry_.add(request);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->found.number, 1);
}

TEST_F(RegisterTest, AnOldTextIsItsOldVersion) {
  must(registry_.add("s", avro_record("R", kFieldA)));
  RegisterRequest owned{.subject = "s", .schema = {.text = avro_record("R", kFieldA + "," + kFieldBDefault)}};
  owned.schema.metadata = Metadata{.properties = {{"owner", "sales"}}};
  must(registry_.add(owned));
  const auto again = registry_.add("s", avro_record("R", kFieldA));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->found.number, 1);
  // Which says nothing of itself, and is there with what was said of it.
  EXPECT_EQ(registry_.add("s", avro_record("R", kFieldA + "," + kFieldBDefault))->found.number, 2);
}

TEST_F(RegisterTest, WhatANewTextDoesNotSayOfItselfIsAsTheLastVersionSays) {
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R", kFieldA)}};
  request.schema.metadata = Metadata{.properties = {{"owner", "sales"}}};
  request.schema.rule_set = R"({"domainRules":[]})";
  must(registry_.add(request));
  request.schema.text = avro_record("R", kFieldA + "," + kFieldBDefault);
  request.schema.metadata = Metadata{.properties = {{"owner", "shop"}}};
  request.schema.rule_set.clear();
  const auto second = registry_.add(request);
  ASSERT_TRUE(second) << second.error().context;
  EXPECT_EQ(second->found.schema->content.rule_set, R"({"domainRules":[]})");
  EXPECT_EQ(second->found.schema->content.metadata->properties.at("owner"), "shop");
  EXPECT_FALSE(registry_.add(request)->is_new);
  const auto third = registry_.add(
      "s", avro_record("R", kFieldA + "," + kFieldBDefault + R"(,{"name":"c","type":"int","default":0})"));
  ASSERT_TRUE(third) << third.error().context;
  EXPECT_EQ(third->found.schema->content.metadata->properties.at("owner"), "shop");
  EXPECT_EQ(third->found.schema->content.rule_set, R"({"domainRules":[]})");
}

TEST_F(RegisterTest, WhatIsTakenFromTheLastVersionCountsForTheSize) {
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R")}};
  request.schema.metadata = Metadata{.properties = {{"note", std::string(600'000, 'x')}}};
  must(registry_.add(request));
  const std::string doc(600'000, 'x');
  EXPECT_EQ(code_of(registry_.add("s", R"({"type":"record","name":"R","doc":")" + doc + R"(","fields":[]})")),
            42209U);
}

TEST_F(RegisterTest, MetadataOrRulesAloneAreThoseOfTheLastText) {
  RegisterRequest request{.subject = "s"};
  request.schema.metadata = Metadata{.properties = {{"owner", "sales"}}};
  const auto nothing = registry_.add(request);
  EXPECT_EQ(code_of(nothing), 42201U);
  must(registry_.add("a", avro_record("A", kFieldA)));
  must(registry_.add("s", avro_record("R", R"({"name":"x","type":"A"})"), {{"A", "a", 1}}));
  const auto owned = registry_.add(request);
  ASSERT_TRUE(owned) << owned.error().context;
  EXPECT_EQ(owned->found.number, 2);
  EXPECT_EQ(owned->found.schema->content.text, registry_.image.schema(".", 2)->content.text);
  EXPECT_EQ(owned->found.schema->content.references, (std::vector<Reference>{{"A", "a", 1}}));
  EXPECT_FALSE(registry_.add(request)->is_new);
  request.schema.metadata.reset();
  EXPECT_EQ(code_of(registry_.add(request)), 42201U);  // nothing at all
}

TEST_F(RegisterTest, AGroupComparesWithinItself) {
  ASSERT_TRUE(registry_.configure("s", {.group = "major"}));
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R", kFieldA)}};
  request.schema.metadata = Metadata{.properties = {{"major", "1"}}};
  ASSERT_TRUE(registry_.add(request));
  request.schema.text = avro_record("R", R"({"name":"a","type":"string"})");
  EXPECT_EQ(code_of(registry_.add(request)), 40901U);
  request.schema.metadata = Metadata{.properties = {{"major", "2"}}};
  EXPECT_EQ(code_of(registry_.add(request)), 0U);
  // Who says nothing is of the last one's group; a check judges as the registration would.
  const std::string text = avro_record("R", R"({"name":"a","type":"boolean"})");
  EXPECT_EQ(code_of(registry_.add("s", text)), 40901U);
  const auto checked = check_schema(registry_, registry_, {.subject = "s", .schema = {.text = text}});
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->compared, std::vector<VersionNumber>{2});
  EXPECT_EQ(checked->verdicts.size(), 1U);
}

TEST_F(RegisterTest, ModesGuardTheSubject) {
  must(registry_.add("s", avro_record("R")));
  ASSERT_TRUE(registry_.set_mode("s", Mode::kReadOnly));
  EXPECT_EQ(code_of(registry_.add("s", avro_record("R"))), 0U);  // it is there
  EXPECT_EQ(code_of(registry_.add("s", avro_record("R", kFieldBDefault))), 42205U);
  EXPECT_EQ(code_of(registry_.set_mode("s", Mode::kImport)), 42205U);
  ASSERT_TRUE(registry_.set_mode("s", Mode::kImport, true));
  EXPECT_EQ(code_of(registry_.add("s", avro_record("R", kFieldBDefault))), 42205U);
}

TEST_F(RegisterTest, AnImportKeepsIdsAndVersionsAndIsRepeatable) {
  ASSERT_TRUE(registry_.set_mode("", Mode::kImport));
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R")}, .id = 77, .version = 5};
  const auto first = registry_.add(request);
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_EQ(first->found.version.id, 77);
  EXPECT_EQ(first->found.number, 5);
  EXPECT_FALSE(registry_.add(request)->is_new);
  ASSERT_TRUE(registry_.set_mode("", Mode::kReadWrite));
  EXPECT_EQ(registry_.add("t", avro_record("New"))->found.version.id, 78);
}

TEST_F(RegisterTest, AnImportIsTakenAsItIs) {
  for (const bool import : {false, true}) {
    const std::string subject = import ? "s" : "t";
    ASSERT_TRUE(import || registry_.set_mode(subject, Mode::kImport));
    const SchemaId first = import ? 10 : 20;
    RegisterRequest owned{
        .subject = subject, .schema = {.text = avro_record(subject)}, .id = first, .import = import};
    owned.schema.metadata = Metadata{.properties = {{"owner", "sales"}}};
    RegisterRequest plain{
        .subject = subject, .schema = {.text = avro_record(subject)}, .id = first + 1, .import = import};
    RegisterRequest other{.subject = subject,
                          .schema = {.text = avro_record(subject, kFieldA)},
                          .id = first + 2,
                          .import = import};
    for (int times = 0; times < 2; ++times) {  // it is repeatable
      for (const RegisterRequest& one : {owned, plain, other}) {
        const auto imported = registry_.add(one);
        ASSERT_TRUE(imported) << imported.error().context;
        EXPECT_EQ(imported->is_new, times == 0);
        EXPECT_EQ(imported->found.version.id, *one.id);
        EXPECT_EQ(imported->found.schema->content.metadata, one.schema.metadata);
      }
    }
  }
}

TEST_F(RegisterTest, AnImportOfOneSchemaUnderTwoVersionsIsRepeatable) {
  RegisterRequest gone{.subject = "s",
                       .schema = {.text = avro_record("R")},
                       .id = 5,
                       .version = 1,
                       .import = true,
                       .deleted = true};
  RegisterRequest again{
      .subject = "s", .schema = {.text = avro_record("R")}, .id = 5, .version = 3, .import = true};
  for (const bool is_new : {true, false}) {
    for (const RegisterRequest& one : {gone, again}) {
      const auto imported = registry_.add(one);
      ASSERT_TRUE(imported) << imported.error().context;
      EXPECT_EQ(imported->is_new, is_new);
      EXPECT_EQ(imported->found.number, *one.version);
      EXPECT_EQ(imported->found.version.deleted, one.deleted);
    }
  }
}

// Of a registry that took it when defaults were not checked.
TEST_F(RegisterTest, ASchemaThatIsOldMayBeTakenOver) {
  const std::string field = R"({"name":"a","type":"string","default":null})";
  const std::string old = R"({"type":"record","name":"R","fields":[)" + field + "]}";
  EXPECT_EQ(code_of(registry_.add("s", old)), 42201U);
  must(registry_.add({.subject = "s", .schema = {.text = old}, .id = 7, .import = true}));
  const std::string more = R"({"type":"record","name":"R","fields":[{"name":"a","type":"string"},)"
                           R"({"name":"b","type":"int","default":1}]})";
  must(registry_.add("s", more));
  EXPECT_EQ(code_of(registry_.add("s", R"({"type":"record","name":"Q","fields":[]})")), 40901U);
}

TEST_F(RegisterTest, AConflictingImportIsAnError) {
  must(registry_.add("s", avro_record("R")));
  RegisterRequest request{.subject = "t", .schema = {.text = avro_record("Q")}, .id = 1, .import = true};
  EXPECT_EQ(code_of(registry_.add(request)), 42205U);  // id 1 is another schema
  request = {.subject = "t", .schema = {.text = avro_record("R")}, .id = 9, .import = true};
  EXPECT_EQ(code_of(registry_.add(request)), 42207U);  // the schema has another id
  request = {.subject = "s", .schema = {.text = avro_record("Q")}, .id = 9, .version = 1, .import = true};
  EXPECT_EQ(code_of(registry_.add(request)), 42205U);  // version 1 is another schema
}

TEST_F(RegisterTest, AnIdNeedsImport) {
  RegisterRequest request{.subject = "s", .schema = {.text = avro_record("R")}, .id = 5};
  EXPECT_EQ(code_of(registry_.add(request)), 42205U);
}

TEST_F(RegisterTest, WithTheHighestIdTakenNoneIsGivenTwice) {
  RegisterRequest request{.subject = "s",
                          .schema = {.text = avro_record("R")},
                          .id = std::numeric_limits<SchemaId>::max(),
                          .import = true};
  ASSERT_TRUE(registry_.add(request));
  EXPECT_EQ(code_of(registry_.add("t", avro_record("Q"))), 50001U);
}

TEST_F(RegisterTest, BoundsAreErrorsThatSayWhatToDo) {
  registry_.bounds = {.bytes_max = 1U << 20, .versions_max = 1, .subjects_max = 1};
  must(registry_.add("s", avro_record("R")));
  EXPECT_EQ(code_of(registry_.add("s", avro_record("R", kFieldBDefault))), 50001U);
  EXPECT_EQ(code_of(registry_.add("t", avro_record("R"))), 50001U);
  registry_.bounds = {.bytes_max = 10};
  EXPECT_EQ(code_of(registry_.add("t", avro_record("R"))), 50001U);
}

TEST_F(RegisterTest, VersionsAndWhatIsSaidOfSchemasCountTowardsTheBound) {
  must(registry_.add("s", avro_record("R")));
  const std::size_t one = registry_.image.bytes;
  must(registry_.add("t", avro_record("R")));  // the same schema
  EXPECT_GT(registry_.image.bytes, one + 100);
  RegisterRequest request{.subject = "u", .schema = {.text = avro_record("Q")}};
  request.schema.metadata = Metadata{.properties = {{"long", std::string(10'000, 'x')}}};
  must(registry_.add(request));
  EXPECT_GT(registry_.image.bytes, one + 10'000);
  for (const std::string subject : {"s", "t", "u"}) {
    must(registry_.remove(subject, std::nullopt, false));
    must(registry_.remove(subject, std::nullopt, true));
  }
  EXPECT_LT(registry_.image.bytes, one) << "nothing but the ids that are taken";
  EXPECT_GT(registry_.image.bytes, 0U);
}

TEST_F(RegisterTest, RulesOfScopesWithoutASchemaAreBounded) {
  const auto fill = [this](int begin, int end) {
    for (int i = begin; i < end; ++i)
      registry_.image.configs["scope" + std::to_string(i)].group = std::string(30'000, 'g');
  };
  fill(0, 1'000);
  EXPECT_TRUE(registry_.set_level("s", Level::kFull));
  fill(1'000, 1'200);
  EXPECT_EQ(code_of(registry_.set_level("t", Level::kFull)), 50001U);
  EXPECT_EQ(code_of(registry_.set_mode("t", Mode::kReadOnly)), 50001U);
  EXPECT_EQ(code_of(registry_.configure("t", {.group = std::string(513, 'g')})), 42203U);
}

// A name is as long as an entry of the store may be, its context with it.
TEST_F(RegisterTest, ANameThatATargetOrAReferenceMakesTooLongIsRefused) {
  const std::string context = ":." + std::string(460, 'c') + ":", name(60, 'n');
  EXPECT_EQ(code_of(registry_.configure(context + "s", {.alias = name})), 42208U);
  must(registry_.add(context + "s", avro_record("R")));
  EXPECT_EQ(code_of(registry_.add(context + "t", avro_record("Q"), {{"R", name, 1}})), 42208U);
}

// ":.:" is the default context, said where another one is meant without it.
TEST_F(RegisterTest, AReferenceToTheDefaultContextIsReadAsItIsTold) {
  must(registry_.add("common", avro_record("Common")));
  must(registry_.add(":.sales:common", avro_record("Common", kFieldA)));
  const std::string user = avro_record("R", R"({"name":"c","type":"Common"})");
  must(registry_.add(":.sales:s", user, {{"Common", ":.:common", 1}}));
  const auto stored = registry_.image.schema(".sales", 2);
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->content.references.front().subject, "common");
  EXPECT_EQ(said_in(".sales", "common"), ":.:common");
  EXPECT_EQ(said_in(".sales", ":.sales:x"), ":.sales:x");
  EXPECT_EQ(said_in(".", "common"), "common");
  RegisterRequest request{.subject = ":.sales:s"};  // of the same text
  request.schema.metadata = Metadata{.properties = {{"owner", "me"}}};
  must(registry_.add(request));
  EXPECT_EQ(registry_.image.schema(".sales", 3)->content.references.front().subject, "common");
}

TEST_F(RegisterTest, AnAliasMeansTheOtherSubject) {
  ASSERT_TRUE(registry_.configure("old-name", {.alias = "new-name"}));
  must(registry_.add("old-name", avro_record("R")));
  EXPECT_EQ(registry_.image.subjects.count("new-name"), 1U);
  EXPECT_EQ(registry_.image.subjects.count("old-name"), 0U);
  EXPECT_EQ(code_of(registry_.configure("new-name", {.alias = "new-name"})), 42208U);
}

TEST_F(RegisterTest, AnImportMeansTheSubjectOfThatName) {
  ASSERT_TRUE(registry_.configure("old-name", {.alias = "new-name"}));
  must(registry_.add({.subject = "old-name", .schema = {.text = avro_record("R")}, .import = true}));
  EXPECT_EQ(registry_.image.subjects.count("old-name"), 1U);
  EXPECT_EQ(registry_.image.subjects.count("new-name"), 0U);
}

TEST_F(RegisterTest, ACheckComparesWithOneVersionOrAsTheLevelAsks) {
  must(registry_.add("s", avro_record("R", kFieldA)));
  must(registry_.add("s", avro_record("R", kFieldA + "," + kFieldBDefault)));
  CheckRequest request{.subject = "s", .schema = {.text = avro_record("R", kFieldB)}};
  const auto by_level = check_schema(registry_, registry_, request);
  ASSERT_TRUE(by_level);
  EXPECT_EQ(by_level->compared, (std::vector<VersionNumber>{2}));
  EXPECT_TRUE(by_level->verdicts.empty());
  request.version = 1;
  const auto by_version = check_schema(registry_, registry_, request);
  ASSERT_TRUE(by_version);
  EXPECT_EQ(by_version->verdicts.size(), 1U);
  request.version = 3;
  EXPECT_EQ(code_of(check_schema(registry_, registry_, request)), 40402U);
  request = {.subject = "nobody", .schema = {.text = avro_record("R")}, .version = kLatestVersion};
  EXPECT_TRUE(check_schema(registry_, registry_, request)->verdicts.empty());
}

TEST(Register, ARuleThatIsBrokenAtTheRootNamesTheRoot) {
  TestRegistry registry;
  must(registry.add("a", "\"string\""));
  const auto refused = registry.add("a", "\"int\"");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().context.find("TYPE_MISMATCH at '/'"), std::string::npos)
      << refused.error().context;
}

}  // namespace
}  // namespace forebay::schema
