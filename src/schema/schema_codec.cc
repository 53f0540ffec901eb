#include "schema/schema_codec.h"

#include <cstring>
#include <utility>

#include "forebay/internal/v1/schemas.pb.h"

namespace forebay::schema {
namespace {

namespace pb = forebay::internal::v1;

Error malformed(const std::string& what) {
  return Error{ErrorCode::kCorruptBatch, "a record of schemas cannot be read: " + what};
}
Error newer(const std::string& what) {
  return Error{ErrorCode::kNewerFormat,
               "a record of schemas has " + what + " that this version does not know; upgrade this node"};
}

// --- to bytes
void put_metadata(const Metadata& metadata, pb::StoredMetadata* to) {
  for (const auto& [path, tags] : metadata.tags) {
    pb::StoredTags* one = to->add_tags();
    one->set_path(path);
    for (const std::string& tag : tags) one->add_tags(tag);
  }
  for (const auto& [name, value] : metadata.properties) {
    pb::StoredProperty* one = to->add_properties();
    one->set_name(name);
    one->set_value(value);
  }
  for (const std::string& name : metadata.sensitive) to->add_sensitive(name);
}

struct Put {
  pb::SchemaRecord& to;
  void operator()(const SchemaAdded& record) const {
    pb::SchemaAdded* added = to.mutable_schema_added();
    const StoredSchema& schema = record.schema;
    added->set_context(record.context);
    added->set_id(schema.id);
    added->set_guid(schema.guid.bytes.data(), schema.guid.bytes.size());
    added->set_format(static_cast<std::uint32_t>(schema.content.format));
    added->set_text(schema.content.text);
    for (const Reference& one : schema.content.references) {
      pb::StoredReference* reference = added->add_references();
      reference->set_name(one.name);
      reference->set_subject(one.subject);
      reference->set_version(one.version);
    }
    if (schema.content.metadata) put_metadata(*schema.content.metadata, added->mutable_metadata());
    added->set_rule_set(schema.content.rule_set);
  }
  void operator()(const VersionSet& record) const {
    pb::SchemaVersionSet* version = to.mutable_version_set();
    version->set_subject(record.subject);
    version->set_version(record.version);
    version->set_id(record.id);
    version->set_deleted(record.deleted);
    version->set_at_ms(record.at.value());
  }
  void operator()(const VersionRemoved& record) const {
    to.mutable_version_removed()->set_subject(record.subject);
    to.mutable_version_removed()->set_version(record.version);
  }
  void operator()(const SubjectDeleted& record) const {
    to.mutable_subject_deleted()->set_subject(record.subject);
  }
  void operator()(const SubjectRemoved& record) const {
    to.mutable_subject_removed()->set_subject(record.subject);
  }
  void operator()(const ConfigSet& record) const {
    pb::SchemaConfigSet* config = to.mutable_config_set();
    config->set_scope(record.scope);
    if (record.config.level) config->set_level(static_cast<std::uint32_t>(*record.config.level));
    if (record.config.json_policy)
      config->set_json_policy(record.config.json_policy == CompatibilityPolicy::Json::kStrict ? 1 : 2);
    if (record.config.normalize) config->set_normalize(*record.config.normalize);
    if (record.config.alias) config->set_alias(*record.config.alias);
    if (record.config.group) config->set_group(*record.config.group);
  }
  void operator()(const ModeSet& record) const {
    to.mutable_mode_set()->set_scope(record.scope);
    if (record.mode) to.mutable_mode_set()->set_mode(static_cast<std::uint32_t>(*record.mode));
  }
  void operator()(const ContextRemoved& record) const {
    to.mutable_context_removed()->set_context(record.context);
  }
};

// --- from bytes
Metadata metadata_of(const pb::StoredMetadata& from) {
  Metadata metadata;
  for (const pb::StoredTags& one : from.tags())
    metadata.tags[one.path()].insert(one.tags().begin(), one.tags().end());
  for (const pb::StoredProperty& one : from.properties()) metadata.properties[one.name()] = one.value();
  metadata.sensitive.insert(from.sensitive().begin(), from.sensitive().end());
  return metadata;
}

Result<SchemaRecord> added_of(const pb::SchemaAdded& from) {
  SchemaAdded record{from.context(), {}};
  StoredSchema& schema = record.schema;
  schema.id = from.id();
  if (from.guid().size() != schema.guid.bytes.size()) return malformed("a GUID is not 16 bytes long");
  std::memcpy(schema.guid.bytes.data(), from.guid().data(), from.guid().size());
  if (from.format() < 1) return malformed("a schema has no format");
  if (from.format() > static_cast<std::uint32_t>(Format::kProtobuf)) return newer("a format");
  schema.content.format = static_cast<Format>(from.format());
  schema.content.text = from.text();
  for (const pb::StoredReference& one : from.references())
    schema.content.references.push_back({one.name(), one.subject(), one.version()});
  if (from.has_metadata()) schema.content.metadata = metadata_of(from.metadata());
  schema.content.rule_set = from.rule_set();
  return SchemaRecord(std::move(record));
}

Result<SchemaRecord> config_of(const pb::SchemaConfigSet& from) {
  ConfigSet record{from.scope(), {}};
  if (from.has_level()) {
    if (from.level() < 1 || from.level() > static_cast<std::uint32_t>(Level::kFullTransitive))
      return newer("a level of compatibility");
    record.config.level = static_cast<Level>(from.level());
  }
  if (from.has_json_policy()) {
    if (from.json_policy() < 1 || from.json_policy() > 2) return newer("a policy of JSON Schema");
    record.config.json_policy =
        from.json_policy() == 1 ? CompatibilityPolicy::Json::kStrict : CompatibilityPolicy::Json::kLenient;
  }
  if (from.has_normalize()) record.config.normalize = from.normalize();
  if (from.has_alias()) record.config.alias = from.alias();
  if (from.has_group()) record.config.group = from.group();
  return SchemaRecord(std::move(record));
}

Result<SchemaRecord> mode_of(const pb::SchemaModeSet& from) {
  ModeSet record{from.scope(), {}};
  if (from.has_mode()) {
    if (from.mode() < 1 || from.mode() > static_cast<std::uint32_t>(Mode::kImport)) return newer("a mode");
    record.mode = static_cast<Mode>(from.mode());
  }
  return SchemaRecord(std::move(record));
}

Result<SchemaGone> gone_of(const pb::SchemaGone& from) {
  SchemaGone gone{from.context(), from.id(), {}};
  if (from.fingerprint().size() != gone.fingerprint.size())
    return malformed("a fingerprint is not 32 bytes long");
  std::memcpy(gone.fingerprint.data(), from.fingerprint().data(), from.fingerprint().size());
  return gone;
}

Result<SchemaEntry> entry_of(Result<SchemaRecord> record) {
  if (!record) return record.error();
  return SchemaEntry(std::move(*record));
}

}  // namespace

std::string encode_record(const SchemaRecord& record) {
  pb::SchemaRecord message;
  std::visit(Put{message}, record);
  return message.SerializeAsString();
}

std::string encode_entry(const SchemaEntry& entry) {
  if (const auto* record = std::get_if<SchemaRecord>(&entry)) return encode_record(*record);
  const auto& gone = std::get<SchemaGone>(entry);
  pb::SchemaRecord message;
  message.mutable_gone()->set_context(gone.context);
  message.mutable_gone()->set_id(gone.id);
  message.mutable_gone()->set_fingerprint(gone.fingerprint.data(), gone.fingerprint.size());
  return message.SerializeAsString();
}

Result<SchemaEntry> decode_entry(ByteSpan bytes) {
  pb::SchemaRecord message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("not a message");
  using Kind = pb::SchemaRecord::RecordCase;
  switch (message.record_case()) {
    case Kind::kSchemaAdded:
      return entry_of(added_of(message.schema_added()));
    case Kind::kVersionSet: {
      const auto& from = message.version_set();
      return SchemaEntry(SchemaRecord(VersionSet{from.subject(), from.version(), from.id(), from.deleted(),
                                                 model::Timestamp(from.at_ms())}));
    }
    case Kind::kVersionRemoved:
      return SchemaEntry(SchemaRecord(
          VersionRemoved{message.version_removed().subject(), message.version_removed().version()}));
    case Kind::kSubjectDeleted:
      return SchemaEntry(SchemaRecord(SubjectDeleted{message.subject_deleted().subject()}));
    case Kind::kSubjectRemoved:
      return SchemaEntry(SchemaRecord(SubjectRemoved{message.subject_removed().subject()}));
    case Kind::kConfigSet:
      return entry_of(config_of(message.config_set()));
    case Kind::kModeSet:
      return entry_of(mode_of(message.mode_set()));
    case Kind::kContextRemoved:
      return SchemaEntry(SchemaRecord(ContextRemoved{message.context_removed().context()}));
    case Kind::kGone: {
      FOREBAY_TRY(SchemaGone gone, gone_of(message.gone()));
      return SchemaEntry(std::move(gone));
    }
    case Kind::RECORD_NOT_SET:
      break;
  }
  return newer("a kind");
}

Result<SchemaRecord> decode_record(ByteSpan bytes) {
  FOREBAY_TRY(SchemaEntry entry, decode_entry(bytes));
  if (auto* record = std::get_if<SchemaRecord>(&entry)) return std::move(*record);
  return malformed("an entry of the state is no record");
}

}  // namespace forebay::schema
