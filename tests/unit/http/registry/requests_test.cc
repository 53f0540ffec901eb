// What bodies and headers mean.
#include "http/registry_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rest_world.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(RegistryMediaTypes, TheOneThatIsPreferredIsAnswered) {
  struct Case {
    std::string accept;
    std::string answered;  // empty: none
  };
  const std::string v1(kRegistryMediaType);
  const std::string other = "application/vnd.schemaregistry+json";
  const std::string plain = "application/json";
  for (const Case& c : {Case{"", v1},
                        Case{"*/*", v1},
                        Case{"application/*", v1},
                        Case{v1, v1},
                        Case{other, other},
                        Case{plain, plain},
                        Case{"Application/JSON", plain},
                        Case{plain + "; charset=utf-8", plain},
                        Case{"application/json, text/plain, */*", v1},
                        Case{v1 + ", " + other + ", " + plain, v1},
                        Case{v1 + ";q=0.5, " + plain, plain},
                        Case{v1 + "; q=0.5 , " + plain + ";q=0.49", v1},
                        Case{"*/*;q=0.1, " + plain, plain},
                        Case{"*/*, " + v1 + ";q=0", other},
                        Case{"text/html, */*;q=0.8", v1},
                        Case{"text/html", ""},
                        Case{"application/xml;q=1", ""},
                        Case{plain + ";q=0", ""},
                        Case{plain + ";q=0.000", ""},
                        Case{plain + ";q=0.001", plain},
                        Case{plain + ";q=high", plain},
                        Case{",,;,", ""}}) {
    const auto found = negotiated(c.accept);
    EXPECT_EQ(found ? std::string(*found) : "", c.answered) << c.accept;
  }
}

TEST(RegistryMediaTypes, AnswersAndErrorsHaveTheTypeThatWasAskedFor) {
  RestWorld world;
  const RestWorld::Headers plain{{"accept", "application/json"}};
  EXPECT_EQ(world.ask("GET", "/subjects", "", plain).content_type, "application/json");
  EXPECT_EQ(world.ask("GET", "/subjects/a/versions", "", plain).content_type, "application/json");
  const Response none = world.ask("GET", "/subjects", "", {{"accept", "text/html"}});
  EXPECT_EQ(none.status, 406);
  EXPECT_EQ(json::parse(none.body)["error_code"], 406);
}

TEST(RegistryMediaTypes, BodiesOfOtherTypesAreRefused) {
  struct Case {
    RestWorld::Headers headers;
    int status;
  };
  for (const Case& c :
       {Case{{}, 200}, Case{{{"content-type", std::string(kRegistryMediaType)}}, 200},
        Case{{{"content-type", "application/vnd.schemaregistry+json"}}, 200},
        Case{{{"content-type", "application/json; charset=utf-8"}}, 200},
        Case{{{"content-type", "application/octet-stream"}}, 200},
        Case{{{"content-type", "application/x-www-form-urlencoded"}}, 415},
        Case{{{"content-type", "text/plain"}}, 415}, Case{{{"content-encoding", "identity"}}, 200},
        Case{{{"content-encoding", "gzip"}}, 415}}) {
    RestWorld world;
    const Response response = world.ask("POST", "/subjects/a/versions", R"({"schema":"\"int\""})", c.headers);
    EXPECT_EQ(response.status, c.status) << response.body;
  }
  RestWorld world;  // a type of nothing is no matter
  EXPECT_EQ(world.ask("GET", "/subjects", "", {{"content-type", "text/plain"}}).status, 200);
}

TEST(RegistryBodies, WhatIsNoRequestIsRefusedWithItsPlace) {
  struct Case {
    std::string body;
    int code;
    std::string said;
  };
  std::string many = R"({"x":[)";
  for (std::size_t i = 0; i < kJsonValuesMax; ++i) many += "0,";
  for (const Case& c :
       {Case{"", 422, "no body"},
        Case{" \n", 422, "no body"},
        Case{"{", 400, "not JSON"},
        Case{"nonsense", 400, "not JSON"},
        Case{"{}{}", 400, "not JSON"},
        Case{"[]", 400, "found array"},
        Case{"\"x\"", 400, "found string"},
        Case{"{\"schema\":\"\xff\"}", 400, "not JSON"},
        Case{std::string(40, '['), 400, "nests deeper"},
        Case{R"({"x":)" + std::string(1'000'000, '['), 400, "nests deeper"},
        Case{many, 400, "more than"},
        Case{R"({"schema":{"type":"int"}})", 400, "schema: expected a string"},
        Case{R"({"schema":"\"int\"","references":{}})", 400, "references: expected a list"},
        Case{R"({"schema":"\"int\"","references":[1]})", 400, "references[0]: expected an object"},
        Case{R"({"schema":"\"int\"","references":[{"name":1}]})", 400, "references[0].name"},
        Case{R"({"schema":"\"int\"","references":[{"version":"1"}]})", 400, "references[0].version"},
        Case{R"({"schema":"\"int\"","id":1.5})", 400, "id: expected a whole number"},
        Case{R"({"schema":"\"int\"","id":99999999999})", 400, "id: expected a number of 32 bits"},
        Case{R"({"schema":"\"int\"","schemaType":1})", 400, "schemaType"},
        Case{R"({"schema":"\"int\"","metadata":[]})", 400, "metadata: expected an object"},
        Case{R"({"schema":"\"int\"","metadata":{"tags":{"a":"b"}}})", 400, "metadata.tags.a"},
        Case{R"({"schema":"\"int\"","metadata":{"properties":{"a":1}}})", 400, "metadata.properties.a"},
        Case{R"({"schema":"\"int\"","ruleSet":"x"})", 400, "ruleSet: expected an object"}}) {
    RestWorld world;
    const Response response = world.ask("POST", "/subjects/a/versions", c.body);
    const json body = json::parse(response.body);
    EXPECT_EQ(body["error_code"], c.code) << c.body.substr(0, 100) << response.body;
    EXPECT_EQ(response.status, c.code) << response.body;
    EXPECT_THAT(body["message"].get<std::string>(), HasSubstr(c.said)) << c.body.substr(0, 100);
  }
}

TEST(RegistryBodies, ARegistrationIsReadWhole) {
  const auto read = register_request(json::parse(R"({
    "schema": "x", "schemaType": "PROTOBUF", "id": 5, "version": 2, "unknown": {"a": 1},
    "references": [{"name": "n", "subject": "s", "version": 3}, {"name": "m", "subject": "t"}],
    "metadata": {"tags": {"a.b": ["PII", "X"]}, "properties": {"owner": "me"}, "sensitive": ["owner"]},
    "ruleSet": {"domainRules": [{"name": "r"}]}})"));
  ASSERT_TRUE(std::holds_alternative<v1::RegisterSchemaRequest>(read));
  const auto& request = std::get<v1::RegisterSchemaRequest>(read);
  EXPECT_EQ(request.id(), 5);
  EXPECT_EQ(request.version(), 2);
  EXPECT_EQ(request.schema().format(), v1::SCHEMA_FORMAT_PROTOBUF);
  EXPECT_EQ(request.schema().text(), "x");
  ASSERT_EQ(request.schema().references_size(), 2);
  EXPECT_EQ(request.schema().references(0).version(), 3);
  EXPECT_EQ(request.schema().references(1).version(), -1);
  EXPECT_EQ(request.schema().metadata().tags().at("a.b").tags_size(), 2);
  EXPECT_EQ(request.schema().metadata().properties().at("owner"), "me");
  EXPECT_EQ(request.schema().metadata().sensitive(0), "owner");
  EXPECT_EQ(request.schema().rule_set(), R"({"domainRules":[{"name":"r"}]})");
}

TEST(RegistryBodies, NullIsAsIfItWereNotThere) {
  const auto read = register_request(json::parse(
      R"({"schema":"x","schemaType":null,"id":null,"version":-1,"references":null,"metadata":null,
          "ruleSet":null})"));
  ASSERT_TRUE(std::holds_alternative<v1::RegisterSchemaRequest>(read));
  const auto& request = std::get<v1::RegisterSchemaRequest>(read);
  EXPECT_FALSE(request.has_id());
  EXPECT_FALSE(request.has_version());
  EXPECT_FALSE(request.schema().has_metadata());
  EXPECT_EQ(request.schema().format(), v1::SCHEMA_FORMAT_AVRO);
}

TEST(RegistryBodies, WhatTheConventionHasAndWeDoNotIsSaid) {
  RestWorld world;
  const Response response = world.ask("PUT", "/config/a", R"({"compatibility":"FULL","defaultRuleSet":{}})");
  EXPECT_EQ(response.status, 422);
  EXPECT_THAT(response.body, HasSubstr("defaultRuleSet is not supported"));
  EXPECT_EQ(world.ask("PUT", "/config/a", R"({"compatibility":"FULL","defaultRuleSet":null})").status, 200);
}

TEST(RegistryRoutes, EveryPathKnowsItsMethods) {
  struct Case {
    std::string target;
    std::string allow;
  };
  for (const Case& c :
       {Case{"/", "GET, HEAD, POST, OPTIONS"}, Case{"/subjects", "GET, HEAD, OPTIONS"},
        Case{"/subjects/a", "POST, DELETE, OPTIONS"},
        Case{"/subjects/a%2Fb/versions", "GET, HEAD, POST, OPTIONS"},
        Case{"/subjects/a/versions/1", "GET, HEAD, DELETE, OPTIONS"},
        Case{"/config", "GET, HEAD, PUT, DELETE, OPTIONS"}, Case{"/contexts/.x", "DELETE, OPTIONS"},
        Case{"/schemas/types", "GET, HEAD, OPTIONS"}}) {
    RestWorld world;
    for (const char* method : {"PATCH", "TRACE", "get"}) {
      const Response refused = world.ask(method, c.target);
      EXPECT_EQ(refused.status, 405) << c.target;
      EXPECT_EQ(refused.allow, c.allow) << c.target;
      EXPECT_EQ(json::parse(refused.body)["error_code"], 405);
    }
    const Response options = world.ask("OPTIONS", c.target);
    EXPECT_EQ(options.status, 200);
    EXPECT_EQ(options.allow, c.allow);
  }
}

TEST(RegistryRoutes, UnknownPathsBelowOursAre404AndOthersAreNotOurs) {
  RestWorld world;
  for (const char* target :
       {"/subjects/a/b", "/schemas/x", "/schemas/ids", "/schemas/ids/1/x", "/v1/metadata", "/config/a/b",
        "/compatibility", "/subjects/a/versions/1/schema/x"}) {
    const Response response = world.ask("GET", target);
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_EQ(json::parse(response.body)["error_code"], 404) << target;
  }
  EXPECT_EQ(world.ask("GET", "/schemas/ids/x").status, 404);
  for (const char* target : {"/favicon.ico", "/subject", "/Subjects", "/v2"})
    EXPECT_EQ(world.ask("GET", target).status, 0) << target;
}

TEST(RegistryRoutes, NumbersOfAQueryAreRead) {
  RestWorld world;
  EXPECT_EQ(world.ask("GET", "/subjects?offset=x").status, 400);
  EXPECT_EQ(world.ask("GET", "/schemas?limit=1.5").status, 400);
  EXPECT_EQ(world.ask("GET", "/schemas?limit=-1&offset=-5").status, 200);
}

TEST(RegistryRoutes, AFormIsAskedForWhereverASchemaIsAnswered) {
  RestWorld world;
  const std::string body = R"({"schema":"\"int\"","metadata":{"properties":{"k":"v"}}})";
  ASSERT_EQ(world.ask("POST", "/subjects/a/versions", body).status, 200);
  const std::string guid = json::parse(
      world.ask("GET", "/subjects/a/versions/1", "", {{"confluent-accept-unknown-properties", "TRUE"}})
          .body)["guid"];
  const std::pair<std::string, std::string> asked[] = {{"GET", "/subjects/a/versions/1"},
                                                       {"GET", "/subjects/a/versions/1/schema"},
                                                       {"GET", "/subjects/a/metadata?key=k&value=v"},
                                                       {"POST", "/subjects/a"},
                                                       {"GET", "/schemas/ids/1"},
                                                       {"GET", "/schemas/ids/1/schema"},
                                                       {"GET", "/schemas/guids/" + guid}};
  for (const auto& [method, path] : asked) {
    world.calls.form.clear();
    const std::string target = path + (path.find('?') == std::string::npos ? "?" : "&") + "format=serialized";
    EXPECT_EQ(world.ask(method, target, method == "POST" ? body : "").status, 200) << target;
    EXPECT_EQ(world.calls.form, "serialized") << target;
  }
  EXPECT_EQ(json::parse(world.ask("GET", "/schemas/guids/" + guid + "/ids").body),
            (json::array({{{"context", "."}, {"id", 1}}})));
}

TEST(RegistryRoutes, ListsHaveWindowsOverPages) {
  RestWorld world;
  std::vector<std::string> all;
  for (int i = 0; i < 9; ++i) {
    all.push_back("s" + std::to_string(i));
    world.ask("POST", "/subjects/" + all.back() + "/versions", R"({"schema":"\"int\""})");
  }
  for (std::size_t offset = 0; offset <= 10; ++offset) {
    for (std::size_t limit = 1; limit <= 10; ++limit) {
      const std::string window = "?offset=" + std::to_string(offset) + "&limit=" + std::to_string(limit);
      std::vector<std::string> wanted;
      for (std::size_t i = offset; i < std::min(offset + limit, all.size()); ++i) wanted.push_back(all[i]);
      EXPECT_EQ(json::parse(world.ask("GET", "/subjects" + window).body), json(wanted)) << window;
      std::vector<std::string> found;
      for (const json& one : json::parse(world.ask("GET", "/schemas" + window).body)) {
        EXPECT_EQ(one["schema"], "\"int\"");
        found.push_back(one["subject"]);
      }
      EXPECT_EQ(found, wanted) << window;
    }
  }
  EXPECT_EQ(json::parse(world.ask("GET", "/subjects").body), json(all));
}

TEST(RegistryRoutes, SchemasThatAreTooMuchForOneAnswerAreRefusedWithTheWayOut) {
  RestWorld world;
  world.calls.page_max = 100;
  world.ask("PUT", "/config", R"({"compatibility":"NONE"})");
  for (int i = 0; i < 40; ++i) {
    const std::string text = R"({"type":"enum","name":"E)" + std::to_string(i) +
                             R"(","symbols":["A"],"doc":")" + std::string(900'000, 'x') + "\"}";
    const Response response = world.ask("POST", "/subjects/a/versions", json{{"schema", text}}.dump());
    ASSERT_EQ(response.status, 200) << response.body.substr(0, 500);
  }
  const Response all = world.ask("GET", "/schemas");
  EXPECT_EQ(all.status, 422);
  EXPECT_THAT(all.body, HasSubstr("offset=&limit="));
  EXPECT_EQ(json::parse(world.ask("GET", "/schemas?offset=30&limit=20").body).size(), 10U);
}

}  // namespace
}  // namespace forebay::http
