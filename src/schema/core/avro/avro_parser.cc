#include "schema/core/avro/avro_parser.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "schema/core/avro/avro_json_tree.h"
#include "schema/core/avro/avro_path.h"

namespace forebay::schema::avro {
namespace {

constexpr std::array<std::string_view, 14> kKindNames{"null",   "boolean", "int",    "long",   "float",
                                                      "double", "bytes",   "string", "record", "enum",
                                                      "array",  "map",     "union",  "fixed"};

std::optional<Kind> primitive_of(std::string_view name) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(Kind::kString); ++i) {
    if (kKindNames.at(i) == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

// Letters of other alphabets too, which the specification does not have and the Java library takes.
bool is_wide_name(std::string_view text) {
  static const re2::RE2 kName(R"([\p{L}_][\p{L}\p{Nd}_]*)");
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), kName);
}

bool is_name(std::string_view text) {
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_plain = [&](char c) { return is_first(c) || (c >= '0' && c <= '9'); };
  if (text.empty()) return false;
  return (is_first(text[0]) && std::all_of(text.begin(), text.end(), is_plain)) || is_wide_name(text);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void drop_repeats(std::vector<std::string>& names) {
  std::set<std::string> there;
  std::erase_if(names, [&](const std::string& name) { return !there.insert(name).second; });
}

bool is_name_space(std::string_view text) {
  while (!text.empty()) {
    const auto dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
    if (text.empty()) return false;
  }
  return true;
}

class Parser {
 public:
  explicit Parser(const Limits& limits) : limits_(limits) {}

  Result<void> read(std::string_view text, bool is_root) {
    if (is_root) schema_.own_from = static_cast<TypeId>(schema_.types.size());
    if (text.size() > limits_.text_bytes_max) {
      return Error{ErrorCode::kRecordTooLarge, "the schema has " + std::to_string(text.size()) +
                                                   " bytes; at most " +
                                                   std::to_string(limits_.text_bytes_max) + " are taken"};
    }
    // Each type takes up to three levels: itself, its list of fields, and the field.
    FOREBAY_CHECK(check_json_bounds(text, 3 * limits_.depth_max + 3, limits_.members_max));
    // Files begin with the comment of a licence, so the convention takes comments.
    const Json json = Json::parse(text, nullptr, false, true);
    path_ = "$";
    if (json.is_discarded()) {
      // The convention takes the bare name of a primitive type, too.
      if (const auto kind = primitive_of(text)) {
        FOREBAY_TRY(const TypeId id, add({.kind = *kind}));
        if (is_root) schema_.root = id;
        return {};
      }
      return wrong("the text is no JSON");
    }
    FOREBAY_TRY(const TypeId id, type_of(json, "", 0));
    if (is_root) schema_.root = id;
    return {};
  }
  // When all names are known.
  Result<void> check_defaults() {
    for (const auto& [type, field, path] : defaults_) {
      const Field& one = schema_.types[type].fields[field];
      path_ = path;
      FOREBAY_CHECK(check_default(one.type, *one.default_value, 0));
    }
    return {};
  }
  Schema finish() { return std::move(schema_); }

 private:
  struct Place {
    TypeId type;
    std::size_t field;
    std::string path;
  };
  // Puts a part of the path there for as long as it lives.
  class Within {
   public:
    Within(std::string& path, const std::string& part) : path_(path), size_(path.size()) { path_ += part; }
    ~Within() { path_.resize(size_); }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    std::string& path_;
    std::size_t size_;
  };

  [[nodiscard]] Error wrong(const std::string& what) const {
    return Error{ErrorCode::kInvalidArgument, "Avro schema, at " + path_ + ": " + what};
  }
  [[nodiscard]] Error too_deep() const {
    return Error{ErrorCode::kRecordTooLarge, "the schema has types within types more than " +
                                                 std::to_string(limits_.depth_max) + " deep"};
  }

  Result<TypeId> add(Type type) {
    if (schema_.types.size() >= limits_.types_max) {
      return Error{ErrorCode::kRecordTooLarge, "the schema, with what it refers to, has more than " +
                                                   std::to_string(limits_.types_max) + " types"};
    }
    schema_.types.push_back(std::move(type));
    return static_cast<TypeId>(schema_.types.size() - 1);
  }

  Result<TypeId> type_of(const Json& json, const std::string& name_space, std::size_t depth) {
    if (depth > limits_.depth_max) return too_deep();
    if (json.is_string()) return named_or_primitive(json.get<std::string>(), name_space);
    if (json.is_array()) return union_of(json, name_space, depth);
    if (!json.is_object()) return wrong("a type is a name, an object or a list of types");
    const auto type = json.find("type");
    if (type == json.end()) return wrong("an object that is a type has a 'type'");
    if (!type->is_string()) {
      // {"type": {"type": ...}}: the outer one says nothing.
      const Within within(path_, ".type");
      return type_of(*type, name_space, depth + 1);
    }
    const std::string name = type->get<std::string>();
    if (name == "record" || name == "error") return record_of(json, name_space, depth, name == "error");
    if (name == "enum") return enum_of(json, name_space);
    if (name == "fixed") return fixed_of(json, name_space);
    if (name == "array") return container_of(json, name_space, depth, Kind::kArray, "items");
    if (name == "map") return container_of(json, name_space, depth, Kind::kMap, "values");
    if (const auto kind = primitive_of(name))
      return add({.kind = *kind, .properties = others(json, {"type"})});
    return named_or_primitive(name, name_space);
  }

  Result<TypeId> named_or_primitive(const std::string& name, const std::string& name_space) {
    if (const auto kind = primitive_of(name)) return add({.kind = *kind});
    const bool is_full = name.find('.') != std::string::npos;
    auto found = schema_.named.find(is_full || name_space.empty() ? name : name_space + '.' + name);
    if (found == schema_.named.end() && !is_full) found = schema_.named.find(name);
    if (found != schema_.named.end()) return found->second;
    return wrong("there is no type '" + name + "'" +
                 (is_full || name_space.empty() ? "" : " in '" + name_space + "'") +
                 "; it is declared before its first use, or in a schema that is referred to");
  }

  static Json others(const Json& json, const std::set<std::string_view>& known) {
    Json rest = Json::object();
    for (const auto& [key, value] : json.items()) {
      if (!known.contains(key)) rest[key] = value;
    }
    return rest;
  }
  Result<std::optional<std::string>> text_in(const Json& json, const char* key) {
    const auto at = json.find(key);
    if (at == json.end() || at->is_null()) return std::optional<std::string>();
    if (!at->is_string()) return wrong("'" + std::string(key) + "' is a text");
    return std::optional(at->get<std::string>());
  }
  // What is no text is no documentation to the Java library, and no error.
  static std::optional<std::string> doc_in(const Json& json) {
    const auto at = json.find("doc");
    if (at == json.end() || !at->is_string()) return std::nullopt;
    return at->get<std::string>();
  }
  Result<std::vector<std::string>> texts_in(const Json& json, const char* key) {
    std::vector<std::string> texts;
    const auto at = json.find(key);
    if (at == json.end() || at->is_null()) return texts;
    if (!at->is_array()) return wrong("'" + std::string(key) + "' is a list of texts");
    for (const Json& one : *at) {
      if (!one.is_string()) return wrong("'" + std::string(key) + "' is a list of texts");
      texts.push_back(one.get<std::string>());
    }
    return texts;
  }

  // Its name is known from here on, so that its fields may be of it.
  Result<TypeId> declare(const Json& json, const std::string& around, Kind kind) {
    Type type{.kind = kind};
    FOREBAY_TRY(const auto name, text_in(json, "name"));
    if (!name) return wrong("a " + std::string(kind_name(kind)) + " has a 'name'");
    FOREBAY_TRY(const auto name_space, text_in(json, "namespace"));
    const auto dot = name->rfind('.');
    type.name = dot == std::string::npos ? *name : name->substr(dot + 1);
    type.name_space = dot == std::string::npos ? name_space.value_or(around) : name->substr(0, dot);
    if (!is_name(type.name) || !is_name_space(type.name_space)) {
      return wrong("'" + type.full_name() +
                   "' is no name: its parts begin with a letter or _, and have letters, digits and _, with "
                   "dots between");
    }
    if (primitive_of(type.full_name())) return wrong("'" + type.name + "' is the name of a primitive type");
    type.doc = doc_in(json);
    FOREBAY_TRY(const auto aliases, texts_in(json, "aliases"));
    for (const std::string& alias : aliases) {
      const bool is_full = alias.find('.') != std::string::npos;
      type.aliases.push_back(is_full || type.name_space.empty() ? alias : type.name_space + '.' + alias);
      if (!is_name_space(alias) || alias.empty()) return wrong("the alias '" + alias + "' is no name");
    }
    drop_repeats(type.aliases);
    const std::string full = type.full_name();
    if (schema_.named.contains(full)) return wrong("'" + full + "' is declared a second time");
    FOREBAY_TRY(const TypeId id, add(std::move(type)));
    schema_.named.emplace(full, id);
    return id;
  }

  Result<TypeId> record_of(const Json& json, const std::string& around, std::size_t depth, bool is_error) {
    FOREBAY_TRY(const TypeId id, declare(json, around, Kind::kRecord));
    schema_.types[id].is_error = is_error;
    schema_.types[id].properties = others(json, {"type", "name", "namespace", "doc", "aliases", "fields"});
    const auto fields = json.find("fields");
    if (fields == json.end() || !fields->is_array()) return wrong("a record has 'fields', a list");
    std::set<std::string> names;
    const std::string inside = schema_.types[id].name_space;  // types move when one is added
    for (std::size_t i = 0; i < fields->size(); ++i) {
      const Within within(path_, ".fields[" + std::to_string(i) + "]");
      FOREBAY_TRY(Field field, field_of((*fields)[i], inside, depth));
      if (!names.insert(field.name).second) return wrong("there are two fields '" + field.name + "'");
      if (field.default_value) defaults_.push_back({id, schema_.types[id].fields.size(), path_ + ".default"});
      schema_.types[id].fields.push_back(std::move(field));
    }
    return id;
  }

  Result<Field> field_of(const Json& json, const std::string& name_space, std::size_t depth) {
    if (!json.is_object()) return wrong("a field is an object");
    Field field;
    FOREBAY_TRY(const auto name, text_in(json, "name"));
    if (!name || !is_name(*name))
      return wrong("a field has a 'name', which begins with a letter or _ and has letters, digits and _");
    field.name = *name;
    field.doc = doc_in(json);
    FOREBAY_TRY(field.aliases, texts_in(json, "aliases"));
    drop_repeats(field.aliases);
    FOREBAY_TRY(auto order, text_in(json, "order"));
    if (order) std::transform(order->begin(), order->end(), order->begin(), lower);
    if (order && *order != "ascending" && *order != "descending" && *order != "ignore")
      return wrong("'order' is ascending, descending or ignore");
    if (order == "descending") field.order = Field::Order::kDescending;
    if (order == "ignore") field.order = Field::Order::kIgnore;
    const auto type = json.find("type");
    if (type == json.end()) return wrong("field '" + field.name + "' has a 'type'");
    {
      const Within within(path_, ".type");
      FOREBAY_TRY(field.type, type_of(*type, name_space, depth + 1));
    }
    if (const auto value = json.find("default"); value != json.end())
      field.default_value = default_of(schema_.types[field.type].kind, *value);
    field.properties = others(json, {"name", "type", "doc", "default", "order", "aliases"});
    return field;
  }

  // A number may be written as a text; those that are none in JSON must be.
  static Json default_of(Kind kind, const Json& value) {
    if ((kind != Kind::kFloat && kind != Kind::kDouble) || !value.is_string()) return value;
    const auto& text = value.get_ref<const std::string&>();
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_read = error == std::errc() && end == text.data() + text.size() && !text.empty();
    return is_read && std::isfinite(number) ? Json(number) : value;
  }
  static bool is_real(const Json& value) {
    return value.is_number() || value == "NaN" || value == "Infinity" || value == "-Infinity";
  }

  Result<TypeId> enum_of(const Json& json, const std::string& around) {
    FOREBAY_TRY(const TypeId id, declare(json, around, Kind::kEnum));
    Type& type = schema_.types[id];
    FOREBAY_TRY(type.symbols, texts_in(json, "symbols"));
    if (!json.contains("symbols")) return wrong("an enum has 'symbols'");
    std::set<std::string_view> known;
    for (const std::string& symbol : type.symbols) {
      if (!is_name(symbol)) return wrong("the symbol '" + symbol + "' is no name");
      if (!known.insert(symbol).second) return wrong("the symbol '" + symbol + "' is there twice");
    }
    FOREBAY_TRY(type.enum_default, text_in(json, "default"));
    if (type.enum_default && !known.contains(*type.enum_default))
      return wrong("the default '" + *type.enum_default + "' is none of the symbols");
    type.properties = others(json, {"type", "name", "namespace", "doc", "aliases", "symbols", "default"});
    return id;
  }

  Result<TypeId> fixed_of(const Json& json, const std::string& around) {
    FOREBAY_TRY(const TypeId id, declare(json, around, Kind::kFixed));
    const auto size = json.find("size");
    constexpr auto kSizeMax = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    if (size == json.end() || !size->is_number_unsigned() || size->get<std::uint64_t>() > kSizeMax)
      return wrong("a fixed has a 'size' in bytes, of 0 to " + std::to_string(kSizeMax));
    schema_.types[id].size = size->get<std::uint64_t>();
    schema_.types[id].properties = others(json, {"type", "name", "namespace", "doc", "aliases", "size"});
    return id;
  }

  Result<TypeId> container_of(const Json& json, const std::string& name_space, std::size_t depth, Kind kind,
                              const char* key) {
    const auto inner = json.find(key);
    if (inner == json.end()) return wrong("a type '" + std::string(kind_name(kind)) + "' has '" + key + "'");
    TypeId held = 0;
    {
      const Within within(path_, std::string(".") + key);
      FOREBAY_TRY(held, type_of(*inner, name_space, depth + 1));
    }
    return add({.kind = kind, .inner = held, .properties = others(json, {"type", key})});
  }

  Result<TypeId> union_of(const Json& json, const std::string& name_space, std::size_t depth) {
    Type type{.kind = Kind::kUnion};
    std::set<std::string> there;
    for (std::size_t i = 0; i < json.size(); ++i) {
      const Within within(path_, "[" + std::to_string(i) + "]");
      FOREBAY_TRY(const TypeId branch, type_of(json[i], name_space, depth + 1));
      const Type& one = schema_.types[branch];
      if (one.kind == Kind::kUnion) return wrong("a union holds no union");
      const std::string name = is_named(one.kind) ? one.full_name() : std::string(kind_name(one.kind));
      if (!there.insert(name).second) return wrong("the union has '" + name + "' twice");
      type.branches.push_back(branch);
    }
    return add(std::move(type));
  }

  // Of a union any branch may have it, as the Java library takes it; the specification has the first one.
  Result<void> check_default(TypeId id, const Json& value, std::size_t depth) {
    if (depth > limits_.depth_max) return too_deep();
    if (++default_steps_ > limits_.compared_steps_max)
      return Error{ErrorCode::kRecordTooLarge, "the defaults of the schema have too many values to check"};
    const Type& type = schema_.types[id];
    switch (type.kind) {
      case Kind::kArray:
      case Kind::kMap:
        if (type.kind == Kind::kArray ? !value.is_array() : !value.is_object())
          return bad_default(type, value);
        for (const auto& [key, one] : value.items()) FOREBAY_CHECK(check_default(type.inner, one, depth + 1));
        return {};
      case Kind::kUnion:
        for (const TypeId branch : type.branches) {
          auto is_of = check_default(branch, value, depth + 1);
          if (is_of || is_of.error().code == ErrorCode::kRecordTooLarge) return is_of;
        }
        return bad_default(type, value);
      case Kind::kRecord:
        return check_record_default(type, value, depth);
      default:
        return is_plain_default(id, value) ? Result<void>{} : bad_default(type, value);
    }
  }
  bool is_plain_default(TypeId id, const Json& value) {
    const Type& type = schema_.types[id];
    switch (type.kind) {
      case Kind::kNull:
        return value.is_null();
      case Kind::kBoolean:
        return value.is_boolean();
      case Kind::kInt:
        return is_whole(value, std::numeric_limits<std::int32_t>::min(),
                        std::numeric_limits<std::int32_t>::max());
      case Kind::kLong:
        return is_whole(value, std::numeric_limits<std::int64_t>::min(),
                        std::numeric_limits<std::int64_t>::max());
      case Kind::kFloat:
      case Kind::kDouble:
        return is_real(value);
      case Kind::kEnum: {
        const auto [known, is_new] = symbols_.try_emplace(id);
        if (is_new) known->second.insert(type.symbols.begin(), type.symbols.end());
        return value.is_string() && known->second.contains(value.get_ref<const std::string&>());
      }
      default:
        return value.is_string();
    }
  }
  Result<void> check_record_default(const Type& type, const Json& value, std::size_t depth) {
    if (!value.is_object()) return bad_default(type, value);
    for (const Field& field : type.fields) {
      const auto given = value.find(field.name);
      if (given == value.end()) {
        if (field.default_value) continue;
        return wrong("the default has no '" + field.name + "', which has none itself");
      }
      const Within within(path_, "." + field.name);
      FOREBAY_CHECK(check_default(field.type, *given, depth + 1));
    }
    return {};
  }
  static bool is_whole(const Json& value, std::int64_t min, std::int64_t max) {
    if (value.is_number_unsigned()) return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(max);
    return value.is_number_integer() && value.get<std::int64_t>() >= min && value.get<std::int64_t>() <= max;
  }
  [[nodiscard]] Error bad_default(const Type& type, const Json& value) const {
    return wrong("the default " + shown(json_node(value)) + " is no " + described(schema_, type));
  }

  Limits limits_;
  Schema schema_;
  std::string path_;
  std::vector<Place> defaults_;
  std::size_t default_steps_ = 0;
  std::map<TypeId, std::set<std::string_view>> symbols_;  // of enums that defaults are of
};

}  // namespace

bool is_primitive(std::string_view name) { return primitive_of(name).has_value(); }
std::string_view kind_name(Kind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

Result<Schema> parse(std::string_view text, const std::vector<NamedText>& references, const Limits& limits,
                     Origin origin) {
  Parser parser(limits);
  for (const NamedText& one : references) {
    if (auto read = parser.read(one.text, false); !read) {
      Error error = std::move(read).error();
      error.context = "the reference '" + one.name + "': " + error.context;
      return error;
    }
  }
  FOREBAY_CHECK(parser.read(text, true));
  if (origin == Origin::kNew) FOREBAY_CHECK(parser.check_defaults());
  return parser.finish();
}

}  // namespace forebay::schema::avro
