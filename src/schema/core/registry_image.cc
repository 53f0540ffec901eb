#include "schema/core/registry_image.h"

#include <algorithm>

#include "schema/core/subject_name.h"

namespace forebay::schema {
namespace {

Error cannot_follow(const std::string& what) { return Error{ErrorCode::kCorruptBatch, what}; }
std::string text_of(const std::string& subject, VersionNumber version) {
  return "version " + std::to_string(version) + " of subject '" + subject + "'";
}

// Beside what is said of them, what maps and names take.
constexpr std::size_t kSchemaOverheadBytes = 512, kVersionOverheadBytes = 256, kGoneBytes = 128;
std::size_t bytes_of(const StoredSchema& schema) {
  return forebay::schema::bytes_of(schema.content) + kSchemaOverheadBytes;
}
std::size_t bytes_of_version(const std::string& subject) { return subject.size() + kVersionOverheadBytes; }

Result<void> fold(RegistryImage& image, const SchemaAdded& record) {
  const StoredSchema& schema = record.schema;
  const Context& context = image.contexts[record.context];
  if (schema.id <= 0 || context.schemas.contains(schema.id))
    return cannot_follow("schema " + std::to_string(schema.id) + " is added where that id cannot be");
  const auto gone = context.gone.find(schema.id);
  if (gone != context.gone.end() && gone->second != fingerprint(schema.content))
    return cannot_follow("schema " + std::to_string(schema.id) + " was another one");
  for (const Reference& one : schema.content.references)
    if (image.version(one.subject, one.version) == nullptr)
      return cannot_follow("a schema refers to " + text_of(one.subject, one.version) +
                           ", which is not there");
  insert(image, record);
  return {};
}

void forget(RegistryImage& image, const std::string& context_name, SchemaId id) {
  Context& context = image.contexts[context_name];
  const auto at = context.schemas.find(id);
  const StoredSchemaPtr schema = at->second.schema;
  const ContextId key{context_name, id};
  for (const Reference& one : schema->content.references) {
    const auto by = image.referenced_by.find({one.subject, one.version});
    if (by == image.referenced_by.end()) continue;
    by->second.erase(key);
    if (by->second.empty()) image.referenced_by.erase(by);
  }
  if (auto& same = image.by_guid[schema->guid]; same.erase(key), same.empty())
    image.by_guid.erase(schema->guid);
  image.bytes -= bytes_of(*schema);
  image.bytes += kGoneBytes;
  const Fingerprint content = fingerprint(schema->content);
  const auto known = context.by_content.find(content);
  if (known != context.by_content.end() && known->second == id) context.by_content.erase(known);
  context.gone.emplace(id, content);
  context.schemas.erase(at);
}

Result<void> fold(RegistryImage& image, const VersionSet& record) {
  const std::string context_name = context_of(record.subject);
  const auto context = image.contexts.find(context_name);
  if (context == image.contexts.end() || !context->second.schemas.contains(record.id) || record.version <= 0)
    return cannot_follow(text_of(record.subject, record.version) + " is schema " + std::to_string(record.id) +
                         ", which is not there");
  const Version* before = image.version(record.subject, record.version);
  if (before != nullptr && before->id != record.id)
    return cannot_follow(text_of(record.subject, record.version) + " is another schema already");
  if (before == nullptr) image.bytes += bytes_of_version(record.subject);
  Subject& subject = image.subjects[record.subject];
  subject.context = context_name;
  subject.versions[record.version] = {record.id, record.deleted, record.at};
  context->second.schemas[record.id].versions.emplace(record.subject, record.version);
  return {};
}

// Nothing refers to it, or what does goes in the same record.
void remove_version(RegistryImage& image, const std::string& name, VersionNumber number) {
  const auto subject = image.subjects.find(name);
  const SchemaId id = subject->second.versions.at(number).id;
  const std::string context = subject->second.context;
  subject->second.versions.erase(number);
  image.bytes -= bytes_of_version(name);
  if (subject->second.versions.empty()) image.subjects.erase(subject);
  SchemaUse& use = image.contexts[context].schemas[id];
  use.versions.erase({name, number});
  if (use.versions.empty()) forget(image, context, id);
}

Result<void> fold(RegistryImage& image, const VersionRemoved& record) {
  if (image.version(record.subject, record.version) == nullptr)
    return cannot_follow(text_of(record.subject, record.version) + " is not there");
  if (image.referenced_by.contains({record.subject, record.version}))
    return cannot_follow(text_of(record.subject, record.version) + " is referred to");
  remove_version(image, record.subject, record.version);
  return {};
}

Result<void> fold(RegistryImage& image, const SubjectDeleted& record) {
  const auto subject = image.subjects.find(record.subject);
  if (subject == image.subjects.end()) return cannot_follow("subject '" + record.subject + "' is not there");
  for (auto& [number, version] : subject->second.versions) version.deleted = true;
  return {};
}

Result<void> fold(RegistryImage& image, const SubjectRemoved& record) {
  const Subject* subject = image.subject(record.subject);
  if (subject == nullptr) return cannot_follow("subject '" + record.subject + "' is not there");
  std::vector<VersionNumber> numbers;
  for (const auto& [number, version] : subject->versions) numbers.push_back(number);
  for (const VersionNumber number : numbers) {
    const auto by = image.referenced_by.find({record.subject, number});
    if (by == image.referenced_by.end()) continue;
    for (const auto& [context, id] : by->second)
      for (const auto& [user, version] : image.use(context, id)->versions)
        if (user != record.subject)
          return cannot_follow(text_of(record.subject, number) + " is referred to by " +
                               text_of(user, version));
  }
  for (auto at = numbers.rbegin(); at != numbers.rend(); ++at) remove_version(image, record.subject, *at);
  image.configs.erase(record.subject);
  image.modes.erase(record.subject);
  return {};
}

Result<void> fold(RegistryImage& image, const ConfigSet& record) {
  if (record.config.is_empty()) {
    image.configs.erase(record.scope);
  } else {
    image.configs[record.scope] = record.config;
  }
  return {};
}

Result<void> fold(RegistryImage& image, const ModeSet& record) {
  if (record.mode) {
    image.modes[record.scope] = *record.mode;
  } else {
    image.modes.erase(record.scope);
  }
  return {};
}

// Its ids stay taken: the context stays, empty.
Result<void> fold(RegistryImage& image, const ContextRemoved& record) {
  if (record.context == kDefaultContext) return cannot_follow("the default context is never removed");
  const auto context = image.contexts.find(record.context);
  if (context != image.contexts.end() && !context->second.schemas.empty())
    return cannot_follow("the context '" + record.context + "' is not empty");
  const std::string prefix = SubjectName{record.context, ""}.qualified();
  const auto in_it = [&prefix](const auto& one) { return one.first.starts_with(prefix); };
  std::erase_if(image.configs, in_it);
  std::erase_if(image.modes, in_it);
  return {};
}

}  // namespace

std::size_t bytes_of(const SchemaContent& content) {
  std::size_t bytes = content.text.size() + content.rule_set.size();
  for (const Reference& one : content.references) bytes += one.name.size() + one.subject.size() + 16;
  if (!content.metadata) return bytes;
  for (const auto& [path, tags] : content.metadata->tags) {
    bytes += path.size() + 8;
    for (const std::string& tag : tags) bytes += tag.size() + 8;
  }
  for (const auto& [name, value] : content.metadata->properties) bytes += name.size() + value.size() + 16;
  for (const std::string& name : content.metadata->sensitive) bytes += name.size() + 8;
  return bytes;
}

void insert(RegistryImage& image, const SchemaAdded& record) {
  const StoredSchema& schema = record.schema;
  Context& context = image.contexts[record.context];
  const ContextId at{record.context, schema.id};
  for (const Reference& one : schema.content.references)
    image.referenced_by[{one.subject, one.version}].insert(at);
  image.by_guid[schema.guid].insert(at);
  image.bytes += bytes_of(schema);
  image.bytes -= context.gone.erase(schema.id) * kGoneBytes;
  context.by_content.emplace(fingerprint(schema.content), schema.id);
  context.schemas[schema.id].schema = std::make_shared<const StoredSchema>(schema);
  context.last_id = std::max(context.last_id, schema.id);
}

void insert(RegistryImage& image, const std::string& context, SchemaId id, const Fingerprint& gone) {
  Context& in = image.contexts[context];
  if (in.gone.emplace(id, gone).second) image.bytes += kGoneBytes;
  in.last_id = std::max(in.last_id, id);
}

Result<void> check(const RegistryImage& image) {
  for (const auto& [name, context] : image.contexts) {
    for (const auto& [id, use] : context.schemas) {
      if (use.schema == nullptr || use.versions.empty())
        return cannot_follow("schema " + std::to_string(id) + " of context '" + name + "' has no version");
    }
  }
  for (const auto& [at, by] : image.referenced_by) {
    if (image.version(at.first, at.second) == nullptr)
      return cannot_follow(text_of(at.first, at.second) + " is referred to and not there");
  }
  return {};
}

bool Subject::has_active() const { return latest().has_value(); }

std::optional<VersionNumber> Subject::latest(bool deleted) const {
  for (auto at = versions.rbegin(); at != versions.rend(); ++at)
    if (deleted || !at->second.deleted) return at->first;
  return std::nullopt;
}

const Subject* RegistryImage::subject(const std::string& qualified) const {
  const auto at = subjects.find(qualified);
  return at == subjects.end() ? nullptr : &at->second;
}

const Version* RegistryImage::version(const std::string& qualified, VersionNumber number) const {
  const Subject* known = subject(qualified);
  if (known == nullptr) return nullptr;
  const auto at = known->versions.find(number);
  return at == known->versions.end() ? nullptr : &at->second;
}

const SchemaUse* RegistryImage::use(const std::string& context, SchemaId id) const {
  const auto in = contexts.find(context);
  if (in == contexts.end()) return nullptr;
  const auto at = in->second.schemas.find(id);
  return at == in->second.schemas.end() ? nullptr : &at->second;
}

StoredSchemaPtr RegistryImage::schema(const std::string& context, SchemaId id) const {
  const SchemaUse* found = use(context, id);
  return found == nullptr ? nullptr : found->schema;
}

std::optional<SchemaId> RegistryImage::id_of(const std::string& context, const Fingerprint& content) const {
  const auto in = contexts.find(context);
  if (in == contexts.end()) return std::nullopt;
  const auto at = in->second.by_content.find(content);
  return at == in->second.by_content.end() ? std::nullopt : std::optional(at->second);
}

Result<void> apply(RegistryImage& image, const SchemaRecord& record) {
  return std::visit([&image](const auto& one) { return fold(image, one); }, record);
}

}  // namespace forebay::schema
