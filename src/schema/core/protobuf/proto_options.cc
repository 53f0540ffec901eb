#include "schema/core/protobuf/proto_options.h"
#include "base/utf8.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

std::string value_of(const pb::Message& options, const pb::FieldDescriptor& field, int index) {
  pb::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetHideUnknownFields(true);
  std::string text;
  for (const bool as_utf8 : {true, false}) {  // escaped where it is none
    text.clear();
    printer.SetUseUtf8StringEscaping(as_utf8);
    printer.PrintFieldValueToString(options, &field, index, &text);
    if (is_utf8(text)) break;
  }
  const bool is_infinite = text == "inf" || text == "-inf";
  if (is_infinite && field.cpp_type() != pb::FieldDescriptor::CPPTYPE_STRING)
    return text == "inf" ? "1e999" : "-1e999";  // the name is none of a value of an option
  if (field.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) return text;
  while (text.ends_with(' ')) text.pop_back();
  return text.empty() ? "{}" : "{ " + text + " }";
}

}  // namespace

OptionReader::OptionReader(const pb::DescriptorPool& pool, const NameWriter& names, Custom custom)
    : pool_(pool),
      names_(names),
      custom_(custom),
      messages_(std::make_unique<pb::DynamicMessageFactory>(&pool)) {}
OptionReader::~OptionReader() = default;

std::vector<Option> OptionReader::read(const pb::Message& options, const pb::Descriptor* scope) {
  if (options.ByteSizeLong() == 0) return {};
  // The generated classes know the custom options that are linked into the process, and no other: all are
  // read anew as the pool declares them.
  const pb::Descriptor* type = pool_.FindMessageTypeByName(options.GetDescriptor()->full_name());
  if (type == nullptr) return {};
  const std::unique_ptr<pb::Message> known(messages_->GetPrototype(type)->New());
  if (!known->ParsePartialFromString(options.SerializePartialAsString())) return {};
  const pb::Reflection& reflection = *known->GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(*known, &fields);
  std::vector<Option> all;
  for (const pb::FieldDescriptor* field : fields) {
    if (field->is_extension() && custom_ == Custom::kSkip) continue;
    if (!field->is_extension() && field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string name =
        field->is_extension() ? '(' + names_.absolute(field->full_name(), scope) + ')' : field->name();
    if (!field->is_repeated()) all.push_back({name, value_of(*known, *field, -1)});
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(*known, field); ++i)
      all.push_back({name, value_of(*known, *field, i)});
  }
  return all;
}

}  // namespace forebay::schema::protobuf
