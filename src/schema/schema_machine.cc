#include "schema/schema_machine.h"

#include <utility>
#include <vector>

#include "schema/core/subject_name.h"

namespace forebay::schema {

Result<void> SchemaMachine::apply(model::Offset /*offset*/, ByteSpan bytes) {
  FOREBAY_TRY(const SchemaRecord record, decode_record(bytes));
  touch(record);  // what goes takes its entries with it: they have to be known before
  return image_->change([&record](RegistryImage& image) { return schema::apply(image, record); });
}

void SchemaMachine::touch_version(const std::string& subject, VersionNumber version) {
  changed_.insert({Kind::kVersion, subject, version});
  const Version* known = image_->own().version(subject, version);
  if (known != nullptr) changed_.insert({Kind::kSchema, context_of(subject), known->id});
}

void SchemaMachine::touch_subject(const std::string& subject) {
  const Subject* known = image_->own().subject(subject);
  if (known == nullptr) return;
  for (const auto& [number, version] : known->versions) touch_version(subject, number);
  changed_.insert({Kind::kConfig, subject, 0});
  changed_.insert({Kind::kMode, subject, 0});
}

void SchemaMachine::touch(const SchemaRecord& record) {
  if (const auto* r = std::get_if<SchemaAdded>(&record))
    changed_.insert({Kind::kSchema, r->context, r->schema.id});
  if (const auto* r = std::get_if<VersionSet>(&record))
    changed_.insert({Kind::kVersion, r->subject, r->version});
  if (const auto* r = std::get_if<VersionRemoved>(&record)) touch_version(r->subject, r->version);
  if (const auto* r = std::get_if<SubjectDeleted>(&record)) touch_subject(r->subject);
  if (const auto* r = std::get_if<SubjectRemoved>(&record)) touch_subject(r->subject);
  if (const auto* r = std::get_if<ConfigSet>(&record)) changed_.insert({Kind::kConfig, r->scope, 0});
  if (const auto* r = std::get_if<ModeSet>(&record)) changed_.insert({Kind::kMode, r->scope, 0});
  if (const auto* r = std::get_if<ContextRemoved>(&record)) {
    const std::string prefix = SubjectName{r->context, ""}.qualified();
    for (const auto& [scope, config] : image_->own().configs)
      if (scope.starts_with(prefix)) changed_.insert({Kind::kConfig, scope, 0});
    for (const auto& [scope, mode] : image_->own().modes)
      if (scope.starts_with(prefix)) changed_.insert({Kind::kMode, scope, 0});
  }
}

// "KIND/NUMBER/NAME": a name may have slashes.
std::string SchemaMachine::key_of(const Entry& entry) {
  return std::string(1, static_cast<char>(entry.kind)) + "/" + std::to_string(entry.number) + "/" +
         entry.name;
}

std::optional<std::string> SchemaMachine::value_of(const Entry& entry) const {
  const RegistryImage& image = image_->own();
  switch (entry.kind) {
    case Kind::kSchema: {
      if (const StoredSchemaPtr schema = image.schema(entry.name, entry.number))
        return encode_record(SchemaAdded{entry.name, *schema});
      const auto context = image.contexts.find(entry.name);
      if (context == image.contexts.end()) return std::nullopt;
      const auto gone = context->second.gone.find(entry.number);
      if (gone == context->second.gone.end()) return std::nullopt;
      return encode_entry(SchemaGone{entry.name, entry.number, gone->second});
    }
    case Kind::kVersion: {
      const Version* version = image.version(entry.name, entry.number);
      if (version == nullptr) return std::nullopt;
      return encode_record(VersionSet{entry.name, entry.number, version->id, version->deleted, version->at});
    }
    case Kind::kConfig: {
      const auto at = image.configs.find(entry.name);
      if (at == image.configs.end()) return std::nullopt;
      return encode_record(ConfigSet{entry.name, at->second});
    }
    case Kind::kMode: {
      const auto at = image.modes.find(entry.name);
      if (at == image.modes.end()) return std::nullopt;
      return encode_record(ModeSet{entry.name, at->second});
    }
  }
  return std::nullopt;
}

machine::Changes SchemaMachine::take_changes() {
  machine::Changes changes;
  for (const Entry& entry : std::exchange(changed_, {})) changes.emplace(key_of(entry), value_of(entry));
  return changes;
}

machine::Entries SchemaMachine::entries() const {
  const RegistryImage& image = image_->own();
  machine::Entries entries;
  const auto add = [&](const Entry& entry) { entries.emplace(key_of(entry), *value_of(entry)); };
  for (const auto& [name, context] : image.contexts) {
    for (const auto& [id, use] : context.schemas) add({Kind::kSchema, name, id});
    for (const auto& [id, gone] : context.gone) add({Kind::kSchema, name, id});
  }
  for (const auto& [name, subject] : image.subjects)
    for (const auto& [number, version] : subject.versions) add({Kind::kVersion, name, number});
  for (const auto& [scope, config] : image.configs) add({Kind::kConfig, scope, 0});
  for (const auto& [scope, mode] : image.modes) add({Kind::kMode, scope, 0});
  return entries;
}

Result<void> SchemaMachine::load(const machine::Entries& entries) {
  RegistryImage image;
  std::vector<SchemaRecord> others;  // schemas come first
  for (const auto& [key, value] : entries) {
    auto entry = decode_entry(as_bytes(value));
    if (!entry) return Error{entry.error().code, "the entry " + key + ": " + entry.error().context};
    if (const auto* gone = std::get_if<SchemaGone>(&*entry)) {
      insert(image, gone->context, gone->id, gone->fingerprint);
      continue;
    }
    SchemaRecord& record = std::get<SchemaRecord>(*entry);
    if (const auto* schema = std::get_if<SchemaAdded>(&record)) {
      insert(image, *schema);
    } else {
      others.push_back(std::move(record));
    }
  }
  for (const SchemaRecord& record : others) FOREBAY_CHECK(schema::apply(image, record));
  FOREBAY_CHECK(check(image));
  changed_.clear();
  image_->change([&image](RegistryImage& to) { to = std::move(image); });
  return {};
}

}  // namespace forebay::schema
