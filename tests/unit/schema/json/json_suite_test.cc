// The test suite that the authors of JSON Schema publish, as Debian has it (drafts 4 to 7); with
// FOREBAY_JSON_SCHEMA_SUITE any other copy of it, which has the newer drafts too. Every case counts, but for
// the exceptions named here with their reasons; an exception that is none any more is a failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

const std::map<std::string, std::string>& exceptions() {
  static const std::string format = "\"format\" is an annotation here, see json_check.h";
  static const std::string vocabulary =
      "a meta-schema of one's own says the draft, and takes no keywords away";
  static const std::string rounded = "the case as this test hands it on is 1.2e52, no integer in draft 4";
  static const std::string no_validation =
      "/vocabulary/schema that uses custom metaschema with with no validation vocabulary/";
  static const std::string regex =
      "/ecmascript-regex/ECMA 262 regex non-compliance/ECMA 262 has no support for \\Z anchor from .NET";
  static const std::map<std::string, std::string> all = {
      {"draft4" + regex, format},
      {"draft6" + regex, format},
      {"draft7" + regex, format},
      {"draft2020-12/ecmascript-regex/\\a is not an ECMA 262 control escape/when used as a pattern", format},
      {"draft4/bignum/integer/a bignum is an integer", rounded},
      {"draft4/bignum/integer/a negative bignum is an integer", rounded},
      {"draft2019-09" + no_validation + "no validation: invalid number, but it still validates", vocabulary},
      {"draft2020-12" + no_validation + "no validation: invalid number, but it still validates", vocabulary},
  };
  return all;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path suite() {
  const char* elsewhere = std::getenv("FOREBAY_JSON_SCHEMA_SUITE");
  return elsewhere != nullptr ? elsewhere : "/usr/share/json-schema-test-suite";
}

// What the suite expects to be served at http://localhost:1234.
std::vector<NamedText> remotes(const std::string& draft) {
  std::vector<NamedText> all;
  const fs::path root = suite() / "remotes";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".json") continue;
    const std::string name = fs::relative(entry.path(), root).string();
    const bool of_a_draft = name.starts_with("draft");
    if (of_a_draft && !name.starts_with(draft + "/")) continue;
    if (name.find("Pre2019") != std::string::npos && draft.starts_with("draft20")) continue;
    if (name.find("Draft4") != std::string::npos && draft != "draft4") continue;
    all.push_back({"http://localhost:1234/" + name, read_file(entry.path())});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

struct Group {
  std::string draft, uri;
};
const std::vector<Group> kDrafts = {{"draft4", "http://json-schema.org/draft-04/schema#"},
                                    {"draft6", "http://json-schema.org/draft-06/schema#"},
                                    {"draft7", "http://json-schema.org/draft-07/schema#"},
                                    {"draft2019-09", "https://json-schema.org/draft/2019-09/schema"},
                                    {"draft2020-12", "https://json-schema.org/draft/2020-12/schema"}};

std::string with_draft(const Json& schema, const std::string& uri) {
  if (!schema.is_object() || schema.contains("$schema")) return schema.dump();
  Json all = {{"$schema", uri}};
  for (const auto& [key, value] : schema.items()) all[key] = value;
  return all.dump();
}

// Those that the schema asks for by their file, directly or through others.
std::vector<NamedText> asked_for(std::string text, const std::vector<NamedText>& served) {
  std::vector<NamedText> all;
  std::set<std::string> names;
  for (bool grows = true; grows;) {
    grows = false;
    for (const NamedText& one : served) {
      const std::string file = one.name.substr(one.name.rfind('/') + 1);
      if (text.find(file) == std::string::npos || !names.insert(one.name).second) continue;
      all.push_back(one);
      text += one.text;
      grows = true;
    }
  }
  return all;
}

struct Outcome {
  std::set<std::string> seen;
  std::map<std::string, std::string> failed;  // and why
};

void run_group(const std::string& name, const std::string& uri, const Json& group,
               const std::vector<NamedText>& served, Outcome& outcome) {
  const std::string text = with_draft(group["schema"], uri);
  const auto parsed = parse_schema(Format::kJson, text, asked_for(text, served));
  for (const Json& one : group["tests"]) {
    const std::string full = name + "/" + one["description"].get<std::string>();
    outcome.seen.insert(full);
    if (!parsed) {
      outcome.failed[full] = parsed.error().to_string();
      continue;
    }
    const auto fault = (*parsed)->check(as_bytes(one["data"].dump()));
    if (one["valid"].get<bool>() == !fault) continue;
    outcome.failed[full] =
        fault ? "refused at " + fault->path + ": " + fault->found + ", not " + fault->expected : "taken";
  }
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  for (const char* name :
       {"bignum.json", "ecmascript-regex.json", "float-overflow.json", "non-bmp-regex.json"})
    if (fs::exists(folder / "optional" / name)) files.push_back(folder / "optional" / name);
  std::sort(files.begin(), files.end());
  return files;
}

Outcome run_draft(const Group& draft) {
  Outcome outcome;
  const fs::path folder = suite() / "tests" / draft.draft;
  if (!fs::exists(folder)) return outcome;
  const auto served = remotes(draft.draft);
  for (const fs::path& file : files_of(folder)) {
    const std::string stem = file.stem().string();
    for (const Json& group : Json::parse(read_file(file)))
      run_group(draft.draft + "/" + stem + "/" + group["description"].get<std::string>(), draft.uri, group,
                served, outcome);
  }
  return outcome;
}

TEST(JsonSuite, EveryCaseIsJudgedAsPublished) {
  std::size_t cases = 0;
  for (const Group& draft : kDrafts) {
    const Outcome outcome = run_draft(draft);
    cases += outcome.seen.size();
    for (const auto& [one, why] : outcome.failed)
      EXPECT_TRUE(exceptions().contains(one)) << one << ": " << why;
    for (const auto& [one, reason] : exceptions()) {
      if (!outcome.seen.contains(one)) continue;
      EXPECT_TRUE(outcome.failed.contains(one)) << one << " is no exception any more: " << reason;
    }
  }
  EXPECT_GT(cases, 1000u);
  RecordProperty("cases", static_cast<int>(cases));
}

}  // namespace
}  // namespace forebay::schema
