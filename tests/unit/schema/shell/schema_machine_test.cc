// The state of the registry as entries: whatever happened, what was written piece by piece is the whole, and
// reading it gives the same registry.
#include "schema/schema_machine.h"

#include <gtest/gtest.h>

#include "registry_world.h"

namespace forebay::schema {
namespace {

class World : public TestRegistry {
 public:
  explicit World(std::uint64_t seed) : requests(seed) {}
  // The records of something that happens; none where it is refused.
  SchemaRecords step() {
    auto records = requests.decide(*this, *this, model::Timestamp(1'700'000'000'000));
    if (!records) return {};
    take(*records);
    return std::move(*records);
  }
  RandomRequests requests;
};

void fold(machine::Entries& entries, machine::Changes changes) {
  for (auto& [key, value] : changes) {
    if (value) {
      entries[key] = std::move(*value);
    } else {
      entries.erase(key);
    }
  }
}

TEST(SchemaMachine, WhatIsWrittenPieceByPieceIsTheWhole) {
  std::size_t applied = 0, gone = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    SchemaMachine machine;
    ASSERT_TRUE(machine.load({}));
    machine::Entries written;
    for (int step = 0; step < 200; ++step) {
      for (const SchemaRecord& record : world.step()) {
        const std::string bytes = encode_record(record);
        const auto done = machine.apply(model::Offset(0), as_bytes(bytes));
        ASSERT_TRUE(done) << done.error().context;
        ++applied;
      }
      if (world.requests.draw(4) == 0) fold(written, machine.take_changes());
      if (world.requests.draw(20) != 0) continue;
      fold(written, machine.take_changes());
      ASSERT_EQ(written, machine.entries());
      SchemaMachine other;
      const auto loaded = other.load(written);
      ASSERT_TRUE(loaded) << loaded.error().context;
      ASSERT_EQ(other.entries(), written);
      // What is found by more than its own entry.
      const RegistryImage& one = machine.image()->own();
      const RegistryImage& two = other.image()->own();
      ASSERT_EQ(one.referenced_by, two.referenced_by);
      ASSERT_EQ(one.by_guid, two.by_guid);
      ASSERT_EQ(one.bytes, two.bytes);
      for (const auto& [name, context] : one.contexts) {
        if (context.schemas.empty() && context.gone.empty()) continue;
        ASSERT_EQ(context.last_id, two.contexts.at(name).last_id);
        ASSERT_EQ(context.gone, two.contexts.at(name).gone);
        gone += context.gone.size();
      }
    }
  }
  EXPECT_GT(applied, 1'000U);
  EXPECT_GT(gone, 100U);
}

TEST(SchemaMachine, EntriesThatDoNotBelongTogetherAreRefused) {
  World world(1);
  must(world.add("a", avro_record("R")));
  SchemaMachine machine;
  ASSERT_TRUE(machine.load({}));
  const StoredSchemaPtr schema = world.image.schema(".", 1);
  const std::string added = encode_record(SchemaAdded{".", *schema});
  ASSERT_TRUE(machine.apply(model::Offset(0), as_bytes(added)));
  EXPECT_EQ(machine.load(machine.entries()).error().code, ErrorCode::kCorruptBatch);  // without a version
}

TEST(SchemaCodec, RecordsKeepAllTheySay) {
  StoredSchema schema{.id = 7, .guid = {}, .content = {.format = Format::kProtobuf, .text = "t"}};
  schema.guid.bytes[3] = 9;
  schema.content.references = {{"n", ":.x:s", 4}};
  schema.content.metadata =
      Metadata{.tags = {{"p", {"x", "y"}}}, .properties = {{"a", "b"}}, .sensitive = {"a"}};
  schema.content.rule_set = "{}";
  const Config config{.level = Level::kFull,
                      .json_policy = CompatibilityPolicy::Json::kLenient,
                      .normalize = false,
                      .alias = "other",
                      .group = "g"};
  const SchemaRecords records{SchemaAdded{".x", schema},  VersionSet{"s", 3, 7, true, model::Timestamp(5)},
                              VersionRemoved{"s", 3},     SubjectDeleted{"s"},
                              SubjectRemoved{"s"},        ConfigSet{"s", config},
                              ConfigSet{"", {}},          ModeSet{"s", Mode::kImport},
                              ModeSet{"s", std::nullopt}, ContextRemoved{".x"}};
  for (const SchemaRecord& record : records) {
    const std::string bytes = encode_record(record);
    const auto decoded = decode_record(as_bytes(bytes));
    ASSERT_TRUE(decoded) << decoded.error().context;
    EXPECT_EQ(*decoded, record);
  }
  const SchemaGone gone{".x", 5, fingerprint(schema.content)};
  const std::string entry = encode_entry(gone);
  EXPECT_EQ(*decode_entry(as_bytes(entry)), SchemaEntry(gone));
  EXPECT_EQ(decode_record(as_bytes(entry)).error().code, ErrorCode::kCorruptBatch);
}

TEST(SchemaCodec, WhatItDoesNotKnowIsOfALaterVersion) {
  EXPECT_EQ(decode_record({}).error().code, ErrorCode::kNewerFormat);
  const std::string nonsense = "\xff\xff\xff";
  EXPECT_EQ(decode_record(as_bytes(nonsense)).error().code, ErrorCode::kCorruptBatch);
  const std::string later("\x2a\x04\x0a\x00\x10\x09", 6);  // ModeSet with mode 9
  EXPECT_EQ(decode_record(as_bytes(later)).error().code, ErrorCode::kNewerFormat);
}

}  // namespace
}  // namespace forebay::schema
