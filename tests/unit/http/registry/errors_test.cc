// Each error code of the convention, by a request that has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rest_world.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using schema::RegistryCode;

const std::string kInt = R"({"schema":"\"int\""})";
const std::string kString = R"({"schema":"\"string\""})";

struct Step {
  std::string method;
  std::string target;
  std::string body = {};
};
struct Case {
  int code;
  std::vector<Step> before;
  Step step;
};

std::vector<Case> cases() {
  const Step registered{"POST", "/subjects/a/versions", kInt};
  const Step deleted{"DELETE", "/subjects/a"};
  const Step import{"PUT", "/mode/a", R"({"mode":"IMPORT"})"};
  const std::string with_id = R"({"schema":"\"int\"","id":7,"version":1})";
  const std::string refers =
      R"({"schema":"{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}",)"
      R"("references":[{"name":"R","subject":"a","version":1}]})";
  const Step record{"POST", "/subjects/a/versions",
                    R"({"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"})"};
  return {
      {40401, {}, {"GET", "/subjects/a/versions"}},
      {40401, {}, {"GET", "/subjects/a/versions/1"}},
      {40401, {}, {"GET", "/subjects/a/versions/latest/schema"}},
      {40401, {}, {"POST", "/subjects/a", kInt}},
      {40401, {}, {"GET", "/subjects/a/metadata?key=k&value=v"}},
      {40401, {}, {"DELETE", "/subjects/a"}},
      {40401, {}, {"DELETE", "/subjects/a/versions/1"}},
      {40401, {registered, deleted}, {"GET", "/subjects/a/versions"}},
      {40401, {}, {"DELETE", "/config/a"}},
      {40401, {}, {"DELETE", "/mode/a"}},
      {40402, {registered}, {"GET", "/subjects/a/versions/2"}},
      {40402, {registered}, {"GET", "/subjects/a/versions/2/referencedby"}},
      {40402, {registered}, {"DELETE", "/subjects/a/versions/2"}},
      {40402, {registered}, {"POST", "/compatibility/subjects/a/versions/2", kInt}},
      {40403, {registered}, {"POST", "/subjects/a", kString}},
      {40403, {registered}, {"GET", "/subjects/a/metadata?key=k&value=v"}},
      {40403, {}, {"GET", "/schemas/ids/1"}},
      {40403, {}, {"GET", "/schemas/ids/1/schema"}},
      {40403, {}, {"GET", "/schemas/ids/1/subjects"}},
      {40403, {}, {"GET", "/schemas/ids/1/versions"}},
      {40403, {}, {"GET", "/schemas/guids/00000000-0000-0000-0000-000000000001"}},
      {40403, {}, {"GET", "/schemas/guids/none/ids"}},
      {40404, {registered, deleted}, {"DELETE", "/subjects/a"}},
      {40405, {registered}, {"DELETE", "/subjects/a?permanent=true"}},
      {40406, {registered, {"DELETE", "/subjects/a/versions/1"}}, {"DELETE", "/subjects/a/versions/1"}},
      {40407, {registered}, {"DELETE", "/subjects/a/versions/1?permanent=true"}},
      {40408, {}, {"GET", "/config/a"}},
      {40409, {}, {"GET", "/mode/a"}},
      {40901, {registered}, {"POST", "/subjects/a/versions", kString}},
      {42201, {}, {"POST", "/subjects/a/versions", R"({"schema":"{"})"}},
      {42201, {}, {"POST", "/subjects/a/versions", R"({"schema":""})"}},
      {42201, {}, {"POST", "/subjects/a/versions", R"({})"}},
      {42201, {}, {"POST", "/subjects/a/versions", R"({"schema":"\"int\"","schemaType":"XML"})"}},
      {42201, {}, {"POST", "/subjects/a/versions", refers}},
      {42201, {registered}, {"POST", "/subjects/a", R"({"schema":"{"})"}},
      {42201, {registered}, {"POST", "/compatibility/subjects/a/versions", R"({"schema":"{"})"}},
      {42202, {registered}, {"GET", "/subjects/a/versions/0"}},
      {42202, {registered}, {"GET", "/subjects/a/versions/x"}},
      {42202, {registered}, {"GET", "/subjects/a/versions/2147483648/schema"}},
      {42202, {registered}, {"DELETE", "/subjects/a/versions/-2"}},
      {42202, {registered}, {"POST", "/compatibility/subjects/a/versions/x", kInt}},
      {42203, {}, {"PUT", "/config", R"({"compatibility":"SIDEWAYS"})"}},
      {42203, {}, {"PUT", "/config/a", R"({"compatibilityPolicy":"LOGICAL"})"}},
      {42203, {}, {"PUT", "/config/a", R"({"compatability":"FULL"})"}},
      {42204, {}, {"PUT", "/mode", R"({"mode":"FORWARD"})"}},
      {42204, {}, {"PUT", "/mode/a", R"({})"}},
      {42205, {{"PUT", "/mode/a", R"({"mode":"READONLY"})"}}, registered},
      {42205, {registered}, {"PUT", "/mode/a", R"({"mode":"IMPORT"})"}},
      {42205, {}, {"POST", "/subjects/a/versions", with_id}},
      {42205, {}, {"DELETE", "/contexts/."}},
      {42206, {record, {"POST", "/subjects/b/versions", refers}}, {"DELETE", "/subjects/a/versions/1"}},
      {42206, {record, {"POST", "/subjects/b/versions", refers}}, {"DELETE", "/subjects/a"}},
      {42207,
       {registered, {"PUT", "/mode/a?force=true", R"({"mode":"IMPORT"})"}},
       {"POST", "/subjects/a/versions", with_id}},
      {42208, {}, {"POST", "/subjects/a%00b/versions", kInt}},
      {42208, {}, {"POST", "/subjects//versions", kInt}},
      {42208, {}, {"GET", "/subjects//versions"}},
      {42208, {}, {"PUT", "/config", R"({"alias":"b"})"}},
      {42209,
       {},
       {"POST", "/subjects/a/versions", json{{"schema", std::string((1U << 20) + 1, ' ')}}.dump()}},
      {42211, {{"POST", "/subjects/:.x:a/versions", kInt}}, {"DELETE", "/contexts/.x"}},
  };
}

void expect_error(const Response& response, int code, const std::string& what) {
  EXPECT_EQ(response.status, code / 100) << what << ' ' << response.body;
  EXPECT_EQ(response.content_type, kRegistryMediaType) << what;
  const json body = json::parse(response.body, nullptr, false);
  ASSERT_TRUE(body.is_object()) << what << ' ' << response.body;
  EXPECT_EQ(body.value("error_code", 0), code) << what << ' ' << response.body;
  EXPECT_TRUE(body.contains("message") && body["message"].is_string() && body["message"] != "") << what;
  EXPECT_EQ(body.size(), 2U) << what;
}

TEST(RegistryErrors, EachCodeHasARequestThatIsAnsweredWithIt) {
  for (const Case& c : cases()) {
    RestWorld world;
    for (const Step& step : c.before) {
      const Response response = world.ask(step.method, step.target, step.body);
      EXPECT_EQ(response.status, 200) << step.method << ' ' << step.target << ' ' << response.body;
    }
    const std::string what = c.step.method + ' ' + c.step.target + ' ' + c.step.body.substr(0, 200);
    expect_error(world.ask(c.step.method, c.step.target, c.step.body), c.code, what);
  }
}

TEST(RegistryErrors, TroubleOfTheClusterIsAnsweredOnEveryPath) {
  const Step steps[] = {{"GET", "/subjects"},
                        {"POST", "/subjects/a", kInt},
                        {"DELETE", "/subjects/a"},
                        {"GET", "/subjects/a/versions"},
                        {"POST", "/subjects/a/versions", kInt},
                        {"GET", "/subjects/a/versions/1"},
                        {"DELETE", "/subjects/a/versions/1"},
                        {"GET", "/subjects/a/metadata"},
                        {"GET", "/schemas"},
                        {"GET", "/schemas/ids/1"},
                        {"POST", "/compatibility/subjects/a/versions", kInt},
                        {"GET", "/config"},
                        {"PUT", "/config", R"({"compatibility":"NONE"})"},
                        {"DELETE", "/config/a"},
                        {"GET", "/mode/a"},
                        {"PUT", "/mode", R"({"mode":"READONLY"})"},
                        {"DELETE", "/mode/a"},
                        {"GET", "/contexts"},
                        {"DELETE", "/contexts/.x"}};
  const std::pair<Error, int> troubles[] = {
      {Error{ErrorCode::kStorageFailed, "disk"}, 50001},
      {Error{ErrorCode::kInternal, "bug"}, 50001},
      {Error{ErrorCode::kTimedOut, "late"}, 50002},
      {Error{ErrorCode::kOutcomeUnknown, "?"}, 50002},
      {Error{ErrorCode::kUnavailable, "nobody"}, 50003},
      {Error{ErrorCode::kNotLeader, "other"}, 50004},
      {Error{ErrorCode::kNotLeader, "not reached", 0, "10.0.0.1:7400"}, 50003},
      {Error{ErrorCode::kShuttingDown, "goes down"}, 50003}};
  for (const auto& [error, code] : troubles) {
    for (const Step& step : steps) {
      RestWorld world;
      world.calls.failure = error;
      expect_error(world.ask(step.method, step.target, step.body), code, step.method + ' ' + step.target);
    }
  }
}

TEST(RegistryErrors, WhatTheServerAnswersInTheRegistrysName) {
  expect_error(RegistryRest::failed(Failure::kBodyTooLarge), 42209, "too large");
  expect_error(RegistryRest::failed(Failure::kTimedOut), 50002, "timed out");
  EXPECT_EQ(RegistryRest::failed(Failure::kBusy).status, 503);
}

}  // namespace
}  // namespace forebay::http
