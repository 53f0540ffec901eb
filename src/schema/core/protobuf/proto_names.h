// How a name is written at a place of a file so that it is found again from there: the shortest form that no
// nearer declaration hides.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
class FileDescriptor;
}  // namespace google::protobuf

namespace forebay::schema::protobuf {

class NameWriter {
 public:
  explicit NameWriter(const google::protobuf::FileDescriptor& file);
  // `scope`: the message that the name stands in; null: the file.
  [[nodiscard]] std::string relative(const std::string& full_name,
                                     const google::protobuf::Descriptor* scope) const;
  // From the root, as the names of options are compared elsewhere; with a dot before it where that is needed.
  [[nodiscard]] std::string absolute(const std::string& full_name,
                                     const google::protobuf::Descriptor* scope) const;

 private:
  void collect(const google::protobuf::FileDescriptor& file, std::set<std::string>& seen);
  [[nodiscard]] bool is_in_package(const std::string& package, std::string_view first) const;

  const google::protobuf::FileDescriptor& file_;
  std::set<std::string> packages_;  // and what they are in
};

}  // namespace forebay::schema::protobuf
