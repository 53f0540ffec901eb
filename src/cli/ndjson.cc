#include "cli/ndjson.h"

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/time_text.h"

namespace forebay::cli {
namespace {

using Json = nlohmann::json;

// What stood at a wanted path.
struct Found {
  enum class Type : std::uint8_t { kMissing, kNull, kBoolean, kInteger, kFraction, kText, kCompound };
  Type type = Type::kMissing;
  std::size_t depth = 0;  // of the path; the shallower one counts
  std::string text;
};

// Listens to nlohmann's parser; keeps nothing but the wanted scalars.
class FieldListener {
 public:
  explicit FieldListener(const FieldNames& names) : names_{&names.key, &names.id, &names.time} {}

  // The names of these functions are those of nlohmann's SAX interface.
  bool null() {
    return scalar(Found::Type::kNull, [] { return std::string(); });
  }
  bool boolean(bool value) {
    return scalar(Found::Type::kBoolean, [&] { return std::string(value ? "true" : "false"); });
  }
  bool number_integer(Json::number_integer_t value) {
    return scalar(Found::Type::kInteger, [&] { return std::to_string(value); });
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    return scalar(Found::Type::kInteger, [&] { return std::to_string(value); });
  }
  bool number_float(Json::number_float_t /*value*/, const std::string& written) {
    return scalar(Found::Type::kFraction, [&] { return written; });
  }
  bool string(std::string& value) {
    return scalar(Found::Type::kText, [&] { return std::move(value); });
  }
  bool binary(Json::binary_t& /*value*/) { return false; }  // JSON text has none
  bool start_object(std::size_t /*count*/) {
    scalar(Found::Type::kCompound, [] { return std::string(); });
    levels_.push_back({path_.size(), false});
    return true;
  }
  bool key(std::string& name) {
    path_.resize(levels_.back().path_bytes);
    if (!path_.empty()) path_ += '.';
    path_ += name;
    return true;
  }
  bool end_object() { return end(); }
  bool start_array(std::size_t /*count*/) {
    scalar(Found::Type::kCompound, [] { return std::string(); });
    levels_.push_back({path_.size(), true});
    ++arrays_;
    return true;
  }
  bool end_array() {
    --arrays_;
    return end();
  }
  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& e) {
    error_position_ = position;
    const std::string_view what = e.what();
    const std::size_t reason = what.find("syntax error");
    error_ = reason == std::string_view::npos ? what : what.substr(reason);
    return false;
  }

  [[nodiscard]] const Found& key_field() const { return found_[0]; }
  [[nodiscard]] const Found& id_field() const { return found_[1]; }
  [[nodiscard]] const Found& time_field() const { return found_[2]; }
  [[nodiscard]] std::size_t error_position() const { return error_position_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Level {
    std::size_t path_bytes;
    bool array;
  };
  template <typename MakeText>
  bool scalar(Found::Type type, MakeText make_text) {
    if (levels_.empty() || arrays_ != 0) return true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      Found& found = found_[i];
      if (!names_[i]->has_value() || **names_[i] != path_) continue;
      if (found.type != Found::Type::kMissing && found.depth < levels_.size()) continue;
      found.type = type;
      found.depth = levels_.size();
      found.text = text_of(make_text, i);
    }
    return true;
  }
  // One field may serve as key and id: its text may be moved out of the parser only once.
  template <typename MakeText>
  std::string text_of(MakeText& make_text, std::size_t index) {
    for (std::size_t i = 0; i < index; ++i) {
      if (names_[i]->has_value() && **names_[i] == path_) return found_[i].text;
    }
    return make_text();
  }
  bool end() {
    path_.resize(levels_.back().path_bytes);
    levels_.pop_back();
    return true;
  }

  std::array<const std::optional<std::string>*, 3> names_;
  std::array<Found, 3> found_;
  std::vector<Level> levels_;
  std::string path_;  // keys from the top, joined by dots; arrays add nothing, and nothing inside one counts
  std::size_t arrays_ = 0;
  std::size_t error_position_ = 0;
  std::string error_;
};

Error field_error(const std::string& name, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument, "field '" + name + "' " + std::string(what)};
}

std::string_view type_text(Found::Type type) {
  switch (type) {
    case Found::Type::kMissing:
      return "is missing";
    case Found::Type::kNull:
      return "is null";
    case Found::Type::kBoolean:
      return "is a boolean";
    case Found::Type::kInteger:
    case Found::Type::kFraction:
      return "is a number";
    case Found::Type::kText:
      return "is text";
    case Found::Type::kCompound:
      return "is an object or an array";
  }
  return "";
}

bool is_word(const Found& found) {
  return found.type == Found::Type::kText || found.type == Found::Type::kInteger ||
         found.type == Found::Type::kFraction || found.type == Found::Type::kBoolean;
}

// The record format has no times before it.
Result<std::int64_t> since_1970(const std::string& name, std::int64_t ms) {
  if (ms < 0) return field_error(name, "is a time before 1970, which no record can have");
  return ms;
}

Result<std::int64_t> time_of(const std::string& name, const Found& found) {
  if (found.type == Found::Type::kText) {
    auto ms = parse_rfc3339_ms(found.text);
    if (!ms) return field_error(name, "is no time: " + ms.error().context);
    return since_1970(name, *ms);
  }
  if (found.type == Found::Type::kInteger) {
    try {
      return since_1970(name, std::stoll(found.text));
    } catch (const std::out_of_range&) {
      return field_error(name, "is out of range: expected milliseconds since 1970");
    }
  }
  return field_error(name, std::string(type_text(found.type)) +
                               ": expected an RFC 3339 time as text, or whole milliseconds since 1970");
}

}  // namespace

Result<Fields> read_fields(std::string_view line, const FieldNames& names) {
  FieldListener listener(names);
  if (!Json::sax_parse(line.begin(), line.end(), &listener)) {
    return Error{ErrorCode::kInvalidArgument,
                 "not JSON, at byte " + std::to_string(listener.error_position()) + ": " + listener.error()};
  }
  Fields fields;
  if (names.key) {
    const Found& found = listener.key_field();
    if (is_word(found)) {
      fields.key = found.text;
    } else if (found.type != Found::Type::kNull) {
      return field_error(*names.key, std::string(type_text(found.type)) + ": expected a key");
    }
  }
  if (names.id) {
    const Found& found = listener.id_field();
    if (!is_word(found))
      return field_error(*names.id, std::string(type_text(found.type)) + ": expected an id");
    fields.id = found.text;
  }
  if (names.time) {
    FOREBAY_TRY(fields.time_ms, time_of(*names.time, listener.time_field()));
  }
  return fields;
}

}  // namespace forebay::cli
