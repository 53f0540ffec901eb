// What the registry's state says about a request: the rules that hold for a subject, which schemas a text
// refers to, which version is meant. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/core/registry_image.h"
#include "schema/core/schema.h"
#include "schema/core/subject_name.h"

namespace forebay::schema {

// A schema as somebody sends it.
struct SchemaInput {
  Format format = Format::kAvro;
  std::string text;
  std::vector<Reference> references;  // subjects as they are written; version -1: the latest
  std::optional<Metadata> metadata;
  std::string rule_set;
};

struct EffectiveConfig {
  Level level = Level::kBackward;
  CompatibilityPolicy policy;
  bool normalize = false;
  std::optional<std::string> group;
};
// Of a subject: its own, else of its context, else of all, else as they are above.
[[nodiscard]] EffectiveConfig effective_config(const RegistryImage& image, const SubjectName& name);
[[nodiscard]] Config merged_config(const RegistryImage& image, const SubjectName& name);
[[nodiscard]] Mode effective_mode(const RegistryImage& image, const SubjectName& name);
enum class Aliases : std::uint8_t {
  kFollow,
  kIgnore,  // the subject of that very name
};
// The subject that is meant by a name that may be an alias. Errors: those of parse_subject.
[[nodiscard]] Result<SubjectName> subject_meant(const RegistryImage& image, std::string_view name,
                                                Aliases aliases = Aliases::kFollow);

// "latest", "-1", or a number from 1. Errors (42202).
inline constexpr VersionNumber kLatestVersion = -1;
[[nodiscard]] Result<VersionNumber> parse_version(std::string_view text);
struct FoundVersion {
  VersionNumber number = 0;
  Version version;
  StoredSchemaPtr schema;
};
// The latest is the last one that is not deleted. Errors: 40401, 40402. `deleted`: another one may be.
[[nodiscard]] Result<FoundVersion> find_version(const RegistryImage& image, const std::string& subject,
                                                VersionNumber number, bool deleted);

// What `references` of a schema in `context` mean. Errors (42201): there is no such version; too many.
[[nodiscard]] Result<std::vector<Reference>> qualify_references(const RegistryImage& image,
                                                                const std::string& context,
                                                                const std::vector<Reference>& references);
// The texts that a schema needs, those that it refers to through others too, each after those that it refers
// to itself. Requires: qualified. Errors (42201): too many, too large.
[[nodiscard]] Result<std::vector<NamedText>> texts_of(const RegistryImage& image,
                                                      const std::vector<Reference>& references);

// The last version of the subject that is this schema; else, where that says neither metadata nor rules, the
// last one that has its text.
[[nodiscard]] std::optional<FoundVersion> find_content(const RegistryImage& image, const std::string& subject,
                                                       const SchemaContent& content, bool deleted);
// Metadata, and rules, that a schema does not have are those of the subject's last version. Returns: whether
// it has any now that it had not.
bool take_from_latest(const RegistryImage& image, const std::string& subject, SchemaContent& content);

}  // namespace forebay::schema
