#include "avro_random.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace forebay::schema::avro {
namespace {

constexpr std::array<const char*, 8> kPrimitives{"null",  "boolean", "int",   "long",
                                                 "float", "double",  "bytes", "string"};

class SchemaMaker {
 public:
  explicit SchemaMaker(Chance& chance) : chance_(chance) {}

  Json named(std::size_t depth) {
    switch (chance_.below(4)) {
      case 0:
        return enumeration();
      case 1:
        return fixed();
      default:
        return record(depth);
    }
  }
  // `is_ended`: it lies in a union with null, an array or a map, so a record around it may be in it.
  Json type(std::size_t depth, bool is_ended) {
    if (depth > 4 || chance_.one_in(3)) return kPrimitives[chance_.below(kPrimitives.size())];
    switch (chance_.below(7)) {
      case 0:
        return {{"type", "array"}, {"items", type(depth + 1, true)}};
      case 1:
        return {{"type", "map"}, {"values", type(depth + 1, true)}};
      case 2:
      case 3:
        return is_in_union_ ? Json("int") : union_of(depth);
      case 4:
        if (is_ended && !open_.empty()) return open_[chance_.below(open_.size())];
        [[fallthrough]];
      case 5:
        if (!done_.empty()) return done_[chance_.below(done_.size())];
        [[fallthrough]];
      default:
        return named(depth + 1);
    }
  }

 private:
  // Every second one is of the namespace around it.
  std::string name() {
    const std::string plain = "T" + std::to_string(++names_);
    return chance_.one_in(2) ? plain : "n" + std::to_string(chance_.below(2)) + '.' + plain;
  }
  [[nodiscard]] std::string full(const Json& json) const {
    const auto name = json["name"].get<std::string>();
    return name.find('.') == std::string::npos && !name_space_.empty() ? name_space_ + '.' + name : name;
  }
  Json enumeration() {
    Json json{{"type", "enum"}, {"name", name()}, {"symbols", Json::array()}};
    const std::size_t count = 1 + chance_.below(4);
    for (std::size_t i = 0; i < count; ++i) json["symbols"].push_back("S" + std::to_string(i));
    if (chance_.one_in(3)) json["default"] = "S0";
    done_.push_back(full(json));
    return json;
  }
  Json fixed() {
    Json json{{"type", "fixed"}, {"name", name()}, {"size", chance_.below(5)}};
    done_.push_back(full(json));
    return json;
  }
  Json record(std::size_t depth) {
    const bool was_in_union = std::exchange(is_in_union_, false);
    Json json{{"type", "record"}, {"name", name()}, {"fields", Json::array()}};
    const std::string name = full(json), around = name_space_;
    open_.push_back(name);
    name_space_ = name.substr(0, name.find('.') == std::string::npos ? 0 : name.find('.'));
    const std::size_t count = chance_.below(5);
    for (std::size_t i = 0; i < count; ++i) {
      Json field{{"name", "f" + std::to_string(i)}, {"type", type(depth + 1, false)}};
      if (field["type"] == "int" && chance_.one_in(2)) field["default"] = 5;
      if (field["type"].is_array() && field["type"][0] == "null") field["default"] = nullptr;
      if (chance_.one_in(8)) field["doc"] = "what it is";
      json["fields"].push_back(std::move(field));
    }
    open_.pop_back();
    done_.push_back(name);
    name_space_ = around;
    is_in_union_ = was_in_union;
    return json;
  }
  // Of different kinds, since a union has each kind once.
  Json union_of(std::size_t depth) {
    Json json = Json::array({"null"});
    is_in_union_ = true;
    for (const char* one : {"string", "long", "double"})
      if (chance_.one_in(3)) json.push_back(one);
    if (chance_.one_in(3)) {
      is_in_union_ = false;
      json.push_back({{"type", "array"}, {"items", type(depth + 1, true)}});
      is_in_union_ = true;
    }
    if (!open_.empty() && chance_.one_in(2)) json.push_back(open_.back());
    if (chance_.one_in(2)) json.push_back(named(depth + 1));
    is_in_union_ = false;
    return json;
  }

  Chance& chance_;
  bool is_in_union_ = false;
  std::size_t names_ = 0;
  std::string name_space_;
  std::vector<Json> open_, done_;  // names of records around, and of types that are declared
};

// All places in a schema where a type stands, and all records and enums.
void collect(Json& json, std::vector<Json*>& types) {
  types.push_back(&json);
  if (json.is_array()) {
    for (Json& one : json) collect(one, types);
  } else if (json.is_object()) {
    for (const char* key : {"items", "values"})
      if (json.contains(key)) collect(json[key], types);
    if (json.contains("fields"))
      for (Json& field : json["fields"]) collect(field["type"], types);
  }
}

void change_record(Json& json, Chance& chance) {
  Json& fields = json["fields"];
  const std::string fresh = "g" + std::to_string(chance.below(1000));
  switch (chance.below(6)) {
    case 0:
      fields.insert(fields.begin(), Json{{"name", fresh}, {"type", "long"}, {"default", 7}});
      return;
    case 1:
      fields.push_back({{"name", fresh}, {"type", "string"}});
      return;
    case 2:
      if (!fields.empty()) fields.erase(chance.below(fields.size()));
      return;
    case 3:
      if (fields.size() > 1) std::swap(fields[0], fields[fields.size() - 1]);
      return;
    case 4:
      if (!fields.empty()) {
        Json& field = fields[chance.below(fields.size())];
        field["aliases"] = Json::array({field["name"]});
        field["name"] = fresh;
      }
      return;
    default:
      fields.push_back(
          {{"name", fresh},
           {"type", Json::array({{{"type", "array"}, {"items", Json::array({"null", "int"})}}, "null"})},
           {"default", Json::array({nullptr, 3})}});
  }
}
void change_type(Json& json, Chance& chance) {
  if (json == "int") {
    json = chance.one_in(2) ? "long" : "double";
  } else if (json == "long") {
    json = chance.one_in(2) ? "float" : "int";
  } else if (json == "string") {
    json = "bytes";
  } else if (json == "float") {
    json = "double";
  } else if (json == "bytes") {
    json = "string";
  } else if (json.is_array()) {
    if (json.empty() || chance.one_in(2)) {
      json.push_back("boolean");
    } else {
      json.erase(chance.below(json.size()));
    }
  } else if (json.is_object() && json["type"] == "record") {
    change_record(json, chance);
  } else if (json.is_object() && json["type"] == "enum") {
    if (chance.one_in(2)) {
      json["symbols"].insert(json["symbols"].begin(), "NEW");
    } else if (json["symbols"].size() > 1) {
      json["symbols"].erase(json["symbols"].size() - 1);
    }
  } else if (json.is_object() && json["type"] == "fixed") {
    json["size"] = chance.below(4);
  } else {
    json = Json::array({"null", json});
  }
}

class Data {
 public:
  Data(const Schema& schema, Chance& chance, Blocks blocks)
      : schema_(schema), chance_(chance), blocks_(blocks) {}

  [[nodiscard]] bool has_value() const { return has_value_; }
  std::string value(TypeId id, std::size_t depth) {
    const Type& type = schema_[id];
    has_value_ = has_value_ && depth < 60 && !(type.kind == Kind::kUnion && type.branches.empty());
    if (!has_value_) return "";
    switch (type.kind) {
      case Kind::kNull:
        return "";
      case Kind::kBoolean:
        return std::string(1, chance_.one_in(2) ? '\1' : '\0');
      case Kind::kInt:
        return Bytes().number(static_cast<std::int32_t>(chance_.bits() >> (32 + chance_.below(32))));
      case Kind::kLong:
        return Bytes().number(static_cast<std::int64_t>(chance_.bits() >> chance_.below(64)));
      case Kind::kFloat:
        return Bytes().real(real<float>());
      case Kind::kDouble:
        return Bytes().real(real<double>());
      case Kind::kBytes:  // which may be read as string
      case Kind::kString:
        return Bytes().text(text());
      case Kind::kFixed: {
        std::string bytes(static_cast<std::size_t>(type.size), '\0');
        for (char& byte : bytes) byte = static_cast<char>(chance_.bits());
        return bytes;
      }
      case Kind::kEnum:
        return Bytes().number(static_cast<std::int64_t>(chance_.below(type.symbols.size())));
      case Kind::kUnion: {
        const std::size_t index = depth > 12 ? 0 : chance_.below(type.branches.size());
        return Bytes().number(static_cast<std::int64_t>(index)).raw(value(type.branches[index], depth));
      }
      case Kind::kRecord: {
        std::string all;
        for (const Field& field : type.fields) all += value(field.type, depth + 1);
        return all;
      }
      case Kind::kArray:
      case Kind::kMap:
        return items(type, depth);
    }
    return "";
  }

 private:
  template <typename T>
  T real() {
    if (chance_.one_in(10)) return std::numeric_limits<T>::infinity();
    if (chance_.one_in(10)) return std::numeric_limits<T>::quiet_NaN();
    const auto value = static_cast<T>(std::bit_cast<double>(chance_.bits()));
    return std::isnan(value) ? T{1.5} : value;
  }
  std::string text() {
    static const std::array<const char*, 6> kParts{"a", "\"", "ä", "€", "\x01", "😀"};
    std::string all;
    for (std::size_t i = chance_.below(12); i > 0; --i) all += kParts[chance_.below(kParts.size())];
    return all;
  }
  std::string items(const Type& type, std::size_t depth) {
    std::size_t left = depth > 12 ? 0 : chance_.below(4);
    Bytes all;
    while (left > 0) {
      const std::size_t count = blocks_ == Blocks::kPlain ? left : 1 + chance_.below(left);
      std::string block;
      for (std::size_t i = 0; i < count; ++i) {
        if (type.kind == Kind::kMap) block += Bytes().text(text()).str();
        block += value(type.inner, depth + 1);
      }
      if (blocks_ == Blocks::kAny && chance_.one_in(2)) {
        all.number(-static_cast<std::int64_t>(count)).number(static_cast<std::int64_t>(block.size()));
      } else {
        all.number(static_cast<std::int64_t>(count));
      }
      all.raw(block);
      left -= count;
    }
    return all.number(0);
  }

  const Schema& schema_;
  Chance& chance_;
  Blocks blocks_;
  bool has_value_ = true;
};

}  // namespace

RandomSchema random_schema(Chance& chance) {
  SchemaMaker maker(chance);
  RandomSchema made;
  for (std::size_t i = chance.below(3); i > 0; --i)
    made.references.push_back({"r" + std::to_string(i), maker.named(2).dump()});
  made.json = chance.one_in(4) ? maker.type(0, false) : maker.named(0);
  return made;
}

Json changed_schema(const Json& schema, Chance& chance) {
  Json changed = schema;
  for (std::size_t i = 1 + chance.below(3); i > 0; --i) {
    std::vector<Json*> types;
    collect(changed, types);
    change_type(*types[chance.below(types.size())], chance);
  }
  return changed;
}

std::optional<std::string> random_payload(const Schema& schema, Chance& chance, Blocks blocks) {
  Data data(schema, chance, blocks);
  auto payload = data.value(schema.root, 0);
  if (!data.has_value()) return std::nullopt;
  return payload;
}

}  // namespace forebay::schema::avro
