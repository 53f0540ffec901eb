#include "schema/core/protobuf/proto_names.h"

#include <google/protobuf/descriptor.h>

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

// What a name begins with is looked up from the inside outwards. Of a name with more parts, only what could
// hold them ends the search.
bool hides(const pb::Descriptor& message, const std::string& name) {
  const std::string first = name.substr(0, name.find('.'));
  if (message.FindNestedTypeByName(first) != nullptr || message.FindEnumTypeByName(first) != nullptr)
    return true;
  if (first.size() < name.size()) return false;
  return message.FindFieldByName(name) != nullptr || message.FindEnumValueByName(name) != nullptr ||
         message.FindOneofByName(name) != nullptr || message.FindExtensionByName(name) != nullptr;
}

// In `scope` or what it is in, up to `end`, which is not looked at.
bool is_hidden(const std::string& name, const pb::Descriptor* scope, const pb::Descriptor* end) {
  for (; scope != end; scope = scope->containing_type()) {
    if (hides(*scope, name)) return true;
  }
  return false;
}

bool is_below(const std::string& name, const std::string& scope) {
  return name.size() > scope.size() && name.starts_with(scope) && name[scope.size()] == '.';
}

}  // namespace

NameWriter::NameWriter(const pb::FileDescriptor& file) : file_(file) {
  std::set<std::string> seen;
  collect(file, seen);
}

void NameWriter::collect(const pb::FileDescriptor& file, std::set<std::string>& seen) {
  if (!seen.insert(file.name()).second) return;
  for (std::string package = file.package(); !package.empty();) {
    packages_.insert(package);
    const std::size_t dot = package.rfind('.');
    package.resize(dot == std::string::npos ? 0 : dot);
  }
  for (int i = 0; i < file.dependency_count(); ++i) collect(*file.dependency(i), seen);
}

bool NameWriter::is_in_package(const std::string& package, std::string_view first) const {
  const std::string name = package + '.' + std::string(first);
  return packages_.contains(name) || file_.pool()->FindFileContainingSymbol(name) != nullptr;
}

std::string NameWriter::relative(const std::string& full_name, const pb::Descriptor* scope) const {
  for (const pb::Descriptor* inner = scope; inner != nullptr; inner = inner->containing_type()) {
    if (!is_below(full_name, inner->full_name())) continue;
    std::string rest = full_name.substr(inner->full_name().size() + 1);
    if (!is_hidden(rest, scope, inner)) return rest;
  }
  if (!file_.package().empty() && is_below(full_name, file_.package())) {
    std::string rest = full_name.substr(file_.package().size() + 1);
    if (!is_hidden(rest, scope, nullptr)) return rest;
  }
  return absolute(full_name, scope);
}

std::string NameWriter::absolute(const std::string& full_name, const pb::Descriptor* scope) const {
  if (is_hidden(full_name, scope, nullptr)) return '.' + full_name;
  const std::string first = full_name.substr(0, full_name.find('.'));
  for (std::string package = file_.package(); !package.empty();) {
    if (is_in_package(package, first)) return '.' + full_name;
    const std::size_t dot = package.rfind('.');
    package.resize(dot == std::string::npos ? 0 : dot);
  }
  return full_name;
}

}  // namespace forebay::schema::protobuf
