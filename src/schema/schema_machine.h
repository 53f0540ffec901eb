// The registry as a state machine (machine/core/state_machine.h): what its records mean stands in core/, here
// is how the state is cut into entries (docs/format/schemas.md). Thread rules: the partition's shard; others
// look at the image.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "machine/core/state_machine.h"
#include "schema/schema_codec.h"
#include "schema/shared_image.h"

namespace forebay::schema {

class SchemaMachine final : public machine::StateMachine {
 public:
  SchemaMachine() : image_(std::make_shared<SharedImage>()) {}
  [[nodiscard]] Result<void> apply(model::Offset offset, ByteSpan record) override;
  [[nodiscard]] machine::Changes take_changes() override;
  [[nodiscard]] machine::Entries entries() const override;
  [[nodiscard]] Result<void> load(const machine::Entries& entries) override;

  [[nodiscard]] const std::shared_ptr<SharedImage>& image() const { return image_; }

 private:
  enum class Kind : char { kSchema = 's', kVersion = 'v', kConfig = 'c', kMode = 'm' };
  // Names an entry: a context and an id, a subject and a version, a scope.
  struct Entry {
    Kind kind = Kind::kSchema;
    std::string name;
    std::int32_t number = 0;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  [[nodiscard]] static std::string key_of(const Entry& entry);
  [[nodiscard]] std::optional<std::string> value_of(const Entry& entry) const;
  void touch(const SchemaRecord& record);
  void touch_version(const std::string& subject, VersionNumber version);
  void touch_subject(const std::string& subject);

  std::shared_ptr<SharedImage> image_;
  std::set<Entry> changed_;
};

}  // namespace forebay::schema
