// What holds of every schema and payload: looked for with those of chance, from fixed seeds.
#include <gtest/gtest.h>

#include <string>

#include "avro_random.h"
#include "avro_resolve.h"
#include "schema/core/avro/avro_parser.h"

namespace forebay::schema::avro {
namespace {

constexpr std::uint64_t kSeeds = 300;  // 40 s with sanitizers
constexpr int kPayloads = 8;

// A schema both as the program sees it and as its types.
struct Made {
  SchemaPtr schema;
  Schema types;
  std::string text;
};
std::optional<Made> made(const Json& json, const std::vector<NamedText>& references) {
  const std::string text = json.dump();
  auto schema = parse_schema(Format::kAvro, text, references);
  auto types = parse(text, references);
  if (!schema || !types) return std::nullopt;
  return Made{*schema, std::move(*types), text};
}
Made random_made(Chance& chance, std::vector<NamedText>* references = nullptr, Json* json = nullptr) {
  const RandomSchema random = random_schema(chance);
  auto one = made(random.json, random.references);
  EXPECT_TRUE(one) << random.json.dump() << parse(random.json.dump(), random.references).error().to_string();
  if (references != nullptr) *references = random.references;
  if (json != nullptr) *json = random.json;
  return one ? std::move(*one) : Made{};
}
std::string told(const PayloadFault& fault) {
  return fault.path + ": expected " + fault.expected + ", found " + fault.found;
}

TEST(AvroProperty, CanonicalTextIsOfTheSameSchema) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Chance chance(seed);
    std::vector<NamedText> references;
    const Made one = random_made(chance, &references);
    SCOPED_TRACE(one.text);
    for (const std::string& text : {one.schema->canonical_text(), one.schema->normalized_text()}) {
      const auto again = parse_schema(Format::kAvro, text, references);
      ASSERT_TRUE(again) << again.error().to_string();
      EXPECT_EQ((*again)->canonical_text(), text);
      EXPECT_TRUE((*again)->differences(*one.schema, {}).empty());
    }
    const auto resolved = one.schema->text_as("resolved");
    ASSERT_TRUE(resolved);
    const auto alone = parse_schema(Format::kAvro, *resolved);
    ASSERT_TRUE(alone) << *resolved << alone.error().to_string();
    EXPECT_EQ((*alone)->canonical_text(), *resolved);
    EXPECT_TRUE((*alone)->differences(*one.schema, {}).empty());
    EXPECT_TRUE(one.schema->differences(**alone, {}).empty());
  }
}

TEST(AvroProperty, IsCompatibleWithItself) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Chance chance(seed);
    const Made one = random_made(chance);
    EXPECT_TRUE(one.schema->differences(*one.schema, {}).empty()) << one.text;
  }
}

TEST(AvroProperty, WhatIsWrittenPassesAndComesBackThroughJson) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Chance chance(seed);
    const Made one = random_made(chance);
    SCOPED_TRACE(one.text);
    for (int i = 0; i < kPayloads; ++i) {
      const Blocks blocks = i % 2 == 0 ? Blocks::kPlain : Blocks::kAny;
      const std::string payload = random_payload(one.types, chance, blocks).value();
      const auto fault = one.schema->check(as_bytes(payload));
      ASSERT_FALSE(fault) << told(*fault);
      const auto json = one.schema->to_json(as_bytes(payload));
      ASSERT_TRUE(json) << json.error().to_string();
      EXPECT_FALSE(Json::parse(*json, nullptr, false).is_discarded()) << *json;
      const auto back = one.schema->from_json(*json);
      ASSERT_TRUE(back) << *json << back.error().to_string();
      if (blocks == Blocks::kPlain) {
        EXPECT_EQ(*back, payload) << *json;
      }
      EXPECT_EQ(one.schema->to_json(as_bytes(*back)).value_or("-"), *json);
    }
  }
}

TEST(AvroProperty, DamagedPayloadsAreJudgedAlikeByAll) {
  std::size_t refused = 0, accepted = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Chance chance(seed);
    const Made one = random_made(chance);
    SCOPED_TRACE(one.text);
    for (int i = 0; i < 4 * kPayloads; ++i) {
      std::string payload = random_payload(one.types, chance, Blocks::kAny).value();
      if (chance.one_in(3)) payload.resize(chance.below(payload.size() + 1));
      for (std::size_t flips = chance.below(3); flips > 0 && !payload.empty(); --flips)
        payload[chance.below(payload.size())] = static_cast<char>(chance.bits());
      if (chance.one_in(5)) payload += static_cast<char>(chance.bits());
      const auto fault = one.schema->check(as_bytes(payload));
      const auto json = one.schema->to_json(as_bytes(payload));
      ASSERT_EQ(fault.has_value(), !json) << (fault ? told(*fault) : *json);
      fault ? ++refused : ++accepted;
      if (fault) {
        EXPECT_FALSE(fault->found.empty() || fault->expected.empty()) << told(*fault);
      } else {
        const auto back = one.schema->from_json(*json);
        ASSERT_TRUE(back) << back.error().to_string();
        EXPECT_EQ(one.schema->to_json(as_bytes(*back)).value_or("-"), *json);
      }
    }
  }
  EXPECT_GT(refused, 1000U);
  EXPECT_GT(accepted, 1000U);
}

// The verdict is a promise: whoever reads with it gets each value, and one of its own schema.
TEST(AvroProperty, CompatibleMeansReadable) {
  std::size_t compatible = 0, incompatible = 0, unreadable = 0;
  for (std::uint64_t seed = 0; seed < 4 * kSeeds; ++seed) {
    Chance chance(seed);
    std::vector<NamedText> references;
    Json json;
    const Made one = random_made(chance, &references, &json);
    const auto other = made(changed_schema(json, chance), references);
    if (!other) continue;
    for (const auto& [reader, writer] : {std::pair{&one, &*other}, {&*other, &one}}) {
      SCOPED_TRACE(reader->text + "\nreads " + writer->text);
      const bool is_compatible = reader->schema->differences(*writer->schema, {}).empty();
      is_compatible ? ++compatible : ++incompatible;
      bool is_read = true;
      for (int i = 0; i < kPayloads; ++i) {
        const auto payload = random_payload(writer->types, chance, Blocks::kAny);
        if (!payload) break;
        const auto read = resolve(reader->types, writer->types, *payload);
        is_read = is_read && read;
        if (!is_compatible) continue;
        ASSERT_TRUE(read) << writer->schema->to_json(as_bytes(*payload)).value_or("-");
        const auto fault = reader->schema->check(as_bytes(*read));
        ASSERT_FALSE(fault) << told(*fault);
      }
      if (!is_read) ++unreadable;
    }
  }
  EXPECT_GT(compatible, 500U);
  EXPECT_GT(incompatible, 200U);
  EXPECT_GT(unreadable, 200U);  // the verdict "incompatible" is seldom empty
}

}  // namespace
}  // namespace forebay::schema::avro
