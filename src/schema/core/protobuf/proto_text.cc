#include "schema/core/protobuf/proto_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/stubs/strutil.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "schema/core/protobuf/base64.h"
#include "schema/core/protobuf/proto_names.h"
#include "schema/core/protobuf/proto_options.h"

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

// As it is where it can be, so that people read it.
std::string quoted(const std::string& text) {
  return '"' + (is_utf8(text) ? pb::strings::Utf8SafeCEscape(text) : pb::CEscape(text)) + '"';
}

// "5", "5 to 7", "5 to max"; `last` is inclusive.
std::string range(int first, int last, int most) {
  if (first == last) return std::to_string(first);
  return std::to_string(first) + " to " + (last >= most ? "max" : std::to_string(last));
}

std::string default_json_name(const std::string& name) {
  std::string json;
  bool upper = false;
  for (const char c : name) {
    if (c != '_') json += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return json;
}

// Some compilers write the name that the field has anyway.
void drop_default_json_names(pb::DescriptorProto& message) {
  const auto drop = [](pb::FieldDescriptorProto& field) {
    if (field.json_name() == default_json_name(field.name())) field.clear_json_name();
  };
  for (auto& field : *message.mutable_field()) drop(field);
  for (auto& field : *message.mutable_extension()) drop(field);
  for (auto& nested : *message.mutable_nested_type()) drop_default_json_names(nested);
}

class Printer {
 public:
  Printer(const Schema& schema, TextForm form)
      : file_(*schema.file),
        form_(form),
        names_(file_),
        options_(
            *schema.pool, names_,
            form == TextForm::kIgnoreExtensions ? OptionReader::Custom::kSkip : OptionReader::Custom::kRead) {
    file_.CopyTo(&proto_);
  }

  std::string print() {
    out_ = std::string("syntax = \"") +
           (file_.syntax() == pb::FileDescriptor::SYNTAX_PROTO3 ? "proto3" : "proto2") + "\";\n";
    if (!file_.package().empty()) out_ += "package " + file_.package() + ";\n";
    print_imports();
    const auto options = read_options(file_.options(), nullptr);
    if (!options.empty()) out_ += '\n';
    print_options(options);
    Scope scope{nullptr};
    // A group declares a message, whose index counts.
    const bool declares = extends_by_group();
    if (declares) print_extensions(scope);
    for (; scope.next < file_.message_type_count(); ++scope.next) print_nested(scope, scope.next);
    for (int i = 0; i < file_.enum_type_count(); ++i) print_enum(*file_.enum_type(i), nullptr);
    if (!declares && form_ != TextForm::kIgnoreExtensions) print_extensions(scope);
    for (int i = 0; i < file_.service_count(); ++i) print_service(*file_.service(i));
    return std::move(out_);
  }

 private:
  // Where messages are declared, in the order of their indexes: payloads name them by these.
  struct Scope {
    const pb::Descriptor* message;  // null: the file
    int next = 0;                   // of those to be printed
    [[nodiscard]] bool contains(const pb::Descriptor& one, const pb::FileDescriptor& file) const {
      return one.containing_type() == message && one.file() == &file;
    }
  };
  [[nodiscard]] bool is_normalized() const { return form_ == TextForm::kNormalized; }

  void line(const std::string& text) {
    out_.append(static_cast<std::size_t>(indent_) * 2, ' ').append(text) += '\n';
  }
  void open(const std::string& text) {
    line(text + " {");
    ++indent_;
  }
  void close() {
    --indent_;
    line("}");
  }

  [[nodiscard]] bool extends_by_group() const {
    for (int i = 0; i < file_.extension_count() && form_ != TextForm::kIgnoreExtensions; ++i) {
      if (file_.extension(i)->type() == pb::FieldDescriptor::TYPE_GROUP) return true;
    }
    return false;
  }

  void print_imports() {
    std::vector<std::string> plain, shared;
    for (int i = 0; i < proto_.dependency_size(); ++i) {
      const auto& publics = proto_.public_dependency();
      const auto& weaks = proto_.weak_dependency();
      const bool is_public = std::count(publics.begin(), publics.end(), i) > 0;
      const bool is_weak = std::count(weaks.begin(), weaks.end(), i) > 0;
      (is_public && is_normalized() ? shared : plain)
          .push_back(std::string("import ") + (is_public ? "public " : "") + (is_weak ? "weak " : "") +
                     quoted(proto_.dependency(i)) + ";");
    }
    if (is_normalized()) {
      std::sort(plain.begin(), plain.end());
      std::sort(shared.begin(), shared.end());
    }
    if (proto_.dependency_size() > 0) out_ += '\n';
    for (const auto& one : plain) line(one);
    for (const auto& one : shared) line(one);
  }

  std::vector<Option> read_options(const pb::Message& options, const pb::Descriptor* scope) {
    auto all = options_.read(options, scope);
    if (is_normalized()) sort(all);
    return all;
  }
  static void sort(std::vector<Option>& options) {
    std::stable_sort(options.begin(), options.end(),
                     [](const Option& a, const Option& b) { return a.name < b.name; });
  }
  void print_options(const std::vector<Option>& options) {
    for (const Option& one : options) line("option " + one.name + " = " + one.value + ";");
  }
  [[nodiscard]] static std::string bracketed(const std::vector<Option>& options) {
    std::string text;
    for (const Option& one : options) text += (text.empty() ? " [" : ", ") + one.name + " = " + one.value;
    return text.empty() ? text : text + "]";
  }

  [[nodiscard]] std::string name_of(const std::string& full_name, const pb::Descriptor* scope) const {
    return is_normalized() ? '.' + full_name : names_.relative(full_name, scope);
  }
  [[nodiscard]] std::string type_of(const pb::FieldDescriptor& field, const pb::Descriptor* scope) const {
    if (field.is_map()) {
      return "map<" + type_of(*field.message_type()->map_key(), scope) + ", " +
             type_of(*field.message_type()->map_value(), scope) + ">";
    }
    if (field.type() == pb::FieldDescriptor::TYPE_GROUP) return "group";
    if (field.message_type() != nullptr) return name_of(field.message_type()->full_name(), scope);
    if (field.enum_type() != nullptr) return name_of(field.enum_type()->full_name(), scope);
    return field.type_name();
  }

  // Those with a lower index than one that a field declares stand before it.
  void print_declared(Scope& scope, const pb::FieldDescriptor& field) {
    if (!field.is_map() && field.type() != pb::FieldDescriptor::TYPE_GROUP) return;
    if (!scope.contains(*field.message_type(), file_)) return;
    for (; scope.next < field.message_type()->index(); ++scope.next) print_nested(scope, scope.next);
  }
  [[nodiscard]] const pb::Descriptor& nested(const Scope& scope, int index) const {
    return scope.message == nullptr ? *file_.message_type(index) : *scope.message->nested_type(index);
  }
  [[nodiscard]] bool is_declared_by_field(const Scope& scope, int index) {
    const pb::Descriptor& one = nested(scope, index);
    if (one.options().map_entry()) return true;
    if (!groups_read_) {
      groups_read_ = true;
      for (int i = 0; i < file_.message_type_count(); ++i) read_groups(*file_.message_type(i));
      for (int i = 0; i < file_.extension_count(); ++i) read_group(*file_.extension(i));
    }
    return groups_.contains(&one);
  }
  void read_groups(const pb::Descriptor& message) {
    for (int i = 0; i < message.field_count(); ++i) read_group(*message.field(i));
    for (int i = 0; i < message.extension_count(); ++i) read_group(*message.extension(i));
    for (int i = 0; i < message.nested_type_count(); ++i) read_groups(*message.nested_type(i));
  }
  void read_group(const pb::FieldDescriptor& field) {
    if (field.is_extension() && form_ == TextForm::kIgnoreExtensions) return;
    if (field.type() == pb::FieldDescriptor::TYPE_GROUP) groups_.insert(field.message_type());
  }
  void print_nested(Scope& scope, int index) {
    if (is_declared_by_field(scope, index)) return;
    if (scope.message == nullptr) out_ += '\n';
    const pb::Descriptor& one = nested(scope, index);
    open("message " + one.name());
    print_body(one);
    close();
  }

  void print_body(const pb::Descriptor& message) {
    print_reserved(message);
    print_options(read_options(message.options(), &message));
    Scope scope{&message};
    print_fields(message, scope);
    if (form_ != TextForm::kIgnoreExtensions) {
      for (int i = 0; i < message.extension_range_count(); ++i) {
        const auto& one = *message.extension_range(i);
        const bool set = message.options().message_set_wire_format();
        const int most = set ? std::numeric_limits<int>::max() - 1 : pb::FieldDescriptor::kMaxNumber;
        line("extensions " + range(one.start, one.end - 1, most) +
             bracketed(one.options_ == nullptr ? std::vector<Option>{}
                                               : read_options(*one.options_, &message)) +
             ";");
      }
      print_extensions(scope);
    }
    for (; scope.next < message.nested_type_count(); ++scope.next) print_nested(scope, scope.next);
    for (int i = 0; i < message.enum_type_count(); ++i) print_enum(*message.enum_type(i), &message);
  }

  template <typename Type>
  void print_reserved_of(const Type& type, std::vector<std::pair<int, int>> ranges, int most) {
    std::vector<std::string> names;
    for (int i = 0; i < type.reserved_name_count(); ++i) names.push_back(type.reserved_name(i));
    if (is_normalized()) {
      std::sort(ranges.begin(), ranges.end());
      std::sort(names.begin(), names.end());
    }
    std::string text;
    for (const auto& [first, last] : ranges) text += (text.empty() ? "" : ", ") + range(first, last, most);
    if (!text.empty()) line("reserved " + text + ";");
    text.clear();
    for (const std::string& one : names) text += (text.empty() ? "" : ", ") + quoted(one);
    if (!text.empty()) line("reserved " + text + ";");
  }
  void print_reserved(const pb::Descriptor& message) {
    std::vector<std::pair<int, int>> ranges;
    for (int i = 0; i < message.reserved_range_count(); ++i)
      ranges.emplace_back(message.reserved_range(i)->start, message.reserved_range(i)->end - 1);
    const int most = message.options().message_set_wire_format() ? std::numeric_limits<int>::max() - 1
                                                                 : pb::FieldDescriptor::kMaxNumber;
    print_reserved_of(message, std::move(ranges), most);
  }

  void print_fields(const pb::Descriptor& message, Scope& scope) {
    std::vector<const pb::FieldDescriptor*> fields;
    for (int i = 0; i < message.field_count(); ++i) fields.push_back(message.field(i));
    const auto by_number = [](const auto* a, const auto* b) { return a->number() < b->number(); };
    if (is_normalized()) std::sort(fields.begin(), fields.end(), by_number);
    std::set<const pb::OneofDescriptor*> printed;
    for (const int part : {0, 1}) {  // normalized: the plain ones, then those of a oneof
      for (const pb::FieldDescriptor* field : fields) {
        const pb::OneofDescriptor* choice = field->real_containing_oneof();
        if (is_normalized() ? (choice == nullptr) != (part == 0) : part == 1) continue;
        if (choice == nullptr) {
          print_field(*field, scope);
        } else if (printed.insert(choice).second) {
          for (int i = 0; i < choice->field_count(); ++i) print_declared(scope, *choice->field(i));
          open("oneof " + choice->name());
          print_options(read_options(choice->options(), &message));
          std::vector<const pb::FieldDescriptor*> members;
          for (int i = 0; i < choice->field_count(); ++i) members.push_back(choice->field(i));
          if (is_normalized()) std::sort(members.begin(), members.end(), by_number);
          for (const pb::FieldDescriptor* one : members) print_field(*one, scope);
          close();
        }
      }
    }
  }

  [[nodiscard]] std::string label_of(const pb::FieldDescriptor& field) const {
    if (field.is_map() || field.real_containing_oneof() != nullptr) return {};
    if (field.is_repeated()) return "repeated ";
    if (field.is_required()) return "required ";
    const bool is_explicit =
        file_.syntax() == pb::FileDescriptor::SYNTAX_PROTO2 || field.has_optional_keyword();
    return is_explicit ? "optional " : "";
  }
  void print_field(const pb::FieldDescriptor& field, Scope& scope) {
    const pb::Descriptor* at = scope.message;
    if (!field.is_extension() && field.real_containing_oneof() == nullptr) print_declared(scope, field);
    auto options = read_options(field.options(), at);
    pb::FieldDescriptorProto proto;
    field.CopyTo(&proto);
    if (proto.has_default_value()) options.push_back({"default", default_of(field, proto.default_value())});
    if (field.has_json_name() && field.json_name() != default_json_name(field.name()))
      options.push_back({"json_name", quoted(field.json_name())});
    if (is_normalized()) sort(options);
    const bool is_group = field.type() == pb::FieldDescriptor::TYPE_GROUP;
    const std::string text = label_of(field) + type_of(field, at) + ' ' +
                             (is_group ? field.message_type()->name() : field.name()) + " = " +
                             std::to_string(field.number()) + bracketed(options);
    if (!is_group) {
      line(text + ";");
      return;
    }
    open(text);
    print_body(*field.message_type());
    close();
  }
  static std::string default_of(const pb::FieldDescriptor& field, const std::string& text) {
    if (field.type() == pb::FieldDescriptor::TYPE_STRING) return quoted(text);
    if (field.type() == pb::FieldDescriptor::TYPE_BYTES) return '"' + text + '"';  // it is escaped already
    return text;
  }
  void print_extensions(Scope& scope) {
    const int count = scope.message == nullptr ? file_.extension_count() : scope.message->extension_count();
    const pb::Descriptor* extended = nullptr;
    for (int i = 0; i < count; ++i) {
      const auto& field = scope.message == nullptr ? *file_.extension(i) : *scope.message->extension(i);
      if (field.type() == pb::FieldDescriptor::TYPE_GROUP && extended != nullptr) {
        close();
        extended = nullptr;
      }
      if (extended != field.containing_type()) {
        if (extended != nullptr) close();
        print_declared(scope, field);
        extended = field.containing_type();
        if (scope.message == nullptr) out_ += '\n';
        open("extend " + name_of(extended->full_name(), scope.message));
      }
      print_field(field, scope);
    }
    if (extended != nullptr) close();
  }

  void print_enum(const pb::EnumDescriptor& one, const pb::Descriptor* scope) {
    if (scope == nullptr) out_ += '\n';
    open("enum " + one.name());
    std::vector<std::pair<int, int>> ranges;
    for (int i = 0; i < one.reserved_range_count(); ++i)
      ranges.emplace_back(one.reserved_range(i)->start, one.reserved_range(i)->end);
    print_reserved_of(one, std::move(ranges), std::numeric_limits<int>::max());
    print_options(read_options(one.options(), scope));
    std::vector<const pb::EnumValueDescriptor*> values;
    for (int i = 0; i < one.value_count(); ++i) values.push_back(one.value(i));
    if (is_normalized()) {  // but for the first one, which is the default
      std::sort(values.begin() + 1, values.end(), [](const auto* a, const auto* b) {
        return std::pair(a->number(), a->name()) < std::pair(b->number(), b->name());
      });
    }
    for (const auto* value : values) {
      line(value->name() + " = " + std::to_string(value->number()) +
           bracketed(read_options(value->options(), scope)) + ";");
    }
    close();
  }

  void print_service(const pb::ServiceDescriptor& one) {
    out_ += '\n';
    open("service " + one.name());
    print_options(read_options(one.options(), nullptr));
    for (int i = 0; i < one.method_count(); ++i) {
      const pb::MethodDescriptor& method = *one.method(i);
      const std::string text = "rpc " + method.name() + " (" + (method.client_streaming() ? "stream " : "") +
                               service_type(one, method.input_type()->full_name()) + ") returns (" +
                               (method.server_streaming() ? "stream " : "") +
                               service_type(one, method.output_type()->full_name()) + ")";
      const auto options = read_options(method.options(), nullptr);
      if (options.empty()) {
        line(text + ";");
        continue;
      }
      open(text);
      print_options(options);
      close();
    }
    close();
  }
  // A method may have the name of a type, and would hide it.
  [[nodiscard]] std::string service_type(const pb::ServiceDescriptor& service,
                                         const std::string& full_name) const {
    const std::string name = name_of(full_name, nullptr);
    return service.FindMethodByName(name.substr(0, name.find('.'))) == nullptr ? name : '.' + full_name;
  }

  const pb::FileDescriptor& file_;
  TextForm form_;
  NameWriter names_;
  OptionReader options_;
  pb::FileDescriptorProto proto_;
  std::set<const pb::Descriptor*> groups_;
  bool groups_read_ = false;
  int indent_ = 0;
  std::string out_;
};

}  // namespace

std::string text_of(const Schema& schema, TextForm form) {
  const pb::LogSilencer quiet;  // of strings that are not UTF-8
  return Printer(schema, form).print();
}

std::string serialized(const Schema& schema) {
  const pb::LogSilencer quiet;
  pb::FileDescriptorProto proto;
  schema.file->CopyTo(&proto);
  for (auto& message : *proto.mutable_message_type()) drop_default_json_names(message);
  for (auto& field : *proto.mutable_extension()) field.clear_json_name();
  return to_base64(proto.SerializePartialAsString());
}

}  // namespace forebay::schema::protobuf
