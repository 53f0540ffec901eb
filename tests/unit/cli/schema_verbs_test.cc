// The `schema` verbs against the registry's own decisions, without a log.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "registry_server.h"
#include "verbs_fixture.h"

namespace forebay::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string order(const std::string& more = "") {
  return R"({"type":"record","name":"Order","fields":[{"name":"id","type":"string"})" + more + "]}";
}
const std::string kNote = R"(,{"name":"note","type":"string"})";
const std::string kNoteDefault = R"(,{"name":"note","type":"string","default":""})";

class SchemaVerbsTest : public VerbsTest {
 protected:
  void SetUp() override {
    VerbsTest::SetUp();
    std::string name = (std::filesystem::temp_directory_path() / "schemaXXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    VerbsTest::TearDown();
  }
  [[nodiscard]] std::string address() const override { return registry_->address(); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  void add(const std::string& subject, const std::string& text) {
    const Ran ran = run({"schema", "register", subject, file("add.avsc", text)});
    ASSERT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  }
  void take_another_registry() { registry_ = std::make_unique<client::RegistryServer>(); }

  std::filesystem::path folder_;
  std::unique_ptr<client::RegistryServer> registry_ = std::make_unique<client::RegistryServer>();
};

TEST_F(SchemaVerbsTest, RegisterSaysVersionAndId) {
  const std::string path = file("order.avsc", order());
  const json first = run({"schema", "register", "orders-value", path, "-o", "json"}).parsed();
  EXPECT_EQ(first["version"], 1);
  EXPECT_EQ(first["id"], 1);
  EXPECT_EQ(first["status"], "registered");
  const Ran again = run({"schema", "register", "orders-value", path});
  EXPECT_EQ(again.code, ExitCode::kOk);
  EXPECT_THAT(again.errors, HasSubstr("was there already"));
}

TEST_F(SchemaVerbsTest, TheTypeIsThatOfTheEndingOrAsSaid) {
  EXPECT_EQ(run({"schema", "register", "s", file("order.txt", order())}).code, ExitCode::kUsage);
  EXPECT_EQ(run({"schema", "register", "s", file("order.txt", order()), "--type", "avro"}).code,
            ExitCode::kOk);
  const std::string proto = file("a.proto", "syntax = \"proto3\"; message A {}");
  EXPECT_EQ(run({"schema", "register", "p", proto}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "get", "p", "-o", "json"}).parsed()["type"], "PROTOBUF");
  EXPECT_EQ(run({"schema", "register", "s", "/nowhere/order.avsc"}).code, ExitCode::kNotFound);
}

TEST_F(SchemaVerbsTest, ReferencesAreNamed) {
  add("common", R"({"type":"record","name":"Place","fields":[]})");
  const std::string path = file("o.avsc", order(R"(,{"name":"place","type":"Place"})"));
  EXPECT_EQ(run({"schema", "register", "s", path}).code, ExitCode::kConflict);
  const Ran ran = run({"schema", "register", "s", path, "--reference", "Place=common:1"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(run({"schema", "get", "s", "-o", "json"}).parsed()["references"],
            json::parse(R"([{"name": "Place", "subject": "common", "version": 1}])"));
  EXPECT_EQ(run({"schema", "register", "s", path, "--reference", "Place"}).code, ExitCode::kUsage);
}

TEST_F(SchemaVerbsTest, CheckExitsFiveAndExplains) {
  add("orders-value", order());
  const std::string bad = file("bad.avsc", order(kNote));
  const Ran text = run({"schema", "check", "orders-value", bad});
  EXPECT_EQ(text.code, ExitCode::kConflict);
  EXPECT_THAT(text.out, HasSubstr("READER_FIELD_MISSING_DEFAULT_VALUE"));
  EXPECT_THAT(text.out, HasSubstr("/fields/1"));
  EXPECT_THAT(text.out, HasSubstr("nothing"));
  EXPECT_THAT(text.errors, HasSubstr("1 rule is broken"));
  const Ran as_json = run({"schema", "check", "orders-value", bad, "-o", "json"});
  EXPECT_EQ(as_json.code, ExitCode::kConflict);
  const json found = as_json.parsed();
  EXPECT_EQ(found["compatible"], false);
  EXPECT_EQ(found["level"], "BACKWARD");
  EXPECT_EQ(found["compared"], json::parse("[1]"));
  EXPECT_EQ(found["verdicts"][0]["who_cannot_read"], "new");
  EXPECT_NE(found["verdicts"][0]["allowed"], "");
  EXPECT_EQ(run({"schema", "check", "orders-value", file("good.avsc", order(kNoteDefault))}).code,
            ExitCode::kOk);
  EXPECT_EQ(run({"schema", "check", "nobody", bad}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "check", "orders-value", file("x.avsc", "{")}).code, ExitCode::kConflict);
  EXPECT_EQ(run({"schema", "check", "orders-value", bad, "--version", "7"}).code, ExitCode::kNotFound);
}

TEST_F(SchemaVerbsTest, AnInvalidSchemaIsAVerdictToo) {
  add("orders-value", order());
  const Ran ran = run({"schema", "check", "orders-value", file("x.avsc", "{"), "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kConflict);
  const json found = ran.parsed();
  EXPECT_EQ(found["compatible"], false);
  EXPECT_TRUE(found["verdicts"].empty());
  EXPECT_THAT(found["invalid"].get<std::string>(), HasSubstr("JSON"));
  const json valid = run({"schema", "check", "orders-value", file("y.avsc", order()), "-o", "json"}).parsed();
  EXPECT_TRUE(valid["invalid"].is_null()) << valid;
}

TEST_F(SchemaVerbsTest, WhatIsNotThereNamesTheNextStep) {
  add("orders-value", order());
  const auto errors = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "schema");
    return run(std::move(words)).errors;
  };
  EXPECT_THAT(errors({"get", "order-value"}), HasSubstr("see: forebay schema subject list"));
  EXPECT_THAT(errors({"subject", "describe", "order-value"}), HasSubstr("see: forebay schema subject list"));
  EXPECT_THAT(errors({"get", "orders-value", "7"}),
              HasSubstr("see: forebay schema subject describe orders-value"));
  EXPECT_THAT(errors({"diff", "orders-value", "1", "7"}),
              HasSubstr("see: forebay schema subject describe orders-value"));
}

TEST_F(SchemaVerbsTest, RefusedRegistrationNamesTheCheck) {
  add("orders-value", order());
  const Ran ran = run({"schema", "register", "orders-value", file("bad.avsc", order(kNote))});
  EXPECT_EQ(ran.code, ExitCode::kConflict);
  EXPECT_THAT(ran.errors, HasSubstr("forebay schema check orders-value"));
}

TEST_F(SchemaVerbsTest, GetFindsByVersionIdAndGuid) {
  add("orders-value", order());
  add("orders-value", order(kNoteDefault));
  EXPECT_THAT(run({"schema", "get", "orders-value"}).out, HasSubstr("note"));
  EXPECT_EQ(run({"schema", "get", "orders-value", "1"}).out, order() + "\n");
  const json by_id = run({"schema", "get", "--id", "1", "-o", "json"}).parsed();
  EXPECT_EQ(by_id["used_by"][0]["subject"], "orders-value");
  EXPECT_EQ(run({"schema", "get", "--guid", by_id["guid"], "-o", "json"}).parsed()["schema"], order());
  EXPECT_EQ(run({"schema", "get", "--id", "9"}).code, ExitCode::kNotFound);
  EXPECT_EQ(run({"schema", "get"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({"schema", "get", "orders-value", "--id", "1"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({"schema", "get", "orders-value", "zero"}).code, ExitCode::kUsage);
}

TEST_F(SchemaVerbsTest, DiffTellsBothDirections) {
  add("orders-value", order());
  add("orders-value", order(kNoteDefault));
  const json clean = run({"schema", "diff", "orders-value", "1", "2", "-o", "json"}).parsed();
  EXPECT_TRUE(clean["backward"].empty() && clean["forward"].empty()) << clean;
  const Ran broken =
      run({"schema", "diff", "orders-value", "1", file("bad.avsc", order(kNote)), "-o", "json"});
  EXPECT_EQ(broken.code, ExitCode::kOk);
  EXPECT_EQ(broken.parsed()["backward"].size(), 1U);
  EXPECT_TRUE(broken.parsed()["forward"].empty());
  const Ran text = run({"schema", "diff", "orders-value", "1", file("bad.avsc", order(kNote))});
  EXPECT_THAT(text.out, HasSubstr("READER_FIELD_MISSING_DEFAULT_VALUE"));
  EXPECT_THAT(text.errors, HasSubstr("does not read what version 1 wrote"));
}

TEST_F(SchemaVerbsTest, CompatibilityIsShownSetAndTakenBack) {
  const json set = run({"schema", "compatibility", "orders-value", "FULL", "-o", "json"}).parsed();
  EXPECT_EQ(set["own"]["level"], "FULL");
  EXPECT_TRUE(set["before"]["level"].is_null());
  EXPECT_EQ(run({"schema", "compatibility", "--global", "none"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "compatibility", "-o", "json"}).parsed()["effective"]["level"], "NONE");
  EXPECT_EQ(run({"schema", "compatibility", "orders-value", "--json-policy", "lenient"}).code, ExitCode::kOk);
  const json shown = run({"schema", "compatibility", "orders-value", "-o", "json"}).parsed();
  EXPECT_EQ(shown["own"]["level"], "FULL");
  EXPECT_EQ(shown["effective"]["json_policy"], "lenient");
  EXPECT_EQ(run({"schema", "compatibility", "orders-value", "--unset"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "compatibility", "orders-value", "-o", "json"}).parsed()["effective"]["level"],
            "NONE");
  EXPECT_EQ(run({"schema", "compatibility", "orders-value", "UP"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({"schema", "compatibility", "--unset"}).code, ExitCode::kUsage);
  EXPECT_EQ(run({"schema", "compatibility", "orders-value", "FULL", "--unset"}).code, ExitCode::kUsage);
}

TEST_F(SchemaVerbsTest, WhatIsNotSetIsTakenBackAllTheSame) {
  add("orders-value", order());
  for (const char* verb : {"compatibility", "mode"}) {
    const Ran text = run({"schema", verb, "orders-value", "--unset"});
    EXPECT_EQ(text.code, ExitCode::kOk) << text.errors;
    EXPECT_THAT(text.errors, HasSubstr("not set (was not set)"));
    const json shown = run({"schema", verb, "orders-value", "--unset", "-o", "json"}).parsed();
    EXPECT_EQ(shown["own"], shown["before"]);
  }
}

TEST_F(SchemaVerbsTest, ModeKeepsWritersOut) {
  add("orders-value", order());
  EXPECT_EQ(run({"schema", "mode", "orders-value", "READONLY"}).code, ExitCode::kOk);
  const Ran refused = run({"schema", "register", "orders-value", file("o.avsc", order(kNoteDefault))});
  EXPECT_EQ(refused.code, ExitCode::kConflict) << refused.errors;
  const Ran import = run({"schema", "mode", "orders-value", "IMPORT"});
  EXPECT_EQ(import.code, ExitCode::kConflict);
  EXPECT_THAT(import.errors, HasSubstr("see: forebay schema mode orders-value IMPORT --force"));
  EXPECT_EQ(run({"schema", "mode", "orders-value", "IMPORT", "--force"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "mode", "orders-value", "--unset"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"schema", "mode", "orders-value", "-o", "json"}).parsed()["effective"]["mode"], "READWRITE");
}

TEST_F(SchemaVerbsTest, SubjectsAreListedAndDescribed) {
  EXPECT_THAT(run({"schema", "subject", "list"}).errors, HasSubstr("there is no subject"));
  add("a", order());
  add("b", order());
  add("b", order(kNoteDefault));
  EXPECT_EQ(run({"schema", "subject", "list", "-o", "json"}).parsed(), json::parse(R"([
    {"subject": "a", "versions": 1, "latest": 1, "latest_id": 1, "deleted": false},
    {"subject": "b", "versions": 2, "latest": 2, "latest_id": 2, "deleted": false}])"));
  EXPECT_EQ(run({"schema", "subject", "list", "--prefix", "b", "-o", "json"}).parsed().size(), 1U);
  const json b = run({"schema", "subject", "describe", "b", "-o", "json"}).parsed();
  EXPECT_EQ(b["version_list"].size(), 2U);
  EXPECT_EQ(b["effective"]["level"], "BACKWARD");
  EXPECT_THAT(run({"schema", "subject", "describe", "b"}).out, HasSubstr("BACKWARD"));
  EXPECT_EQ(run({"schema", "subject", "describe", "c"}).code, ExitCode::kNotFound);
}

TEST_F(SchemaVerbsTest, DeleteAsksAndPermanentDoesBothSteps) {
  add("orders-value", order());
  add("orders-value", order(kNoteDefault));
  expect_refused(run({"schema", "subject", "delete", "orders-value"}), ExitCode::kUsage, "--yes");
  const json dry =
      run({"schema", "subject", "delete", "orders-value", "--permanent", "--dry-run", "-o", "json"}).parsed();
  EXPECT_EQ(dry["versions"], json::parse("[1, 2]"));
  EXPECT_EQ(run({"schema", "subject", "delete", "orders-value", "--version", "1", "--yes"}).code,
            ExitCode::kOk);
  EXPECT_EQ(run({"schema", "get", "orders-value", "1"}).code, ExitCode::kNotFound);
  EXPECT_EQ(run({"schema", "get", "orders-value", "1", "--deleted"}).code, ExitCode::kOk);
  const Ran gone = run({"schema", "subject", "delete", "orders-value", "--permanent", "--yes", "-o", "json"});
  EXPECT_EQ(gone.code, ExitCode::kOk) << gone.errors;
  EXPECT_EQ(gone.parsed()["versions"], json::parse("[1, 2]"));
  EXPECT_EQ(run({"schema", "get", "--id", "1"}).code, ExitCode::kNotFound);
  EXPECT_EQ(run({"schema", "subject", "delete", "orders-value", "--yes"}).code, ExitCode::kNotFound);
}

TEST_F(SchemaVerbsTest, WhatIsDeletedSoftlyIsDeletedForGoodInOneStepToo) {
  add("orders-value", order());
  EXPECT_EQ(run({"schema", "subject", "delete", "orders-value", "--yes"}).code, ExitCode::kOk);
  const Ran gone =
      run({"schema", "subject", "delete", "orders-value", "--version", "1", "--permanent", "--yes"});
  EXPECT_EQ(gone.code, ExitCode::kOk) << gone.errors;
  EXPECT_EQ(run({"schema", "get", "--id", "1"}).code, ExitCode::kNotFound);
}

TEST_F(SchemaVerbsTest, WhatIsInUseIsDeletedByForceOnly) {
  add("orders-value", order());
  registry_->use("orders-value");
  const Ran refused = run({"schema", "subject", "delete", "orders-value", "--yes"});
  EXPECT_EQ(refused.code, ExitCode::kConflict);
  EXPECT_THAT(refused.errors, HasSubstr("is in use"));
  const Ran dry = run({"schema", "subject", "delete", "orders-value", "--dry-run"});
  EXPECT_EQ(dry.code, ExitCode::kConflict) << dry.out;
  EXPECT_THAT(dry.errors, HasSubstr("it would be refused without --force"));
  EXPECT_EQ(run({"schema", "subject", "delete", "orders-value", "--dry-run", "--force"}).code, ExitCode::kOk);
  const Ran deleted = run({"schema", "subject", "delete", "orders-value", "--yes", "--force"});
  EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.errors;
}

TEST_F(SchemaVerbsTest, ASecondSoftDeletionNamesTheNextStep) {
  add("orders-value", order());
  ASSERT_EQ(run({"schema", "subject", "delete", "orders-value", "--yes"}).code, ExitCode::kOk);
  const Ran ran = run({"schema", "subject", "delete", "orders-value", "--version", "1", "--yes"});
  EXPECT_EQ(ran.code, ExitCode::kConflict);
  EXPECT_THAT(ran.errors, HasSubstr("schema subject delete orders-value --version 1 --permanent"));
}

class SchemaTransferTest : public SchemaVerbsTest {
 protected:
  // "z" is referred to by "a", with ids, a deleted version and rules.
  void fill() {
    add("z", R"({"type":"record","name":"Place","fields":[]})");
    const std::string path = file("o.avsc", order(R"(,{"name":"place","type":"Place"})"));
    ASSERT_EQ(run({"schema", "register", "a", path, "--reference", "Place=z:1"}).code, ExitCode::kOk);
    add("m", order());
    add("m", order(kNoteDefault));
    ASSERT_EQ(run({"schema", "subject", "delete", "m", "--version", "1", "--yes"}).code, ExitCode::kOk);
    ASSERT_EQ(run({"schema", "compatibility", "m", "FULL"}).code, ExitCode::kOk);
    ASSERT_EQ(run({"schema", "mode", "a", "READONLY"}).code, ExitCode::kOk);
  }
};

TEST_F(SchemaTransferTest, ExportBringsWhatIsReferredToFirst) {
  fill();
  const std::string all = run({"schema", "export"}).out;
  EXPECT_LT(all.find(R"("subject":"z")"), all.find(R"("subject":"a")"));
  const std::string some = run({"schema", "export", "--subject", "a"}).out;
  EXPECT_NE(some.find(R"("subject":"z")"), std::string::npos);
  EXPECT_EQ(some.find(R"("subject":"m")"), std::string::npos);
}

TEST_F(SchemaTransferTest, ImportMakesTheSameAndCanBeRepeated) {
  fill();
  const std::string all = run({"schema", "export"}).out;
  const std::string path = file("all.ndjson", all);
  take_another_registry();
  const json dry = run({"schema", "import", path, "--dry-run", "-o", "json"}).parsed();
  EXPECT_EQ(dry["imported"], 4) << dry;
  EXPECT_EQ(run({"schema", "export"}).out, "");
  const Ran first = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(first.parsed()["imported"], 4);
  EXPECT_EQ(first.parsed()["rules_set"], 2);
  EXPECT_EQ(run({"schema", "export"}).out, all);
  const Ran again = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(again.code, ExitCode::kOk) << again.errors;
  EXPECT_EQ(again.parsed()["there"], 4);
  EXPECT_EQ(again.parsed()["rules_there"], 2);
}

// A level that is set before the first version, and a name that is nothing but another one's.
TEST_F(SchemaTransferTest, RulesOfSubjectsWithoutAVersionComeToo) {
  add("orders-value", order());
  ASSERT_EQ(run({"schema", "compatibility", "future-value", "FULL"}).code, ExitCode::kOk);
  ASSERT_EQ(run({"schema", "compatibility", "--global", "FORWARD"}).code, ExitCode::kOk);
  ASSERT_EQ(run({"schema", "mode", "other-value", "READONLY"}).code, ExitCode::kOk);
  const std::string all = run({"schema", "export"}).out;
  EXPECT_NE(all.find(R"("scope":"future-value")"), std::string::npos) << all;
  EXPECT_NE(all.find(R"("scope":"other-value")"), std::string::npos) << all;
  EXPECT_NE(all.find(R"("scope":"")"), std::string::npos) << all;
  const std::string some = run({"schema", "export", "--subject", "future"}).out;
  EXPECT_NE(some.find(R"("scope":"future-value")"), std::string::npos) << some;
  EXPECT_EQ(some.find(R"("scope":"other-value")"), std::string::npos) << some;
  const std::string path = file("all.ndjson", all);
  take_another_registry();
  EXPECT_EQ(run({"schema", "import", path, "-o", "json"}).parsed()["rules_set"], 3);
  EXPECT_EQ(run({"schema", "export"}).out, all);
}

// What it had before it was another name for "a".
TEST_F(SchemaTransferTest, ASubjectThatBecameAnAliasKeepsItsVersions) {
  fill();
  const std::string alias = file("alias.ndjson", R"({"kind":"rules","scope":"m","alias":"a"})"
                                                 "\n");
  const Ran aliased = run({"schema", "import", alias});
  ASSERT_EQ(aliased.code, ExitCode::kOk) << aliased.errors;
  const std::string all = run({"schema", "export"}).out;
  const std::string path = file("all.ndjson", all);
  const Ran again = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(again.code, ExitCode::kOk) << again.errors;
  EXPECT_EQ(again.parsed()["there"], 4);
  take_another_registry();
  ASSERT_EQ(run({"schema", "import", alias}).code, ExitCode::kOk);
  const Ran first = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(first.parsed()["imported"], 4);
  EXPECT_EQ(run({"schema", "export"}).out, all);
}

// Of a registry whose GUIDs, and ways to write a text, are others.
TEST_F(SchemaTransferTest, VersionsWithoutAGuidAreJudgedByTheRegistry) {
  const std::string line =
      R"({"kind":"version","subject":"a","version":3,"id":40,"type":"AVRO","schema":"{ \"type\" : \"int\" }"})"
      "\n";
  const std::string path = file("other.ndjson", line);
  const Ran first = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(first.parsed()["imported"], 1);
  EXPECT_EQ(run({"schema", "import", path, "-o", "json"}).parsed()["there"], 1);
  const std::string other = file("conflict.ndjson", std::string(line).replace(line.find("int"), 3, "long"));
  EXPECT_NE(run({"schema", "import", other}).code, ExitCode::kOk);
}

// Each context has ids of its own, and names of the default one are said as such in the others.
TEST_F(SchemaTransferTest, ContextsAreTakenOverAsTheyAre) {
  add("orders", order());
  add(":.sales:orders", R"({"type":"record","name":"Other","fields":[]})");
  const std::string path_of_user = file("u.avsc", order(R"(,{"name":"x","type":"Order2"})"));
  add("common", R"({"type":"record","name":"Order2","fields":[]})");
  add(":.sales:common", R"({"type":"record","name":"Order2","fields":[{"name":"y","type":"int"}]})");
  ASSERT_EQ(
      run({"schema", "register", ":.sales:user", path_of_user, "--reference", "Order2=:.:common:1"}).code,
      ExitCode::kOk);
  ASSERT_EQ(run({"schema", "compatibility", "orders", "FULL"}).code, ExitCode::kOk);
  ASSERT_EQ(run({"schema", "compatibility", ":.sales:orders", "NONE"}).code, ExitCode::kOk);
  ASSERT_EQ(run({"schema", "compatibility", "--global", "FORWARD"}).code, ExitCode::kOk);
  const std::string all = run({"schema", "export"}).out;
  EXPECT_EQ(run({"schema", "export", "--subject", ":*:"}).out, all);
  const std::string some = run({"schema", "export", "--subject", ":*:orders"}).out;
  EXPECT_EQ(std::count(some.begin(), some.end(), '\n'), 4) << some;
  const std::string path = file("all.ndjson", all);
  take_another_registry();
  const Ran first = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(first.parsed()["imported"], 5);
  EXPECT_EQ(run({"schema", "export"}).out, all);
  EXPECT_EQ(run({"schema", "import", path, "-o", "json"}).parsed()["there"], 5);
}

TEST_F(SchemaTransferTest, RulesAreAsInTheFileAfterwards) {
  fill();
  const std::string all = run({"schema", "export"}).out;
  const std::string path = file("all.ndjson", all);
  ASSERT_EQ(run({"schema", "compatibility", "m", "NONE", "--json-policy", "lenient"}).code, ExitCode::kOk);
  ASSERT_EQ(run({"schema", "mode", "m", "READONLY"}).code, ExitCode::kOk);
  const json dry = run({"schema", "import", path, "--dry-run", "-o", "json"}).parsed();
  EXPECT_EQ(dry["rules_set"], 1) << dry;
  const Ran first = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(first.parsed()["rules_set"], 1);
  EXPECT_EQ(run({"schema", "export"}).out, all);
  EXPECT_EQ(run({"schema", "import", path, "-o", "json"}).parsed()["rules_there"], 2);
}

TEST_F(SchemaTransferTest, WhatWasDeletedSoftlySinceIsThereAgain) {
  add("m", order());
  const std::string all = run({"schema", "export"}).out;
  const std::string path = file("all.ndjson", all);
  ASSERT_EQ(run({"schema", "subject", "delete", "m", "--yes"}).code, ExitCode::kOk);
  const std::string deleted = file("deleted.ndjson", run({"schema", "export"}).out);
  EXPECT_EQ(run({"schema", "import", path, "--dry-run", "-o", "json"}).parsed()["imported"], 1);
  const Ran ran = run({"schema", "import", path, "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed()["imported"], 1);
  EXPECT_EQ(run({"schema", "export"}).out, all);
  // Not the other way round: what is in use here does not go by an import.
  const Ran refused = run({"schema", "import", deleted});
  EXPECT_EQ(refused.code, ExitCode::kConflict);
  EXPECT_THAT(refused.errors, HasSubstr("forebay schema subject delete m --version 1"));
  EXPECT_EQ(run({"schema", "export"}).out, all);
}

TEST_F(SchemaTransferTest, AConflictNamesBoth) {
  add("theirs", order());
  const std::string path = file("all.ndjson", run({"schema", "export"}).out + "no json\n");
  take_another_registry();
  add("ours", order(kNote));  // takes id 1
  for (const bool dry : {true, false}) {
    std::vector<std::string> words{"schema", "import", path};
    if (dry) words.emplace_back("--dry-run");
    const Ran ran = run(words);
    EXPECT_NE(ran.code, ExitCode::kOk);
    EXPECT_THAT(ran.errors, HasSubstr("line 1"));
    EXPECT_THAT(ran.errors, HasSubstr("version 1 of subject theirs"));
    EXPECT_THAT(ran.errors, HasSubstr("version 1 of subject ours"));
    EXPECT_THAT(ran.errors, HasSubstr("line 2"));
  }
  take_another_registry();
  add("theirs", order(kNote));  // another version 1
  const Ran ran = run({"schema", "import", path});
  EXPECT_THAT(ran.errors, HasSubstr("here is version 1 of subject theirs"));
}

}  // namespace
}  // namespace forebay::cli
