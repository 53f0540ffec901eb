#include "random_proto.h"

#include <algorithm>
#include <array>
#include <utility>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptorProto;

constexpr std::array kScalars = {
    Field::TYPE_DOUBLE,  Field::TYPE_FLOAT,    Field::TYPE_INT64,    Field::TYPE_UINT64, Field::TYPE_INT32,
    Field::TYPE_FIXED64, Field::TYPE_FIXED32,  Field::TYPE_BOOL,     Field::TYPE_STRING, Field::TYPE_BYTES,
    Field::TYPE_UINT32,  Field::TYPE_SFIXED32, Field::TYPE_SFIXED64, Field::TYPE_SINT32, Field::TYPE_SINT64};

bool is_number(Field::Type type) {
  return type != Field::TYPE_STRING && type != Field::TYPE_BYTES && type != Field::TYPE_MESSAGE &&
         type != Field::TYPE_GROUP;
}

}  // namespace

// Few names, so that they hide each other.
std::string RandomProto::name(std::set<std::string>& used, bool upper) {
  static constexpr std::array<const char*, 8> kUpper = {"M", "N", "Ab", "K", "Q", "Rst", "U", "a"};
  static constexpr std::array<const char*, 8> kLower = {"f", "g_h", "pkg", "x", "yz", "M", "N", "a"};
  for (int i = 0;; ++i) {
    std::string one = (upper ? kUpper : kLower)[static_cast<std::size_t>(below(8))];
    if (i > 4) one += std::to_string(used.size());
    std::string plain = one;  // also as JSON names they must differ
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    std::transform(plain.begin(), plain.end(), plain.begin(),
                   [](char c) { return c < 'a' && c >= 'A' ? static_cast<char>(c + 32) : c; });
    if (used.insert(plain).second) return one;
  }
}

pb::EnumDescriptorProto RandomProto::enumeration(std::set<std::string>& used) {
  pb::EnumDescriptorProto one;
  one.set_name(name(used, true));
  const int count = 1 + below(4);
  for (int i = 0; i < count; ++i) {
    auto& value = *one.add_value();
    value.set_name("V" + name(used, true) + std::to_string(i));
    value.set_number(i == 0 ? 0 : i * 3 - 7);
    if (one_in(6)) value.mutable_options()->set_deprecated(true);
  }
  if (one_in(4)) {
    one.mutable_options()->set_allow_alias(true);
    auto& alias = *one.add_value();
    alias.set_name("V" + name(used, true) + "x");
    alias.set_number(0);
  }
  if (one_in(4)) {
    auto& range = *one.add_reserved_range();
    range.set_start(50);
    range.set_end(one_in(2) ? 60 : std::numeric_limits<std::int32_t>::max());
    one.add_reserved_name("Z");
  }
  return one;
}

void RandomProto::declare(pb::DescriptorProto& message, const std::string& scope, int depth) {
  const std::string full_name = scope + '.' + message.name();
  messages_.push_back(full_name);
  std::set<std::string> used;
  const int nested = depth > 2 ? 0 : below(3);
  for (int i = 0; i < nested; ++i) {
    auto& one = *message.add_nested_type();
    one.set_name(name(used, true));
    declare(one, full_name, depth + 1);
  }
  if (one_in(3)) {
    *message.add_enum_type() = enumeration(used);
    enums_.push_back(full_name + '.' + message.enum_type(0).name());
  }
}

void RandomProto::type(Field& field) {
  if (one_in(4)) {
    field.set_type(Field::TYPE_MESSAGE);
    field.set_type_name(messages_[static_cast<std::size_t>(below(static_cast<int>(messages_.size())))]);
  } else if (one_in(5) && !enums_.empty()) {
    field.set_type(Field::TYPE_ENUM);
    field.set_type_name(enums_[static_cast<std::size_t>(below(static_cast<int>(enums_.size())))]);
  } else {
    field.set_type(kScalars[static_cast<std::size_t>(below(kScalars.size()))]);
  }
}

void RandomProto::make_map(Field& field, const std::string& full_name,
                           std::vector<pb::DescriptorProto>& made) {
  static constexpr std::array kKeys = {Field::TYPE_STRING, Field::TYPE_INT32, Field::TYPE_BOOL,
                                       Field::TYPE_FIXED64};
  pb::DescriptorProto entry;
  bool upper = true;
  for (const char c : field.name()) {
    if (c != '_') *entry.mutable_name() += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = c == '_';
  }
  *entry.mutable_name() += "Entry";
  entry.mutable_options()->set_map_entry(true);
  auto& key = *entry.add_field();
  key.set_name("key");
  key.set_number(1);
  key.set_label(Field::LABEL_OPTIONAL);
  key.set_type(kKeys[static_cast<std::size_t>(below(kKeys.size()))]);
  auto& value = *entry.add_field();
  value.set_name("value");
  value.set_number(2);
  value.set_label(Field::LABEL_OPTIONAL);
  type(value);
  field.set_label(Field::LABEL_REPEATED);
  field.set_type(Field::TYPE_MESSAGE);
  field.set_type_name(full_name + '.' + entry.name());
  made.push_back(std::move(entry));
}

void RandomProto::fields(pb::DescriptorProto& message, const std::string& full_name) {
  std::set<std::string> used;
  const auto lower = [](std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
  };
  for (const auto& one : message.nested_type()) used.insert(lower(one.name()));
  for (const auto& one : message.enum_type()) {
    used.insert(lower(one.name()));
    for (const auto& value : one.value()) used.insert(lower(value.name()));
  }
  std::vector<pb::DescriptorProto> made;
  std::vector<Field> optionals;
  const int count = below(7);
  int choice = -1;
  for (int i = 0; i < count; ++i) {
    auto& field = *message.add_field();
    field.set_name(name(used, false));
    field.set_number(1 + i * (one_in(3) ? 60 : 7) + below(3) * 1000);
    field.set_label(Field::LABEL_OPTIONAL);
    if (one_in(6)) field.mutable_options()->set_deprecated(true);
    if (one_in(8)) field.set_json_name("j" + std::to_string(i));
    const bool goes_on = choice >= 0 && one_in(2);
    if (!goes_on && one_in(6)) {
      make_map(field, full_name, made);
      choice = -1;
      continue;
    }
    if (!is_proto3_ && one_in(8)) {
      pb::DescriptorProto group;
      group.set_name("G" + std::to_string(i));
      field.set_name("g" + std::to_string(i));
      field.set_type(Field::TYPE_GROUP);
      field.set_type_name(full_name + '.' + group.name());
      auto& inner = *group.add_field();
      inner.set_name("inner");
      inner.set_number(1);
      inner.set_label(Field::LABEL_OPTIONAL);
      inner.set_type(Field::TYPE_INT32);
      made.push_back(std::move(group));
    } else {
      type(field);
    }
    if (goes_on || one_in(5)) {
      if (!goes_on) {
        choice = message.oneof_decl_size();
        message.add_oneof_decl()->set_name(name(used, false));
      }
      field.set_oneof_index(choice);
      continue;
    }
    choice = -1;
    if (one_in(3)) {
      field.set_label(Field::LABEL_REPEATED);
      if (is_number(field.type()) && one_in(2)) field.mutable_options()->set_packed(one_in(2));
    } else if (!is_proto3_ && field.type() != Field::TYPE_MESSAGE && field.type() != Field::TYPE_GROUP) {
      if (one_in(4)) field.set_label(Field::LABEL_REQUIRED);
      if (field.type() == Field::TYPE_STRING && one_in(2))
        field.set_default_value(
            "d\"\n\xc3\xa4"
            "3");
      if (field.type() == Field::TYPE_BYTES && one_in(2)) field.set_default_value("\\377\\000x");
      if (field.type() == Field::TYPE_SINT64 && one_in(2)) field.set_default_value("-9223372036854775808");
      if (field.type() == Field::TYPE_DOUBLE && one_in(2))
        field.set_default_value(one_in(2) ? "-inf" : "0.1");
      if (field.type() == Field::TYPE_BOOL && one_in(2)) field.set_default_value("true");
    } else if (is_proto3_ && one_in(4)) {
      field.set_proto3_optional(true);
    }
  }
  // The oneofs of optional fields come last.
  for (auto& field : *message.mutable_field()) {
    if (!field.proto3_optional()) continue;
    field.set_oneof_index(message.oneof_decl_size());
    message.add_oneof_decl()->set_name("_" + field.name());
  }
  // Made by fields, in their order, among those that are declared.
  std::vector<pb::DescriptorProto> declared(message.nested_type().begin(), message.nested_type().end());
  message.clear_nested_type();
  for (std::size_t i = 0, j = 0; i < declared.size() || j < made.size();) {
    const bool next = j == made.size() || (i < declared.size() && one_in(2));
    *message.add_nested_type() = next ? declared[i++] : made[j++];
  }
  for (auto& one : *message.mutable_nested_type()) {
    const bool is_made =
        std::any_of(made.begin(), made.end(), [&](const auto& other) { return other.name() == one.name(); });
    if (!is_made) fields(one, full_name + '.' + one.name());
  }
  if (one_in(4)) {
    auto& range = *message.add_reserved_range();
    range.set_start(20'000);
    range.set_end(one_in(2) ? 20'001 : 20'100);
    message.add_reserved_name("was");
  }
  if (!is_proto3_ && one_in(3)) {
    auto& range = *message.add_extension_range();
    range.set_start(30'000);
    range.set_end(one_in(2) ? 30'100 : 536'870'912);
    auto& extension = *message.add_extension();
    extension.set_name("e" + std::to_string(message.field_size()));
    extension.set_number(30'005);
    extension.set_label(one_in(2) ? Field::LABEL_OPTIONAL : Field::LABEL_REPEATED);
    extension.set_extendee(full_name);
    type(extension);
  }
  if (one_in(8)) message.mutable_options()->set_deprecated(true);
}

pb::FileDescriptorProto RandomProto::file() {
  pb::FileDescriptorProto file;
  messages_.clear();
  enums_.clear();
  is_proto3_ = one_in(2);
  file.set_name("default");
  if (is_proto3_) file.set_syntax("proto3");
  static constexpr std::array<const char*, 4> kPackages = {"", "pkg", "pkg.a", "M.N"};
  const std::string package = kPackages[static_cast<std::size_t>(below(4))];
  if (!package.empty()) file.set_package(package);
  const std::string scope = package.empty() ? "" : '.' + package;
  std::set<std::string> used = {package.substr(0, 1) == "M" ? "" : "pkg"};
  const int count = 1 + below(3);
  for (int i = 0; i < count; ++i) {
    auto& message = *file.add_message_type();
    message.set_name(name(used, true));
    declare(message, scope, 0);
  }
  if (one_in(2)) {
    *file.add_enum_type() = enumeration(used);
    enums_.push_back(scope + '.' + file.enum_type(0).name());
  }
  for (auto& message : *file.mutable_message_type()) fields(message, scope + '.' + message.name());
  if (one_in(4)) {
    auto& service = *file.add_service();
    service.set_name("Service");
    auto& method = *service.add_method();
    method.set_name(one_in(2) ? "M" : "Call");
    method.set_input_type(messages_.back());
    method.set_output_type(messages_.front());
    method.set_server_streaming(one_in(2));
    if (one_in(2)) method.mutable_options()->set_deprecated(true);
  }
  if (one_in(3)) file.mutable_options()->set_java_package("a.\"b");
  if (one_in(3)) file.mutable_options()->set_optimize_for(pb::FileOptions::LITE_RUNTIME);
  return file;
}

void RandomProto::change(pb::FileDescriptorProto& file) {
  pb::DescriptorProto* message = file.mutable_message_type(below(file.message_type_size()));
  while (message->nested_type_size() > 0 && one_in(2))
    message = message->mutable_nested_type(below(message->nested_type_size()));
  if (message->options().map_entry()) {
    message->mutable_field(1)->set_type(kScalars[static_cast<std::size_t>(below(kScalars.size()))]);
    message->mutable_field(1)->clear_type_name();
    return;
  }
  if (message->field_size() == 0 || one_in(4)) {
    auto& field = *message->add_field();
    field.set_name("added" + std::to_string(message->field_size()));
    field.set_number(10'000 + message->field_size());
    field.set_label(one_in(3) ? Field::LABEL_REPEATED : Field::LABEL_OPTIONAL);
    field.set_type(kScalars[static_cast<std::size_t>(below(kScalars.size()))]);
    return;
  }
  const int index = below(message->field_size());
  auto& field = *message->mutable_field(index);
  if (one_in(3)) {
    if (!field.has_oneof_index()) message->mutable_field()->DeleteSubrange(index, 1);
  } else if (one_in(3)) {
    if (field.type() != Field::TYPE_GROUP && field.label() != Field::LABEL_REQUIRED &&
        !field.has_oneof_index() && !field.has_default_value() && !field.options().has_packed())
      field.set_label(field.label() == Field::LABEL_REPEATED ? Field::LABEL_OPTIONAL : Field::LABEL_REPEATED);
  } else if (field.type() != Field::TYPE_GROUP && !field.has_default_value()) {
    field.set_type(kScalars[static_cast<std::size_t>(below(kScalars.size()))]);
    field.clear_type_name();
    field.mutable_options()->clear_packed();
  }
}

std::string RandomProto::text() {
  static constexpr std::array<const char*, 6> kParts = {
      "a", "bc d", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\"\n"};
  std::string all;
  for (int i = below(6); i > 0; --i) all += kParts[static_cast<std::size_t>(below(kParts.size()))];
  return all;
}

void RandomProto::value(pb::Message& message, const pb::FieldDescriptor& field, int depth) {
  const pb::Reflection& reflection = *message.GetReflection();
  const bool more = field.is_repeated();
  const std::uint64_t wide = std::uint64_t{rng_()} << 32 | rng_();
  const std::uint64_t bits = wide >> below(64);
  const auto as_int = static_cast<std::int64_t>(one_in(2) ? bits : ~bits);
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32: {
      const auto one = static_cast<std::int32_t>(as_int);
      more ? reflection.AddInt32(&message, &field, one) : reflection.SetInt32(&message, &field, one);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_INT64:
      more ? reflection.AddInt64(&message, &field, as_int) : reflection.SetInt64(&message, &field, as_int);
      break;
    case pb::FieldDescriptor::CPPTYPE_UINT32: {
      const auto one = static_cast<std::uint32_t>(bits);
      more ? reflection.AddUInt32(&message, &field, one) : reflection.SetUInt32(&message, &field, one);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      more ? reflection.AddUInt64(&message, &field, bits) : reflection.SetUInt64(&message, &field, bits);
      break;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE: {
      const double one = static_cast<double>(as_int) / 7;
      more ? reflection.AddDouble(&message, &field, one) : reflection.SetDouble(&message, &field, one);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_FLOAT: {
      const float one = static_cast<float>(as_int) / 7;
      more ? reflection.AddFloat(&message, &field, one) : reflection.SetFloat(&message, &field, one);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      more ? reflection.AddBool(&message, &field, one_in(2))
           : reflection.SetBool(&message, &field, one_in(2));
      break;
    case pb::FieldDescriptor::CPPTYPE_ENUM: {
      const int one = field.enum_type()->value(below(field.enum_type()->value_count()))->number();
      more ? reflection.AddEnumValue(&message, &field, one) : reflection.SetEnumValue(&message, &field, one);
      break;
    }
    case pb::FieldDescriptor::CPPTYPE_STRING:
      more ? reflection.AddString(&message, &field, text()) : reflection.SetString(&message, &field, text());
      break;
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      fill(more ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field),
           depth - 1);
      break;
  }
}

void RandomProto::fill(pb::Message& message, int depth) {
  const pb::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    const bool is_message = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    const bool is_of_map = type.options().map_entry();
    if (is_message && depth <= 0 && !is_of_map) continue;
    int count = below(2);  // of a map at most one, or they would replace each other
    if (field.is_required() || is_of_map) {
      count = 1;
    } else if (field.is_repeated() && !field.is_map()) {
      count = below(4);
    }
    while (count-- > 0) value(message, field, depth);
  }
  if (one_in(4) && !type.options().map_entry()) {
    pb::UnknownFieldSet& unknown = *message.GetReflection()->MutableUnknownFields(&message);
    unknown.AddVarint(15'000, rng_());
    unknown.AddFixed32(15'001, 5);
    *unknown.AddLengthDelimited(15'002) = "\xff\x01";
    unknown.AddGroup(15'003)->AddFixed64(1, 7);
  }
}

std::string RandomProto::spoil(std::string payload) {
  for (int i = 1 + below(3); i > 0 && !payload.empty(); --i) {
    const auto at = static_cast<std::size_t>(below(static_cast<int>(payload.size())));
    switch (below(5)) {
      case 0:
        payload.resize(at);
        break;
      case 1:
        payload[at] = static_cast<char>(rng_());
        break;
      case 2:
        payload[at] = static_cast<char>(payload[at] ^ (1 << below(8)));
        break;
      case 3:
        payload.insert(at, payload.substr(at, static_cast<std::size_t>(below(8))));
        break;
      default:
        payload.erase(at, static_cast<std::size_t>(1 + below(3)));
        break;
    }
  }
  return payload;
}

}  // namespace forebay::schema::protobuf
