#include "schema/core/avro/avro_text.h"

#include <limits>
#include <set>
#include <utility>

namespace forebay::schema::avro {
namespace {

Json sorted(const Json& value) {
  if (value.is_array()) {
    Json all = Json::array();
    for (const Json& one : value) all.push_back(sorted(one));
    return all;
  }
  if (!value.is_object()) return value;
  std::map<std::string, Json> members;
  for (const auto& [key, one] : value.items()) members.emplace(key, sorted(one));
  Json all = Json::object();
  for (auto& [key, one] : members) all[key] = std::move(one);
  return all;
}

class Writer {
 public:
  struct Options {
    bool is_normalized = false;
    bool is_resolved = false;
    std::size_t depth_max = std::numeric_limits<std::size_t>::max();
  };
  Writer(const Schema& schema, const Options& options) : schema_(schema), options_(options) {}

  [[nodiscard]] bool is_too_deep() const { return is_too_deep_; }
  Json write(TypeId id, const std::string& around) {
    const Type& type = schema_[id];
    switch (type.kind) {
      case Kind::kUnion: {
        Json all = Json::array();
        for (const TypeId branch : type.branches) all.push_back(write(branch, around));
        return all;
      }
      case Kind::kArray:
      case Kind::kMap: {
        Json json = {{"type", kind_name(type.kind)}};
        json[type.kind == Kind::kArray ? "items" : "values"] = write(type.inner, around);
        add_properties(json, type.properties);
        return json;
      }
      case Kind::kRecord:
      case Kind::kEnum:
      case Kind::kFixed:
        return write_named(id, around);
      default: {
        if (type.properties.empty()) return Json(kind_name(type.kind));
        Json json = {{"type", kind_name(type.kind)}};
        add_properties(json, type.properties);
        return json;
      }
    }
  }

 private:
  Json write_named(TypeId id, const std::string& around) {
    const Type& type = schema_[id];
    const bool is_others = id < schema_.own_from && !options_.is_resolved;
    is_too_deep_ = is_too_deep_ || depth_ >= options_.depth_max;
    if (is_others || is_too_deep_ || !written_.insert(id).second)
      return type.name_space == around && !is_primitive(type.name) ? Json(type.name) : Json(type.full_name());
    Json json = {{"type", type.is_error ? "error" : kind_name(type.kind)}, {"name", type.name}};
    if (type.name_space != around) json["namespace"] = type.name_space;
    if (type.doc) json["doc"] = *type.doc;
    if (type.kind == Kind::kRecord) {
      json["fields"] = Json::array();
      ++depth_;
      for (const Field& field : type.fields) json["fields"].push_back(write_field(field, type.name_space));
      --depth_;
    } else if (type.kind == Kind::kEnum) {
      json["symbols"] = type.symbols;
      if (type.enum_default) json["default"] = *type.enum_default;
    } else {
      json["size"] = type.size;
    }
    add_properties(json, type.properties);
    if (!type.aliases.empty()) json["aliases"] = type.aliases;
    return json;
  }

  Json write_field(const Field& field, const std::string& around) {
    Json json = {{"name", field.name}};
    json["type"] = write(field.type, around);
    if (field.doc) json["doc"] = *field.doc;
    if (field.default_value) json["default"] = *field.default_value;
    if (field.order != Field::Order::kAscending)
      json["order"] = field.order == Field::Order::kDescending ? "descending" : "ignore";
    if (!field.aliases.empty()) json["aliases"] = field.aliases;
    add_properties(json, field.properties);
    return json;
  }

  void add_properties(Json& json, const Json& properties) const {
    const Json all = options_.is_normalized ? sorted(properties) : properties;
    for (const auto& [key, value] : all.items()) json[key] = value;
  }

  const Schema& schema_;
  const Options options_;
  std::set<TypeId> written_;
  std::size_t depth_ = 0;  // of records in records
  bool is_too_deep_ = false;
};

}  // namespace

std::string canonical_text(const Schema& schema) { return Writer(schema, {}).write(schema.root, "").dump(); }
std::string normalized_text(const Schema& schema) {
  return Writer(schema, {.is_normalized = true}).write(schema.root, "").dump();
}
Result<std::string> resolved_text(const Schema& schema, const Limits& limits) {
  Writer writer(schema, {.is_resolved = true, .depth_max = limits.named_depth_max});
  const Json json = writer.write(schema.root, "");
  if (!writer.is_too_deep()) return json.dump();
  return Error{ErrorCode::kRecordTooLarge,
               "with what it refers to, the schema has records in records more than " +
                   std::to_string(limits.named_depth_max) + " deep"};
}

}  // namespace forebay::schema::avro
