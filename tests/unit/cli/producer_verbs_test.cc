#include "verbs_fixture.h"

namespace forebay::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ProducerVerbsTest : public VerbsTest {
 protected:
  void SetUp() override {
    VerbsTest::SetUp();
    broker_.producers["line-3"] = {model::ProducerId(7), model::ProducerEpoch(2)};
    broker_.producers["line-4"] = {model::ProducerId(9), model::ProducerEpoch(0)};
  }
};

TEST_F(ProducerVerbsTest, ListNamesEachWithItsLastSession) {
  EXPECT_EQ(
      run({"producer", "list", "-o", "json"}).parsed(),
      json::parse(R"([{"name": "line-3", "id": 7, "epoch": 2}, {"name": "line-4", "id": 9, "epoch": 0}])"));
  const Ran text = run({"producer", "list"});
  EXPECT_EQ(text.code, ExitCode::kOk);
  EXPECT_THAT(text.out, HasSubstr("line-4"));
}

TEST_F(ProducerVerbsTest, ListOfNoneSaysSo) {
  broker_.producers.clear();
  const Ran text = run({"producer", "list"});
  EXPECT_EQ(text.code, ExitCode::kOk);
  EXPECT_EQ(text.out, "");
  EXPECT_THAT(text.errors, HasSubstr("no producer has a name"));
  EXPECT_EQ(run({"producer", "list", "-o", "json"}).parsed(), json::array());
}

TEST_F(ProducerVerbsTest, DeleteAsksFirst) {
  expect_refused(run({"producer", "delete", "line-3"}), ExitCode::kUsage, "--yes");
  EXPECT_EQ(broker_.producers.size(), 2U);
}

TEST_F(ProducerVerbsTest, DeleteForgetsTheNamesThatAreThere) {
  const Ran ran = run({"producer", "delete", "line-3", "nobody", "line-4", "--yes", "-o", "json"});
  EXPECT_NE(ran.code, ExitCode::kOk);
  const json results = ran.parsed();
  ASSERT_EQ(results.size(), 3U) << ran.out;
  EXPECT_EQ(results[0], json::parse(R"({"name": "line-3", "status": "deleted", "error": null})"));
  EXPECT_EQ(results[1]["status"], "failed");
  EXPECT_EQ(results[2]["status"], "deleted");
  EXPECT_TRUE(broker_.producers.empty());
}

TEST_F(ProducerVerbsTest, DryRunChangesNothingAndNeedsNoYes) {
  const Ran ran = run({"producer", "delete", "line-3", "--dry-run", "-o", "json"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.parsed()[0]["status"], "would delete");
  EXPECT_EQ(broker_.producers.size(), 2U);
  EXPECT_NE(run({"producer", "delete", "nobody", "--dry-run"}).code, ExitCode::kOk);
}

}  // namespace
}  // namespace forebay::cli
